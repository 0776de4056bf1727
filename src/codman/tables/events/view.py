"""Reading events: a use's predictions in a time, each with its outcome as it stands now and what was done about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from codman.spine.event import EventType
from codman.tables.events.columns import KEPT, TABLE, TIME, UNRESOLVED
from codman.tables.events.mover import DIVIDED_BY, opened

_BEFORE: Final = timedelta(
    days=1
)  # an outcome or action observed earlier than this before the window is not looked for
_OUTCOME: Final = ["prediction_id", "subject", "label", "label_class", "occurred_at", "observed_at", "received_at"]
ACTIONS: Final = pa.list_(
    pa.struct([pa.field("action", pa.string()), pa.field("reason", pa.string()), pa.field("acted_at", TIME)])
)
_JOINED: Final = [
    pa.field("label", pa.float64()),
    pa.field("label_class", pa.string()),
    pa.field("occurred_at", TIME),
    pa.field("observed_at", TIME),
    pa.field("outcome_received_at", TIME),
]
VIEW: Final = pa.schema(
    [*(field for field in KEPT[EventType.PREDICTION] if field.name != "digest"), *_JOINED, pa.field("actions", ACTIONS)]
)


class View(NamedTuple):
    """Predictions with what became of them, and from which versions of the tables this was read."""

    rows: pa.Table  # of VIEW; label and what follows are null where no outcome is known
    versions: dict[str, int]  # of each table, -1 where there is none
    corrected: int  # predictions and outcomes that a correction stands in for
    doubled: int  # predictions left out because an earlier one has their prediction_id


def events(tables: Path, use: str, start: datetime, end: datetime, *, horizon: timedelta | None = None) -> View:
    """A use's predictions from `start` to before `end`, joined to outcomes and actions.

    Of corrections the last counts. An outcome that names the prediction goes before one that names the patient; of
    several the one observed last. One that names the patient counts where it occurred at or after the prediction and
    before the horizon ends: the first that happened, else the last that says it did not.

    Args:
        tables: The folder of the tables.
        use: The use's id.
        start: First moment, with a zone.
        end: First moment no longer in it.
        horizon: How long after a prediction a patient's outcome is its own; without end where it is not said.

    Returns:
        The rows by `sequence`, in columns VIEW.
    """
    said, version = _scan(tables, EventType.PREDICTION, [use], start.date(), end.date(), corrections=True)
    said, corrected = standing(said)
    inside = pc.and_(
        pc.greater_equal(said["predicted_at"], pa.scalar(start, TIME)),
        pc.less(said["predicted_at"], pa.scalar(end, TIME)),
    )
    said = said.filter(inside).sort_by("sequence")
    once = _first_of_each(said["prediction_id"])
    doubled = said.num_rows - len(once)
    said = said.take(pa.array(once)) if doubled else said
    first = (start - _BEFORE).date()
    known, of_outcomes = _scan(tables, EventType.OUTCOME, [use, UNRESOLVED], first, None, corrections=False)
    known, replaced = standing(known)
    done, of_actions = _scan(tables, EventType.ACTION, [use, UNRESOLVED], first, None, corrections=False)
    done, _ = standing(done)
    joined = _with_outcomes(said, known, horizon)
    rows = joined.append_column(VIEW.field("actions"), _actions(said, done)).select(VIEW.names).cast(VIEW)
    versions = {"predictions": version, "outcomes": of_outcomes, "actions": of_actions}
    return View(rows, versions, corrected + replaced, doubled)


def per_day(tables: Path, use: str) -> dict[date, int]:
    """How many predictions a use has on each day that has any, in order of days; no row is read.

    They are counted as they came, corrections among them.
    """
    table = opened(tables / TABLE[EventType.PREDICTION])
    if table is None:
        return {}
    listed = pa.RecordBatchReader.from_stream(table.get_add_actions(flatten=True)).read_all()
    found: Counter[date] = Counter()
    if listed.num_rows:
        mine = listed.filter(pc.equal(listed["partition.use"], use))
        for day, rows in zip(mine["partition.day"].to_pylist(), mine["num_records"].to_pylist(), strict=True):
            found[day] += rows
    return dict(sorted(found.items()))


def first_predicted(tables: Path, use: str, versions: Collection[str]) -> datetime | None:
    """When a version of a use first made a prediction; None where it never did.

    Args:
        tables: The folder of the tables.
        use: The use's id.
        versions: What events call the version.
    """
    table = opened(tables / TABLE[EventType.PREDICTION])
    if table is None:
        return None
    wanted = (ds.field("use") == use) & ds.field("version").isin(sorted(versions))
    found = table.to_pyarrow_dataset().to_table(filter=wanted, columns=["predicted_at"])
    first: datetime | None = pc.min(found["predicted_at"]).as_py()
    return None if first is None else first.astimezone(UTC)


def standing(rows: pa.Table) -> tuple[pa.Table, int]:
    """Events without those that a correction stands in for, and how many those are.

    A correction of a correction stands in for both. Of two corrections of one event the last taken stands. One that
    replaces what never came stands by itself.
    """
    corrections = rows.filter(pc.is_valid(rows["replaces"])).select(["source", "id", "replaces", "sequence"])
    if corrections.num_rows == 0:
        return rows, 0
    parent: dict[tuple[str, str], tuple[str, str]] = {}
    order: dict[tuple[str, str], int] = {}
    for one in corrections.to_pylist():
        parent[one["source"], one["id"]] = (one["source"], one["replaces"])
        order[one["source"], one["id"]] = one["sequence"]
    families: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for name in parent:
        families.setdefault(_root(name, parent), []).append(name)
    gone: set[tuple[str, str]] = set(families)
    for names in families.values():
        replaced = {parent[name] for name in names}
        ends = [name for name in names if name not in replaced] or names  # in a circle there is no end
        last = max(ends, key=order.__getitem__)
        gone |= set(names)
        gone.discard(last)
    flat = pa.array([f"{source}\0{name}" for source, name in gone], pa.string())
    keys = pc.binary_join_element_wise(rows["source"], rows["id"], "\0")
    kept = rows.filter(pc.invert(pc.is_in(keys, value_set=flat)))
    return kept, rows.num_rows - kept.num_rows


def _root(name: tuple[str, str], parent: dict[tuple[str, str], tuple[str, str]]) -> tuple[str, str]:
    seen = {name}
    while name in parent and parent[name] not in seen:
        name = parent[name]
        seen.add(name)
    return name if name not in parent else min(seen)  # in a circle, any one of it that all of it agree on


def _scan(
    tables: Path,
    kind: EventType,
    uses: list[str],
    first: date,
    last: date | None,
    *,
    corrections: bool,
    only: Sequence[str] = (),
) -> tuple[pa.Table, int]:
    """A table's rows of some days, and its version; with every correction, whatever its day, where asked.

    Only these columns, where any are named.
    """
    path = tables / TABLE[kind]
    table = opened(path)
    if table is None:
        return KEPT[kind].empty_table(), -1
    inside = ds.field("day") >= pa.scalar(first)
    if last is not None:
        inside = inside & (ds.field("day") <= pa.scalar(last))
    if corrections:
        inside = inside | ds.field("replaces").is_valid()
    # the table's own listing has its files by what stands in them, at a hundredth of the price of making all of them
    # a data set to be filtered
    listed = pa.RecordBatchReader.from_stream(table.get_add_actions(flatten=True)).read_all()
    if listed.num_rows == 0:
        return KEPT[kind].empty_table(), int(table.version())
    there = pc.and_(pc.is_in(listed["partition.use"], pa.array(uses)), _may_hold(listed, first, last, corrections))
    files = [str(path / unquote(name)) for name in listed["path"].filter(there).to_pylist()]
    schema = KEPT[kind]
    divided = ds.partitioning(pa.schema([schema.field(name) for name in DIVIDED_BY]), flavor="hive")
    read = ds.dataset(files, schema=schema, format="parquet", partitioning=divided, partition_base_dir=str(path))
    names = list(only) or schema.names
    found: pa.Table = read.to_table(filter=inside, columns=names)
    return found.cast(pa.schema([schema.field(name) for name in names])), int(table.version())


def _may_hold(listed: pa.Table, first: date, last: date | None, corrections: bool) -> Any:
    """(files,) whether a file may have rows of these days, or a correction where one is wanted."""
    day = listed["partition.day"]
    found = pc.greater_equal(day, pa.scalar(first))
    if last is not None:
        found = pc.and_(found, pc.less_equal(day, pa.scalar(last)))
    if corrections and "null_count.replaces" not in listed.column_names:
        return pc.is_valid(day)
    if corrections:
        plain = pc.equal(listed["null_count.replaces"], listed["num_records"])
        found = pc.or_(found, pc.fill_null(pc.invert(plain), True))
    return found


def _first_of_each(names: pa.ChunkedArray) -> np.ndarray[Any, Any]:
    """Places of the first of each name."""
    places: pl.Series = pl.DataFrame({"name": pl.from_arrow(names)}).select(
        pl.arg_where(pl.col("name").is_first_distinct())
    )["name"]
    return places.to_numpy()


def _with_outcomes(said: pa.Table, known: pa.Table, horizon: timedelta | None) -> pa.Table:
    place = _place_of_outcome(said, known, horizon)
    for field, name in zip(_JOINED, _OUTCOME[2:], strict=True):
        said = said.append_column(field, known[name].combine_chunks().take(place))
    return said


def _place_of_outcome(said: pa.Table, known: pa.Table, horizon: timedelta | None) -> pa.Array:
    """(n,) which outcome is each prediction's; null where there is none."""
    asked = pl.DataFrame(
        {name: pl.from_arrow(said[name]) for name in ("prediction_id", "subject", "predicted_at")}
    ).with_row_index("row")
    told = pl.DataFrame({name: pl.from_arrow(known[name]) for name in [*_OUTCOME[:6], "sequence", "use"]})
    told = told.with_row_index("place")
    named = (
        told.filter(pl.col("prediction_id").is_not_null())
        .sort("observed_at", "sequence")
        .unique("prediction_id", keep="last")
        .select("prediction_id", "place")
    )
    of_patient = told.filter(pl.col("prediction_id").is_null() & (pl.col("use") != UNRESOLVED))
    pairs = asked.join(of_patient, on="subject", how="inner").filter(pl.col("occurred_at") >= pl.col("predicted_at"))
    if horizon is not None:
        pairs = pairs.filter(pl.col("occurred_at") < pl.col("predicted_at") + horizon)
    pairs = pairs.with_columns(
        happened=pl.col("label_class").is_not_null() | (pl.col("label").fill_null(0) != 0),
        since=(pl.col("occurred_at") - pl.col("predicted_at")).dt.total_microseconds(),
    )
    best = (
        pairs.with_columns(rank=pl.when("happened").then(-pl.col("since")).otherwise(pl.col("since")))
        .sort("happened", "rank", "sequence")
        .unique("row", keep="last")
        .select("row", pl.col("place").alias("of_patient"))
    )
    whole = asked.join(named, on="prediction_id", how="left").join(best, on="row", how="left").sort("row")
    return whole.select(pl.coalesce("place", "of_patient").cast(pl.Int64).alias("at"))["at"].to_arrow()


def _actions(said: pa.Table, done: pa.Table) -> pa.Array:
    """(n,) what was done about each prediction, in order of time."""
    asked = pl.DataFrame({"prediction_id": pl.from_arrow(said["prediction_id"])}).with_row_index("row")
    names = ("prediction_id", "action", "reason", "acted_at", "sequence")
    acts = pl.DataFrame({name: pl.from_arrow(done[name]) for name in names}).with_row_index("place")
    pairs = asked.join(acts, on="prediction_id", how="inner").sort("row", "acted_at", "sequence")
    counts = np.zeros(said.num_rows, "i8")
    np.add.at(counts, pairs["row"].to_numpy(), 1)
    taken = done.select(["action", "reason", "acted_at"]).take(pairs["place"].to_arrow()).combine_chunks()
    values = pa.StructArray.from_arrays(
        [taken.column(name).combine_chunks() for name in ("action", "reason", "acted_at")],
        fields=list(ACTIONS.value_type),
    )
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype("<i4")
    return pa.ListArray.from_arrays(pa.array(offsets), values)


def senders(tables: Path, use: str, start: datetime, end: datetime) -> list[str]:
    """Who sent a use's predictions of a time, and the outcomes and actions that may be joined to them; by name.

    Args:
        tables: The folder of the tables.
        use: The use's id.
        start: First moment, with a zone.
        end: First moment no longer in it.
    """
    only = ("use", "prediction_id", "sender")
    said, _ = _scan(tables, EventType.PREDICTION, [use], start.date(), end.date(), corrections=True, only=only)
    found = set(said["sender"].unique().to_pylist())
    for kind in (EventType.OUTCOME, EventType.ACTION):
        first = (start - _BEFORE).date()
        rows, _ = _scan(tables, kind, [use, UNRESOLVED], first, None, corrections=False, only=only)
        theirs = pc.or_(pc.equal(rows["use"], use), pc.is_in(rows["prediction_id"], said["prediction_id"].unique()))
        found |= set(rows.filter(theirs)["sender"].unique().to_pylist())
    return sorted(found)
