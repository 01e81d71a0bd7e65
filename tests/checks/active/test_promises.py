"""What an examination leaves alone, how it ends, and what stands in a run."""

import random

import numpy as np
import pytest
import torch

import luthier
from checks.active import builders
from luthier import Float, Recipe
from luthier.checks.active import measuring
from luthier.checks.ranking import ranked
from luthier.checks.spec import ACTIVE, Check, checks
from luthier.findings import Finding
from luthier.verbs.active import examine


def test_model_data_and_random_states_are_unchanged():
    x, y = builders.digits()
    model = builders.dropout_net(inputs=64, outputs=10)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    kept = x.copy(), y.copy()
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    expected = random.random(), np.random.random(), torch.rand(1).item()
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    found = examine(model, data=(x, y), loss=torch.nn.functional.cross_entropy)
    assert found.num_steps > 100
    assert (random.random(), np.random.random(), torch.rand(1).item()) == expected
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert model.training
    assert all(tensor.grad is None for tensor in model.parameters())
    assert (x == kept[0]).all()
    assert (y == kept[1]).all()


def test_two_examinations_find_the_same():
    one, other = (examine(builders.broken("softmax"), data=builders.digits(), tier="quick") for _ in range(2))
    assert one.findings == other.findings


def test_what_comes_too_late_is_unknown_and_never_fine():
    found = examine(builders.mlp, data=builders.digits(), seconds=0.0)
    assert found.findings == ()
    assert {"T16", "M09", "L07", "R02"} <= {unknown.code for unknown in found.unknown}
    assert "T16" not in found.checked


def test_select_and_ignore_take_codes_and_families():
    found = examine(builders.broken("softmax"), data=builders.digits(), select=("L", "T16"), ignore=("L05",))
    assert [f.code for f in found.findings] == ["L01"]
    assert [c.code for c in found.findings[0].consequences] == ["T16"]
    assert all(code[0] == "L" or code == "T16" for code in found.checked)


def test_a_model_that_raises_makes_its_checks_unknown():
    def raising(*, inputs, outputs):
        model = builders.mlp(inputs=inputs, outputs=outputs)
        model.forward = lambda x: 1 / 0
        return model

    found = examine(raising, data=builders.digits(), tier="quick")
    assert any("ZeroDivisionError" in unknown.reason for unknown in found.unknown)
    assert not found.faults


def test_every_check_of_the_room_has_a_page_and_a_tier():
    room = checks(ACTIVE)
    assert len(room) >= 30
    for check in room.values():
        for heading in ("What it detects", "Why it hurts", "Evidence", "Mend", "When it keeps silent", "Source"):
            assert f"## {heading}\n" in check.page, (check.code, heading)


def test_causes_name_codes_and_never_run_in_a_circle():
    """Else two findings would stand under each other, and none would be told."""
    room = checks(ACTIVE)

    def roots(code, seen):
        assert code not in seen, (code, seen)
        for cause in room[code].causes if code in room else ():
            roots(cause, (*seen, code))

    for code in room:
        roots(code, ())


def check(code, *causes):
    """A check that only has causes."""
    return Check(code, code, "quick", causes, lambda trace: [], "")


def fired(**severities):
    """A finding of each code."""
    return [Finding(code=c, title=c, n=1, text=c, severity=severity) for c, severity in severities.items()]


def test_consequences_stand_under_the_root_of_their_causes():
    room = {c.code: c for c in (check("A01"), check("B01", "A01"), check("C01", "B01"), check("D01", "E01"))}
    told = ranked(fired(D01="warning", C01="error", A01="warning", B01="error"), room)
    assert [(f.code, [c.code for c in f.consequences]) for f in told] == [("A01", ["B01", "C01"]), ("D01", [])]


def test_the_root_of_an_error_comes_before_a_warning_that_stands_alone():
    room = {c.code: c for c in (check("A01"), check("B01", "Z01"), check("Z01"))}
    assert [f.code for f in ranked(fired(A01="warning", Z01="warning", B01="error"), room)] == ["Z01", "A01"]


def test_a_hint_explains_nothing_worse_than_itself():
    room = {c.code: c for c in (check("A01"), check("B01", "A01"))}
    assert [f.code for f in ranked(fired(A01="info", B01="error"), room)] == ["B01", "A01"]


def test_a_run_tells_what_its_pre_flight_found_and_goes_on(tmp_path):
    run = luthier.tune(
        builders.broken("rows mix"),
        data=builders.digits(),
        budget="3trials",
        baseline=Recipe(epochs=1),
        workers=0,
        root=tmp_path,
        space={"lr": Float(1e-4, 1e-2, log=True)},
        space_only=True,
    )
    assert run.record.status == "finished"
    assert "M09" in [finding.code for finding in run.record.findings]
    assert "rows of a batch are mixed" in run.report.read_text("utf-8")


def test_a_fault_of_the_examination_ends_no_run(tmp_path, monkeypatch, capsys):
    def raises(*args, **kwargs):
        raise RuntimeError("ours")

    monkeypatch.setattr("luthier.checks.active.examination.examine", raises)
    run = luthier.tune(
        builders.mlp,
        data=builders.digits(),
        budget="3trials",
        baseline=Recipe(epochs=1),
        workers=0,
        root=tmp_path,
        space={"lr": Float(1e-4, 1e-2, log=True)},
        space_only=True,
    )
    assert run.record.status == "finished"
    assert "ours" in capsys.readouterr().err


@pytest.mark.parametrize("part", measuring.FULL)
def test_no_part_depends_on_another(part):
    """What is measured alone is what is measured among the others' absence: no part raises."""
    from luthier.checks.active.examination import examine as judged
    from luthier.training.task import named_task
    from luthier.verbs.active import subject_of

    task = named_task("digits", model="mlp")
    told, exam = judged(subject_of(task, task.baseline, seed=0), parts=(part,))
    assert not told.faults
    assert all("raised" not in reason for reason in exam.skipped.values())
