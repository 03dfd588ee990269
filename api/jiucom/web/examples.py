"""Examples for the document, from the schemas: their own examples and defaults, or a simple value that fits."""

from typing import Any

_STRINGS = {
    "date-time": "2026-02-28T15:13:00+09:00",
    "date": "2026-02-28",
    "uuid": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    "email": "gamer@jiucom.com",
}


def example(schema: dict[str, Any], components: dict[str, Any], depth: int = 0) -> Any:
    """A value that the schema accepts."""
    if "$ref" in schema:
        return example(components[schema["$ref"].rpartition("/")[2]], components, depth)
    if schema.get("examples"):
        return schema["examples"][0]
    for key in ("const", "default"):
        if schema.get(key) is not None:
            return schema[key]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        first = next((each for each in schema["anyOf"] if each.get("type") != "null"), schema["anyOf"][0])
        return example(first, components, depth)
    return _plain(schema, components, depth)


def _plain(schema: dict[str, Any], components: dict[str, Any], depth: int) -> Any:
    match schema.get("type"):
        case "object":
            return {name: example(field, components, depth + 1) for name, field in schema.get("properties", {}).items()}
        case "array":
            # Recursive schemas: stop at depth 6.
            return [] if depth > 6 else [example(schema.get("items", {}), components, depth + 1)]
        case "integer":
            return max(1, int(schema.get("minimum", 1)), int(schema.get("exclusiveMinimum", 0)) + 1)
        case "number":
            return float(schema.get("minimum", 1))
        case "boolean":
            return True
        case "string":
            text = _STRINGS.get(schema.get("format", ""), "문자열")
            return text.ljust(int(schema.get("minLength", 0)), ".")[: int(schema.get("maxLength", 1000))]
    return {}
