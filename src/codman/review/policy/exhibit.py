"""Exhibit: one statement laid before a policy, with what is known of its signature.

Reads plain statements, whoever's tool made them; measurements are looked up by metric, so that judging sixty
requirements costs sixty lookups.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from codman.errors import BadInput, nearest
from codman.evidence.keys import VerifyingKey
from codman.evidence.statements import ReadStatement
from codman.evidence.verify import verify
from codman.spine.measurement import Measurement
from codman.spine.statement import Kind, Origin

# how a note begins where rows of one patient were counted as several patients
REPEATS = ("subjects repeat", "rows repeat subjects")
JUDGED_ROWS = "judged rows"


class BadExhibit(BadInput):
    """Evidence that a policy cannot be held against."""

    def __init__(self, name: str, why: str, fix: str = "give a statement that keeps the evidence format") -> None:
        super().__init__(what=f"{name} cannot be judged", why=why, fix=fix)


@dataclass(slots=True, kw_only=True)
class Exhibit:
    """One statement, as far as a policy asks about it."""

    name: str  # what errors and notes call it: the file
    digest: str  # sha256 of the canonical statement
    kind: Kind
    origin: Origin
    product: str | None  # null for criteria, which hold for many
    version: str | None
    use: str | None
    evaluated_at: datetime
    predicate: Mapping[str, Any]
    verified: bool = False
    unverifiable: str | None = None  # why its signature does not count, where keys were given
    rows: Sequence[Measurement] = ()
    _by_metric: dict[str, list[Measurement]] | None = field(default=None, repr=False)
    _by_place: dict[tuple[str, frozenset[tuple[str, str]]], list[Measurement]] | None = field(default=None, repr=False)
    _repeated: bool | None = field(default=None, repr=False)
    _sound: bool | None = field(default=None, repr=False)
    _spec: Mapping[str, Any] | None = field(default=None, repr=False)
    _chosen: tuple[float | None, ...] | None = field(default=None, repr=False)

    @property
    def day(self) -> str:
        """The day it was made, as a sentence says it."""
        return self.evaluated_at.date().isoformat()

    @property
    def label(self) -> str:
        """The statement as a sentence names it: `the local evaluation of 2026-11-20`."""
        return f"the {self.origin.value} {self.kind.value} of {self.day}"

    @property
    def spec(self) -> Mapping[str, Any]:
        """What was asked of the evaluation; empty where the kind has no spec."""
        if self._spec is None:
            spec = self.predicate.get("spec")
            self._spec = spec if isinstance(spec, Mapping) else {}
        return self._spec

    @property
    def task(self) -> str | None:
        """The task of the evaluation, where it says one."""
        task = self.spec.get("task")
        return task if isinstance(task, str) else None

    @property
    def counted(self) -> tuple[int | None, int | None]:
        """Rows that were evaluated, and patients among them; None where it does not say."""
        rows = self.predicate.get("rows")
        said = rows if isinstance(rows, Mapping) else {}
        return _count(said.get("evaluated")), _count(said.get("patients"))

    @property
    def judged_on(self) -> str | None:
        """The digest of the rows it was measured on, which stand first of its inputs; None where it does not say."""
        digest = next((each.get("digest") for each in self._inputs()), None)
        return _text(digest, "sha256", self.name) if isinstance(digest, Mapping) else None

    def repeats(self, m: Measurement) -> bool:
        """Whether this measurement counted rows of one patient as if they were several patients.

        Its statement says so in a note; one result per encounter or patient is never meant.
        """
        if self.spec.get("subject") is not None or "unit" in m.params:
            return False
        return self._notes_say_repeated()

    def _notes_say_repeated(self) -> bool:
        if self._repeated is None:
            notes = {self.predicate.get("note"), *(row.note for row in self.rows if "unit" not in row.params)} - {None}
            self._repeated = any(str(note).lower().startswith(REPEATS) for note in notes)
        return self._repeated

    @property
    def sound(self) -> bool:
        """Whether nothing it says of itself puts any of its numbers in doubt; looked at once, for most are."""
        if self._sound is None:
            repeats = self.spec.get("subject") is None and self._notes_say_repeated()
            self._sound = not repeats and not self.chosen_on_judged_rows()
        return self._sound

    def chosen_on_judged_rows(self) -> tuple[float | None, ...]:
        """Thresholds that were chosen on the very rows that are judged; None where it does not say which.

        A file of other rows by name is the judged one again where its bytes are the same.
        """
        if self._chosen is None:
            self._chosen = self._own_choices()
        return self._chosen

    def _own_choices(self) -> tuple[float | None, ...]:
        chosen = self.spec.get("chosen")
        if not isinstance(chosen, list):
            return ()
        inputs = self._inputs()
        same = {
            i.get("name") for i in inputs if i.get("digest") == inputs[0].get("digest")
        }  # the judged rows are first
        own = [c for c in chosen if isinstance(c, Mapping) and (c.get("rows") == JUDGED_ROWS or c.get("rows") in same)]
        return tuple(_number(c.get("threshold")) for c in own)

    def _inputs(self) -> list[Mapping[str, Any]]:
        listed = self.predicate.get("inputs")
        return [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []

    def measurements(self, metric: str) -> Sequence[Measurement]:
        """All measurements of one metric."""
        if self._by_metric is None:
            self._by_metric = {}
            for row in self.rows:
                self._by_metric.setdefault(row.metric, []).append(row)
        return self._by_metric.get(metric, ())

    def about(self, place: tuple[str, frozenset[tuple[str, str]]]) -> Sequence[Measurement]:
        """All measurements of one metric about exactly these patients."""
        return (self.index() if self._by_place is None else self._by_place).get(place, ())

    def index(self) -> Mapping[tuple[str, frozenset[tuple[str, str]]], Sequence[Measurement]]:
        """The measurements by metric and patients, made once; copies of the exhibit share it."""
        if self._by_place is None:
            found: dict[tuple[str, frozenset[tuple[str, str]]], list[Measurement]] = {}
            for row in self.rows:
                found.setdefault((row.metric, frozenset(row.slice.items())), []).append(row)
            self._by_place = found
        return self._by_place


def of_statement(read: ReadStatement, keys: Sequence[VerifyingKey]) -> Exhibit:
    """Lay a statement before a policy; its signature counts only where keys are given.

    Raises:
        BadExhibit: It does not say product and time.
    """
    name = str(read.path) if read.path is not None else f"sha256:{read.digest[:12]}"
    checked = verify(read.envelope, keys, name=name, path=read.path) if keys else None
    rows = getattr(read.predicate, "measurements", ())
    predicate, criteria = read.statement.predicate, read.kind is Kind.CRITERIA
    return Exhibit(
        name=name,
        digest=read.digest,
        kind=read.kind,
        origin=_origin(predicate, name),
        product=_text(predicate, "product", name) or (None if criteria else _absent(name, "product")),
        version=_text(predicate, "version", name),
        use=_text(predicate, "use", name),
        evaluated_at=_instant(predicate, "committed_at" if criteria else "evaluated_at", name),
        predicate=predicate,
        verified=checked is not None and checked.verified,
        unverifiable=None if checked is None or checked.verified else checked.why,
        rows=rows,
    )


def of_new_rows(exhibits: Iterable[Exhibit], before: Iterable[Exhibit]) -> list[Exhibit]:
    """Those that were not measured on the rows of an earlier one: what is measured again on the same tells no more."""
    known = {one.judged_on for one in before} - {None}
    return [one for one in exhibits if one.judged_on not in known]


def merged(exhibits: Iterable[Exhibit]) -> list[Exhibit]:
    """Each statement once, in the order of time; a statement given signed and unsigned counts as signed."""
    by_digest: dict[str, Exhibit] = {}
    for exhibit in exhibits:
        there = by_digest.get(exhibit.digest)
        if there is None or (exhibit.verified and not there.verified):
            by_digest[exhibit.digest] = exhibit
    return sorted(by_digest.values(), key=lambda e: (e.evaluated_at, e.digest))


def _origin(predicate: Mapping[str, Any], name: str) -> Origin:
    said = predicate.get("origin", Origin.LOCAL)
    try:
        return Origin(said)
    except ValueError:
        raise BadExhibit(name, f"its origin {str(said)[:60]!r} is unknown", nearest(str(said), list(Origin))) from None


def _text(predicate: Mapping[str, Any], key: str, name: str) -> str | None:
    said = predicate.get(key)
    if said is not None and not isinstance(said, str):
        raise BadExhibit(name, f"predicate.{key} is not text")
    return said


def _absent(name: str, key: str) -> str:
    raise BadExhibit(name, f"it does not say its {key}")


def _instant(predicate: Mapping[str, Any], key: str, name: str) -> datetime:
    said = _text(predicate, key, name) or _absent(name, key)
    try:
        at = datetime.fromisoformat(said)
        if at.tzinfo is None:
            raise ValueError
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadExhibit(name, f"its {key} is not a time with a zone, like 2026-11-20T10:00:00Z") from None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
