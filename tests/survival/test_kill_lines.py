"""A driver that dies after any kind of journal line: the resumed run decides what the unbroken one decided."""

import json

import pytest

from survival.running import kinds_of, whole_lines
from survival.warm import finish

KINDS = [
    "run",
    "decision",
    "phase",
    "job",
    "report",
    "snapshot",
    "reached",
    "diverged",
    "stopped",
    "evaluated",
    "end",
]


def arguments(root, **more):
    return {"root": str(root), "name": "run", "budget": "42trials", "workers": 2, **more}


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """What an unbroken run of the same command decides."""
    root = tmp_path_factory.mktemp("unbroken")
    code, decided, said = finish(task="fake:half_broken", arguments=arguments(root))
    assert code == 0, said
    counts = kinds_of(root / "run")
    assert set(KINDS) - {"snapshot"} <= set(counts)
    return decided, counts


@pytest.mark.slow
@pytest.mark.parametrize("where", ["first", "middle", "last"])
@pytest.mark.parametrize("kind", [k for k in KINDS if k != "snapshot"])
def test_killed_after_a_line_and_resumed_decides_the_same(tmp_path, unbroken, kind, where):
    expected, counts = unbroken
    count = {"first": 1, "middle": (counts[kind] + 1) // 2, "last": counts[kind]}[where]
    if where != "first" and count == 1:
        pytest.skip("this kind of line is written once")
    code, _, said = finish(task="fake:half_broken", arguments=arguments(tmp_path), kill_after=[kind, count])
    assert code == -9, said
    code, decided, said = finish(task="fake:half_broken", arguments=arguments(tmp_path, resume=True))
    assert code == 0, said
    assert json.dumps(decided) == json.dumps(expected)
    jobs = whole_lines(tmp_path / "run" / "journal.jsonl")
    reached = [(d["d"]["phase"], d["d"]["job"]) for d in jobs if d["k"] == "reached"]
    assert len(reached) == len(set(reached)), "a finished piece of training was repeated"


SIDE_BY_SIDE = {"mode": "side_by_side", "slots": 4, "space": {"kind": ["even", "odd", "huge"]}}
"""Several trials a worker; the mode refuses one of three structures, and of one only two fit beside each other."""


@pytest.fixture(scope="module")
def unbroken_side_by_side(tmp_path_factory):
    root = tmp_path_factory.mktemp("unbroken")
    code, decided, said = finish(task="fake:flat", arguments=arguments(root, budget="60trials", **SIDE_BY_SIDE))
    assert code == 0, said
    counts = kinds_of(root / "run")
    assert counts["moved"] > 3
    return decided, counts


@pytest.mark.slow
@pytest.mark.parametrize("where", ["first", "middle"])
@pytest.mark.parametrize("kind", ["decision", "job", "report", "reached", "moved", "stopped"])
def test_several_trials_a_worker_killed_and_resumed_decide_the_same(tmp_path, unbroken_side_by_side, kind, where):
    expected, counts = unbroken_side_by_side
    count = {"first": 1, "middle": (counts[kind] + 1) // 2}[where]
    given = arguments(tmp_path, budget="60trials", **SIDE_BY_SIDE)
    code, _, said = finish(task="fake:flat", arguments=given, kill_after=[kind, count])
    assert code == -9, said
    code, decided, said = finish(task="fake:flat", arguments={**given, "resume": True})
    assert code == 0, said
    assert json.dumps(decided) == json.dumps(expected)


TWO_ROUNDS = {"budget": "180trials"}
"""The second round promotes trials of the first."""


@pytest.fixture(scope="module")
def unbroken_two_rounds(tmp_path_factory):
    root = tmp_path_factory.mktemp("unbroken")
    code, decided, said = finish(task="fake:hill", arguments=arguments(root, **TWO_ROUNDS))
    assert code == 0, said
    assert '"phase":"search 2"' in (root / "run" / "journal.jsonl").read_text()
    return decided


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [60, 130, 190])
def test_killed_in_a_later_round_and_resumed_decides_the_same(tmp_path, unbroken_two_rounds, jobs):
    given = arguments(tmp_path, **TWO_ROUNDS)
    code, _, said = finish(task="fake:hill", arguments=given, kill_after=["job", jobs])
    assert code == -9, said
    code, decided, said = finish(task="fake:hill", arguments={**given, "resume": True})
    assert code == 0, said
    assert json.dumps(decided) == json.dumps(unbroken_two_rounds)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("truth", "kind", "step_s", "budget"),
    [
        ("half_broken", "resumed", 0, "42trials"),
        ("flat", "snapshot", 0.02, "4trials"),
        ("hungry", "failed", 0, "42trials"),
    ],
)
def test_killed_after_a_rarer_line_and_resumed_decides_the_same(tmp_path, truth, kind, step_s, budget):
    asked = {"task": f"fake:{truth}", "step_s": step_s}
    code, expected, said = finish(**asked, arguments=arguments(tmp_path / "whole", budget=budget))
    assert code == 0, said
    resume = kind == "resumed"
    if resume:
        assert finish(**asked, arguments=arguments(tmp_path, budget=budget), kill_after=["report", 40])[0] == -9
    code, _, said = finish(**asked, arguments=arguments(tmp_path, budget=budget, resume=resume), kill_after=[kind, 1])
    assert code == -9, said
    code, decided, said = finish(**asked, arguments=arguments(tmp_path, budget=budget, resume=True))
    assert code == 0, said
    assert json.dumps(decided) == json.dumps(expected)
