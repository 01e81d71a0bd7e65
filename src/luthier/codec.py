"""Records as JSON and back without loss: versioned documents, null for what JSON has no number for."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from luthier.errors import InvalidInput

VERSION = 1
"""Version of the record format; a file that says more was written by a newer luthier."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all records: frozen, compared by value, JSON both ways."""


R = TypeVar("R", bound=msgspec.Struct)


def to_json(record: msgspec.Struct) -> bytes:
    """One JSON document; NaN and infinities become null (JSON has none), which reads back as NaN where a
    field is a float."""
    return msgspec.json.encode({"version": VERSION, "kind": type(record).__name__, "data": record})


def from_json(data: bytes | str, kind: type[R]) -> R:
    """The record written by `to_json`.

    Raises:
        InvalidInput: not JSON, another kind, or written by a newer luthier.
    """
    try:
        shell = msgspec.json.decode(data)
        version, name, body = int(shell["version"]), shell["kind"], shell["data"]
    except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
        raise InvalidInput(f"not a {kind.__name__} document: {error}") from None
    if version > VERSION:
        raise InvalidInput(
            f"version={version}", must=f"version <= {VERSION}", where=kind.__name__, remedy="Upgrade luthier"
        )
    if name != kind.__name__:
        raise InvalidInput(f"kind={name!r}", must=f"kind == {kind.__name__!r}", where="record")
    return convert(body, kind)


def digest(record: msgspec.Struct | Mapping[str, Any]) -> str:
    """A short name of a record's content: 12 hex digits of SHA-256 over its JSON with sorted keys."""
    return hashlib.sha256(msgspec.json.encode(record, order="sorted")).hexdigest()[:12]


def convert(body: Any, kind: type[R]) -> R:
    """Plain data (as decoded from JSON) -> record; null becomes NaN where a float is meant."""
    try:
        return msgspec.convert(_nan_for_null(body, kind), kind)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"not a {kind.__name__}: {error}") from None


def _nan_for_null(body: Any, kind: Any) -> Any:
    """Replace null by NaN in the fields that are floats and may not be None."""
    if not (isinstance(body, dict) and isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return body
    out = dict(body)
    for name, type_ in _fields(kind):
        if name in out:
            out[name] = _fill(out[name], type_)
    return out


@lru_cache(maxsize=64)
def _fields(kind: type[msgspec.Struct]) -> tuple[tuple[str, Any], ...]:
    """(name, type) of the fields that can hold a null for a NaN."""
    plain = (int, str, bool)
    return tuple((f.encode_name, f.type) for f in msgspec.structs.fields(kind) if f.type not in plain)


def _fill(value: Any, kind: Any) -> Any:
    if value is None:
        return math.nan if kind is float else None
    arguments = [a for a in getattr(kind, "__args__", ()) if a is not Ellipsis]
    if isinstance(value, list) and arguments:
        kinds = arguments if len(arguments) == len(value) else arguments[:1] * len(value)
        return [_fill(v, k) for v, k in zip(value, kinds, strict=True)]
    if isinstance(value, dict):
        if len(arguments) == 2 and getattr(kind, "__origin__", None) is dict:
            return {k: _fill(v, arguments[1]) for k, v in value.items()}
        for option in [kind, *arguments]:
            if isinstance(option, type) and issubclass(option, msgspec.Struct):
                return _nan_for_null(value, option)
    return value
