"""reproduce: a statement in, the same numbers computed again, and to the last bit what differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from codman.errors import BadInput, NotProven, nearest
from codman.evaluate.compare.run import run as compare
from codman.evaluate.run import run as evaluate
from codman.evidence.canonical import canonical, parse
from codman.evidence.keys import VerifyingKey
from codman.evidence.statements import ReadStatement, build, read_statement
from codman.evidence.verify import verify
from codman.flows.provenance import software
from codman.flows.watch.drift import measure
from codman.monitor.estimate.run import estimate
from codman.spine.comparison_statement import ComparisonPredicate
from codman.spine.drift_spec import DriftSpec
from codman.spine.engine_statements import MonitoringPredicate
from codman.spine.statement import EvaluationPredicate, Input
from codman.tables.source import Source, open_source

_RECOMPUTED: Final = ("rows", "spec", "measurements", "curves")
Scalar = str | int | float | bool | None


class NotRecomputable(BadInput):
    """A statement of a kind that no numbers are computed for."""

    def __init__(self, path: Path, kind: str) -> None:
        super().__init__(
            what=f"{path} cannot be reproduced",
            why=f"it is a statement about {kind}",
            fix="give an evaluation, a comparison, or a monitoring statement that Codman computed from files",
        )


class MissingInput(BadInput):
    """An input a statement names is not where it was."""

    def __init__(self, missing: Sequence[Input]) -> None:
        first = missing[0]
        names = ", ".join(f"{one.name!r} ({one.uri})" for one in missing[:5])
        super().__init__(
            what=f"{'an input is' if len(missing) == 1 else f'{len(missing)} inputs are'} missing",
            why=f"there is no {names}, neither from here nor beside the statement",
            fix=f"say where it is: --input {first.name}=PATH",
        )


class NoSuchInput(BadInput):
    """An input was named that the statement does not have."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(
            what=f"the statement has no input {name!r}", why="--input names one of its inputs", fix=nearest(name, known)
        )


class NotVerified(NotProven):
    """A statement whose signature does not hold is not worth computing again."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            what=f"{path} is not verified", why=why, fix="ask its signer for the statement as it was signed"
        )


@dataclass(frozen=True, slots=True)
class CheckedInput:
    """One input, held against the digest the statement names."""

    name: str
    path: str
    ok: bool
    stated: str  # sha256
    found: str  # sha256


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that came out otherwise."""

    place: str
    then: Scalar
    now: Scalar

    @property
    def sentence(self) -> str:
        """The two values, numbers to the last bit."""
        return f"{self.place}: {_exact(self.then)} then, {_exact(self.now)} now"


@dataclass(frozen=True, slots=True)
class Reproduction:
    """What came of computing a statement again."""

    digest: str  # of the statement
    inputs: tuple[CheckedInput, ...]
    software: tuple[Difference, ...]  # versions that differ: a reason, not a failure
    measurements: int  # how many were compared; 0 where an input had changed
    curves: int
    differences: tuple[Difference, ...]

    @property
    def changed(self) -> tuple[CheckedInput, ...]:
        """The inputs that are no longer what they were."""
        return tuple(one for one in self.inputs if not one.ok)

    @property
    def reproduced(self) -> bool:
        """Whether the inputs are the same and every number came out the same, to the last bit."""
        return not self.changed and not self.differences

    def answer(self) -> dict[str, Any]:
        """The shape of `codman reproduce --format json`."""
        return {
            "reproduced": self.reproduced,
            "statement": f"sha256:{self.digest}",
            "inputs": [
                {"name": i.name, "path": i.path, "ok": i.ok, "stated": i.stated, "found": i.found} for i in self.inputs
            ],
            "software": [{"name": d.place, "then": d.then, "now": d.now} for d in self.software],
            "measurements": self.measurements,
            "curves": self.curves,
            "differences": [
                {"place": d.place, "then": d.then, "now": d.now, "then_hex": _hex(d.then), "now_hex": _hex(d.now)}
                for d in self.differences
            ],
        }


def reproduce(
    path: Path, *, inputs: Mapping[str, Path] | None = None, keys: Sequence[VerifyingKey] = ()
) -> Reproduction:
    """Compute a statement's numbers again from its inputs and its spec.

    Args:
        path: An evaluation or a comparison, signed or not.
        inputs: Where inputs are now, by the name the statement gives them; the others are looked for at their own
            path, from here and then from the statement's folder.
        keys: With keys, the signature is checked first.

    Returns:
        What differs; nothing is computed where an input's digest has changed.

    Raises:
        NotVerified: The signature does not hold.
        NotRecomputable: The statement is of another kind.
        MissingInput: An input is not there.
        BadInput: The file is no statement, or an input cannot be read.
    """
    read = read_statement(path)
    if keys:
        checked = verify(read.envelope, keys, name=str(path))
        if not checked.verified:
            raise NotVerified(path, checked.why)
    said = read.predicate
    if not isinstance(said, (EvaluationPredicate, ComparisonPredicate, MonitoringPredicate)) or said.spec is None:
        raise NotRecomputable(path, read.kind.value)
    sources = _opened(said.inputs, inputs or {}, path.parent)
    held = tuple(_held(one, source) for one, source in zip(said.inputs, sources, strict=True))
    rooms = ("evaluate", "monitor") if isinstance(said, MonitoringPredicate) else ("evaluate",)
    versions = tuple(_versions(said.software, rooms))
    if not all(one.ok for one in held):
        return Reproduction(
            digest=read.digest, inputs=held, software=versions, measurements=0, curves=0, differences=()
        )
    again = _again(read, said, sources)
    then = read.statement.predicate
    differences = tuple(_differences(then, again))
    return Reproduction(
        digest=read.digest,
        inputs=held,
        software=versions,
        measurements=len(then["measurements"]),
        curves=sum(len(curves) for curves in then.get("curves", {}).values()),
        differences=differences,
    )


def _opened(stated: Sequence[Input], given: Mapping[str, Path], folder: Path) -> list[Source]:
    names = [one.name for one in stated]
    for name in given:
        if name not in names:
            raise NoSuchInput(name, names)
    places = [_place(one, given.get(one.name), folder) for one in stated]
    missing = [one for one, place in zip(stated, places, strict=True) if place is None]
    if missing:
        raise MissingInput(missing)
    return [
        open_source(str(place), name=one.name, at_version=one.table_version)
        for one, place in zip(stated, places, strict=True)
    ]


def _place(one: Input, given: Path | None, folder: Path) -> Path | None:
    candidates = [given] if given is not None else [Path(one.uri), folder / one.uri]
    try:
        return next((place for place in candidates if place.is_file() or place.is_dir()), None)
    except (OSError, ValueError):  # a name no file can have
        return None


def _held(stated: Input, source: Source) -> CheckedInput:
    found, wanted = source.digest(), stated.digest.sha256
    return CheckedInput(name=stated.name, path=source.uri, ok=found == wanted, stated=wanted, found=found)


def _again(
    read: ReadStatement, said: EvaluationPredicate | ComparisonPredicate | MonitoringPredicate, sources: list[Source]
) -> Any:
    """The predicate as it comes out now, through the same bytes a statement is written in."""
    if isinstance(said, ComparisonPredicate):
        compared = compare(sources[0], sources[1], said.spec)
        fields: dict[str, Any] = {
            "rows": compared.rows,
            "spec": compared.spec,
            "measurements": list(compared.measurements),
        }
    elif isinstance(said, MonitoringPredicate):
        fields = _watched(said, sources)
    else:
        others = {one.name: source for one, source in zip(said.inputs[1:], sources[1:], strict=True)}
        found = evaluate(sources[0], said.spec, others=others)
        fields = {
            "rows": found.rows,
            "spec": found.spec,
            "measurements": list(found.measurements),
            "curves": found.curves,
        }
    statement = build(read.kind, list(read.statement.subject), said.model_copy(update=fields))
    return parse(canonical(statement.predicate), name="the numbers computed now")


def _watched(said: MonitoringPredicate, sources: list[Source]) -> dict[str, Any]:
    reference, current = sources
    if isinstance(said.spec, DriftSpec):
        drifted = measure(reference, current, said.spec)
        return {"rows": drifted.rows, "measurements": list(drifted.measurements)}
    assert said.spec is not None  # noqa: S101 (the caller looked)
    estimated = estimate(reference, current, said.spec)
    return {"rows": estimated.rows, "measurements": list(estimated.measurements)}


def _differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Difference]:
    for field in _RECOMPUTED:
        if field == "measurements":
            old, new = _by_name(then[field]), _by_name(now[field])
            for name in old | new:
                if name not in old or name not in new:
                    yield Difference(name, "there" if name in old else "absent", "there" if name in new else "absent")
                else:
                    yield from _unequal(old[name], new[name], name)
        elif field in then:
            yield from _unequal(then[field], now.get(field), field)


def _by_name(rows: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Measurements by what they are about; several about the same (one a threshold) in their own order."""
    named: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        about = ", ".join(f"{key}={value}" for key, value in sorted(row.get("slice", {}).items()))
        name = row["metric"] + (f" of {row['feature']}" if row.get("feature") else "") + f" {{{about}}}"
        count = 2
        unique = name
        while unique in named:
            unique, count = f"{name} #{count}", count + 1
        named[unique] = row
    return named


def _unequal(then: Any, now: Any, place: str) -> Iterator[Difference]:
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for key in dict.fromkeys([*then, *now]):
            yield from _unequal(then.get(key), now.get(key), f"{place}.{key}")
    elif isinstance(then, list) and isinstance(now, list):
        if len(then) != len(now):
            yield Difference(f"{place} (how many)", len(then), len(now))
        for index, (old, new) in enumerate(zip(then, now, strict=False)):
            yield from _unequal(old, new, f"{place}[{index}]")
    elif then != now or isinstance(then, bool) != isinstance(now, bool):
        yield Difference(place, _scalar(then), _scalar(now))


def _versions(stated: Mapping[str, str], rooms: Sequence[str]) -> Iterator[Difference]:
    here = software(*rooms)
    for name in dict.fromkeys([*stated, *here]):
        if stated.get(name) != here.get(name):
            yield Difference(name, stated.get(name), here.get(name))


def _scalar(value: Any) -> Scalar:
    return value if value is None or isinstance(value, (str, int, float)) else canonical(value).decode()[:200]


def _hex(value: Scalar) -> str | None:
    return float(value).hex() if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _exact(value: Scalar) -> str:
    if value is None:
        return "nothing"
    return f"{value!r} ({value.hex()})" if isinstance(value, float) else str(value)
