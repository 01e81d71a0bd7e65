"""What the checks of a JAX loss's operations share: the remarks of one kind, with the function they belong to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from luthier.watching.programs import Jitted, Program, Remark


def remarks(trace: Any, *kinds: str) -> Iterator[tuple[Program | Jitted, Remark]]:
    """Remarks of these kinds, one a line of the program."""
    seen = set()
    for program in trace.programs:
        if isinstance(program, Program | Jitted):
            for remark in program.remarks:
                if remark.kind in kinds and (remark.kind, remark.place) not in seen:
                    seen.add((remark.kind, remark.place))
                    yield program, remark
