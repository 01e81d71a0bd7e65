"""Comments that silence findings: what they reach, what they do not, and what is said of wrong ones."""

from __future__ import annotations

from textwrap import dedent

import msgspec
import pytest

from luthier.checks.silence import comments, silence
from luthier.findings import Diagnosis, Finding, Place


def finding(code, line=None, file="", consequences=()):
    """A finding on a line."""
    place = Place(file=str(file), line=line) if line else None
    return Finding(code=code, title="", n=1, text="", place=place, consequences=consequences)


def silenced(tmp_path, source, *findings, known=("T01", "L04")):
    """Codes that remain, codes that are silenced, complaints."""
    file = tmp_path / "train.py"
    file.write_text(dedent(source), "utf-8")
    placed = tuple(
        msgspec.structs.replace(f, place=f.place and msgspec.structs.replace(f.place, file=str(file)))
        for f in findings
    )
    found = silence(Diagnosis(program="x", findings=placed), script=str(file), known=known)
    codes = [f.code for f in found.diagnosis.findings], [f.code for f in found.diagnosis.ignored]
    return *codes, [text for _, text in found.complaints]


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("x = 1\nloss.backward()  # luthier: ignore[T01] meant\n", 2),
        ("# luthier: ignore[L04, T01]\nloss.backward()\n", 2),
        ("#luthier:ignore[t01]\nloss.backward()\n", 2),
        ("f(\n    1,\n    2,\n)  # luthier: ignore[T01]\n", 1),
        ("# luthier: ignore-file[T01]\nx = 1\n\n\nloss.backward()\n", 5),
        ("x = 1\n# luthier: ignore-file[T01]\n", None),
    ],
)
def test_comment_silences_what_it_names(tmp_path, source, line):
    assert silenced(tmp_path, source, finding("T01", line)) == ([], ["T01"], [])


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("# luthier: ignore[L04]\nloss.backward()\n", 2),
        ("# luthier: ignore[T01]\n\nloss.backward()\n", 3),
        ("x = 1  # luthier: ignore[T01]\nloss.backward()\n", 2),
        ("loss.backward()\n# luthier: ignore[T01]\n", 1),
        ('x = "# luthier: ignore[T01]"\n', 1),
        ("# luthier: ignore[T01]\n", None),
    ],
)
def test_comment_silences_nothing_else(tmp_path, source, line):
    assert silenced(tmp_path, source, finding("T01", line))[:2] == (["T01"], [])


@pytest.mark.parametrize(
    ("comment", "word"),
    [
        ("# luthier: ignore", "without codes silences nothing"),
        ("# luthier: ignore[]", "without codes silences nothing"),
        ("# luthier: ignore-file", "ignore-file[T01, L04]"),
        ("# luthier: noqa[T01]", "no word of luthier"),
        ("# luthier: ignore[T99]", "no check has the code T99"),
    ],
)
def test_comment_that_cannot_be_followed_is_told_and_silences_nothing(tmp_path, comment, word):
    kept, gone, complaints = silenced(tmp_path, f"loss.backward()  {comment}\n", finding("T01", 1))
    assert (kept, gone) == (["T01"], [])
    assert word in complaints[0]


def test_consequences_of_a_silenced_cause_stay(tmp_path):
    """Only what is named goes."""
    cause = finding("T01", 1, consequences=(finding("L04"),))
    assert silenced(tmp_path, "a()  # luthier: ignore[T01]\n", cause) == (["L04"], ["T01"], [])


def test_silenced_consequence_leaves_its_cause(tmp_path):
    cause = finding("T01", 1, consequences=(finding("L04"),))
    assert silenced(tmp_path, "a()\n# luthier: ignore-file[L04]\n", cause) == (["T01"], ["L04"], [])


def test_file_that_is_no_python_or_gone_silences_nothing(tmp_path):
    assert comments("def (:\n  '''") == ()
    left = silence(Diagnosis(program="x", findings=(finding("T01", 1, tmp_path / "gone.py"),)))
    assert [f.code for f in left.diagnosis.findings] == ["T01"]
