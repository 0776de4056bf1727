"""Journeys with an ear on every connection and every name looked up.

Run: python calling_journeys.py FOLDER. Prints what was heard as JSON.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "egress"))
from egress_servers import Listening, saying
from one_house import furnished, statement

from codman.cli.serving import application
from codman.egress.policy import read_policy
from codman.errors import CodmanError
from codman.flows.audit import audit
from codman.flows.backup import backup, restore
from codman.flows.house import House
from codman.flows.inventory_import import import_table
from codman.flows.operator import OPERATOR
from codman.flows.sign_in import come_back, leave
from codman.integrations.mlflow import registered_models
from codman.registry.accounts_sign_in import Browser
from codman.settings import read_settings
from codman.wiring import open_house

EARS = {"socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname"}
heard: dict[str, list[str]] = {"by egress": [], "elsewhere": []}


def listen(event: str, arguments: tuple[Any, ...]) -> None:
    """Sort a connection by who makes it."""
    if event in EARS:
        frames = traceback.extract_stack()
        ours = any(Path(f.filename).parts[-3:] == ("codman", "egress", "connection.py") for f in frames)
        heard["by egress" if ours else "elsewhere"].append(f"{event} {arguments[1:]!r:.80}")


def provider() -> Listening:
    """Answers as a sign-in provider does, until its ID token, which is none."""
    server = Listening(lambda visitor, head: saying(said(head), Content_Type="application/json")(visitor, head))

    def said(head: bytes) -> bytes:
        if b"/token" in head.split(b"\r\n")[0]:
            return b'{"access_token":"a","token_type":"Bearer","id_token":"a.b.c"}'
        own = {name: f"{server.address}/{name}" for name in ("authorization_endpoint", "jwks_uri")}
        return json.dumps({"issuer": server.address, "token_endpoint": f"{server.address}/token", **own}).encode()

    return server


async def ask(house: House, token: str) -> None:
    """Pages and API, as a browser and a pipeline use them."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    transport = httpx.ASGITransport(app=application(house))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        answer = await client.post("/api/v1/evidence", content=statement(1), headers=headers)
        assert answer.status_code in (200, 201), answer.text
        for path in (
            "/sign-in",
            "/",
            "/static/codman.css",
            "/api/v1/uses",
            "/api/v1/openapi.json",
            "/sign-in/provider",
        ):
            await client.get(path, headers=headers)


def main() -> None:
    """Go the journeys."""
    folder = Path(sys.argv[1])
    id_server, models = provider(), Listening(saying(b'{"registered_models":[{"name":"sepsis"}]}'))
    token = furnished(folder / "workspace")
    settings = read_settings(workspace=folder / "workspace", oidc_issuer=id_server.address, oidc_client_id="codman")
    house = open_house(settings)
    assert house.provider is not None

    sys.addaudithook(listen)
    away = leave(house.database, house.provider, "http://127.0.0.1:8000/sign-in/back", "/")
    state = away.address.partition("state=")[2].partition("&")[0]
    with suppress(CodmanError):
        come_back(
            house.database,
            house.provider,
            "http://127.0.0.1:8000/sign-in/back",
            away.token,
            {"code": "c" * 43, "state": state},
            Browser("127.0.0.1"),
            settings,
        )
    import_table(house, OPERATOR, registered_models(models.address, read_policy([models.address], [])), "mlflow")
    asyncio.run(ask(house, token))
    backup(house, OPERATOR, folder / "b.tar")
    restore(folder / "b.tar", folder / "restored")
    audit(house, OPERATOR)
    house.close()

    told = {name: list(events) for name, events in heard.items()}
    with suppress(OSError):
        socket.create_connection(("127.0.0.1", 9), timeout=0.1)
    connects = [e for e in told["by egress"] if e.startswith("socket.connect")]
    deaf = heard["elsewhere"] == told["elsewhere"]
    print(json.dumps({"by egress": len(connects), "elsewhere": told["elsewhere"], "deaf": deaf}))  # noqa: T201


if __name__ == "__main__":
    main()
