"""Settings: flags before environment (`CODMAN_*`) before file (`codman.toml` in the workspace) before default."""

from __future__ import annotations

import os
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from platformdirs import user_data_path
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from codman.errors import BadInput


class BadSetting(BadInput):
    """A setting that cannot hold its value."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(
            what=f"the setting '{name}' cannot be used",
            why=why,
            fix="see docs/settings.md for what it may hold",
        )


def _words(value: Any) -> Any:
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


def _web_address(value: str) -> str:
    if not value.startswith(("http://", "https://")) or any(letter.isspace() for letter in value):
        raise ValueError("it is no web address: begin it with https://")  # every link of every notice begins with it
    return value


# in the environment, words between blanks or commas; in the file, a list too
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)]


PREFIX: Final = "CODMAN_"  # of their names in the environment


class Settings(BaseSettings):
    """Everything a server or a command can be told. Read once, in wiring; elsewhere it is an argument."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    workspace: Path = Field(
        default_factory=lambda: user_data_path("codman"),
        description="Folder of the database, keys, evidence and tables",
    )
    database_url: SecretStr | None = Field(
        default=None, description="`postgresql://…`; a SQLite file in the workspace without"
    )
    host: str = Field(default="127.0.0.1", description="Address to serve on")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(default=8000, description="Port to serve on")
    public_url: Annotated[str, AfterValidator(_web_address)] | None = Field(
        default=None, description="How browsers reach the server, e.g. https://codman.hospital.org"
    )
    log_origin: str | None = Field(
        default=None, description="The audit log's name in its checkpoints; made once without"
    )
    server: str | None = Field(default=None, description="For clients: the server to talk to")
    token: SecretStr | None = Field(default=None, description="For clients: the token to talk with")
    session_idle_minutes: Annotated[int, Field(ge=1, le=1440)] = Field(
        default=30, description="Signed out after this long unseen"
    )
    session_hours: Annotated[int, Field(ge=1, le=72)] = Field(
        default=12, description="Signed out after this long in any case"
    )
    fresh_minutes: Annotated[int, Field(ge=1, le=60)] = Field(
        default=5, description="How long a sign-in is fresh enough to sign with"
    )
    oidc_issuer: str | None = Field(default=None, description="OpenID provider; local accounts only without")
    oidc_client_id: str | None = Field(default=None, description="This server's name at the provider")
    oidc_client_secret: SecretStr | None = Field(default=None, description="Its secret there")
    oidc_create_people: bool = Field(default=False, description="Whoever the provider knows may come in, as nobody yet")
    drop_folder: Path | None = Field(
        default=None, description="Statements laid here are filed; the sender's receipt is put beside"
    )
    drop_folder_token: SecretStr | None = Field(
        default=None, description="The token on whose behalf they are filed; nothing is taken without"
    )
    egress_allow: Words = Field(default=(), description="Who may be called beside the provider, e.g. https://HOST:PORT")
    egress_private: Words = Field(
        default=(), description="Private networks, or names of hosts in them, that a call may reach"
    )
    egress_ca_file: Path | None = Field(
        default=None, description="Certificates to believe in calls, PEM; the public ones without"
    )
    time_zone: str = Field(
        default="UTC",
        description="Zone of times on pages, days by which things are due, and daily mails, e.g. America/Chicago",
    )
    smtp_url: SecretStr | None = Field(default=None, description="Who takes mail: smtps://USER:PASSWORD@HOST")
    mail_from: str | None = Field(default=None, description="From whom mail goes, e.g. Codman <codman@hospital.org>")
    webhook_url: str | None = Field(default=None, description="Where signed notices are posted, https")
    webhook_secret: SecretStr | None = Field(default=None, description="What they are signed with: whsec_… or whsk_…")
    servicenow_url: str | None = Field(default=None, description="ServiceNow instance that takes incidents")
    servicenow_user: str | None = Field(default=None, description="Who we are there")
    servicenow_password: SecretStr | None = Field(default=None, description="Its password")
    servicenow_group: str | None = Field(default=None, description="Assignment group; the instance's rules without")
    jira_url: str | None = Field(default=None, description="Jira site that takes issues")
    jira_user: str | None = Field(default=None, description="Who we are there, a mail address")
    jira_token: SecretStr | None = Field(default=None, description="Its API token")
    jira_project: str | None = Field(default=None, description="Key of the project they are opened in")
    jira_issue_type: str = Field(default="Task", description="What they are there")
    mlflow_url: str | None = Field(default=None, description="MLflow server whose aliases a confirmed rollback moves")
    mlflow_token: SecretStr | None = Field(default=None, description="A bearer token for it, where it asks for one")
    concern_clocks: Path | None = Field(
        default=None,
        description="By when concerns are seen and which duties to report run, YAML; the ready ones without",
    )
    overdue_to: Words = Field(
        default=(), description="Who hears of overdue conditions and missing reports: webhook, servicenow, jira"
    )
    concerns_to: Words = Field(
        default=("webhook",), description="Which systems hear of a concern: webhook, servicenow, jira, where set up"
    )
    incidents_to: Words = Field(
        default=("webhook",), description="Which systems hear of a monitoring incident: webhook, servicenow, jira"
    )
    incidents_a_month: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=4, description="Monitoring incidents an owner is told of at once in 30 days; more wait for the digest"
    )
    max_body_mb: Annotated[int, Field(ge=1, le=1024)] = Field(default=64, description="Largest request in MiB")
    least_free_mb: Annotated[int, Field(ge=0, le=1 << 30)] = Field(
        default=256, description="Not ready to serve with less disk free than this, MiB"
    )
    metrics_on_loopback: bool = Field(
        default=False, description="Whether this machine itself reads /metrics without a token"
    )
    otlp_endpoint: str | None = Field(
        default=None, description="Who takes traces, OTLP over HTTP, e.g. http://collector:4318; none without"
    )
    otlp_headers: SecretStr | None = Field(default=None, description="Sent along to them: NAME=VALUE, between commas")
    trace_share: Annotated[float, Field(ge=0, le=1)] = Field(
        default=1.0, description="Share of requests that are traced, where who asks does not say"
    )

    @model_validator(mode="before")
    @classmethod
    def _empty_is_unset(cls, given: Any) -> Any:
        """A deployment's template often leaves `CODMAN_PUBLIC_URL=` empty: what may be left out is left out then."""
        if not isinstance(given, dict):
            return given
        optional = {name for name, field in cls.model_fields.items() if field.default is None}
        return {k: v for k, v in given.items() if not (k in optional and isinstance(v, str) and not v.strip())}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, then environment, then the workspace's file. No `.env`: a stray one must not change a server."""
        # the whole environment is read later, and once: it takes longest of all that starting asks of the settings
        said = init_settings().get("workspace") or _in_environment("workspace")
        workspace = Path(said or user_data_path("codman"))
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, workspace / "codman.toml")

    @property
    def address(self) -> str:
        """How browsers reach the server, without a slash at the end; links begin with it."""
        if self.public_url is not None:
            return self.public_url.rstrip("/")
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def zone(self) -> tzinfo:
        """The zone of daily work.

        Raises:
            BadSetting: This machine knows no such zone.
        """
        if self.time_zone == "UTC":
            return UTC  # known without the zones' files, which small images leave out
        try:
            return ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            why = "this machine knows no such zone; where it knows none at all, run: pip install tzdata"
            raise BadSetting("time_zone", why) from None

    @property
    def effective_database_url(self) -> str:
        """The database to open."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{(self.workspace / 'codman.db').absolute()}"


def _in_environment(name: str) -> str | None:
    """One setting as the environment gives it, in capitals or not."""
    wanted = f"{PREFIX}{name}".upper()
    return next((value for key, value in os.environ.items() if key.upper() == wanted), None)


def read_settings(**flags: Any) -> Settings:
    """The settings, with the flags that were given.

    Raises:
        BadSetting: One cannot hold its value.
    """
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise BadSetting(".".join(map(str, first["loc"])), first["msg"]) from None
