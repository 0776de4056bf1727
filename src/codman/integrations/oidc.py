"""OpenID Connect by Authlib: authorisation code with PKCE, and an ID token whose every claim is checked."""

from __future__ import annotations

import ipaddress
import time
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from codman.egress.client import GuardedClient, GuardedTransport
from codman.egress.connection import NoAnswerOutside
from codman.egress.origin import Origin, origin_of
from codman.egress.policy import EgressPolicy, EgressRefused
from codman.errors import Unreachable
from codman.registry.accounts_provider import ProviderRefused, ProviderVisit
from codman.registry.accounts_sign_in import Identity
from codman.settings import BadSetting

_SECONDS: Final = 10.0  # for one question, however slowly it is answered
_LARGEST: Final = 1 << 20  # bytes of an answer
_PURPOSE: Final = "sign-in provider"
_KEPT_S: Final = 3600.0  # what the provider says of itself, and its keys
_LEEWAY_S: Final = 60
_SIGNED_BY: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "Ed25519",
    "EdDSA",
)
_NEEDED: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class ProviderAway(Unreachable):
    """The OpenID provider does not answer, or not as one does."""

    def __init__(self, issuer: str, why: str) -> None:
        super().__init__(
            what="the sign-in provider cannot be used",
            why=f"{issuer}: {why}",
            fix="try again in a minute; an administrator sees that CODMAN_OIDC_ISSUER is right and reachable",
        )


class OpenIdProvider:
    """One OpenID provider.

    Args:
        issuer: Its name, from which it is discovered (OpenID Connect Discovery 1.0); https, or http on loopback.
        client_id: This server's name there.
        client_secret: Its secret there; None is a public client, which PKCE alone protects.
        egress: Who else may be called: some providers keep their keys on another host than their name's.

    Raises:
        BadSetting: The issuer is no address that can be trusted.
    """

    def __init__(
        self,
        issuer: str,
        client_id: str,
        client_secret: str | None = None,
        *,
        egress: EgressPolicy = EgressPolicy(),  # noqa: B008  frozen
    ) -> None:
        if not _is_safe(issuer, loopback=True):
            raise BadSetting("oidc_issuer", "it must be https (http only on this machine's own loopback address)")
        self.issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._egress = egress.also(_origin(issuer))
        self._loopback = urlsplit(issuer).scheme == "http"
        self._said: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, dict[str, Any]] | None = None

    def address(self, visit: ProviderVisit, come_back: str, *, again: bool) -> str:
        """Where to send the browser.

        Raises:
            ProviderAway: The provider cannot be discovered.
        """
        extra = {"max_age": "0", "prompt": "login"} if again else {}
        with self._client(come_back) as client:
            url, _ = client.create_authorization_url(
                self._metadata()["authorization_endpoint"],
                state=visit.state,
                nonce=visit.nonce,
                code_verifier=visit.verifier,
                **extra,
            )
        return str(url)

    def identity(self, visit: ProviderVisit, come_back: str, answer: Mapping[str, str], *, again: bool) -> Identity:
        """Who came back.

        Raises:
            ProviderRefused: The provider says no, or its answer does not hold.
            ProviderAway: It does not answer.
        """
        from authlib.common.errors import AuthlibBaseError  # type: ignore[import-untyped]
        from joserfc.errors import JoseError

        if "error" in answer:
            raise ProviderRefused(f"the provider answered '{answer['error'][:60]}'")
        metadata = self._metadata()
        told = answer.get("iss")  # RFC 9207: whose answer this is, so that two providers are not mixed up
        if told != self.issuer and (told or metadata.get("authorization_response_iss_parameter_supported")):
            raise ProviderRefused("the answer is another provider's")
        if "code" not in answer:
            raise ProviderRefused("the answer carries no code")
        try:
            with self._client(come_back) as client:
                token = client.fetch_token(
                    metadata["token_endpoint"],
                    grant_type="authorization_code",
                    code=answer["code"],
                    code_verifier=visit.verifier,
                )
            claims = self._claims(token, visit.nonce, again=again)
        except (NoAnswerOutside, EgressRefused) as error:
            raise ProviderAway(self.issuer, f"{error.what}: {error.why}") from None
        except AuthlibBaseError as error:
            raise ProviderRefused(f"the provider did not accept the answer: {str(error.error)[:60]}") from None
        except (JoseError, KeyError, TypeError, ValueError) as error:
            raise ProviderRefused(f"the provider's word does not hold: {type(error).__name__}") from None
        return _identity(self.issuer, claims)

    def _claims(self, token: Mapping[str, Any], nonce: str, *, again: bool) -> Mapping[str, Any]:
        """The ID token's claims, checked as OpenID Connect Core 3.1.3.7 asks."""
        from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]
        from joserfc import jwt
        from joserfc.errors import InvalidKeyIdError
        from joserfc.jwk import KeySet
        from joserfc.jws import JWSRegistry

        offered = self._metadata().get("id_token_signing_alg_values_supported") or ["RS256"]
        registry = JWSRegistry(
            algorithms=[name for name in offered if name in _SIGNED_BY],  # never none, never one with a shared secret
            strict_check_header=False,
        )
        try:
            read = jwt.decode(token["id_token"], KeySet.import_key_set(self._jwks()), registry=registry)
        except InvalidKeyIdError:  # it has new keys
            read = jwt.decode(token["id_token"], KeySet.import_key_set(self._jwks(again=True)), registry=registry)
        claims = CodeIDToken(
            read.claims,
            read.header,
            {
                "iss": {"essential": True, "value": self.issuer},
                "aud": {"essential": True, "value": self._client_id},
                "nonce": {"essential": True, "value": nonce},
                "auth_time": {"essential": again},
            },
            {"nonce": nonce, "client_id": self._client_id, "access_token": token.get("access_token")},
        )
        claims.validate(leeway=_LEEWAY_S)
        return dict(claims)

    def _client(self, come_back: str) -> Any:
        # imported here: a quarter of a second that only a provider's users pay
        with warnings.catch_warnings():
            import authlib.deprecate  # type: ignore[import-untyped]  # noqa: F401  it asks for its warnings first

            warnings.simplefilter("ignore")  # Authlib asks for a successor of httpx that it does not need
            from authlib.integrations.httpx_client import OAuth2Client  # type: ignore[import-untyped]

        return OAuth2Client(
            self._client_id,
            self._client_secret,
            token_endpoint_auth_method="client_secret_basic" if self._client_secret else "none",
            scope="openid email profile",
            redirect_uri=come_back,
            code_challenge_method="S256",
            transport=GuardedTransport(self._egress, _PURPOSE, seconds=_SECONDS, largest=_LARGEST),
            trust_env=False,
            timeout=_SECONDS,
            follow_redirects=False,
        )

    def _metadata(self) -> dict[str, Any]:
        if self._said is None or self._said[0] < time.monotonic():
            found = self._fetch(self.issuer.rstrip("/") + "/.well-known/openid-configuration")
            if found.get("issuer") != self.issuer:
                raise ProviderAway(self.issuer, "it gives itself another name")
            for name in _NEEDED:
                if not isinstance(found.get(name), str) or not _is_safe(found[name], loopback=self._loopback):
                    raise ProviderAway(self.issuer, f"its {name} is no safe address")
            self._said = (time.monotonic() + _KEPT_S, found)
        return self._said[1]

    def _jwks(self, *, again: bool = False) -> Any:
        if again or self._keys is None or self._keys[0] < time.monotonic():
            self._keys = (time.monotonic() + _KEPT_S, self._fetch(self._metadata()["jwks_uri"]))
        return self._keys[1]

    def _fetch(self, url: str) -> dict[str, Any]:
        try:
            with GuardedClient(self._egress, _PURPOSE, seconds=_SECONDS, largest=_LARGEST) as client:
                answer = client.get(url)
            if answer.status_code != HTTPStatus.OK:
                raise ProviderAway(self.issuer, f"it answers with status {answer.status_code} when asked about itself")
            found = answer.json()
        except (NoAnswerOutside, EgressRefused) as error:
            raise ProviderAway(self.issuer, f"{error.what}: {error.why}") from None
        except ValueError:
            raise ProviderAway(self.issuer, "what it says of itself is no JSON") from None
        if not isinstance(found, dict):
            raise ProviderAway(self.issuer, "what it says of itself is no JSON object")
        return found


def _identity(issuer: str, claims: Mapping[str, Any]) -> Identity:
    email, name, at = claims.get("email"), claims.get("name"), claims.get("auth_time")
    return Identity(
        issuer=issuer,
        subject=str(claims["sub"]),
        email=email if isinstance(email, str) else None,
        email_verified=claims.get("email_verified") is True,
        name=name if isinstance(name, str) else None,
        proven_at=datetime.fromtimestamp(at, UTC) if isinstance(at, int | float) else None,
    )


def _origin(issuer: str) -> Origin:
    parts = urlsplit(issuer)
    try:
        return origin_of(parts.scheme, parts.hostname or "", parts.port)
    except ValueError as error:
        raise BadSetting("oidc_issuer", str(error)) from None


def _is_safe(url: str, *, loopback: bool) -> bool:
    """Whether an address can be trusted with a code: https, or this machine itself where that is meant."""
    parts = urlsplit(url)
    if parts.hostname is None or parts.query or parts.fragment:
        return False
    if parts.scheme == "https":
        return True
    return loopback and parts.scheme == "http" and _is_loopback(parts.hostname)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
