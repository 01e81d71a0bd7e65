"""Functions and classes of a person's script on their way to a program of ours: over a pipe, never on the disk."""

from __future__ import annotations

import base64
from typing import Any


def packed(thing: Any) -> str:
    """A pickle as text."""
    import cloudpickle

    return base64.b64encode(cloudpickle.dumps(thing)).decode()


def unpacked(text: str) -> Any:
    """What `packed` packed."""
    import cloudpickle

    return cloudpickle.loads(base64.b64decode(text))
