"""Slots of a group stop at steps of their own: each trial reports what it would alone, and little time is lost."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fakes
from luthier import Recipe
from luthier.engines.spec import Loss, Mode, Source
from luthier.training.batches import report_steps
from luthier.training.group import MAX_CHUNK, Group, Live, Setting
from luthier.training.session import Session

ROWS = np.arange(40, dtype=np.int32)
DATA = Source(np.zeros((40, 2), np.float32), np.zeros(40, np.float32))


def group(P, mode=None):
    population = fakes.FakeEngine(2, 1).open(fakes.flat, Recipe(), None, "side_by_side", P)
    if mode is not None:
        population.mode = mode
    return Group(population, DATA, Setting("mae", Loss("mse"), DATA.targets, Path("unused"), checkpoint_min_s=1e9))


def live(trial, num_steps, num_reports=6):
    made = Live(trial, Recipe(batch_size=4), trial, num_steps, ROWS[:30], ROWS[30:], num_reports)
    made.until, made.take = num_steps, False
    return made


def trained(numbers, P, later=()):
    """Reports by trial as (step, score); trials of `later` take the slots that become free."""
    made, reports, used, waiting = group(P), {}, [], [live(i, n) for i, n in enumerate([*numbers, *later])]
    while waiting or made.busy():
        while waiting and (slot := made.free_slot()) is not None:
            made.put(slot, waiting.pop(0), None)
        for event in made.advance():
            if event["event"] == "report":
                reports.setdefault(event["trial"], []).append((event["point"].step, event["point"].score))
            elif event["event"] == "reached":
                used.append(event["used"])
    return reports, sum(u["steps"] for u in used) / sum(u["slot_steps"] for u in used)


steps = st.lists(st.integers(6, 200), min_size=1, max_size=6)


@settings(deadline=None)
@given(steps, steps, st.integers(2, 4))
def test_reports_do_not_depend_on_neighbours(numbers, later, P):
    reports, _ = trained(numbers, P, later)
    for trial, num_steps in enumerate([*numbers, *later]):
        alone = group(1)
        alone.put(0, live(trial, num_steps), None)
        expected = []
        while alone.busy():
            points = [e["point"] for e in alone.advance() if e["event"] == "report"]
            expected += [(p.step, p.score) for p in points]
        assert reports[trial] == expected
        assert [step for step, _ in expected] == [s for s, _ in report_steps(num_steps, 6)]


def test_slots_that_start_at_other_moments_soon_stop_together():
    """Schedules of one length, each begun a chunk of 30 steps after the one before: nothing more is lost."""
    made, used, num_chunks = group(4), [], 0
    for late in range(4):
        made.put(late, live(late, 180), None)
        list(made.advance())
    while made.busy():
        used += [event["used"] for event in made.advance() if event["event"] == "reached"]
        num_chunks += 1
    assert num_chunks == 5
    assert sum(u["slot_steps"] for u in used) == (6 + 3) * 30 * 4


def test_equal_slots_lose_no_step():
    _, useful = trained([120] * 4, 4)
    assert useful == 1.0


@pytest.mark.parametrize(("sparse_waits_s", "first"), [(20, "full"), (40, "sparse")])
def test_a_worker_advances_the_program_whose_trials_have_waited_longest_in_all(sparse_waits_s, first):
    session, groups = Session(), {"full": group(3), "sparse": group(3)}
    for name, num, waits_s in (("full", 3, 10), ("sparse", 1, sparse_waits_s)):
        for slot in range(num):
            groups[name].put(slot, live(slot, 60), None)
        groups[name].advanced_at -= waits_s
        session.groups[name,] = [groups[name]]
    list(session.advance())
    assert [name for name, made in groups.items() if made.slots[0].step] == [first]
    while session.busy():
        list(session.advance())
    assert not any(slot for made in groups.values() for slot in made.slots)


class Recording:
    """Notes the length of each chunk."""

    def __init__(self, population, mode):
        self.population, self.mode, self.P, self.lengths = population, mode, population.P, []

    def __getattr__(self, name):
        return getattr(self.population, name)

    def advance(self, state, data, plan):
        self.lengths.append(len(plan.rows))
        return self.population.advance(state, data, plan)


@pytest.mark.parametrize(("numbers", "lengths"), [((180, 60), {30}), ((180, 181), {31}), ((6000,), {MAX_CHUNK})])
def test_a_program_that_is_built_for_a_number_of_steps_keeps_it(numbers, lengths):
    made = group(len(numbers))
    made.population = Recording(made.population, Mode("scan", True, ("S",)))
    for slot, num_steps in enumerate(numbers):
        made.put(slot, live(slot, num_steps), None)
    while all(made.slots):
        list(made.advance())
    assert set(made.population.lengths) == lengths


@pytest.mark.parametrize("P", [1, 3])
def test_training_time_is_shared_out_by_steps(P):
    made = group(P)
    for p in range(P):
        made.put(p, live(p, 60 * (p + 1)), None)
    list(made.advance())
    lives = [slot for slot in made.slots if slot]
    shares = {slot.step: slot.seconds for slot in lives}
    assert all(
        seconds == pytest.approx(shares[min(shares)] * step / min(shares), rel=1e-6, abs=5e-4)
        for step, seconds in shares.items()
    )
