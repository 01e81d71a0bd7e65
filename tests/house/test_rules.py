"""Break it to believe it: each rule complains of its twins, and of nothing in a sound source."""

from __future__ import annotations

import pytest

from house import rules
from house.tree import source
from house.twins import SOUND, TWINS


@pytest.mark.parametrize(("rule", "text"), TWINS, ids=[f"{rule.__name__}{i}" for i, (rule, _) in enumerate(TWINS)])
def test_rule_notices_its_twin(rule, text):
    assert len(rule(source("twin.py", text))) == 1


@pytest.mark.parametrize("rule", dict.fromkeys(rule for rule, _ in TWINS), ids=lambda rule: rule.__name__)
def test_rule_lets_sound_code_pass(rule):
    assert rule(source("sound.py", SOUND)) == []


def test_length_of_a_function_leaves_out_its_docstring():
    tree = source("f.py", 'def f():\n    """Two\n\n    lines."""\n    x = 1\n    return x\n')
    assert rules.functions(tree) == [("f.py: f", 2)]


def test_suppressions_in_strings_do_not_count():
    found = rules.suppressions(source("f.py", 'x = "# noqa"\ny = 1  # noqa: E501  # long\nz = [1]  # fmt: skip\n'))
    assert found == {"type_ignore": 0, "noqa": 1, "fmt_skip": 1}
