"""One request of one reader: the open house, who they are, and how to answer them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final

import jinja2
from fastapi import Depends, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Message

from codman.errors import BadInput
from codman.flows.house import House
from codman.registry.access import NotSignedIn, Reader, may, paths_for
from codman.web.views.frame import ROLES, frame_of
from codman.web.views.sent import Form

_FORM_BYTES: Final = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Visit:
    """What a page has in hand."""

    request: Request
    house: House
    templates: jinja2.Environment
    who: Reader | None

    @property
    def reader(self) -> Reader:
        """Who is signed in.

        Raises:
            NotSignedIn: Nobody is.
        """
        if self.who is None:
            raise NotSignedIn
        return self.who

    @property
    def within(self) -> tuple[str, ...]:
        """Paths of the sites whose uses they may see."""
        return paths_for(self.reader, "inventory.read")

    def may(self, action: str, at: list[str] | None = None) -> bool:
        """Whether they may do this, there or anywhere."""
        return self.who is not None and may(self.who, action, at)

    def show(self, template: str, view: Any, *, status: int = 200, **more: Any) -> HTMLResponse:
        """A page.

        Args:
            template: Its template.
            view: What it shows.
            status: The answer's status.
            more: What else the template names.
        """
        frame = frame_of(self.who, self.request.url.path)
        page = self.templates.get_template(template).render(view=view, frame=frame, roles=ROLES, **more)
        return HTMLResponse(page, status_code=status)

    def go(self, where: str) -> Response:
        """Send the reader on after something was done, so that a reload does not do it again."""
        return RedirectResponse(where, status_code=303)

    def today(self) -> str:
        """The day that it is in the house's zone, ISO 8601."""
        return self.house.database.today().isoformat()


class FormTooLarge(BadInput):
    """A form above the limit, perhaps from somebody who is not even signed in."""

    def __init__(self) -> None:
        super().__init__(
            what="the form is too large",
            why=f"its answers may take {_FORM_BYTES // 1024 // 1024} MiB together",
            fix="shorten the longest of them; nothing was kept",
        )


async def form_of(request: Request) -> Form:
    """What a form sent; also for pages that ask for nothing of it, so that none takes a body of any size.

    Raises:
        FormTooLarge: It sent more than a form may hold.
    """
    counted = _counted(request)
    await counted.body()  # whatever its type says it is
    sent = await counted.form(max_files=0, max_fields=500)
    pairs = [(name, value) for name, value in sent.multi_items() if isinstance(value, str)]
    every: dict[str, list[str]] = {}
    for name, value in pairs:
        every.setdefault(name, []).append(value)
    return Form(values=dict(pairs), every=every)


def _counted(request: Request) -> Request:
    """The same request, refused once it has sent more than a form may hold."""
    seen = 0

    async def receive() -> Message:
        nonlocal seen
        message = await request.receive()
        seen += len(message.get("body", b""))
        if seen > _FORM_BYTES:
            raise FormTooLarge
        return message

    return Request(request.scope, receive)


def visit_of(request: Request) -> Visit:
    """The visit this request makes; also where it failed before anybody knew who makes it."""
    state = request.app.state
    return Visit(
        request=request, house=state.house, templates=state.templates, who=getattr(request.state, "reader", None)
    )


VisitDep = Annotated[Visit, Depends(visit_of)]
FormDep = Annotated[Form, Depends(form_of)]
