"""The OpenAPI 3.1 document, made from the operations, so that it always agrees with the code."""

from collections.abc import Sequence
from typing import Any

import msgspec

from jiucom.encoding import Json
from jiucom.errors import UNUSED, ErrorCode
from jiucom.paths import CONTEXT_PATH
from jiucom.web.examples import example
from jiucom.web.operation import Operation

_TAGS = (
    *("Auth", "User", "Part", "Build", "Price", "Seller", "Post", "Comment", "Review", "Favorite", "Like", "Search"),
    *("Image", "Notification", "Admin", "Actuator", "Documentation"),
)
_TIMESTAMP = {"type": "string", "format": "date-time", "examples": ["2026-02-28T15:13:00.123456+09:00"]}
_ERROR = {
    "title": "Error",
    "type": "object",
    "required": ["success", "code", "message", "timestamp"],
    "properties": {
        "success": {"const": False},
        "code": {"type": "string", "enum": [error.code for error in ErrorCode if error not in UNUSED]},
        "message": {"type": "string"},
        "timestamp": _TIMESTAMP,
        "errors": {
            "type": "array",
            "description": "Every wrong field",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}


def document(operations: Sequence[Operation]) -> dict[str, Any]:
    """The whole document."""
    types = [hint for operation in operations for hint in _types(operation)]
    schemas, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    known = iter(schemas)
    paths: dict[str, Any] = {}
    for operation in operations:
        own = [next(known) for _ in _types(operation)]
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, own, components)
    return {
        "openapi": "3.1.0",
        "info": {"title": "JIUCOM API", "version": "v2.0.0", "description": "컴퓨터 부품 가격 비교와 견적 플랫폼 API"},
        "servers": [{"url": CONTEXT_PATH}],
        "tags": [{"name": tag} for tag in _TAGS],
        "paths": paths,
        "components": {
            "schemas": {**components, "Error": _ERROR},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _types(operation: Operation) -> list[Any]:
    """In the order that `_operation` takes their schemas."""
    types = [hint for _, hint in operation.path_params.values()]
    if operation.query:
        types.append(operation.query)
    if operation.body:
        types.append(operation.body)
    if not operation.raw and operation.result is not type(None):
        types.append(_result(operation.result))
    return types


def _result(hint: Any) -> Any:
    """The type of `data`: the type inside `Json[...]`, or the type itself."""
    return hint.__args__[0] if getattr(hint, "__origin__", None) is Json else hint


def _operation(operation: Operation, schemas: list[dict[str, Any]], components: dict[str, Any]) -> dict[str, Any]:
    rest = iter(schemas)
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": next(rest)} for name in operation.path_params
    ]
    if operation.query:
        parameters += _query_parameters(next(rest), components)
    made: dict[str, Any] = {
        "operationId": operation.operation_id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "security": [] if operation.access == "public" else [{"bearer": []}],
        "responses": {},
    }
    if operation.description:
        made["description"] = operation.description
    if parameters:
        made["parameters"] = parameters
    if operation.body:
        schema = next(rest)
        made["requestBody"] = {
            "required": not operation.body_optional,
            "content": {"application/json": {"schema": schema, "example": example(schema, components)}},
        }
    made["responses"][str(operation.status)] = _success(operation, next(rest, None), components)
    made["responses"] |= _failures(operation)
    return {**made, **operation.openapi}


def _query_parameters(schema: dict[str, Any], components: dict[str, Any]) -> list[dict[str, Any]]:
    # A query struct is spread into parameters: its own schema is not part of the document.
    struct = components[schema["$ref"].rpartition("/")[2]]
    required = struct.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _not_empty(field, name in required)}
        for name, field in struct["properties"].items()
    ]


def _not_empty(schema: dict[str, Any], required: bool) -> dict[str, Any]:
    """Empty parameters count as absent, so a required text has at least one character."""
    return {"minLength": 1, **schema} if required and schema.get("type") == "string" else schema


def _success(operation: Operation, data: dict[str, Any] | None, components: dict[str, Any]) -> dict[str, Any]:
    if operation.raw:
        return {"description": operation.summary}
    schema: dict[str, Any] = {
        "type": "object",
        "required": ["success", "message", "timestamp"],
        "properties": {
            "success": {"const": True},
            "message": {"type": "string", "examples": [operation.message]},
            "timestamp": _TIMESTAMP,
        },
    }
    if data is not None:
        schema["required"].append("data")
        schema["properties"]["data"] = data
    return {
        "description": operation.message,
        "content": {"application/json": {"schema": schema, "example": example(schema, components)}},
    }


def _failures(operation: Operation) -> dict[str, Any]:
    """Error answers by status, with an example per code."""
    errors = list(operation.errors)
    if operation.path_params or operation.query or operation.body:
        errors.append(ErrorCode.INVALID_INPUT)
    if operation.body:
        errors += [ErrorCode.BAD_REQUEST, ErrorCode.PAYLOAD_TOO_LARGE, ErrorCode.UNSUPPORTED_MEDIA_TYPE]
    if operation.access != "public":
        errors.append(ErrorCode.UNAUTHORIZED)
    if operation.access in ("seller", "admin"):
        errors.append(ErrorCode.FORBIDDEN)
    # Every operation: an invalid token is refused even where none is needed, and the gateway limits all requests.
    errors += [ErrorCode.EXPIRED_TOKEN, ErrorCode.INVALID_TOKEN, ErrorCode.RATE_LIMIT_EXCEEDED]
    errors += [ErrorCode.INTERNAL_SERVER_ERROR, ErrorCode.SERVICE_UNAVAILABLE]
    by_status: dict[str, list[ErrorCode]] = {}
    for error in dict.fromkeys(errors):
        by_status.setdefault(str(error.status), []).append(error)
    return {status: _failure(by_status[status]) for status in sorted(by_status)}


def _failure(errors: list[ErrorCode]) -> dict[str, Any]:
    examples = {
        error.code: {
            "value": {
                "success": False,
                "code": error.code,
                "message": error.message,
                "timestamp": _TIMESTAMP["examples"][0],
            }
        }
        for error in errors
    }
    return {
        "description": ", ".join(f"{error.code} {error.message}" for error in errors),
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}, "examples": examples}},
    }
