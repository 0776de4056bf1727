"""Documents: a file about a product or a use sent by a form, and taken out again; never shown by the browser."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response

from codman.flows import records
from codman.flows.papers import file_paper, read_paper
from codman.registry.records import AlreadyThere, BadField
from codman.registry.related import versions_of
from codman.spine.product import Product, Version
from codman.spine.use import Use
from codman.web.file_kinds import LARGEST_MIB, media_type_of
from codman.web.topic import Topic
from codman.web.upload import UploadDep
from codman.web.views.documents import ABOUT, MODEL_CARD, DocumentForm, asks, file_name, form_view
from codman.web.visit import Visit, VisitDep

topic = Topic()


@topic.get("/documents/new")
def new_document_page(visit: VisitDep) -> Response:
    """The form that files a document about a product or a use."""
    asked = visit.request.query_params
    values = {name: (asked.get(name) or "")[:300] for name in ("about_kind", "about", "type", "version")}
    return visit.show("document_form.html", _view(visit, values, {}))


@topic.post("/documents/new", takes_a_file=True)
def file_document(visit: VisitDep, upload: UploadDep) -> Response:
    """File it: stored by its digest, written to the log."""
    form = upload.form
    values = {ask.name: form.get(ask.name) or "" for ask in asks()} | {
        name: form.get(name) or "" for name in ("about_kind", "about", "version")
    }
    errors = {name: "this is needed" for name in ("title", "type") if not values[name]}
    media_type = ""
    if not upload.name:
        errors["file"] = "choose a file"
    else:
        try:
            media_type = media_type_of(upload.name, upload.data)
        except ValueError as error:
            errors["file"] = str(error)
    versions = {one.id for one in _versions(visit, _about(visit, values))}
    if values["version"] and values["version"] not in versions:
        errors["version"] = "the product has no such version"
    elif versions and not values["version"] and values["type"] == MODEL_CARD:
        errors["version"] = "a model card is about one version: say which"
    view = _view(visit, values, errors)
    if not errors:
        try:
            file_paper(
                visit.house,
                visit.reader,
                upload.data,
                about_kind="version" if values["version"] else values["about_kind"],
                about=values["version"] or values["about"],
                type=values["type"],
                title=values["title"],
                media_type=media_type,
                why=form.get("why"),
            )
            return visit.go(f"{view.back}#documents")
        except BadField as error:
            errors = {error.field: error.why}
        except AlreadyThere as error:
            errors = {"file": error.why}
        view = _view(visit, values, errors)
    return visit.show("document_form.html", view, status=422)


@topic.get("/documents/{name}/content")
def document_file(visit: VisitDep, name: str) -> Response:
    """The file, checked against its digest; a download, whatever it says it is."""
    paper = read_paper(visit.house, visit.reader, name)
    called = file_name(paper.document)
    headers = {
        "Content-Disposition": f'attachment; filename="{called}"',
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    return Response(paper.data, media_type="application/octet-stream", headers=headers)


def _view(visit: Visit, values: dict[str, str], errors: dict[str, str]) -> DocumentForm:
    about = _about(visit, values)
    limit = min(LARGEST_MIB, visit.house.settings.max_body_mb)
    return form_view(values["about_kind"], about.id, about.name, values, errors, limit, _versions(visit, about))


def _about(visit: Visit, values: dict[str, str]) -> Use | Product:
    """What it is filed about: the page it came from."""
    kind = values["about_kind"]
    if kind not in ABOUT:
        raise BadField("document", "about_kind", "a document is filed from the page of a product or a use")
    about: Use | Product = records.get(visit.house, visit.reader, kind, values["about"])
    return about


def _versions(visit: Visit, about: Use | Product) -> Sequence[Version]:
    with visit.house.database.reading() as connection:
        return versions_of(connection, about.product if isinstance(about, Use) else about.id)
