"""Settings in, a ready House out: the only place that picks adapters.

An adapter is loaded where a setting names it: what they share would hold up every start.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from codman.egress.policy import EgressPolicy, read_policy
from codman.errors import BadInput
from codman.evidence.files import write_whole
from codman.evidence.keys import SigningKey, generate, read_signing_key
from codman.evidence.store import Store
from codman.flows.event_room import EventRoom
from codman.flows.house import House
from codman.jobs.notifier import Notifier
from codman.registry.database import Clock, Database, utc_now
from codman.registry.migrate import migrate
from codman.registry.ready_views import keep_ready_views
from codman.settings import BadSetting, Settings
from codman.telemetry import UNTRACED, trace_with

if TYPE_CHECKING:
    from codman.integrations.oidc import OpenIdProvider

T = TypeVar("T")


class NoWorkspace(BadInput):
    """A folder that cannot be the workspace."""

    def __init__(self, folder: Path, why: str) -> None:
        super().__init__(
            what=f"{folder} cannot be the workspace",
            why=why,
            fix="give a folder of your own: --workspace FOLDER, or CODMAN_WORKSPACE",
        )


class NoBook(BadInput):
    """A workspace in which nothing was ever kept, asked by a command that only looks or adds."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            what=f"there is no book of record in {folder}",
            why="nothing was ever kept there",
            fix="give another with --workspace, or begin one: codman serve, codman user add, codman inventory import",
        )


def open_house(settings: Settings, clock: Clock = utc_now, *, make: bool = True) -> House:
    """Open the workspace, making what is not there yet: folders, keys, database, tables.

    Args:
        settings: What the server or command was told.
        clock: Gives the time.
        make: Whether a book may be begun where there is none: a verdict on an empty one would be worth nothing.

    Raises:
        NoBook: There is none, and none may be begun.
        NoWorkspace: The folder cannot be made or is a file.
        DatabaseAway: The database does not answer.
        NewerDatabase: It belongs to a later release.
        BadSetting: Who may be called, or how people are told, is not written as it should be.
    """
    policy = egress_policy(settings)
    notifiers = notifiers_of(settings, policy, clock)
    zone = settings.zone  # a wrong one is told now, not in the night
    workspace = settings.workspace.absolute()
    if not make and not (workspace / "keys" / "log.key").exists():
        raise NoBook(workspace)
    try:
        for folder in (workspace, workspace / "keys", workspace / "evidence", workspace / "documents"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise NoWorkspace(workspace, error.strerror or "it cannot be made") from None
    database = Database(settings.effective_database_url, clock, zone)
    migrate(database)
    keep_ready_views(database)
    return House(
        settings=settings,
        database=database,
        store=Store(workspace / "evidence"),
        documents=workspace / "documents",
        log_key=_key(workspace / "keys" / "log"),
        notary_key=_key(workspace / "keys" / "notary"),
        log_origin=settings.log_origin or _origin(workspace / "keys" / "log-origin"),
        events=EventRoom(workspace, clock),
        provider=_provider(settings, policy),
        notifiers=notifiers,
    )


@contextmanager
def traced(settings: Settings) -> Iterator[None]:
    """Send this process' traces to whom the settings name, until the block ends; nowhere where they name nobody.

    Raises:
        BadSetting: It is no address, or what is sent along is not written as it should be.
        MissingExtra: What makes traces is not installed.
    """
    if settings.otlp_endpoint is None:
        yield
        return
    from codman.integrations.opentelemetry import OpenTelemetry

    headers = "" if settings.otlp_headers is None else settings.otlp_headers.get_secret_value()
    tracer = OpenTelemetry(settings.otlp_endpoint, headers, settings.trace_share, egress_policy(settings))
    trace_with(tracer)
    try:
        yield
    finally:
        trace_with(UNTRACED)
        tracer.close()


def _key(name: Path) -> SigningKey:
    private = name.with_name(name.name + ".key")
    if not private.exists():
        generate(name)
    return read_signing_key(private)


def _origin(path: Path) -> str:
    """A name no other house's log has, made once."""
    if not path.exists():
        write_whole(path, f"codman.local/{secrets.token_hex(8)}\n".encode())
    return path.read_text(encoding="utf-8").strip()


def egress_policy(settings: Settings) -> EgressPolicy:
    """Who may be called.

    Raises:
        BadSetting: A setting about it cannot be used.
    """
    return read_policy(settings.egress_allow, settings.egress_private, settings.egress_ca_file)


def notifiers_of(settings: Settings, policy: EgressPolicy, clock: Clock) -> dict[str, Notifier]:
    """The ways to tell somebody outside that are set up, by kind of message.

    Raises:
        BadSetting: One is set up by half, or cannot be used.
    """
    found: dict[str, Notifier] = {}
    if settings.smtp_url is not None:
        from codman.integrations.smtp import SmtpMail, read_server

        sender = _beside("smtp_url", "mail_from", settings.mail_from)
        found["mail"] = SmtpMail(read_server(settings.smtp_url.get_secret_value(), sender), sender, policy)
    if settings.webhook_url is not None:
        from codman.integrations.webhook import Webhook

        secret = _beside("webhook_url", "webhook_secret", settings.webhook_secret)
        found["webhook"] = Webhook(settings.webhook_url, secret.get_secret_value(), policy, clock)
    if settings.servicenow_url is not None:
        from codman.integrations.servicenow import ServiceNow

        user = _beside("servicenow_url", "servicenow_user", settings.servicenow_user)
        password = _beside("servicenow_url", "servicenow_password", settings.servicenow_password).get_secret_value()
        found["servicenow"] = ServiceNow(settings.servicenow_url, user, password, policy, settings.servicenow_group)
    if settings.jira_url is not None:
        from codman.integrations.jira import Jira

        user = _beside("jira_url", "jira_user", settings.jira_user)
        token = _beside("jira_url", "jira_token", settings.jira_token).get_secret_value()
        project = _beside("jira_url", "jira_project", settings.jira_project)
        found["jira"] = Jira(settings.jira_url, user, token, project, policy, settings.jira_issue_type)
    if settings.mlflow_url is not None:
        from codman.integrations.mlflow_alias import MlflowAlias

        token_there = None if settings.mlflow_token is None else settings.mlflow_token.get_secret_value()
        found["mlflow"] = MlflowAlias(settings.mlflow_url, policy, token_there)
    _require_known("overdue_to", settings.overdue_to, found, without=())
    for setting, named in (("concerns_to", settings.concerns_to), ("incidents_to", settings.incidents_to)):
        _require_known(setting, named, found, without=("webhook",))
    return found


def _require_known(
    setting: str, named: Sequence[str], found: Mapping[str, Notifier], *, without: Sequence[str]
) -> None:
    """Refuse systems that nobody knows or that are not set up; those of `without` may wait until they are."""
    for name in named:
        if name not in ("webhook", "servicenow", "jira"):
            raise BadSetting(setting, f"{name[:40]!r} is none of webhook, servicenow and jira")
        if name not in without and name not in found:
            raise BadSetting(setting, f"{name} is not set up: {name}_url is not set")


def _beside(given: str, name: str, value: T | None) -> T:
    if value is None:
        raise BadSetting(name, f"it is needed, because {given} is set")
    return value


def _provider(settings: Settings, policy: EgressPolicy) -> OpenIdProvider | None:
    if settings.oidc_issuer is None:
        return None
    if settings.oidc_client_id is None:
        raise BadSetting("oidc_client_id", "the provider knows this server by it, and oidc_issuer is set")
    from codman.integrations.oidc import OpenIdProvider

    secret = settings.oidc_client_secret
    return OpenIdProvider(
        settings.oidc_issuer,
        settings.oidc_client_id,
        None if secret is None else secret.get_secret_value(),
        egress=policy,
    )
