"""More tables of the book of record: how people and programs sign in.

Passwords, links, sessions and tokens are kept only as hashes: who reads these tables can be nobody by them.
"""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Integer, String, Table, Text

from codman.registry.columns import DIGEST, ID, LINE, TIME, WORD, metadata

credentials = Table(
    "credentials",
    metadata,
    Column("person", ID, ForeignKey("people.id"), primary_key=True),
    Column("password_hash", Text, nullable=False),
    Column("changed_at", TIME, nullable=False),
)

identities = Table(  # who somebody is at an OpenID provider
    "identities",
    metadata,
    Column("issuer", String(500), primary_key=True),
    Column("subject", String(300), primary_key=True),
    Column("person", ID, ForeignKey("people.id"), nullable=False, index=True),
    Column("linked_at", TIME, nullable=False),
)

provider_visits = Table(  # people who are away at the provider: what they must bring back
    "provider_visits",
    metadata,
    Column("token_digest", DIGEST, primary_key=True),  # of the cookie that ties the answer to this browser
    Column("state", WORD, nullable=False),
    Column("nonce", WORD, nullable=False),
    Column("verifier", String(128), nullable=False),
    Column("person", ID, ForeignKey("people.id")),  # who must come back; null is anybody
    Column("onward", String(1000), nullable=False),
    Column("began_at", TIME, nullable=False),
    Column("ends_at", TIME, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_digest", DIGEST, primary_key=True),
    Column("former_digest", DIGEST, index=True),  # good for moments after a rotation: requests cross
    Column("rotated_at", TIME),
    Column("name", WORD, nullable=False, unique=True),  # what lists and the log call it
    Column("person", ID, ForeignKey("people.id"), nullable=False, index=True),
    Column("method", WORD, nullable=False),  # password, provider, link, demo
    Column("agent", String(200)),  # what the browser calls itself
    Column("read_only", Boolean, nullable=False),
    Column("role", WORD),  # a demo sign-in sees the house as this role only
    Column("rights", DIGEST, nullable=False),  # of the grants it was opened with; others mean a new token
    Column("signed_in_at", TIME, nullable=False),
    Column("proven_at", TIME),  # when they last proved who they are: a signature asks for a fresh proof
    Column("seen_at", TIME, nullable=False),
    Column("ends_at", TIME, nullable=False),
)

invitations = Table(  # one-time links
    "invitations",
    metadata,
    Column("token_digest", DIGEST, primary_key=True),
    Column("name", WORD, nullable=False, unique=True),
    Column("role", WORD, nullable=False),
    Column("site", ID, ForeignKey("sites.id")),
    Column("email", LINE),
    Column("invited_by", ID, ForeignKey("people.id")),  # null is the house itself
    Column("created_at", TIME, nullable=False),
    Column("ends_at", TIME, nullable=False),
    Column("used_at", TIME),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", ID, primary_key=True),
    Column("token_digest", DIGEST, nullable=False, unique=True),
    Column("person", ID, ForeignKey("people.id"), nullable=False, index=True),
    Column("name", LINE, nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("created_at", TIME, nullable=False),
    Column("ends_at", TIME, nullable=False),
    Column("revoked_at", TIME),
    Column("seen_at", TIME),
)

attempts = Table(  # sign-ins that were tried: for the throttle, and for the report of attempted misuse
    "attempts",
    metadata,
    Column("id", ID, primary_key=True),
    Column("account", DIGEST, nullable=False, index=True),  # digest of the e-mail tried
    Column("address", DIGEST, nullable=False, index=True),
    Column("at", TIME, nullable=False, index=True),
    Column("forgiven_at", TIME),  # they came in afterwards: it no longer slows them
)

emergencies = Table(  # break-glass: a right taken for a while, for a reason, to be looked at afterwards
    "emergencies",
    metadata,
    Column("id", ID, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("person", ID, ForeignKey("people.id"), nullable=False, index=True),
    Column("role", WORD, nullable=False),
    Column("site", ID, ForeignKey("sites.id")),
    Column("reason", Text, nullable=False),
    Column("begins_at", TIME, nullable=False),
    Column("ends_at", TIME, nullable=False),
    Column("reviewed_by", ID, ForeignKey("people.id")),
    Column("reviewed_at", TIME),
    Column("finding", Text),
)

mail_choices = Table(  # who wants what by mail; who says nothing gets it
    "mail_choices",
    metadata,
    Column("person", ID, ForeignKey("people.id"), primary_key=True),
    Column("digest", Boolean, nullable=False),  # once a day, what waits for them
    Column("changed_at", TIME, nullable=False),
)

house_marks = Table(  # what is true of the whole house: `demo` opens its read-only door
    "house_marks",
    metadata,
    Column("name", WORD, primary_key=True),
    Column("at", TIME, nullable=False),
)
