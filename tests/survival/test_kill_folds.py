"""A driver that dies among the folds of a configuration: the resumed run decides what the unbroken one decided."""

import json

import pytest

from survival.running import kinds_of
from survival.warm import finish


def arguments(root, **more):
    return {"root": str(root), "name": "run", "budget": "60trials", "workers": 2, "folds": 3, **more}


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    root = tmp_path_factory.mktemp("unbroken")
    code, decided, said = finish(task="fake:half_broken", arguments=arguments(root))
    assert code == 0, said
    assert sum(trial[1] == "fold" for trial in decided["trials"]) > 3
    return decided, kinds_of(root / "run")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "share"),
    [
        ("job", 0.3),
        ("job", 0.5),
        ("job", 0.95),
        ("reached", 0.4),
        ("diverged", 0.5),
        ("report", 0.6),
        ("evaluated", 0.2),
    ],
)
def test_killed_among_folds_and_resumed_decides_the_same(tmp_path, unbroken, kind, share):
    expected, counts = unbroken
    count = max(1, round(share * counts[kind]))
    code, _, said = finish(task="fake:half_broken", arguments=arguments(tmp_path), kill_after=[kind, count])
    assert code == -9, said
    code, decided, said = finish(task="fake:half_broken", arguments=arguments(tmp_path, resume=True))
    assert code == 0, said
    assert json.dumps(decided) == json.dumps(expected)


@pytest.mark.slow
def test_another_number_of_folds_is_another_run(tmp_path):
    code, _, said = finish(task="fake:flat", arguments=arguments(tmp_path), kill_after=["job", 5])
    assert code == -9, said
    code, _, said = finish(task="fake:flat", arguments=arguments(tmp_path, folds=4, resume=True))
    assert code == 3
    assert "as the run was begun" in said
