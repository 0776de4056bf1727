"""Documents made from a use's record: the list of them, and each as a file."""

from __future__ import annotations

from starlette.responses import Response

from codman.flows.generated import FORMATS, generate, tell
from codman.registry.records import NoSuchRecord
from codman.web.topic import Topic
from codman.web.views.generated import generated_view
from codman.web.visit import VisitDep

topic = Topic()
_FILES = {f"{one.name}{form.ending}": (one.name, form.ending) for one in FORMATS.values() for form in one.forms}


@topic.get("/uses/{use_id}/documents")
def documents_page(visit: VisitDep, use_id: str) -> Response:
    """What can be made of a use, how much of it is answered, and from which evidence."""
    return visit.show("generated.html", generated_view(tell(visit.house, visit.reader, use_id)))


@topic.get("/uses/{use_id}/documents/{form}")
def document_file(visit: VisitDep, use_id: str, form: str) -> Response:
    """One of them, made now; always a download."""
    if form not in _FILES:
        raise NoSuchRecord("document", form)
    made = generate(visit.house, visit.reader, use_id, *_FILES[form])
    headers = {"Content-Disposition": f'attachment; filename="{made.file_name}"', "X-Content-Type-Options": "nosniff"}
    return Response(made.body, media_type=made.media_type, headers=headers)
