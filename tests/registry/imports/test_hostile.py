"""Files made to break who reads them: one clear error, soon, in bounded memory, and nothing left behind."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from openpyxl import Workbook

from codman.registry.imports.mapping import BadMapping, read_mapping
from codman.registry.imports.reading import read_bytes
from codman.registry.imports.table import UnreadableList

MOST_MEMORY = 512 << 20
MOST_SECONDS = 60  # of the processor: the machine may be busy with other things
CARD = b'<AppliedModelCard xmlns="https://mc.chai.org/v0.2/schema.xsd">'


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    err: str
    seconds: float
    memory: int


# The peak is asked of the process itself: what the system counts for it begins at its parent's
MEASURED = """
import atexit, pathlib, re
def keep():
    status = pathlib.Path("/proc/self/status").read_text()
    pathlib.Path("peak").write_text(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1])
atexit.register(keep)
from codman.cli.main import main
main()
"""


def command(folder: Path, *arguments: object) -> Ended:
    """Run the command line in a process of its own, to measure what it takes."""
    line = [sys.executable, "-c", MEASURED, "inventory", *map(str, arguments), "--workspace", "w"]
    before = os.times()
    done = subprocess.run(line, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=300, check=False)
    after = os.times()
    seconds = after.children_user + after.children_system - before.children_user - before.children_system
    peak = int((folder / "peak").read_text()) << 10
    (folder / "peak").unlink()
    return Ended(done.returncode, done.stderr.decode(), seconds, peak)


def zipped(*parts: tuple[str, Callable[[], object]]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, chunks in parts:
            with archive.open(name, "w", force_zip64=True) as part:
                for chunk in chunks():
                    part.write(chunk)
    return out.getvalue()


def workbook_with(sheet: Callable[[], object], part: str = "xl/worksheets/sheet1.xml") -> bytes:
    """A sound workbook with one part of it replaced."""
    plain = io.BytesIO()
    book = Workbook()
    book.active.append(["Name", "Stage"])
    book.active.append(["A", "Live"])
    book.save(plain)
    with zipfile.ZipFile(plain) as archive:
        kept = {i.filename: archive.read(i) for i in archive.infolist() if i.filename != part}
    return zipped((part, sheet), *((name, lambda body=body: [body]) for name, body in kept.items()))


SHEET = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
DOCTYPE = b'<!DOCTYPE a [<!ENTITY b "' + b"x" * 1000 + b'"><!ENTITY c "' + b"&b;" * 1000 + b'">]>'


def bomb():
    return [SHEET, *([b" " * (1 << 20)] * 300)]


def wide():
    return [SHEET, b"<row>", *([b"<c/>" * 100_000] * 10), b"</row></sheetData></worksheet>"]


def far():
    return [SHEET, *(b'<row><c r="XFD%d"><v>1</v></c></row>' % k for k in range(1, 5000)), b"</sheetData></worksheet>"]


def styles():
    return [b"<styleSheet><cellXfs>", *([b"<xf/>" * 100_000] * 30), b"</cellXfs></styleSheet>"]


def entities():
    return [DOCTYPE, b"<worksheet>&c;</worksheet>"]


FILES: dict[str, Callable[[], bytes]] = {
    "bomb.xlsx": lambda: workbook_with(bomb),
    "wide.xlsx": lambda: workbook_with(wide),
    "far.xlsx": lambda: workbook_with(far),
    "styles.xlsx": lambda: workbook_with(styles, "xl/styles.xml"),
    "entities.xlsx": lambda: workbook_with(entities),
    "laughs.xml": lambda: DOCTYPE + b"<AppliedModelCard>&c;</AppliedModelCard>",
    "outside.xml": lambda: (
        b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><AppliedModelCard>&b;</AppliedModelCard>'
    ),
    "large.xml": lambda: CARD + b"<a/>" * 2_000_000 + b"</AppliedModelCard>",
    "deep.xml": lambda: CARD + b"<a>" * 100_000 + b"x" + b"</a>" * 100_000 + b"</AppliedModelCard>",
    "deep.json": lambda: b"[" * 100_000 + b"]" * 100_000,
    "deep-objects.json": lambda: b'[{"a":' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}]",
    "many.json": lambda: b"[" + b"{}," * 8_000_000 + b"{}]",
    "integer.json": lambda: b'[{"name": ' + b"9" * 1_000_000 + b"}]",
    "nul.csv": lambda: b"Name,Stage\nA\0,Live\n",
    "one-line.csv": lambda: b"a," * (100 << 20),
    "one-cell.csv": lambda: b"a" * (30 << 20),
    "one-record.csv": lambda: b'"\n",' * 8_000_000,
    "short-lines.csv": lambda: b"a\n" * (30 << 20),
    "columns.csv": lambda: b",".join(b"c%d" % k for k in range(5000)) + b"\n" + b"x," * 4999 + b"x\n",
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.skipif(sys.platform != "linux", reason="reads a process's peak as Linux tells it")
def test_a_hostile_file_ends_in_one_error_soon_and_leaves_nothing(tmp_path, name, figure):
    (tmp_path / name).write_bytes(FILES[name]())

    ended = command(tmp_path, "import", name)

    figure(file=name, seconds=ended.seconds, mib=ended.memory >> 20)
    assert ended.code == 2, ended.err[-2000:]
    assert "Traceback" not in ended.err
    assert ended.err.count("fix: ") == 1
    assert ended.seconds < MOST_SECONDS
    assert ended.memory < MOST_MEMORY, f"{ended.memory >> 20} MiB"
    assert [path.name for path in tmp_path.iterdir() if path.name != "w"] == [name]


@pytest.mark.skipif(sys.platform != "linux", reason="reads a process's peak as Linux tells it")
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path):
    (tmp_path / "folder.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    started = time.monotonic()
    for given in ("folder.csv", "pipe.csv", "/dev/zero", "../../etc/nothing.csv", "x" * 5000):
        ended = command(tmp_path, "import", given)
        assert (ended.code, ended.err.count("fix: ")) == (2, 1), ended.err
    ended = command(tmp_path, "import", "pipe.csv", "--mapping", "pipe.csv")
    assert ended.code == 2

    assert time.monotonic() - started < 300
    assert not (tmp_path / "w").exists()


LAUGHS = "a: &a {k: v}\n" + "".join(
    f"{b}: &{b} {{<<: [{', '.join(['*' + a] * 10)}]}}\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "text",
    [
        LAUGHS,
        "mapping: x\nfields: &f {use.name: {column: Name}}\nfacts: *f\n",
        "mapping: !!python/object/apply:os.system ['true']\nfields: {}\n",
        "mapping: x\nfields: {use.name: {column: Name}}\nunknown: 1\n",
        "mapping: ../../etc/passwd\nfields: {use.name: {column: Name}}\n",
        "mapping: " + "9" * 10_000 + "\n",
        "[" * 100_000,
        "x" * (2 << 20),
        "a: b: c",
        "",
    ],
    ids=["laughs", "anchor", "python", "unknown key", "path", "integer", "deep", "large", "no yaml", "empty"],
)
def test_a_hostile_mapping_is_refused_with_a_reason(tmp_path, text):
    (tmp_path / "m.yaml").write_text(text)
    started = time.process_time()

    with pytest.raises(BadMapping):
        read_mapping(tmp_path / "m.yaml")

    assert time.process_time() - started < MOST_SECONDS


def test_a_mapping_that_is_a_pipe_or_a_device_is_refused(tmp_path):
    os.mkfifo(tmp_path / "m.yaml")
    for path in (tmp_path / "m.yaml", Path("/dev/zero"), tmp_path, Path("a\0b")):
        with pytest.raises(BadMapping):
            read_mapping(path)


def test_an_encrypted_or_unknown_compression_is_refused():
    sound = bytearray(zipped(("xl/workbook.xml", lambda: [b"<workbook/>"])))
    for at, value in ((6, 1), (8, 99)):
        body = bytearray(sound)
        body[at] = value
        central = body.index(b"PK\x01\x02")
        body[central + at + 2] = value
        with pytest.raises(UnreadableList, match="no whole XLSX"):
            read_bytes(bytes(body), "x.xlsx")


def test_rows_whose_formulas_have_no_value_are_named():
    book = Workbook()
    for row in (["Name", "Stage"], ["A", "Live"], ["B", "=1+1"], ["=C", "=D"]):
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)

    table = read_bytes(out.getvalue(), "x.xlsx")

    assert [row for row, _ in table.row_notes] == [3, 4]
    assert all("formula without a value" in why for _, why in table.row_notes)
