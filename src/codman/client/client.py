"""Client: the API of a Codman server as Python. Every operation of its OpenAPI document is a method here.

The collections are in files of their own: uses.py, people.py, evidence.py, intakes.py, inventory.py, reviews.py,
policies.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

import httpx

from codman.client.answers import BatchReply, Filed, Key, LogEntry, Row, Said, View
from codman.client.changes import ChangePlans, PauseProposals, Reopenings
from codman.client.collections import Collection, Readable
from codman.client.concerns import Concerns
from codman.client.events import Events
from codman.client.evidence import Audit, Documents, EvidenceOf, Keys
from codman.client.intakes import Intakes, Triage
from codman.client.inventory import Inventory, Mappings, Views
from codman.client.monitors import Incidents, Looks, Monitors, Signals
from codman.client.people import People
from codman.client.policies import Frameworks, Policies
from codman.client.problems import NotJson
from codman.client.reports import ReportRead, Reports, Schedules
from codman.client.reviews import Conditions, Reviews
from codman.client.sending import Sender
from codman.client.uses import Deployments, Uses
from codman.evidence.receipt import Receipt
from codman.spine.concern import Concern
from codman.spine.intake import Intake
from codman.spine.partner_report import Schedule
from codman.spine.pausing import PauseProposal
from codman.spine.person import Person
from codman.spine.product import Product, Vendor, Version
from codman.spine.reopening import ChangePlan, Reopening
from codman.spine.review import Case, Condition
from codman.spine.site import Deployment, Site
from codman.spine.use import Use
from codman.spine.watching import Incident, Look, Monitor, Signal

_OK: Final = 200
_EVENTS: Final = "application/cloudevents-batch+json"


class Client:
    """A Codman server.

    Args:
        server: Its address, e.g. https://codman.hospital.org; http only to this machine.
        token: Whose rights the requests have; without one only what is open.
        transport: How requests travel; the network without.

    Raises:
        BadServer: The address is none a token may be sent to.
    """

    def __init__(self, server: str, token: str | None = None, *, transport: httpx.BaseTransport | None = None) -> None:
        self._sender = Sender(server, token, transport=transport)
        self.products = Collection(self._sender, "/products", Product)
        self.versions = Collection(self._sender, "/versions", Version)
        self.vendors = Collection(self._sender, "/vendors", Vendor)
        self.uses = Uses(self._sender, "/uses", Use)
        self.deployments = Deployments(self._sender, "/deployments", Deployment)
        self.sites = Collection(self._sender, "/sites", Site)
        self.people = People(self._sender, "/people", Person)
        self.facts = Collection(self._sender, "/facts", Said)
        self.documents = Documents(self._sender, "/documents", Said)
        self.evidence = EvidenceOf(self._sender, "/evidence", Filed)
        self.events = Events(self._sender)
        self.keys = Keys(self._sender, "/keys", Key)
        self.inventory = Inventory(self._sender, "/inventory", Row)
        self.mappings = Mappings(self._sender)
        self.intakes = Intakes(self._sender, "/intakes", Intake)
        self.triage = Triage(self._sender)
        self.reviews = Reviews(self._sender, "/reviews", Case)
        self.decisions = Readable(self._sender, "/decisions", Case)
        self.conditions = Conditions(self._sender, "/conditions", Condition)
        self.reopenings = Reopenings(self._sender, "/reopenings", Reopening)
        self.change_plans = ChangePlans(self._sender, "/change-plans", ChangePlan)
        self.pause_proposals = PauseProposals(self._sender, "/pause-proposals", PauseProposal)
        self.policies = Policies(self._sender)
        self.frameworks = Frameworks(self._sender)
        self.schedules = Schedules(self._sender, "/schedules", Schedule)
        self.reports = Reports(self._sender, "/reports", ReportRead)
        self.concerns = Concerns(self._sender, "/concerns", Concern)
        self.monitors = Monitors(self._sender, "/monitors", Monitor)
        self.looks = Looks(self._sender, "/looks", Look)
        self.signals = Signals(self._sender, "/signals", Signal)
        self.incidents = Incidents(self._sender, "/incidents", Incident)
        self.views = Views(self._sender, "/views", View)
        self.audit = Audit(self._sender, "/audit", LogEntry)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        self._sender.close()

    def submit(self, body: bytes | str | Mapping[str, Any]) -> Receipt:
        """Send a statement or its envelope; the same again gives the same receipt.

        Args:
            body: Its JSON as bytes or text, or as plain types.

        Raises:
            NotJson: It is none of them.
            NotTaken: A signature, a subject or a number is refused.
            Refused: It is no statement, or the token is not good for it.
            NoAnswer: The server does not answer.
        """
        # stored once, by digest: sending it again is safe by itself
        reply = self._sender.send("POST", "/evidence", content=_bytes(body), media_type="application/json", again=True)
        return Receipt.model_validate(reply.json())

    def submit_batch(self, events: bytes) -> BatchReply:
        """Send a batch of CloudEvents (JSON); each is filed or refused by itself."""
        reply = self._sender.send("POST", "/evidence", content=events, media_type=_EVENTS, again=True)
        return BatchReply.model_validate(reply.json())

    def health(self) -> dict[str, Any]:
        """Whether the server and its database answer."""
        reply: dict[str, Any] = self._sender.send("GET", "/health").json()
        return reply

    def is_up(self) -> bool:
        """Whether the process answers at all; asks nothing of its database."""
        return self._sender.send("GET", "/healthz").status_code == _OK

    def is_ready(self) -> dict[str, str]:
        """What was looked at before the server says that it can serve.

        Raises:
            NoAnswer: It cannot, now.
        """
        checks: dict[str, str] = self._sender.send("GET", "/readyz").json()["checks"]
        return checks

    def metrics(self) -> str:
        """The server's figures for Prometheus, as text; needs the right `metrics.read`."""
        return self._sender.send("GET", "/metrics").text

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document of the server."""
        reply: dict[str, Any] = self._sender.send("GET", "/openapi.json").json()
        return reply

    def documentation(self) -> str:
        """The same as a page."""
        return self._sender.send("GET", "/docs").text

    def documentation_style(self) -> str:
        """The page's style sheet."""
        return self._sender.send("GET", "/docs.css").text

    def schema(self, kind: str) -> dict[str, Any]:
        """What a kind of statement may say, as JSON Schema."""
        reply: dict[str, Any] = self._sender.send("GET", f"/schemas/{kind}/v1.json").json()
        return reply


def _bytes(body: object) -> bytes:
    if isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return body.encode()
    if not isinstance(body, Mapping):
        raise NotJson(f"it is of the type {type(body).__name__}")
    try:
        return json.dumps(dict(body), allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError):
        raise NotJson("something in it has no form in JSON") from None
