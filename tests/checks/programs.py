"""Programs of one framework run in one process, without watch and under watch; what came out goes out as JSON."""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from luthier.checks.judging import chosen, judge
from luthier.checks.spec import checks
from luthier.watching.recorder import Recorder


class Room:
    """The programs of one framework.

    Args:
        family: letter of its checks. install: its watch.
        run: runs a file; the digest of the trained weights, and the exception that ended it, or nothing.
        common: put before each program. plainly: names of those that are run without watch as well.
    """

    def __init__(
        self,
        family: str,
        *,
        install: Callable[[Recorder], Callable[[], None]],
        run: Callable[[Path], tuple[str, str]],
        common: str,
        plainly: Collection[str],
    ) -> None:
        self.family, self.install, self.run, self.common, self.plainly = family, install, run, common, plainly

    def write(self, sources: Mapping[str, str], folder: str, *names: str) -> None:
        """Run the programs of these names, or all, and write what came out."""
        warnings.simplefilter("ignore")
        wanted = {name: source for name, source in sources.items() if not names or name in names}
        found = {name: self._check(name, source, Path(folder)) for name, source in wanted.items()}
        sys.stdout.write(json.dumps(found))

    def _check(self, name: str, source: str, folder: Path) -> dict[str, Any]:
        """What was found in a program, luthier's own faults, and its results under watch and plainly."""
        file = folder / "script.py"
        file.write_text(self.common + source)
        begun = time.perf_counter()
        plain = self.run(file) if name in self.plainly else None
        between = time.perf_counter()
        recorder = Recorder(full=True)
        remove = self.install(recorder)
        try:
            watched = self.run(file)
        finally:
            remove()
        judged = judge(recorder.trace, chosen(checks(), "quick", select=(self.family,)))
        faults = [f"{f.part}: {f.error} {f.trace}" for f in (*recorder.trace.faults, *judged.faults)]
        listed = [f for finding in judged.findings for f in (finding, *finding.consequences)]
        return {
            "found": [(f.code, f.severity, f.text) for f in listed],
            "faults": faults,
            "plain": plain,
            "watched": watched,
            "seconds": (between - begun, time.perf_counter() - between),
        }
