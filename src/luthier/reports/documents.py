"""What the JSON documents for programs share: parts with described fields, and numbers that are finite or null."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the parts of a document."""


def said(text: str) -> msgspec.Meta:
    """The description of a field in the schema."""
    return msgspec.Meta(description=text)


def finite(value: Any) -> Any:
    """A value, or None for a number that is NaN or infinite."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def plain(made: Part) -> dict[str, Any]:
    """A document as plain data, ready for `json.dumps`."""
    found: dict[str, Any] = msgspec.to_builtins(made)
    return found


def schema_of(kind: type[Part]) -> str:
    """The JSON schema of a document, as it stands in docs."""
    return json.dumps(msgspec.json.schema(kind), indent=2) + "\n"
