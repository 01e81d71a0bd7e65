"""Which checks are asked for, and what is pointed at."""

from __future__ import annotations

import pytest

from luthier.errors import InvalidInput
from luthier.verbs.check_settings import choose, expand
from luthier.verbs.check_target import target_of

KNOWN = ("T01", "T02", "L01", "L04")


def written(tmp_path, text):
    (tmp_path / "pyproject.toml").write_text(text, "utf-8")
    inner = tmp_path / "src"
    inner.mkdir()
    return inner


def test_families_and_codes_in_one_word_or_several():
    assert expand(["T,l04", " L01 "], KNOWN) == ("L01", "L04", "T01", "T02")


def test_settings_of_the_project_are_found_above_the_script(tmp_path):
    folder = written(tmp_path, '[tool.luthier.check]\nselect = ["T"]\nignore = ["T02"]\n')
    assert choose([], [], folder=folder, known=KNOWN) == (("T01", "T02"), ("T02",))


def test_option_stands_in_the_place_of_its_key_alone(tmp_path):
    folder = written(tmp_path, '[tool.luthier.check]\nselect = ["T"]\nignore = ["T02"]\n')
    assert choose(["L"], [], folder=folder, known=KNOWN) == (("L01", "L04"), ("T02",))


@pytest.mark.parametrize("text", ["", "[tool.other]\nx = 1\n", "[tool.luthier]\nx = 1\n"])
def test_project_without_settings_asks_for_all(tmp_path, text):
    assert choose([], [], folder=written(tmp_path, text), known=KNOWN) == ((), ())


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[tool.luthier.check]\nselekt = []\n", "selekt"),
        ('[tool.luthier.check]\nselect = "T"\n', "list of codes"),
        ('[tool.luthier.check]\nignore = ["Q"]\n', "pyproject.toml"),
        ("[tool", "cannot be read"),
    ],
)
def test_wrong_settings_are_answered_by_a_sentence(tmp_path, text, word):
    with pytest.raises(InvalidInput, match=word):
        choose([], [], folder=written(tmp_path, text), known=KNOWN)


def test_mistyped_code_is_answered_by_the_nearest():
    with pytest.raises(InvalidInput, match=r"'LO4'.*--select.*Did you mean L04"):
        expand(["LO4"], KNOWN, "option --select")


def test_words_behind_a_script_are_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text("")
    found = target_of(["train.py", "--lr", "3"], module=False, has_data=False)
    assert found == ("script", ("train.py", "--lr", "3"), str(tmp_path / "train.py"))
    assert found.folder == tmp_path


@pytest.mark.parametrize(
    ("words", "module", "kind"),
    [(["model.py:net"], False, "model"), (["digits"], False, "model"), (["pkg.train", "-x"], True, "module")],
)
def test_models_and_modules_are_told_apart(words, module, kind):
    assert target_of(words, module=module, has_data=False).kind == kind


def test_script_named_as_a_task_is_the_script(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").write_text("")
    assert target_of(["digits"], module=False, has_data=False).kind == "script"


@pytest.mark.parametrize(
    ("words", "has_data", "word"),
    [
        ([], False, "no program"),
        (["gone.py"], False, "does not exist"),
        (["model.py:net", "--lr"], False, "no arguments"),
        ([__file__], True, "without a model"),
    ],
)
def test_wrong_use_is_answered_by_a_sentence(words, has_data, word):
    with pytest.raises(InvalidInput, match=word) as told:
        target_of(words, module=False, has_data=has_data)
    assert told.value.exit_code == 2
