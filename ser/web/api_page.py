"""The description of the API as a page without scripts, made of its OpenAPI document."""

from collections.abc import Iterator, Mapping
from typing import Any

from ser.web.html_text import code, heading, page, paragraph, table

_EXAMPLES = {
    "recognize": """curl -H 'Content-Type: audio/wav' --data-binary @talk.wav ADDRESS/api/recognize
curl -F file=@talk.wav 'ADDRESS/api/recognize?format=csv'
curl -N -F file=@call.mp3 'ADDRESS/api/recognize?format=events'"""
}


def api_page(described: Mapping[str, Any]) -> str:
    """Make the page.

    Parameters
    ----------
    described
        An OpenAPI document as FastAPI makes it.
    """
    return page("The HTTP API", _parts(described))


def _parts(described: Mapping[str, Any]) -> Iterator[str]:
    yield paragraph(described["info"]["description"])
    yield '<p>The same for programs: <a href="openapi.json">openapi.json</a>.</p>'
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield from _operation(f"{method.upper()} {path}", operation)
    yield heading("What answers hold")
    for name, schema in described["components"]["schemas"].items():
        if "properties" in schema:
            yield heading(name, level=3)
            yield from [paragraph(schema["description"])] if "description" in schema else []
            yield _fields(schema)


def _operation(title: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield heading(title)
    yield paragraph(operation["description"])
    if operation["operationId"] in _EXAMPLES:
        yield code(_EXAMPLES[operation["operationId"]])
    if "parameters" in operation:
        yield table(
            ("Parameter", "Type", "Default", "What it is"),
            (
                (it["name"], _type(it["schema"]), str(it["schema"].get("default", "")), it["description"])
                for it in operation["parameters"]
            ),
        )
    if "requestBody" in operation:
        body = operation["requestBody"]
        yield paragraph(f"Body: {body['description']} Content types: {', '.join(body['content'])}.")
    yield table(
        ("Status", "Content", "When"),
        (
            (status, _contents(it.get("content", {})), it["description"])
            for status, it in sorted(operation["responses"].items())
        ),
    )


def _contents(content: Mapping[str, Any]) -> str:
    return "; ".join(f"{media}: {_type(it.get('schema', {}))}" for media, it in content.items())


def _fields(schema: Mapping[str, Any]) -> str:
    required = schema.get("required", ())
    return table(
        ("Field", "Type", "What it is"),
        (
            (name, _type(it) + ("" if name in required else ", or not there"), it.get("description", ""))
            for name, it in schema["properties"].items()
        ),
    )


def _type(schema: Mapping[str, Any]) -> str:
    """Say in words what a schema takes."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " or ".join(map(_type, schema[several]))
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return str(schema.get("type", "any"))
