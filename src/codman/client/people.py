"""People, the roles they hold, and their tokens."""

from __future__ import annotations

from collections.abc import Sequence

from codman.client.answers import Token
from codman.client.collections import Addable, Collection
from codman.spine.person import Grant, Person


class People(Collection[Person]):
    """People, the roles they hold, and their tokens."""

    def grants(self, person: str) -> Addable[Grant]:
        """Somebody's roles: list, get, create."""
        return Addable(self._sender, f"{self._path}/{person}/grants", Grant)

    def take_back(self, grant: Grant, *, why: str | None = None) -> None:
        """Take a role back."""
        path = f"{self._path}/{grant.person}/grants/{grant.id}"
        self._sender.send("DELETE", path, etag=f'"{grant.revision}"', why=why)

    def tokens(self, person: str) -> list[Token]:
        """Somebody's tokens, never their secrets."""
        reply = self._sender.send("GET", f"{self._path}/{person}/tokens").json()
        return [Token.model_validate(one) for one in reply["items"]]

    def token(self, person: str, name: str) -> Token:
        """One token, never its secret."""
        return Token.model_validate(self._sender.send("GET", f"{self._path}/{person}/tokens/{name}").json())

    def create_token(self, person: str, scopes: Sequence[str], *, name: str, days: int = 90) -> Token:
        """Make a token; its secret is in the answer and nowhere else."""
        body = {"name": name, "scopes": list(scopes), "days": days}
        return Token.model_validate(self._sender.send("POST", f"{self._path}/{person}/tokens", json=body).json())

    def revoke_token(self, person: str, name: str, *, why: str | None = None) -> None:
        """Make a token worthless."""
        path = f"{self._path}/{person}/tokens/{name}"
        self._sender.send("DELETE", path, etag=self._sender.send("GET", path).headers["ETag"], why=why)
