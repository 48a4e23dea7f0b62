"""The description of the HTTP API, out of the models that it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from alerts.pushes import AlertView
from sentinel import __version__


def document(verbs: Mapping[str, str], action: type[BaseModel], silence: type[BaseModel]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document."""
    schemas: dict[str, Any] = {}
    for model in (AlertView, action, silence):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}", mode="validation")
        schemas.update(schema.pop("$defs", {}))
        schemas[model.__name__] = schema
    alert = {"$ref": "#/components/schemas/AlertView"}
    page = {"type": "object", "properties": {"alerts": {"type": "array", "items": alert}, "next": {"type": "string"}}}
    key = {"name": "Idempotency-Key", "in": "header", "schema": {"type": "string"}}
    identity = {"name": "alert_id", "in": "path", "required": True, "schema": {"type": "string"}}
    filters = [
        {"name": name, "in": "query", "schema": {"type": "string"}}
        for name in ("kind", "severity", "status", "state", "after", "limit")
    ]
    paths: dict[str, Any] = {
        "/api/v1/me": {"get": _operation("Who this token stands for", {"type": "object"})},
        "/api/v1/alerts": {"get": _operation("Alerts, the newest first, a page at a time", page, filters)},
        "/api/v1/alerts/{alert_id}": {"get": _operation("One alert with its history", alert, [identity])},
        "/api/v1/silences": {
            "get": _operation("Silences in force", {"type": "object"}),
            "post": _operation("Silence", {"type": "object"}, [key], silence, status="201"),
        },
        "/api/v1/silences/{silence_id}": {
            "delete": _operation("End a silence", None, [{**identity, "name": "silence_id"}, key], status="204")
        },
    }
    for verb, scope in verbs.items():
        paths[f"/api/v1/alerts/{{alert_id}}/{verb}"] = {
            "post": _operation(f"{verb}; scope {scope}", alert, [identity, key], action)
        }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Sentinel alerts", "version": __version__},
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(
    summary: str,
    answer: dict[str, Any] | None,
    parameters: list[dict[str, Any]] | None = None,
    body: type[BaseModel] | None = None,
    status: str = "200",
) -> dict[str, Any]:
    good: dict[str, Any] = {"description": "done"}
    if answer is not None:
        good["content"] = {"application/json": {"schema": answer}}
    errors = {
        "400": "the request is wrong",
        "401": "no valid token",
        "403": "the token lacks the scope",
        "404": "there is no such thing, or it is not for this subscriber",
        "409": "it cannot be done now",
        "503": "the state is still being read",
    }
    if body is not None:
        errors["202"] = "taken; what came of it is not known yet"
    operation: dict[str, Any] = {
        "summary": summary,
        "responses": {status: good, **{code: {"description": text} for code, text in errors.items()}},
    }
    if parameters:
        operation["parameters"] = parameters
    if body is not None:
        schema = {"$ref": f"#/components/schemas/{body.__name__}"}
        operation["requestBody"] = {"content": {"application/json": {"schema": schema}}}
    return operation
