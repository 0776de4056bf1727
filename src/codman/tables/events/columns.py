"""The columns of events: as they lie in a segment, and as they lie in the Delta tables."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from codman.spine.event import EventType

TIME: Final = pa.timestamp("us", tz="UTC")
NUMBERS: Final = pa.map_(pa.string(), pa.float64())
LEVELS: Final = pa.map_(pa.string(), pa.string())

_IDENTITY: Final = [pa.field("source", pa.string(), nullable=False), pa.field("id", pa.string(), nullable=False)]

# what a sender says, in the order the digest of an event takes them: a new column is a new kind of frame
SAID: Final[dict[EventType, list[pa.Field]]] = {
    EventType.PREDICTION: [
        pa.field("replaces", pa.string()),
        pa.field("prediction_id", pa.string(), nullable=False),
        pa.field("use", pa.string(), nullable=False),
        pa.field("version", pa.string(), nullable=False),
        pa.field("subject", pa.string(), nullable=False),
        pa.field("encounter", pa.string()),
        pa.field("predicted_at", TIME, nullable=False),
        pa.field("score", pa.float64(), nullable=False),
        pa.field("numbers", NUMBERS),
        pa.field("levels", LEVELS),
        pa.field("features_digest", pa.string()),
        pa.field("shown", pa.bool_()),
        pa.field("latency_ms", pa.float64()),
    ],
    EventType.OUTCOME: [
        pa.field("replaces", pa.string()),
        pa.field("prediction_id", pa.string()),
        pa.field("use", pa.string()),
        pa.field("subject", pa.string()),
        pa.field("label", pa.float64()),
        pa.field("label_class", pa.string()),
        pa.field("occurred_at", TIME, nullable=False),
        pa.field("observed_at", TIME, nullable=False),
    ],
    EventType.ACTION: [
        pa.field("replaces", pa.string()),
        pa.field("prediction_id", pa.string(), nullable=False),
        pa.field("use", pa.string()),
        pa.field("action", pa.string(), nullable=False),
        pa.field("reason", pa.string()),
        pa.field("acted_at", TIME, nullable=False),
    ],
}
WHEN: Final = {  # the column whose day a table is divided by
    EventType.PREDICTION: "predicted_at",
    EventType.OUTCOME: "observed_at",
    EventType.ACTION: "acted_at",
}
TABLE: Final = {
    EventType.PREDICTION: "predictions",
    EventType.OUTCOME: "outcomes",
    EventType.ACTION: "actions",
}
UNRESOLVED: Final = "-"  # the use of an outcome that names its prediction alone; no use has this name

# a segment's rows: the identity, what was said, and the digest of what was said
ROWS: Final[dict[EventType, pa.Schema]] = {
    kind: pa.schema([*_IDENTITY, *said, pa.field("digest", pa.int64(), nullable=False)]) for kind, said in SAID.items()
}
# a table's rows: those of a segment, with who sent it, when it was taken, and its place in the order of taking
KEPT: Final[dict[EventType, pa.Schema]] = {
    kind: pa.schema(
        [
            *rows,
            pa.field("sender", pa.string(), nullable=False),
            pa.field("received_at", TIME, nullable=False),
            pa.field("sequence", pa.int64(), nullable=False),
            pa.field("day", pa.date32(), nullable=False),
        ]
    )
    for kind, rows in ROWS.items()
}
