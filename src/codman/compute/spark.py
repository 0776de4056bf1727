"""OnSpark: a job on Apache Spark, through Arrow batches (`mapInArrow`); also under Spark Connect and in Databricks.

Spark pickles a job and its parts to its own workers: that is how it ships any Python function, and nothing that comes
from outside is unpickled. What comes back are the bytes that the job's `write` made, read by its `read`. Codman must be
installed where the workers run.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from codman.compute.map_reduce import Job, Part, S, gathered, summed
from codman.errors import BadInput, CodmanError, MissingExtra, Unreachable

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_REPLY: Final = "result binary, what string, why string, fix string"  # a result, or what a person can act on
_SCHEMA: Final = pa.schema([("result", pa.binary()), *((name, pa.string()) for name in ("what", "why", "fix"))])
_PILES: Final = 8  # into which Spark adds results up before they come back
_ELSEWHERE: Final = (
    "SPARK_REMOTE",
    "DATABRICKS_RUNTIME_VERSION",
    "PYSPARK_GATEWAY_PORT",
)  # a session is set up already
_LOCAL: Final[dict[str, bool | float | int | str | None]] = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.log.level": "ERROR",
    "spark.sql.session.timeZone": "UTC",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


class NoSpark(Unreachable):
    """No Spark session could be had."""

    def __init__(self, why: str) -> None:
        super().__init__(
            what="Spark did not start", why=why, fix="install Java 17 or newer, or run it where a Spark session is"
        )


class SparkFailed(Unreachable):
    """Spark gave a job up."""

    def __init__(self, error: Exception) -> None:
        super().__init__(
            what="Spark gave up",
            why=f"it raised {type(error).__name__}",
            fix="look into Spark's own log; Codman must be installed on its workers, in the same version",
        )


class NotForSpark(BadInput):
    """A table that Spark cannot read."""

    def __init__(self, uri: str, why: str) -> None:
        super().__init__(what=f"Spark cannot read {uri!r}", why=why, fix="give a Delta table or Parquet files")


class OnSpark:
    """A Spark session: the one given, the one that is active, or one of this machine's own cores.

    Raises:
        MissingExtra: pyspark is not installed.
        NoSpark: It did not start.
    """

    def __init__(self, session: SparkSession | None = None) -> None:
        self.session = session or _session()

    def map_reduce(self, rows: Sequence[Part] | DataFrame, job: Job[S]) -> S | None:
        """The job's result over all rows; None where there are none.

        Args:
            rows: A DataFrame, or parts of a table whose folder the workers see: each is read by one of them.
            job: What to do.

        Raises:
            CodmanError: What the job itself raised.
            SparkFailed: Spark did.
        """
        if isinstance(rows, Sequence):
            if not rows:
                return None
            frame = self.session.range(0, len(rows), 1, len(rows))
            mapped = frame.mapInArrow(partial(_of_parts, job, tuple(rows)), _REPLY)
        else:
            mapped = rows.mapInArrow(partial(_of_batches, job), _REPLY)
        if not isinstance(rows, Sequence) or len(rows) > _PILES:
            mapped = mapped.repartition(_PILES).mapInArrow(partial(_of_replies, job), _REPLY)
        return summed((job.read(reply) for reply in _collected(mapped)), job.add)

    def read(self, uri: str, at_version: int | None = None) -> DataFrame:
        """A table at any address that Spark knows: Delta where it has a log, else Parquet.

        Args:
            uri: Such as `s3a://…`, `abfss://…`, `dbfs:/…` or `file:/…`.
            at_version: Of a Delta table; the newest without it.

        Raises:
            NotForSpark: There is no such table, or this Spark reads no Delta tables.
        """
        delta = self._is_there(f"{uri.rstrip('/')}/_delta_log")
        if not delta and at_version is not None:
            raise NotForSpark(uri, "it has no versions: it is no Delta table")
        reader = self.session.read.format("delta" if delta else "parquet")
        if at_version is not None:
            reader = reader.option("versionAsOf", at_version)
        errors = _errors()
        try:
            frame = reader.load(uri)
            frame.schema  # noqa: B018  (under Connect a plan is looked at only now)
        except errors as error:
            why = (
                "this Spark reads no Delta tables (delta-spark is not on its class path)" if delta else "it is no table"
            )
            raise NotForSpark(uri, f"{why}, or it is not there") from error
        return frame

    def digest(self, frame: DataFrame) -> str:
        """sha256, in hex, over the name, size and sha256 of each file that a DataFrame reads.

        Raises:
            NotForSpark: It reads no files.
        """
        files = sorted(frame.inputFiles())
        if not files:
            raise NotForSpark("the DataFrame", "it reads no files, so nothing pins its rows")
        whole = self.session.read.format("binaryFile").load(files).select("path", "length", "content")
        hashed = whole.mapInArrow(_hashed, "file string")
        lines = sorted(row["file"] for row in _ran(hashed))
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def _is_there(self, folder: str) -> bool:
        try:
            self.session.read.format("binaryFile").load(folder).schema  # noqa: B018  (as above)
        except _errors():
            return False
        return True


def _session() -> SparkSession:
    """The active session, one that the surroundings set up, or one of this machine's own cores."""
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise MissingExtra("spark", "pyspark") from error
    active = SparkSession.getActiveSession()
    if active is not None:
        return active
    builder = SparkSession.builder.appName("codman")
    if not any(name in os.environ for name in _ELSEWHERE):
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # else whatever `python3` is here
        builder = builder.master("local[*]").config(map=_LOCAL)
    try:
        session: SparkSession = builder.getOrCreate()
    except _errors() as error:
        raise NoSpark("there is no Java, or no server answered") from error
    return session


def _errors() -> tuple[type[Exception], ...]:
    from pyspark.errors import PySparkException

    try:
        from py4j.protocol import Py4JError
    except ImportError:  # the client of Spark Connect comes without it
        return (PySparkException,)
    return PySparkException, Py4JError


def _of_parts(job: Job[Any], parts: tuple[Part, ...], numbers: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """On a worker: these parts, by their numbers."""
    ours = (parts[number] for batch in numbers for number in batch.column(0).to_pylist())
    return _of_batches(job, (batch for part in ours for batch in part()))


def _of_batches(job: Job[Any], batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """On a worker: the rows of a partition, and one reply."""
    yield from _replied(job, lambda: summed(map(job.map, gathered(batches)), job.add))


def _of_replies(job: Job[Any], replies: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """On a worker: several replies as one."""
    held = [reply for batch in replies for reply in batch.to_pylist()]
    wrong = [reply for reply in held if reply["what"] is not None]
    if wrong:
        yield pa.RecordBatch.from_pylist(wrong[:1], schema=_SCHEMA)
        return
    yield from _replied(job, lambda: summed((job.read(reply["result"]) for reply in held), job.add))


def _replied(job: Job[Any], found: Any) -> Iterator[pa.RecordBatch]:
    reply: dict[str, Any] = dict.fromkeys(_SCHEMA.names)
    try:
        result = found()
        if result is None:
            return
        reply["result"] = job.write(result)
    except CodmanError as error:
        reply |= {"what": error.what, "why": error.why, "fix": error.fix}
    yield pa.RecordBatch.from_pylist([reply], schema=_SCHEMA)


def _hashed(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        lines = [
            f"{row['path'].rpartition('/')[2]}\t{row['length']}\t{hashlib.sha256(row['content']).hexdigest()}\n"
            for row in batch.to_pylist()
        ]
        yield pa.RecordBatch.from_pydict({"file": pa.array(lines, pa.string())})


def _collected(frame: DataFrame) -> Iterator[bytes]:
    for reply in _ran(frame):
        if reply["what"] is not None:
            raise BadInput(what=reply["what"], why=reply["why"], fix=reply["fix"])
        yield bytes(reply["result"])


def _ran(frame: DataFrame) -> list[Any]:
    try:
        return list(frame.collect())
    except _errors() as error:
        raise SparkFailed(error) from error
