"""What the engines of pure functions share."""

from __future__ import annotations

from luthier.engines.serial.looks import PROGRAMS_KEPT, Programs


def test_few_programs_are_kept() -> None:
    """Those that were opened last; a population that is in use keeps its own."""
    programs = Programs()
    made = [programs.get((i,), object) for i in range(PROGRAMS_KEPT)]
    assert programs.get((0,), object) is made[0]
    programs.get(("another",), object)
    assert len(programs) == PROGRAMS_KEPT
    assert programs.get((0,), object) is made[0]
    assert programs.get((1,), object) is not made[1]
