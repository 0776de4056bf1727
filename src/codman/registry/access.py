"""Who may do what: one table, one function. What is not in the table nobody may do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from codman.errors import CodmanError
from codman.registry.log import Author
from codman.spine.person import Role

_EVERYONE: Final = frozenset(Role)
_KEEPERS: Final = frozenset({Role.OWNER, Role.OFFICER, Role.ADMIN})
_OFFICE: Final = frozenset({Role.OFFICER, Role.ADMIN})

_BUILDERS: Final = _KEEPERS | {Role.ENGINEER}
_DOERS: Final = _EVERYONE - {Role.VIEWER, Role.AUDITOR}
_COMMITTEE: Final = frozenset({Role.REVIEWER, Role.CHAIR, Role.OFFICER})
_PRESIDING: Final = frozenset({Role.CHAIR, Role.OFFICER})
_WATCHERS: Final = frozenset({Role.AUDITOR, Role.OFFICER, Role.ADMIN})
_ADMIN: Final = frozenset({Role.ADMIN})

# Every action a door can take. An action is a noun and a verb; the log uses the same words.
ACTIONS: Final[Mapping[str, frozenset[Role]]] = {
    "inventory.read": _EVERYONE,
    "inventory.export": _EVERYONE,
    "inventory.import": _OFFICE,
    "mapping.read": _EVERYONE,
    "mapping.save": _OFFICE,
    "product.create": _KEEPERS,
    "product.change": _KEEPERS,
    "version.create": _BUILDERS,
    "version.change": _BUILDERS,
    "vendor.create": _OFFICE,
    "vendor.change": _OFFICE,
    "use.create": _KEEPERS,
    "use.change": _KEEPERS,
    "use.decide": frozenset({Role.OFFICER, Role.CHAIR}),  # stage, decision, tier: what review sets
    "deployment.create": _KEEPERS,
    "deployment.change": _KEEPERS,
    "deployment.accept": _EVERYONE - {Role.VIEWER, Role.AUDITOR},  # and only the clinician it names
    "fact.create": _BUILDERS,
    "fact.change": _BUILDERS,
    "document.create": _BUILDERS,
    "document.change": _BUILDERS,
    "document.read": _EVERYONE,
    "match.decide": _OFFICE,
    "site.create": _OFFICE,
    "site.change": _OFFICE,
    "person.read": _EVERYONE,
    "person.create": _ADMIN,
    "person.change": _ADMIN,
    "grant.create": _ADMIN,
    "grant.remove": _ADMIN,
    "invitation.read": _ADMIN,
    "invitation.create": _ADMIN,
    "invitation.remove": _ADMIN,
    "account.read": _EVERYONE,  # one's own sessions and tokens
    "account.change": _EVERYONE,  # one's own password; ending one's own sessions
    "session.read": _ADMIN,  # other people's
    "session.end": _ADMIN,
    "token.create": _EVERYONE,  # for oneself; for others an administrator of the whole house
    "token.revoke": _EVERYONE,
    "emergency.create": _EVERYONE - {Role.VIEWER, Role.AUDITOR},
    "emergency.read": _WATCHERS,
    "emergency.review": _WATCHERS,  # and never the one who took it
    "evidence.read": _EVERYONE,
    "evidence.export": _EVERYONE,
    "evidence.sign": _EVERYONE - {Role.VIEWER, Role.AUDITOR},  # in one's own name, through the notary
    "evidence.submit": _BUILDERS,
    "evidence.settle": _OFFICE,  # which of several namesakes a statement means
    "key.read": _EVERYONE,
    "key.create": _OFFICE,
    "key.change": _OFFICE,
    "view.save": _EVERYONE,
    "view.share": _KEEPERS,
    "audit.read": _WATCHERS,
    "audit.export": _WATCHERS,
    "audit.erase": _OFFICE,  # two of them
    "audit.hold": frozenset({Role.AUDITOR, Role.ADMIN}),
    "privileged.read": frozenset({Role.OFFICER}),
    "backup.create": _ADMIN,
    "outbox.read": _WATCHERS,
    "outbox.send": _ADMIN,
    "outbox.drop": _ADMIN,
    "job.run": _ADMIN,
    "metrics.read": _WATCHERS,
    "intake.create": _DOERS,
    "intake.read": _DOERS | {Role.AUDITOR},  # one's own; others' where one sees the whole house
    "intake.change": _DOERS,  # one's own
    "triage.change": _COMMITTEE | {Role.OWNER},  # to a higher tier; to a lower one with a second person
    "triage.agree": _PRESIDING,  # that second person
    "review.read": _EVERYONE,
    "review.export": _EVERYONE,
    "use.triage": _PRESIDING | {Role.OWNER},
    "use.pause": _DOERS,  # what harms is stopped first
    "use.retire": _PRESIDING,
    "review.open": _BUILDERS | _COMMITTEE,
    "case.create": _BUILDERS | _COMMITTEE,
    "case.change": _PRESIDING,  # reviewers, quorum, due date; to withdraw it
    "case.remark": _DOERS,
    "case.vote": _COMMITTEE,  # and only who is named, without a conflict, who neither built nor submitted it
    "case.accept": _PRESIDING,  # what evidence could not decide, in writing, under a condition
    "exclusion.create": _COMMITTEE | {Role.OWNER},  # that a requirement does not apply; with a second person
    "exclusion.agree": _PRESIDING,  # that second person
    "case.decide": _PRESIDING,
    "case.emergency": _PRESIDING,
    "condition.change": _PRESIDING | {Role.OWNER},
    "plan.create": _BUILDERS,
    "policy.read": _EVERYONE,
    "schedule.create": _PRESIDING | {Role.OWNER},
    "schedule.change": _PRESIDING | {Role.OWNER},
    "report.read": _EVERYONE,
    "report.create": _BUILDERS,
    "report.excuse": _PRESIDING,
    "concern.create": _EVERYONE,
    "concern.read": _EVERYONE - {Role.VIEWER},
    "concern.change": _COMMITTEE,
    "concern.export": _PRESIDING | {Role.AUDITOR},
    "action.change": _COMMITTEE | {Role.OWNER, Role.ENGINEER},
    "event.send": _BUILDERS,
    "monitor.read": _EVERYONE,
    "monitor.create": _BUILDERS,
    "monitor.change": _PRESIDING | {Role.OWNER},  # to stop it
    "monitor.allow": _PRESIDING,  # that a use goes back to an earlier version, as its decision allowed
    "incident.read": _EVERYONE,
    "incident.change": _DOERS,  # acknowledge, snooze, escalate, resolve, reopen
    "rollback.confirm": _PRESIDING | {Role.OWNER},
}

# What a token that another made for somebody may be good for: what programs do. All else is a person's own word, and
# with a token in somebody else's name one person would be two.
FOR_PROGRAMS: Final = frozenset(
    {
        *(action for action in ACTIONS if action.endswith((".read", ".export"))),
        *(
            f"{noun}.{verb}"
            for noun in ("product", "version", "use", "deployment", "fact")
            for verb in ("create", "change")
        ),
        "inventory.import",
        "document.create",
        "vendor.create",
        "vendor.change",
        "evidence.submit",
        "evidence.settle",
        "evidence.sign",  # which no token does
        "report.create",
        "concern.create",
        "event.send",
        "view.save",
    }
)
OWN_WORD: Final = frozenset(ACTIONS) - FOR_PROGRAMS

# What a right taken in an emergency is good for: to see, and to stop what harms. No key, token or grant outlives it.
IN_AN_EMERGENCY: Final = frozenset(
    {
        "inventory.read", "evidence.read", "document.read", "person.read", "review.read", "use.pause",
        "deployment.change",
    }
)  # fmt: skip

# What is of no one site: the role must be held for the whole house, or one hospital's officer would decide for all.
WHOLE_HOUSE: Final = frozenset(
    {
        "inventory.import",
        "mapping.save",
        "vendor.create",
        "vendor.change",
        "match.decide",
        "evidence.settle",
        "person.change",
        "session.read",
        "session.end",
        "key.create",
        "key.change",
        "audit.read",
        "audit.export",
        "audit.erase",
        "audit.hold",
        "privileged.read",
        "backup.create",
        "outbox.read",
        "outbox.send",
        "outbox.drop",
        "job.run",
        "metrics.read",
    }
)

# What holds at every site that a thing belongs to: the role must reach all of them, not one of them.
FOR_EVERY_SITE: Final = frozenset(
    {
        "use.decide",
        "use.retire",
        "triage.agree",
        "case.change",
        "case.accept",
        "exclusion.agree",
        "case.decide",
        "case.emergency",
        "monitor.allow",
    }
)


# What a token may be good for in some uses only: its scope then names one, event.send:USE.
BY_USE: Final = frozenset({"event.send"})


class NotAllowed(CodmanError):
    """Somebody without the right to do this."""

    exit_code = 2
    action: str = ""  # what was asked for, where the table names it

    def __init__(self, action: str, where: str) -> None:
        self.action = action
        super().__init__(
            what="this is not yours to do",
            why=f"you hold none of the roles that may do it "
            f"{'for the whole house' if action in WHOLE_HOUSE else where}: "
            f"{', '.join(sorted(ACTIONS.get(action, frozenset())))} (the right {action})",
            fix="ask an administrator for the role, or someone who has it",
        )


class NotSignedIn(CodmanError):
    """Nobody is signed in, or their session or token has ended."""

    exit_code = 2

    def __init__(self, why: str = "no session or token came with the request") -> None:
        super().__init__(what="sign in first", why=why, fix="sign in, or send a token: Authorization: Bearer …")


@dataclass(frozen=True, slots=True)
class Held:
    """A role somebody holds, and the path of the site it begins at; `/` is the whole house."""

    role: Role
    path: str = "/"
    lent: bool = False  # taken in an emergency: good for stopping harm, for nothing that outlasts it


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody at a door: who they are, what they hold, and how they came."""

    person: str
    name: str
    held: tuple[Held, ...]
    scopes: frozenset[str] | None = None  # of a token: the actions it is good for; None is all
    read_only: bool = False
    fresh_until: str | None = None  # until when a signature may be made without signing in again
    via: str = "person"  # person, token, machine: whoever runs commands on it
    via_id: str = ""  # the session's or the token's name
    emergency: str | None = None  # until when a right taken in an emergency lasts

    def author(self, request: str | None = None) -> Author:
        """Who the log names."""
        kind = "system" if self.via == "machine" else "person"
        return Author(kind, self.person, request, token=self.via_id if self.via == "token" else None)

    @property
    def roles(self) -> frozenset[Role]:
        """Every role held anywhere."""
        return frozenset(held.role for held in self.held)


def paths_for(reader: Reader, action: str) -> tuple[str, ...]:
    """The sites at and below which somebody may do this; `/` is everywhere, none is nowhere."""
    if action not in ACTIONS or not _in_scope(reader, action):
        return ()
    if reader.read_only and not is_reading(action):
        return ()
    paths = {
        held.path
        for held in reader.held
        if held.role in ACTIONS[action] and (not held.lent or action in IN_AN_EMERGENCY)
    }
    if "/" in paths:
        return ("/",)
    return () if action in WHOLE_HOUSE else tuple(sorted(paths))


def may(reader: Reader, action: str, at: Iterable[str] | None = None) -> bool:
    """Whether somebody may do this.

    Args:
        reader: Who.
        action: What, a key of `ACTIONS`; any other is refused.
        at: Paths of the sites the thing belongs to: one of them within reach is enough, but for what holds at every
            one of them. None asks about anywhere.
    """
    paths = paths_for(reader, action)
    return bool(paths) if at is None else reaches(paths, action, at)


def reaches(paths: Iterable[str], action: str, at: Iterable[str]) -> bool:
    """Whether who may do this at and below some paths may do it to a thing that belongs to these sites."""
    below = tuple(paths)
    within = [site.startswith(below) for site in at]
    return bool(within) and (all(within) if action in FOR_EVERY_SITE else any(within))


def require(reader: Reader, action: str, at: Iterable[str] | None = None) -> None:
    """Refuse somebody who may not do this.

    Raises:
        NotAllowed: They may not.
    """
    if not may(reader, action, at):
        every = action in FOR_EVERY_SITE
        raise NotAllowed(action, "anywhere" if at is None else "at every site of it" if every else "at this site")


def require_any(reader: Reader, *actions: str) -> None:
    """Refuse somebody who may do none of these anywhere.

    Raises:
        NotAllowed: They may not.
    """
    if not any(may(reader, action) for action in actions):
        raise NotAllowed(actions[0], "anywhere")


def only_lent(reader: Reader, action: str, at: Iterable[str]) -> bool:
    """Whether somebody may do this there by a right taken in an emergency, and by no role of their own."""
    places = list(at)
    own = replace(reader, held=tuple(held for held in reader.held if not held.lent))
    return may(reader, action, places) and not may(own, action, places)


def is_reading(action: str) -> bool:
    """Whether an action changes nothing."""
    return action.endswith((".read", ".export"))


def _in_scope(reader: Reader, action: str) -> bool:
    if reader.scopes is None:
        return True
    return covers(reader.scopes, action)


def covers(scopes: Iterable[str], action: str) -> bool:
    """Whether a token's scopes take in an action."""
    noun, _, verb = action.partition(".")
    if not {"*", action, f"{noun}.*", f"*.{verb}"}.isdisjoint(scopes):
        return True
    return action in BY_USE and any(scope.startswith(f"{action}:") for scope in scopes)


def named_in_scopes(reader: Reader, action: str) -> frozenset[str] | None:
    """The uses that a token may do this in; None where its scopes name none, and the roles alone decide."""
    if reader.scopes is None or covers((scope for scope in reader.scopes if ":" not in scope), action):
        return None
    return frozenset(scope.partition(":")[2] for scope in reader.scopes if scope.startswith(f"{action}:"))
