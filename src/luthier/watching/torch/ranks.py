"""Several processes that train one model end at the same step: the first rank decides and tells the others."""

from __future__ import annotations

import sys
from typing import Any

from luthier.watching.recorder import Recorder

KEY = "luthier/stop"
AHEAD = 2
"""Steps between the decision and the end. A backward pass waits for all ranks, so none is further ahead than one."""


class Ranks:
    """Agreement on the end of a distributed run, over the store that its process group has anyway."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self._asked = -1
        self._stop_at = 0
        self._reason = ""

    def agree(self, reason: str) -> str:
        """Why this process ends now; empty: it goes on. `reason`: what it would say alone."""
        group = process_group()
        if group is None:
            return reason
        step = self.recorder.trace.num_steps
        if step == self._asked:
            return ""
        self._asked = step
        if not self._stop_at:
            self._decide(group, step, reason)
        return self._reason if self._stop_at and step >= self._stop_at else ""

    def _decide(self, group: Any, step: int, reason: str) -> None:
        store = store_of(group)
        if group.get_rank() == 0 and reason:
            store.set(KEY, f"{step + AHEAD} {reason}")
        if (group.get_rank() == 0 and reason) or (group.get_rank() and store.check([KEY])):
            at, _, self._reason = store.get(KEY).decode().partition(" ")
            self._stop_at = int(at)


def store_of(group: Any) -> Any:
    """Where the processes of a group leave small messages for each other."""
    return group.distributed_c10d._get_default_store()


def process_group() -> Any:
    """The module of the process group, where there are several processes."""
    module = sys.modules.get("torch.distributed")
    if module is None or not module.is_available() or not module.is_initialized():
        return None
    return module if module.get_world_size() > 1 else None
