"""What is known of a use, with evidence: each statement, how many count, and what they say of the version that runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from codman.flows.filed import Filed
from codman.registry.standing import Tally, tally_of, verified_by_version
from codman.spine.site import Deployment, Mode
from codman.web.render import count, day
from codman.web.views import marks
from codman.web.views.marks import Fact, Tag


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A statement about the use."""

    href: str
    kind: str
    headline: str
    standing: Tag
    version: str
    origin: str
    at: str | None
    digest: str
    measurements: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is filed about a use, and of which of the versions that run."""

    tally: Tally
    running: tuple[str, ...]  # labels of the versions that run; none where a site does not say which
    of_running: int  # statements that count and name one of them
    measured_at: str | None  # the newest of those
    bare: tuple[str, ...]  # those that run and that none names

    @property
    def unknown(self) -> str:
        """The versions that run and that no evidence names, in words; empty where there is none."""
        return " and ".join(self.bare)

    @property
    def apart(self) -> str:
        """What is filed and does not count, named."""
        return _apart(self.tally)

    def fact(self) -> Fact:
        """The tile: of the version that runs, where that is said; else of all."""
        tally = self.tally
        named = bool(self.running) and tally.verified > 0
        number, last = (self.of_running, self.measured_at) if named else (tally.verified, tally.measured_at)
        others = tally.verified - number
        parts = (
            f"of version {' and '.join(self.running)}, which runs" if named else "",
            f"last measured {day(last)}" if last else "",
            f"{count(others)} more of another version or none" if others else "",
            self.apart,
            _beside(tally),
        )
        return Fact(
            "Evidence", _number(number, "statement") if number else "None", "; ".join(part for part in parts if part)
        )


def evidence_of(connection: Connection, use: str, runs: Sequence[Deployment], labels: Mapping[str, str]) -> Evidence:
    """What is filed about a use.

    Args:
        connection: Where to read.
        use: Which use.
        runs: Where it runs, as far as its reader sees.
        labels: What its product's versions are called, by id.
    """
    there = [one.version for one in runs if one.mode not in (Mode.PAUSED, Mode.ENDED)]
    running = {one: labels.get(one, one) for one in there if one is not None} if None not in there else {}
    found = verified_by_version(connection, use) if running else {}
    held = [found[one] for one in running if one in found]
    return Evidence(
        tally=tally_of(connection, use),
        running=tuple(sorted(running.values())),
        of_running=sum(number for number, _ in held),
        measured_at=max((last for _, last in held if last), default=None),
        bare=tuple(sorted(label for one, label in running.items() if one not in found)),
    )


def known(row: Filed) -> Known:
    """A filed statement as a list shows it."""
    return Known(
        href=f"/evidence/{row.digest}",
        kind=row.kind,
        headline=row.headline or row.kind.capitalize(),
        standing=marks.standing(row.standing),
        version=row.version or "",
        origin=row.origin or "",
        at=row.evaluated_at or row.filed_at,
        digest=row.digest,
        measurements=row.measurements,
    )


def _apart(evidence: Tally) -> str:
    """What is filed and does not count, named."""
    said = []
    if evidence.revoked:
        said.append(f"{_number(evidence.revoked, 'statement')} whose key was revoked")
    if evidence.claims:
        said.append(f"{_number(evidence.claims, 'claim')} nobody signed")
    return ", ".join(said)


def _beside(evidence: Tally) -> str:
    """What is filed and is no measurement of the model: decisions, documents, reports."""
    says = "says" if evidence.others == 1 else "say"
    return (
        f"{_number(evidence.others, 'other statement')} that {says} nothing of how it works" if evidence.others else ""
    )


def _number(number: int, what: str) -> str:
    return f"{count(number)} {what}{'' if number == 1 else 's'}"
