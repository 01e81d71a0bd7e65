"""A validator for the words of JSON Schema that the schemas of this folder and of docs/check.schema.json use."""

from __future__ import annotations

from typing import Any

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
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
    if not _plain(value, schema):
        return [f"{at}: {value!r} is not of {schema.get('enum') or schema['type']}"]
    parts = _of_object(value, schema, root, at) if isinstance(value, dict) else []
    return parts + (_of_array(value, schema, root, at) if isinstance(value, list) else [])


def _plain(value: Any, schema: dict[str, Any]) -> bool:
    return value in schema.get("enum", [value]) and ("type" not in schema or _is(value, schema["type"]))


def _is(value: Any, kind: str) -> bool:
    return isinstance(value, TYPES[kind]) and not (isinstance(value, bool) and kind != "boolean")


def _of_object(value: dict[str, Any], schema: dict[str, Any], root: dict[str, Any], at: str) -> list[str]:
    parts, rest = schema.get("properties", {}), schema.get("additionalProperties", {})
    found = [f"{at}: {k} missing" for k in schema.get("required", []) if k not in value]
    for key, one in value.items():
        if key in parts:
            found += errors(one, parts[key], root, f"{at}.{key}")
        elif rest is False:
            found.append(f"{at}: {key} unknown")
        else:
            found += errors(one, rest, root, f"{at}.{key}")
    return found


def _of_array(value: list[Any], schema: dict[str, Any], root: dict[str, Any], at: str) -> list[str]:
    least, most = schema.get("minItems", 0), schema.get("maxItems", len(value))
    found = [] if least <= len(value) <= most else [f"{at}: {len(value)} items"]
    for i, one in enumerate(value):
        found += errors(one, schema.get("items", {}), root, f"{at}[{i}]")
    return found
