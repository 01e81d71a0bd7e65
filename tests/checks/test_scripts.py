"""Each check against short scripts that it must find something in, and others that it must leave alone.

The scripts lie in `scripts/<code>.py`. They run under watch in this process, each once.
"""

from pathlib import Path

import pytest

from checks import watched
from checks.scripts import sound
from checks.watched import CODES, also, fired, fixtures, judged, kept_silent, room
from luthier.checks.spec import ACTIVE, checks
from luthier.verbs import patches

pytestmark = pytest.mark.slow
OF_RANKS = ("D30", "T13")
"""Checks that compare processes: tests/watching/test_distributed.py."""


def said(judgement):
    """What was found, for the message of a test that fails."""
    return "; ".join(f"{f.code} ({f.severity}): {f.text}" for f in judgement.findings) or "nothing"


@pytest.mark.parametrize("code", CODES)
def test_it_fires(code):
    """The check of the code finds something in each script that has its fault."""
    missed = {name: said(j) for name, j in fired(code).items() if code not in j.codes}
    assert not missed


@pytest.mark.parametrize("code", CODES)
def test_it_is_the_only_root(code):
    """What else is found in a faulty script stands under its fault, or is listed as rightly said."""
    others = {}
    for name, judgement in fired(code).items():
        roots = {f.code for f in judgement.roots if f.severity != "info"} - {code} - also(code, name)
        if roots:
            others[name] = roots
    assert not others


@pytest.mark.parametrize("code", CODES)
def test_it_names_a_line_of_the_script(code):
    """A finding says where in the script."""
    nowhere = {
        name: f.text
        for name, judgement in fired(code).items()
        for f in judgement.findings
        if f.code == code and (f.place is None or f.place.file != judgement.file)
    }
    assert not nowhere


@pytest.mark.parametrize("code", CODES)
def test_it_leaves_sound_scripts_alone(code):
    """The check says nothing, not even a hint, about scripts that look like its fault and are none."""
    false = {name: said(j) for name, j in kept_silent(code).items() if code in j.codes}
    assert not false


@pytest.mark.parametrize("code", CODES)
def test_no_check_complains_of_a_sound_script(code):
    """No check at all finds a warning or an error in a sound script."""
    false = {name: said(j) for name, j in kept_silent(code).items() if j.complaints - also(code, name)}
    assert not false


@pytest.mark.parametrize("name", sound.SOUND)
def test_no_check_complains_of_an_unusual_program(name):
    """Programs with features that look like faults get no warning and no error."""
    judgement = judged(watched.PRELUDE + sound.TOOLS + sound.SOUND[name])
    assert not judgement.complaints, said(judgement)
    assert judgement.trace.crash is None
    assert not judgement.trace.faults


@pytest.mark.parametrize("code", CODES)
def test_its_mend_mends(code, tmp_path):
    """A patch that is offered, applied, gives a program in which the check finds nothing."""
    failed = {}
    for name, judgement in fired(code).items():
        mine = [f for f in judgement.findings if f.code == code and f.edits]
        if not mine:
            continue
        file = Path(judgement.file)
        file.parent.mkdir(exist_ok=True)
        file.write_text(watched.PRELUDE + fixtures(code).FIRES[name])
        plan = patches.plan(mine)
        file.unlink()
        file.parent.rmdir()
        if plan.refused:
            failed[name] = plan.refused
            continue
        again = judged(plan.new[judgement.file].joined())
        if code in again.codes or again.trace.crash is not None:
            failed[name] = said(again), again.trace.crash
    assert not failed


@pytest.mark.parametrize("code", CODES)
def test_nothing_of_ours_raises(code):
    """No hook and no check has a fault of its own."""
    faults = [f for j in [*fired(code).values(), *kept_silent(code).values()] for f in j.trace.faults]
    assert not faults


def test_every_check_has_scripts():
    """A check of programs in PyTorch without scripts is not tested at all, unless it needs two processes."""
    assert sorted(room()) == sorted([*CODES, *OF_RANKS])


def test_every_cause_is_a_check():
    """A code that is named as a cause exists."""
    known = {**checks(ACTIVE), **checks()}
    assert {cause for check in checks().values() for cause in check.causes} <= set(known)


def test_no_check_is_a_cause_of_its_own_cause():
    """In a circle of causes each finding would stand under another one, and none would be shown."""
    causes = {code: set(check.causes) for code, check in checks().items()}
    reached = {code: set(direct) for code, direct in causes.items()}
    for _ in causes:
        reached = {code: far.union(*(reached.get(c, set()) for c in far)) for code, far in reached.items()}
    assert not {code for code, far in reached.items() if code in far}
