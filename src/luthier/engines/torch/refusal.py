"""Why a model can not be trained in a fused mode."""

from __future__ import annotations


class Refused(Exception):
    """The reason, naming the module, and the mend, each a sentence without its full stop. It never reaches the
    person as an error: the engine takes another mode and keeps `str(refused)` for `--why-not-fused`."""

    def __init__(self, reason: str, mend: str = "") -> None:
        super().__init__(f"{reason}. {mend}." if mend else f"{reason}.")
        self.reason, self.mend = reason, mend
