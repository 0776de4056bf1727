"""The OpenAPI document as one plain page: no script, nothing from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def documentation(document: Mapping[str, Any]) -> str:
    """Every operation of an OpenAPI document as HTML.

    Args:
        document: As api/openapi.py makes it.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    topics: dict[str, list[dict[str, Any]]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            topics[operation["tags"][0]].append({"path": path, "method": method.upper(), **_shown(operation)})
    return environment.get_template("documentation.html").render(
        info=document["info"],
        about=document["info"]["description"].strip().split("\n\n"),
        tags=document["tags"],
        topics=topics,
        schemas={
            name: json.dumps(schema, indent=2, ensure_ascii=False)
            for name, schema in document["components"]["schemas"].items()
        },
    )


def _shown(operation: Mapping[str, Any]) -> dict[str, Any]:
    body = operation.get("requestBody")
    return {
        "name": operation["operationId"],
        "summary": operation["summary"],
        "description": operation["description"].split("\n\n"),
        "parameters": [
            {
                "name": one["name"],
                "place": one["in"],
                "required": one["required"],
                "type": _type(one["schema"]),
                "description": one["description"],
            }
            for one in operation["parameters"]
        ],
        "body": None
        if body is None
        else {
            "description": body["description"],
            "media": list(body["content"]),
            "schema": _type(next(iter(body["content"].values()))["schema"]),
        },
        "responses": [
            {"status": status, **_response(status, response)} for status, response in operation["responses"].items()
        ],
    }


def _response(status: str, response: Mapping[str, Any]) -> dict[str, Any]:
    if "$ref" in response:
        return {"description": "A problem", "media": "application/problem+json", "schema": "Problem"}
    if content := response.get("content"):
        shapes = dict.fromkeys(_type(one["schema"]) for one in content.values())
        return {"description": response["description"], "media": ", ".join(content), "schema": " or ".join(shapes)}
    return {"description": response["description"], "media": "", "schema": "" if status == "304" else "nothing"}


def _type(schema: Mapping[str, Any]) -> str:
    """A schema in a word or two; a model's name where it is one."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    kind = schema.get("type", "any")
    return " or ".join(kind) if isinstance(kind, list) else str(kind)
