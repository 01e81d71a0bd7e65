"""The papers of the house: licence, metadata, two readmes in step, change notes, nothing lost on the way."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from house.tree import ROOT, SRC, project

READMES = ("README.md", "README.zh.md")
NOTE = re.compile(r"[a-z0-9-]+\.(added|changed|fixed|removed)\.md")


def headings(text: str) -> list[int]:
    """Levels of the headings, in their order; lines of code blocks do not count."""
    outside = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return [len(marks) for marks in re.findall(r"^(#+) ", outside, re.MULTILINE)]


def blocks(text: str) -> list[str]:
    """Code blocks, their comments taken out: those are translated."""
    found = re.findall(r"^```(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [re.sub(r"\s+#.*", "", block) for block in found]


def test_licence_is_there_and_is_the_one_that_is_declared():
    declared = project()["project"]
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert declared["license"] == "Apache-2.0"
    assert declared["license-files"] == ["LICENSE"]
    assert "Apache License" in text
    assert "Version 2.0" in text


def test_metadata_says_what_an_index_shows():
    declared = project()["project"]
    assert set(declared) >= {"name", "version", "description", "readme", "requires-python", "keywords", "classifiers"}
    assert (ROOT / declared["readme"]).exists()
    assert "Typing :: Typed" in declared["classifiers"]
    assert (SRC / "luthier" / "py.typed").exists()


def test_a_framework_is_an_extra_and_no_dependency():
    names = {re.split(r"[^\w-]", d)[0] for d in project()["project"]["dependencies"]}
    assert not names & {"torch", "jax", "flax", "optax", "tensorflow", "keras"}


def test_both_readmes_have_the_same_headings():
    english, chinese = (headings((ROOT / name).read_text("utf-8")) for name in READMES)
    assert english == chinese


def test_both_readmes_show_the_same_code():
    english, chinese = (blocks((ROOT / name).read_text("utf-8")) for name in READMES)
    assert english == chinese


@pytest.mark.parametrize("name", READMES)
def test_readme_begins_with_the_two_commands_and_is_short(name):
    text = (ROOT / name).read_text("utf-8")
    first = blocks(text)[0]
    assert "make demo" in first
    assert "make test" in first
    assert len(text.splitlines()) < 120


def test_change_notes_have_a_kind_and_one_paragraph():
    notes = [p for p in (ROOT / "changelog.d").iterdir() if p.name != "README.md"]
    assert notes
    for note in notes:
        assert NOTE.fullmatch(note.name), note.name
        assert "\n\n" not in note.read_text("utf-8").strip(), note.name


def test_git_ignores_no_source_or_test():
    """A pattern such as `runs/` also hides a room of that name, from commits and from the wheel."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("needs a git checkout")
    files = [str(p) for folder in ("src", "tests") for p in (ROOT / folder).rglob("*.py")]
    done = subprocess.run(
        ["git", "check-ignore", "--no-index", "--stdin"], cwd=ROOT, input="\n".join(files), capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.stdout == ""


def test_architecture_names_every_folder_of_the_house():
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    rooms = [p.name for p in (SRC / "luthier").iterdir() if p.is_dir() and (p / "__init__.py").exists()]
    assert [room for room in rooms if f"  {room}/ " not in text] == []
