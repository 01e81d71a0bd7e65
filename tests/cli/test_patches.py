"""`--fix`: what is mended, what is left alone, and that a file is never left half written."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.findings import Edit, Finding, Place
from luthier.verbs import patches

SOURCE = "import torch\nfor x in data:\n    loss = f(x)\n    loss.backward()\n    step()\n"


def finding(code, *edits, place=None):
    """A finding with a patch."""
    return Finding(code=code, title="", n=1, text="", place=place, edits=edits)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "train.py"
    path.write_text(SOURCE, "utf-8")
    return path


def insert(file, line=4, new="    clear()"):
    return Edit(file=str(file), line=line, new=(new,))


def take(file, line=4, new=()):
    return Edit(file=str(file), line=line, old=(SOURCE.splitlines()[line - 1],), new=new)


def reasons(patch):
    return [text for _, text in patch.refused]


def test_insertion_and_replacement_come_where_they_belong(file):
    patch = patches.plan([finding("T01", insert(file)), finding("L01", take(file, 3, ("    loss = g(x)",)))])
    assert patch.mended == ("T01", "L01")
    assert patches.apply(patch) == ()
    assert file.read_text() == SOURCE.replace("f(x)\n", "g(x)\n    clear()\n")


def test_statement_is_moved(file):
    moved = finding("O05", take(file, 5), insert(file, 3, "    step()"))
    patches.apply(patches.plan([moved]))
    assert file.read_text().splitlines()[2:] == ["    step()", "    loss = f(x)", "    loss.backward()"]


def test_planning_writes_nothing(file):
    patches.diff(patches.plan([finding("T01", insert(file))]), str(file.parent))
    assert file.read_text() == SOURCE


@pytest.mark.parametrize("tool", [["git", "apply"], ["patch", "-p1", "-s", "-i"]])
@pytest.mark.parametrize("source", [SOURCE, SOURCE.rstrip("\n")])
def test_diff_is_taken_by_the_usual_tools(file, tool, source):
    """Also where the last line has no end."""
    if not shutil.which(tool[0]):
        pytest.skip(f"{tool[0]} is not there")
    file.write_text(source, "utf-8")
    patch = patches.plan([finding("T01", insert(file)), finding("L01", take(file, 5, ("    step(1)",)))])
    (file.parent / "a.patch").write_text(patches.diff(patch, str(file.parent)), "utf-8")
    subprocess.run([*tool, "a.patch"], cwd=file.parent, check=True, timeout=20)
    mended = file.read_text()
    file.write_text(source, "utf-8")
    patches.apply(patch)
    assert file.read_text() == mended != source


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (take, take),
        (insert, insert),
        (lambda f: Edit(file=str(f), line=3, old=tuple(SOURCE.splitlines()[2:4])), insert),
    ],
)
def test_overlapping_mends_are_refused_one_by_one(file, first, second):
    patch = patches.plan(
        [finding("T01", first(file)), finding("L01", second(file)), finding("O01", insert(file, 1, "import os"))]
    )
    assert patch.mended == ("T01", "O01")
    assert "L01 is not mended: an earlier mend touches the same lines" in reasons(patch)[0]


def test_edits_of_a_finding_come_together_or_not_at_all(file):
    patch = patches.plan([finding("T01", insert(file), Edit(file=str(file), line=5, old=("    other()",)))])
    assert patch.mended == ()
    assert not patch.new


@pytest.mark.parametrize(
    ("edit", "word"),
    [
        (lambda f: Edit(file=str(f), line=4, old=("    loss.forward()",)), "no longer those"),
        (lambda f: Edit(file=str(f), line=99, new=("x",)), "no longer those"),
        (lambda f: Edit(file=str(f), line=4, new=("  x = 1",)), "would not be Python"),
        (lambda f: Edit(file=str(f.parent / "gone.py"), line=1, new=("x",)), "No such file"),
    ],
)
def test_mend_that_does_not_fit_is_refused(file, edit, word):
    assert word in reasons(patches.plan([finding("T01", edit(file))]))[0]


def test_line_that_was_diagnosed_must_still_be_there(file):
    placed = finding("T01", insert(file), place=Place(file=str(file), line=4, text="other()"))
    assert "no longer the one" in reasons(patches.plan([placed]))[0]


def test_file_that_was_changed_since_the_start_is_left_alone(file):
    since = file.stat().st_mtime - 1
    assert "changed after" in reasons(patches.plan([finding("T01", insert(file))], since=since))[0]
    assert patches.plan([finding("T01", insert(file))], since=since + 2).mended == ("T01",)


def test_file_that_is_changed_between_plan_and_writing_is_left_alone(file):
    patch = patches.plan([finding("T01", insert(file))])
    file.write_text("x = 1\n")
    assert "changed meanwhile" in patches.apply(patch)[0][1]
    assert file.read_text() == "x = 1\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_file_that_may_not_be_written_is_told(file):
    patch = patches.plan([finding("T01", insert(file))])
    file.chmod(0o444)
    assert "may not be written" in patches.apply(patch)[0][1]


def test_mixed_line_ends_are_left_alone(file):
    file.write_bytes(SOURCE.replace("\n", "\r\n", 1).encode())
    assert "mixes line ends" in reasons(patches.plan([finding("T01", insert(file))]))[0]


@pytest.mark.parametrize("head", [b"", b"\xef\xbb\xbf", b"# -*- coding: latin-1 -*-\n"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("closed", [True, False])
def test_bytes_beside_the_mend_stay(tmp_path, head, end, closed):
    """Encoding, byte order mark, line ends, permissions and the missing end of the last line."""
    name = "\u00e9".encode("latin-1" if b"latin" in head else "utf-8")
    raw = (head + b"a = '" + name + b"'\nb = 2\nc = 3" + (b"\n" if closed else b"")).replace(b"\n", end)
    path = tmp_path / "x.py"
    path.write_bytes(raw)
    path.chmod(0o640)
    line = raw[: raw.index(b"b = ")].count(b"\n") + 1
    patches.apply(patches.plan([finding("T01", Edit(file=str(path), line=line, new=("d = 4",)))]))
    assert path.read_bytes() == raw.replace(b"b = 2", b"d = 4" + end + b"b = 2")
    assert path.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["x.py"]


def test_link_stays_a_link(file, tmp_path):
    link = tmp_path / "link.py"
    link.symlink_to(file)
    patches.apply(patches.plan([finding("T01", insert(link))]))
    assert link.is_symlink()
    assert "clear()" in file.read_text()


@given(st.data())
def test_accepted_edits_do_what_they_say_one_by_one(tmp_path_factory, data):
    """Applied together they give what applying them from the last line up gives."""
    path = tmp_path_factory.mktemp("p") / "x.py"
    lines = [f"x{i} = {i}" for i in range(8)]
    path.write_text("\n".join(lines) + "\n")
    spans = data.draw(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 2)), max_size=5))
    found = [
        finding(f"A{i:02}", Edit(file=str(path), line=a + 1, old=tuple(lines[a : a + n]), new=(f"y{i} = {i}",)))
        for i, (a, n) in enumerate(spans)
        if a + n <= 8
    ]
    patch = patches.plan(found)
    assert len(patch.mended) + len(patch.refused) == len(found)
    expected = list(lines)
    taken = [f.edits[0] for f in found if f.code in patch.mended]
    for edit in sorted(taken, key=lambda e: (-e.line, -len(e.old))):
        expected[edit.line - 1 : edit.line - 1 + len(edit.old)] = edit.new
    patches.apply(patch)
    assert path.read_text().splitlines() == expected
