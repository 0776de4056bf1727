"""More tables of the book of record: how people and programs sign in.

Passwords, links, sessions and tokens are kept only as hashes: who reads these tables can be nobody by them.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Integer, String, Table, Text

from codman.registry.schema import metadata

_ID: Final = String(64)
_DIGEST: Final = String(64)
_TIME: Final = String(40)
_WORD: Final = String(64)
_LINE: Final = String(400)

credentials = Table(
    "credentials",
    metadata,
    Column("person", _ID, ForeignKey("people.id"), primary_key=True),
    Column("password_hash", Text, nullable=False),
    Column("changed_at", _TIME, nullable=False),
)

identities = Table(  # who somebody is at an OpenID provider
    "identities",
    metadata,
    Column("issuer", String(500), primary_key=True),
    Column("subject", String(300), primary_key=True),
    Column("person", _ID, ForeignKey("people.id"), nullable=False, index=True),
    Column("linked_at", _TIME, nullable=False),
)

provider_visits = Table(  # people who are away at the provider: what they must bring back
    "provider_visits",
    metadata,
    Column("token_digest", _DIGEST, primary_key=True),  # of the cookie that ties the answer to this browser
    Column("state", _WORD, nullable=False),
    Column("nonce", _WORD, nullable=False),
    Column("verifier", String(128), nullable=False),
    Column("person", _ID, ForeignKey("people.id")),  # who must come back; null is anybody
    Column("onward", String(1000), nullable=False),
    Column("began_at", _TIME, nullable=False),
    Column("ends_at", _TIME, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_digest", _DIGEST, primary_key=True),
    Column("former_digest", _DIGEST, index=True),  # good for moments after a rotation: requests cross
    Column("rotated_at", _TIME),
    Column("name", _WORD, nullable=False, unique=True),  # what lists and the log call it
    Column("person", _ID, ForeignKey("people.id"), nullable=False, index=True),
    Column("method", _WORD, nullable=False),  # password, provider, link, demo
    Column("agent", String(200)),  # what the browser calls itself
    Column("read_only", Boolean, nullable=False),
    Column("role", _WORD),  # a demo sign-in sees the house as this role only
    Column("rights", _DIGEST, nullable=False),  # of the grants it was opened with; others mean a new token
    Column("signed_in_at", _TIME, nullable=False),
    Column("proven_at", _TIME),  # when they last proved who they are: a signature asks for a fresh proof
    Column("seen_at", _TIME, nullable=False),
    Column("ends_at", _TIME, nullable=False),
)

invitations = Table(  # one-time links
    "invitations",
    metadata,
    Column("token_digest", _DIGEST, primary_key=True),
    Column("name", _WORD, nullable=False, unique=True),
    Column("role", _WORD, nullable=False),
    Column("site", _ID, ForeignKey("sites.id")),
    Column("email", _LINE),
    Column("invited_by", _ID, ForeignKey("people.id")),  # null is the house itself
    Column("created_at", _TIME, nullable=False),
    Column("ends_at", _TIME, nullable=False),
    Column("used_at", _TIME),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("token_digest", _DIGEST, nullable=False, unique=True),
    Column("person", _ID, ForeignKey("people.id"), nullable=False, index=True),
    Column("name", _LINE, nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("created_at", _TIME, nullable=False),
    Column("ends_at", _TIME, nullable=False),
    Column("revoked_at", _TIME),
    Column("seen_at", _TIME),
)

attempts = Table(  # sign-ins that were tried: for the throttle, and for the report of attempted misuse
    "attempts",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("account", _DIGEST, nullable=False, index=True),  # digest of the e-mail tried
    Column("address", _DIGEST, nullable=False, index=True),
    Column("at", _TIME, nullable=False, index=True),
    Column("forgiven_at", _TIME),  # they came in afterwards: it no longer slows them
)

emergencies = Table(  # break-glass: a right taken for a while, for a reason, to be looked at afterwards
    "emergencies",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("person", _ID, ForeignKey("people.id"), nullable=False, index=True),
    Column("role", _WORD, nullable=False),
    Column("site", _ID, ForeignKey("sites.id")),
    Column("reason", Text, nullable=False),
    Column("begins_at", _TIME, nullable=False),
    Column("ends_at", _TIME, nullable=False),
    Column("reviewed_by", _ID, ForeignKey("people.id")),
    Column("reviewed_at", _TIME),
    Column("finding", Text),
)

mail_choices = Table(  # who wants what by mail; who says nothing gets it
    "mail_choices",
    metadata,
    Column("person", _ID, ForeignKey("people.id"), primary_key=True),
    Column("digest", Boolean, nullable=False),  # once a day, what waits for them
    Column("changed_at", _TIME, nullable=False),
)

house_marks = Table(  # what is true of the whole house: `demo` opens its read-only door
    "house_marks",
    metadata,
    Column("name", _WORD, primary_key=True),
    Column("at", _TIME, nullable=False),
)
