"""Documents made of a use from the book as it stands: a CHAI card, HTI-1 source attributes, a CycloneDX ML-BOM."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from codman.api.call import Call
from codman.api.operation import JSON, Answer, Operation
from codman.api.replies import Reply
from codman.flows.generated import FORMATS, Form, Format, generate

_TEXT: Final = {"type": "string"}
_JSON: Final[dict[str, Any]] = {"type": "object"}
_USUAL: Final = {"hti-1": ".json"}  # to programs; people get a page
_NAMES: Final = {
    ("chai", ".xml"): "get_model_card",
    ("hti-1", ".json"): "get_source_attributes",
    ("hti-1", ".html"): "get_source_attributes_page",
    ("cyclonedx", ".json"): "get_bom",
}


def operations() -> Iterator[Operation]:
    """One for each document and way to write it."""
    for one in FORMATS.values():
        for form in one.forms:
            yield _operation(one, form)


def _operation(one: Format, form: Form) -> Operation:
    usual = form.ending == _USUAL.get(one.name, one.forms[0].ending)
    media_type = form.media_type.partition(";")[0]
    return Operation(
        method="GET",
        path=f"/uses/{{id}}/documents/{one.name}{'' if usual else form.ending}",
        name=_NAMES[one.name, form.ending],
        tag="uses",
        action="inventory.export",
        summary=f"{one.title}, {form.ending.removeprefix('.').upper()}",
        description="Made from the registry as it stands: gaps are marked, small groups not shown, and it says from "
        "which statements and which state of the log it was made. Needs `evidence.read` as well.",
        do=partial(_generated, one.name, form.ending),
        parameters={"id": "The use's id"},
        answers=(
            Answer(
                200,
                "The document",
                _JSON if media_type == JSON or media_type.endswith("+json") else _TEXT,
                media_type,
                ("Content-Disposition",),
            ),
        ),
    )


def _generated(name: str, ending: str, call: Call) -> Reply:
    made = generate(call.house, call.reader, call.id("use"), name, ending)
    headers = {"Content-Disposition": f'attachment; filename="{made.file_name}"'}
    return Reply(body=made.body, media_type=made.media_type, headers=headers)
