"""Keys: whose signature counts, for what; registered, replaced and revoked."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from codman.evidence.keys import BadKey
from codman.flows.keys import add_key, list_keys, revoke_key, rotate_key
from codman.registry.keys import OwnerKind
from codman.registry.names import names_of
from codman.registry.records import AlreadyThere, BadField
from codman.spine.statement import Origin
from codman.web.topic import Topic
from codman.web.views.forms import Ask, Option, shown
from codman.web.views.key_form import KeyForm
from codman.web.views.lists import Lists, is_search, searched
from codman.web.views.registers import keys_view
from codman.web.visit import FormDep, Visit, VisitDep

topic = Topic()


@topic.get("/keys")
def keys_page(visit: VisitDep) -> Response:
    """Every key, those that count first."""
    keys = list_keys(visit.house, visit.reader)
    mentioned = [key.site for key in keys] + [name for key in keys for name in key.products or ()]
    with visit.house.database.reading() as connection:
        named = names_of(connection, mentioned)
    return visit.show(
        "keys.html", keys_view(keys, named), may_add=visit.may("key.create"), may_change=visit.may("key.change")
    )


@topic.get("/keys/new")
def new_key_page(visit: VisitDep) -> Response:
    """The form that registers a key."""
    return _new(visit, {}, {}, status=200)


@topic.post("/keys/new")
def register(visit: VisitDep, form: FormDep) -> Response:
    """Register a public key."""
    values = {**form.values}
    if is_search(form):
        return _new(visit, values, {}, status=200, origins=form.every.get("origins", []))
    errors: dict[str, str] = {}
    for name, needed in (("name", "a name"), ("owner_kind", "who signs"), ("owner", "its owner"), ("pem", "the key")):
        if form.get(name) is None:
            errors[name] = f"this is needed: {needed}"
    origins = [origin for origin in form.every.get("origins", []) if origin in {o.value for o in Origin}]
    if not origins:
        errors["origins"] = "choose what it may claim"
    if not errors:
        products = [part.strip() for part in (form.get("products") or "").split(",") if part.strip()]
        try:
            add_key(
                visit.house,
                visit.reader,
                (form.get("pem") or "").encode(),
                name=form.get("name") or "",
                owner_kind=OwnerKind(form.get("owner_kind") or ""),
                owner=form.get("owner") or "",
                origins=[Origin(origin) for origin in origins],
                products=products or None,
                site=form.get("site"),
            )
            return visit.go("/keys")
        except BadField as error:
            errors = {error.field: error.why}
        except AlreadyThere as error:
            errors = {"pem": error.why}
        except ValueError:
            errors = {"owner_kind": "choose one of the list"}
        except BadKey as error:
            errors = {"pem": f"{error.why}; {error.fix}"}
    return _new(visit, values, errors, status=422, origins=origins)


@topic.post("/keys/{name}/revoke")
def revoke(visit: VisitDep, form: FormDep, name: str) -> Response:
    """Stop trusting a key, from now or from the day it was lost."""
    day = form.get("since")
    since = f"{day}T00:00:00Z" if day is not None and len(day) == 10 else day
    revoke_key(visit.house, visit.reader, name, since=since, why=form.get("why"))
    return visit.go("/keys")


@topic.post("/keys/{name}/replace")
def replace(visit: VisitDep, form: FormDep, name: str) -> Response:
    """Put a new key in an old one's place."""
    pem = (form.get("pem") or "").encode()
    rotate_key(visit.house, visit.reader, name, pem, form.get("name") or "", why=form.get("why"))
    return visit.go("/keys")


def _new(
    visit: Visit, values: Mapping[str, str], errors: Mapping[str, str], *, status: int, origins: list[str] | None = None
) -> Response:
    kinds = tuple(Option(kind.value, kind.value) for kind in OwnerKind if kind is not OwnerKind.NOTARY)
    lists = Lists(house=visit.house, reader=visit.reader, values=values, words=searched(values))
    asks = (
        Ask(name="name", label="Name of the key", needed=True, hint="e.g. radiology pipeline 2026"),
        Ask(name="owner_kind", label="Who signs with it", kind="choice", options=kinds, needed=True),
        Ask(name="owner", label="Which pipeline, vendor or lab", needed=True),
        Ask(name="products", label="Only about these products", hint="Names or ids with commas between; empty is any"),
        lists.ask("site", name="site", label="Only for this site and below"),
        Ask(name="pem", label="The public key, as PEM", kind="prose", needed=True, hint="The contents of NAME.pub"),
    )
    known = {"origins", *(ask.name for ask in asks)}
    chosen = set(origins if origins is not None else ())
    view = KeyForm(
        asked=shown(asks, values, errors),
        origins=tuple((origin.value, origin.value in chosen) for origin in Origin),
        origins_error=errors.get("origins", ""),
        general=" ".join(said for name, said in errors.items() if name not in known),
    )
    return visit.show("key_form.html", view, status=status)
