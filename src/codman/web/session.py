"""The session's cookie, and who a request comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.requests import HTTPConnection
from starlette.responses import Response

from codman.errors import CodmanError
from codman.registry.access import Reader
from codman.registry.accounts_sessions import Opened
from codman.registry.accounts_sign_in import Browser
from codman.settings import Settings

_PREFIX: Final = "__Host-"  # browsers then keep it from subdomains, other paths and plain http
_SESSION: Final = "codman"
_VISIT: Final = "codman-visit"  # to the provider
_VISIT_S: Final = 600


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who a request comes from, as the security layer found out."""

    reader: Reader | None = None
    token: str | None = None
    trouble: CodmanError | None = None  # why nobody can say: the database is away


def is_secure(settings: Settings) -> bool:
    """Whether browsers reach the server by https."""
    return settings.address.startswith("https://")


def session_cookie(settings: Settings) -> str:
    """The session cookie's name."""
    return _PREFIX + _SESSION if is_secure(settings) else _SESSION


def visit_cookie(settings: Settings) -> str:
    """The name of the cookie that ties a provider's answer to this browser."""
    return _PREFIX + _VISIT if is_secure(settings) else _VISIT


def set_session(response: Response, opened: Opened | str, settings: Settings) -> None:
    """Have the browser carry a session's token. It ends with the browser; the server ends it sooner."""
    token = opened if isinstance(opened, str) else opened.token
    _set(response, session_cookie(settings), token, settings, None)


def drop_session(response: Response, settings: Settings) -> None:
    """Have the browser forget its session."""
    _set(response, session_cookie(settings), "", settings, 0)


def set_visit(response: Response, token: str, settings: Settings) -> None:
    """Have the browser carry what ties the provider's answer to it."""
    _set(response, visit_cookie(settings), token, settings, _VISIT_S)


def drop_visit(response: Response, settings: Settings) -> None:
    """Have the browser forget it."""
    _set(response, visit_cookie(settings), "", settings, 0)


def visitor_of(connection: HTTPConnection) -> Visitor:
    """What the security layer found out about a request; nobody where it has not seen it."""
    found = getattr(connection.state, "visitor", None)
    return found if isinstance(found, Visitor) else Visitor()


def reader_of(connection: HTTPConnection) -> Reader | None:
    """Who is signed in; None is nobody.

    Raises:
        DatabaseAway: Nobody can say at the moment.
    """
    visitor = visitor_of(connection)
    if visitor.trouble is not None:
        raise visitor.trouble
    return visitor.reader


def browser_of(connection: HTTPConnection) -> Browser:
    """Where a request comes from, for the throttle and the list of sessions."""
    return Browser(
        address=connection.client.host if connection.client else "",
        agent=connection.headers.get("user-agent"),
        token=visitor_of(connection).token,
    )


def _set(response: Response, name: str, value: str, settings: Settings, seconds: int | None) -> None:
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path="/",
        secure=is_secure(settings),
        httponly=True,
        samesite="lax",  # a link from an e-mail finds its reader signed in; a form from elsewhere does not
    )
