"""What every request must pass and every answer carries: whose host, which browser, what the page may do.

Requests that change something and bring a cookie must come from this house's own pages, by `Sec-Fetch-Site` and then by
`Origin`. What is allowed is listed; everything else is refused.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from codman.flows.house import House
from codman.registry.access import NotSignedIn
from codman.registry.accounts import seen_by
from codman.registry.database import DatabaseAway
from codman.settings import Settings
from codman.web.session import Visitor, drop_session, is_secure, reader_of, session_cookie, set_session

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})  # every other one changes something, known or not
_OWN_SITE: Final = frozenset({"same-origin", "none"})  # `none`: the person typed or chose it, no page did
_ANY_ADDRESS: Final = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 (compared with, not bound to)
_STATIC: Final = "/static/"

CONTENT_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_HTTPS_ONLY: Final = "max-age=31536000"  # a year; subdomains are not ours to decide for


def install_security(app: FastAPI, house: House) -> None:
    """Put the security layer around an application, and let its pages ask who is there."""
    inside = app.build_middleware_stack
    # not add_middleware: that stands inside what answers unforeseen errors, and their pages would go out bare
    app.build_middleware_stack = lambda: Security(inside(), house)  # type: ignore[method-assign]
    app.state.reader_of = reader_of


class Security:
    """The layer around an application: an ASGI middleware, safe to lay twice.

    Args:
        app: What it stands around.
        house: Whose settings and sessions.
    """

    def __init__(self, app: ASGIApp, house: House) -> None:
        self._app = app
        self._house = house
        self._cookie = session_cookie(house.settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Judge a request, pass it on, and dress its answer."""
        if scope["type"] == "lifespan" or "visitor" in scope.get("state", {}):
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # nothing here speaks anything else
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = Headers(scope=scope)
        token = None if _bearer(headers) else _cookies(headers).get(self._cookie) or None
        refused = self._refusal(scope["method"], headers, token)
        if refused is not None:
            await refused(scope, receive, self._dressed(send, None, static=False))
            return
        static = scope["path"].startswith(_STATIC)
        changed, visitor = (None, Visitor()) if static or token is None else await self._visitor(token)
        scope.setdefault("state", {})["visitor"] = visitor
        await self._app(scope, receive, self._dressed(send, changed, static=static))

    def _refusal(self, method: str, headers: Headers, token: str | None) -> Response | None:
        if not host_is_ours(headers.get("host", ""), self._house.settings):
            return PlainTextResponse(
                "This server does not answer to that name: set public_url to the address browsers use.\n", 421
            )
        if not _bearer(headers) and is_forged(method, headers, self._house.settings, signed_in=token is not None):
            return PlainTextResponse(
                "Refused: another site asked your browser to send this. Open the page here and send it again.\n", 403
            )
        return None

    async def _visitor(self, token: str) -> tuple[str | None, Visitor]:
        """Who comes with a token, and the one their browser should carry from now on (empty: none)."""
        try:
            seen = await run_in_threadpool(seen_by, self._house.database, token, self._house.settings)
        except NotSignedIn:
            return "", Visitor()
        except DatabaseAway as error:
            return None, Visitor(trouble=error)
        return seen.token, Visitor(seen.reader, seen.token or token)

    def _dressed(self, send: Send, changed: str | None, *, static: bool) -> Send:
        async def dress(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)  # a page may ask for less: the API's description
                if is_secure(self._house.settings):
                    headers.setdefault("Strict-Transport-Security", _HTTPS_ONLY)
                if not static:
                    headers.setdefault("Cache-Control", "no-store")
                if changed is not None and not _sets(headers, self._cookie):
                    for line in self._cookie_lines(changed):
                        headers.append("Set-Cookie", line)
            await send(message)

        return dress

    def _cookie_lines(self, changed: str) -> list[str]:
        carrier = Response()
        if changed:
            set_session(carrier, changed, self._house.settings)
        else:
            drop_session(carrier, self._house.settings)
        return carrier.headers.getlist("set-cookie")


def is_forged(method: str, headers: Mapping[str, str], settings: Settings, *, signed_in: bool) -> bool:
    """Whether another site may have made the browser send a request that changes something.

    Args:
        method: The request's.
        headers: The request's, by name in lower case.
        settings: public_url says our own origin, where the request came by that name.
        signed_in: A session's cookie came along: then a request that does not say where it comes from is refused too.
    """
    if method in SAFE_METHODS:
        return False
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in _OWN_SITE
    origin = headers.get("origin")
    if origin is None:
        return signed_in
    said, host = _origin(origin), headers.get("host", "")
    if settings.public_url is not None and _name(f"//{host}") == _name(settings.public_url):
        return said is None or said != _origin(settings.public_url)
    return said is None or said not in {_origin(f"http://{host}"), _origin(f"https://{host}")}


def host_is_ours(host: str, settings: Settings) -> bool:
    """Whether a request names this server: a name of another's that points here may be an attack (DNS rebinding).

    Args:
        host: The `Host` header.
        settings: public_url and host say our names; the loopback address is always one.
    """
    name = _name(f"//{host}")
    if name is None:
        return False
    if name == "localhost" or _is_loopback(name):
        return True
    if settings.public_url is not None and name == _name(settings.public_url):
        return True
    return settings.host not in _ANY_ADDRESS and name == settings.host.casefold()


def _name(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _origin(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port of a web address; None where it is none: `null`, an empty one, nonsense."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    return None if usual is None or not parts.hostname else (parts.scheme, parts.hostname, port or usual)


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _bearer(headers: Headers) -> bool:
    """Whether a program speaks for itself: no browser adds this header on another site's word."""
    return headers.get("authorization", "").lower().startswith("bearer ")


def _cookies(headers: Headers) -> dict[str, str]:
    return cookie_parser(headers.get("cookie", ""))


def _sets(headers: MutableHeaders, cookie: str) -> bool:
    return any(line.startswith(f"{cookie}=") for line in headers.getlist("set-cookie"))
