"""A validator for the words of JSON Schema that the schemas of docs, and the part of SARIF in the tests, use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list, tuple),
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
    "integer": (int,),
    "number": (int, float),
}
KNOWN = {
    "$ref",
    "$defs",
    "title",
    "description",
    "type",
    "anyOf",
    "enum",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "prefixItems",
    "minItems",
    "maxItems",
}


def errors(value: Any, schema: dict[str, Any], root: dict[str, Any] | None = None, at: str = "$") -> list[str]:
    """What a value lacks of a schema; an unknown word of the schema is a mistake of ours."""
    root = root or schema
    assert set(schema) <= KNOWN, set(schema) - KNOWN
    if "$ref" in schema:
        return errors(value, root["$defs"][schema["$ref"].rsplit("/", 1)[1]], root, at)
    if "anyOf" in schema:
        return [] if any(not errors(value, s, root, at) for s in schema["anyOf"]) else [f"{at}: none of anyOf"]
    if value not in schema.get("enum", [value]) or ("type" in schema and not _is(value, schema["type"])):
        return [f"{at}: {value!r} is not of {schema.get('enum') or schema['type']}"]
    if isinstance(value, dict):
        return list(_of_object(value, schema, root, at))
    return list(_of_array(value, schema, root, at)) if isinstance(value, TYPES["array"]) else []


def _is(value: Any, kind: str) -> bool:
    return isinstance(value, TYPES[kind]) and not (isinstance(value, bool) and kind != "boolean")


def _of_object(value: dict[str, Any], schema: dict[str, Any], root: dict[str, Any], at: str) -> Iterator[str]:
    parts, rest = schema.get("properties", {}), schema.get("additionalProperties", {})
    yield from (f"{at}: {key} missing" for key in schema.get("required", []) if key not in value)
    for key, one in value.items():
        if key not in parts and rest is False:
            yield f"{at}: {key} unknown"
        else:
            yield from errors(one, parts.get(key, rest), root, f"{at}.{key}")


def _of_array(value: Any, schema: dict[str, Any], root: dict[str, Any], at: str) -> Iterator[str]:
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        yield f"{at}: {len(value)} items"
    heads, rest = schema.get("prefixItems", []), schema.get("items", {})
    for i, one in enumerate(value):
        if i < len(heads) or rest is not False:
            yield from errors(one, heads[i] if i < len(heads) else rest, root, f"{at}[{i}]")
