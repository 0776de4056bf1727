"""Events over HTTP at the rate they must be taken: Arrow batches, then JSON, with pages looked at meanwhile.

    python -m bench.ingest [--seconds 600] [--rate 20000] [--rows 2000] [--json-rate 3000] [--json-batch 100]
                           [--features 10] [--senders 4] [--keep FOLDER]

A real server in a process of its own, its client here, so that both share the machine's cores. Prints the rate, how
long an answer took (an answer says: on the disk), the server's memory over the time, how long pages took, and the
files the tables are in. Exit 1 where a goal is missed: the rate, 250 ms for 99 of 100 answers, 300 ms for pages.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from codman.registry.accounts_sessions import open_session
from codman.registry.accounts_tokens import issue
from codman.registry.log import SYSTEM
from codman.registry.nouns import GRANTS, PEOPLE, PRODUCTS, USES
from codman.settings import read_settings
from codman.web.session import session_cookie
from codman.wiring import open_house

ANSWER_MS, PAGE_MS = 250, 300
PAGES = ("/", "/inventory", "/uses/bench-use", "/api/v1/uses")
ARROW, BATCH = "application/vnd.apache.arrow.stream", "application/cloudevents-batch+json"


@dataclass
class Took:
    """What was measured."""

    answers: list[float] = field(default_factory=list)
    accepted: int = 0
    refused: int = 0
    put_off: int = 0
    seconds: float = 0.0


def furnish(workspace: Path) -> tuple[str, dict[str, str]]:
    """A house with a use, an officer's token, and a session for its pages."""
    house = open_house(read_settings(workspace=workspace))
    now = house.database.clock()
    with house.database.changing(SYSTEM) as change:
        PEOPLE.add(change, PEOPLE.validated({"name": "Officer", "email": "o@hospital.test"}), "officer")
        GRANTS.add(change, GRANTS.validated({"person": "officer", "role": "officer"}))
        PRODUCTS.add(change, PRODUCTS.validated({"name": "Sepsis score", "kind": "built"}), "bench-product")
        USES.add(change, USES.validated({"product": "bench-product", "name": "Sepsis"}), "bench-use")
        token = issue(change, "officer", ["*"], now, days=2, name="bench").secret
        session = open_session(change, "officer", "password", house.settings, now).token
    cookie = {session_cookie(house.settings): session}
    house.close()
    return token, cookie


def serve(workspace: Path) -> tuple[subprocess.Popen[str], str]:
    """A server on it, and its address."""
    log = (workspace / "server.log").open("w")
    server = subprocess.Popen(
        [sys.executable, "-c", "from codman.cli.main import main; main()", "serve", "--port", "0",
         "--workspace", str(workspace)],
        stderr=log, text=True,
    )  # fmt: skip
    for _ in range(600):
        time.sleep(0.1)
        said = (workspace / "server.log").read_text()
        if "answers at " in said:
            return server, said.split("answers at ")[1].split()[0]
    raise SystemExit("the server did not start")


class Tables:
    """Tables of predictions, each with ids of its own; made of columns, so that making them costs little."""

    def __init__(self, rows: int, features: int) -> None:
        rng = np.random.default_rng(1)
        self.rows, self._rng = rows, rng
        names = [f"lab_{at}" for at in range(features)]
        values = [pa.array(rng.normal(size=rows)) for _ in names]
        self._features = pa.StructArray.from_arrays(
            [*values, pa.array(rng.choice(["F", "M"], rows))], names=[*names, "sex"]
        )
        self._number = pa.array([f"{at:06d}" for at in range(rows)])
        self._subject = pa.array([f"s-{at % 977:05d}x" for at in range(rows)])
        self._first = datetime.now(UTC) - timedelta(hours=1)

    def stream(self, run: str) -> bytes:
        """One table as an Arrow stream."""
        n = self.rows
        prefix = pa.repeat(pa.scalar(f"{run}-"), n)
        names = pc.binary_join_element_wise(prefix, self._number, "")
        start = np.datetime64(self._first.replace(tzinfo=None), "us")
        times = pa.array(start + np.arange(n).astype("m8[ms]"), pa.timestamp("us")).cast(pa.timestamp("us", "UTC"))
        table = pa.table(
            {
                "id": names,
                "prediction_id": names,
                "use": pa.repeat("bench-use", n),
                "version": pa.repeat("1.0", n),
                "subject": self._subject,
                "predicted_at": times,
                "score": self._rng.random(n),
                "features": self._features,
                "shown": pa.repeat(True, n),
            }
        ).replace_schema_metadata({"source": "bench", "type": "dev.codman.prediction.v1"})
        out = io.BytesIO()
        with pa.ipc.new_stream(out, table.schema) as writer:
            writer.write_table(table)
        return out.getvalue()


def batch(run: str, size: int) -> bytes:
    """Events as JSON."""
    at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    events = [
        {
            "specversion": "1.0",
            "type": "dev.codman.prediction.v1",
            "source": "bench-json",
            "id": f"{run}-{number}",
            "data": {
                "prediction_id": f"{run}-{number}",
                "use": "bench-use",
                "version": "1.0",
                "subject": f"s-{number % 977:05d}x",
                "predicted_at": at,
                "score": 0.25,
                "features": {"lactate": 1.2, "age": 71, "heart_rate": 88, "sex": "F"},
            },
        }
        for number in range(size)
    ]
    return json.dumps(events).encode()


def send(address: str, token: str, media: str, make: Any, size: int, rate: float, seconds: float, senders: int) -> Took:
    """Send at a rate from some threads, each at its own times, whether or not the last answer was slow."""
    took = Took()
    lock = threading.Lock()
    began = time.perf_counter()

    def one(sender: int) -> None:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": media}
        pause = size * senders / rate
        due = began + pause * sender / senders
        number = 0
        with httpx.Client(base_url=address, headers=headers, timeout=60) as client:
            while due < began + seconds:
                body = make(f"{os.getpid()}-{sender}-{number}")
                number += 1
                time.sleep(max(0.0, due - time.perf_counter()))
                while True:
                    asked = time.perf_counter()
                    reply = client.post("/api/v1/events", content=body)
                    spent = time.perf_counter() - asked
                    if reply.status_code != 429:
                        break
                    with lock:
                        took.put_off += 1
                    time.sleep(float(reply.headers.get("Retry-After", "1")))
                reply.raise_for_status()
                answer = reply.json()
                with lock:
                    took.answers.append(spent)
                    took.accepted += answer["accepted"]
                    took.refused += len(answer["refused"])
                due += pause

    threads = [threading.Thread(target=one, args=(sender,)) for sender in range(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took.seconds = time.perf_counter() - began
    return took


def memory(pid: int) -> dict[str, int]:
    """A process's memory in MiB: all, and of its own."""
    found = {}
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in ("VmRSS", "RssAnon"):
            found[name] = int(rest.split()[0]) // 1024
    return found


def processor_seconds(pid: int) -> float:
    """How long a process has had a processor: what other programs do does not lengthen it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def watch(address: str, token: str, cookie: dict[str, str], pid: int, end: threading.Event) -> tuple[Any, Any]:
    """Look at a page twice a second, and at the memory; lists that fill until the event."""
    pages: list[float] = []
    held: list[dict[str, int]] = []

    def look() -> None:
        headers = {"Authorization": f"Bearer {token}"}
        number = 0
        with httpx.Client(base_url=address, cookies=cookie, timeout=60) as client:
            while not end.wait(0.5):
                page = PAGES[number % len(PAGES)]
                number += 1
                asked = time.perf_counter()
                reply = client.get(page, headers=headers if page.startswith("/api") else {})
                pages.append(time.perf_counter() - asked)
                reply.raise_for_status()
                held.append(memory(pid))

    thread = threading.Thread(target=look)
    thread.start()
    return (pages, held), thread


def table_files(workspace: Path) -> tuple[int, float, int]:
    """Files a partition of the predictions, their MiB, and segments still to be moved."""
    import deltalake

    table = deltalake.DeltaTable(str(workspace / "tables" / "events" / "predictions"))
    size = sum((workspace / "tables/events/predictions" / path).stat().st_size for path in _paths(table))
    partitions = {Path(path).parent for path in _paths(table)}
    segments = len(list((workspace / "events" / "segments").iterdir()))
    return len(_paths(table)) // max(1, len(partitions)), size / 2**20, segments


def _paths(table: Any) -> list[str]:
    return list(pa.RecordBatchReader.from_stream(table.get_add_actions(flatten=True)).read_all()["path"].to_pylist())


def report(
    name: str, took: Took, wanted: float, pages: list[float], held: list[dict[str, int]], work: tuple[float, float]
) -> bool:
    """Print one leg; whether it kept every goal."""
    answers, looked = np.array(took.answers) * 1000, np.array(pages) * 1000
    rate = took.accepted / took.seconds
    p50, p99 = np.quantile(answers, [0.5, 0.99])
    page_p99 = float(np.quantile(looked, 0.99)) if len(looked) else 0.0
    quarter = max(1, len(held) // 4)
    early, late = (
        np.median([one["RssAnon"] for one in part]) for part in (held[quarter : 2 * quarter], held[-quarter:])
    )
    print(
        f"| {name} | {rate:,.0f} | {p50:.0f} | {p99:.0f} | {answers.max():.0f} | {took.put_off} | {took.refused} "
        f"| {np.median(looked):.0f} | {page_p99:.0f} | {early:.0f} | {late:.0f} | {held[-1]['VmRSS']} "
        f"| {work[0] / took.accepted * 1e6:.0f} | {work[1] / took.accepted * 1e6:.0f} |",
        flush=True,
    )
    return rate > 0.98 * wanted and p99 < ANSWER_MS and page_p99 < PAGE_MS


def main() -> int:
    """Run both legs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--rate", type=float, default=20_000)
    parser.add_argument("--rows", type=int, default=2_000)
    parser.add_argument("--json-rate", type=float, default=3_000)
    parser.add_argument("--json-batch", type=int, default=100)
    parser.add_argument("--features", type=int, default=10)
    parser.add_argument("--senders", type=int, default=4)
    parser.add_argument("--keep", type=Path)
    asked = parser.parse_args()
    workspace = asked.keep or Path(tempfile.mkdtemp(prefix="ingest-"))
    token, cookie = furnish(workspace)
    server, address = serve(workspace)
    good = True
    print("| sent as | events/s | answer p50 ms | p99 | max | put off | refused | page p50 ms | p99 | own MiB early "
          "| late | RSS | server's work us/event | client's |\n| --- |" + " ---: |" * 13)  # fmt: skip
    try:
        tables = Tables(asked.rows, asked.features)
        legs = (
            ("Arrow", ARROW, tables.stream, asked.rows, asked.rate),
            ("JSON", BATCH, lambda run: batch(run, asked.json_batch), asked.json_batch, asked.json_rate),
        )
        for name, media, make, size, rate in legs:
            if not rate:
                continue
            end = threading.Event()
            (pages, held), looking = watch(address, token, cookie, server.pid, end)
            before = processor_seconds(server.pid), time.process_time()
            took = send(address, token, media, make, size, rate, asked.seconds, asked.senders)
            end.set()
            looking.join()
            work = processor_seconds(server.pid) - before[0], time.process_time() - before[1]
            good &= report(name, took, rate, pages, held, work)
        time.sleep(12)  # a round or two: what is in segments goes into the tables
        files, size, segments = table_files(workspace)
        print(f"\n{files} files a partition, {size:.0f} MiB in all; {segments} segments not yet moved")
    finally:
        server.terminate()
        server.wait(timeout=60)
        if asked.keep is None:
            shutil.rmtree(workspace, ignore_errors=True)
    print("every goal kept" if good else "A GOAL WAS MISSED")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
