"""MLflow's model registry over its REST API: registered models, read from a server that may be called and no other.

Source: MLflow REST API 2.0, `registered-models/search`, `model-versions/search`.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from codman.egress.client import GuardedClient
from codman.egress.connection import NoAnswerOutside
from codman.egress.origin import read_origin
from codman.egress.policy import EgressPolicy
from codman.errors import BadInput, Unreachable
from codman.registry.imports.json_files import table_of_rows
from codman.registry.imports.model_registry import MODELS, model_rows
from codman.registry.imports.table import Table

_SEARCH: Final = "/api/2.0/mlflow/registered-models/search"
_VERSIONS: Final = "/api/2.0/mlflow/model-versions/search"
_PAGE: Final = 200
_MOST_PAGES: Final = 500


class NotMlflow(BadInput):
    """An address that answers, and not as MLflow does."""

    def __init__(self, address: str, why: str) -> None:
        super().__init__(
            what=f"{address} does not answer as an MLflow server",
            why=why,
            fix="give the tracking server's address, e.g. http://127.0.0.1:5000",
        )


class MlflowAway(Unreachable):
    """The server does not answer."""

    def __init__(self, address: str, why: str) -> None:
        super().__init__(
            what=f"the MLflow server {address} does not answer",
            why=why,
            fix="see that it runs and that this machine may reach it",
        )


def registered_models(address: str, policy: EgressPolicy, token: str | None = None) -> Table:
    """Every registered model of a server, with its newest version, as rows to import by the mapping `mlflow`.

    Args:
        address: The server, e.g. `http://127.0.0.1:5000`; redirects are not followed.
        policy: Who may be called; the server must be among them.
        token: A bearer token, where the server asks for one.

    Raises:
        NotMlflow: It answers otherwise than MLflow does, or refuses.
        MlflowAway: It does not answer.
        EgressRefused: It may not be called.
    """
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    base = address.rstrip("/")
    try:
        read_origin(base)
    except ValueError as error:
        raise NotMlflow(base[:120], str(error)) from None
    try:
        with GuardedClient(policy, "MLflow import", headers=headers) as client:
            models = _pages(client, base, _SEARCH, MODELS, {})
            for model in models:
                quoted = str(model.get("name", "")).replace("'", "\\'")  # MLflow's filters have SQL's quotes
                versions = _pages(client, base, _VERSIONS, "model_versions", {"filter": f"name='{quoted}'"})
                model["latest_versions"] = versions or model.get("latest_versions") or []
    except NoAnswerOutside as error:
        raise MlflowAway(base, error.why) from None
    return table_of_rows("mlflow", model_rows({MODELS: models}, base), [f"read from {base}"])


def _pages(client: GuardedClient, base: str, path: str, key: str, asked: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    token = ""
    for _ in range(_MOST_PAGES):
        answer = client.get(
            base + path, params={"max_results": _PAGE, **asked, **({"page_token": token} if token else {})}
        )
        if answer.status_code != HTTPStatus.OK:
            raise NotMlflow(base, f"it answers with status {answer.status_code}")
        try:
            body = answer.json()
        except ValueError:
            raise NotMlflow(base, "it does not answer in JSON") from None
        if not isinstance(body, dict) or not isinstance(body.get(key, []), list):
            raise NotMlflow(base, f"its answer holds no list '{key}'")
        found += [item for item in body.get(key, []) if isinstance(item, dict)]
        token = str(body.get("next_page_token") or "")
        if not token:
            return found
    raise NotMlflow(base, f"its list does not end after {_MOST_PAGES} pages")
