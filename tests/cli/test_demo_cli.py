"""`codman demo` tells its story, loads its hospital once, and lets anybody look around in any role."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode

import pytest

from codman.errors import BadInput
from codman.flows.demo.showing import NotTheDemo, demo_house
from codman.flows.house import House
from codman.settings import read_settings
from codman.spine.person import Role
from codman.wiring import open_house

COMMAND = [sys.executable, "-c", "from codman.cli.main import main; main()", "demo", "--small", "--out", "demo-output"]
# a database that must not be touched: the demo's own file is used whatever the environment names
ELSEWHERE = {"CODMAN_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/production"}
STORY = ("predictions.parquet", "criteria.dsse.json", "evaluation.dsse.json", "report.html", "report.pdf")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A folder in which `codman demo --no-serve` has run."""
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        [*COMMAND, "--no-serve"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **ELSEWHERE},
    )
    return folder, done


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """The demo run again and serving: its address, and what it says on standard error."""
    process = subprocess.Popen(
        [*COMMAND, "--port", "0"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **ELSEWHERE},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    heard: list[str] = []
    listener = threading.Thread(target=heard.extend, args=(process.stderr,))
    listener.start()
    try:
        line = next(line for line in process.stdout if "answers at" in line)
        yield line.partition("answers at ")[2].partition("/sign-in")[0], heard
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        listener.join()
        process.stdout.close()
        process.stderr.close()


def test_the_story_and_the_hospital_are_left_in_the_folder(told: tuple[Path, subprocess.CompletedProcess[str]]):
    folder, done = told

    assert done.returncode == 0, done.stderr
    assert "Together: not-met" in done.stdout
    assert "codman serve --workspace" in done.stdout
    for name in STORY:
        assert (folder / "demo-output" / name).stat().st_size
    assert (folder / "demo-output" / "hospital" / "codman.db").is_file()
    assert not (folder / "demo-output" / "hospital.partial").exists()


def test_a_second_demo_uses_the_hospital_again_and_serves_it_read_only_in_every_role(
    told: tuple[Path, subprocess.CompletedProcess[str]],
):
    folder, _ = told
    book = folder / "demo-output" / "hospital" / "keys" / "log.pub"
    before = book.read_bytes()

    with served(folder) as (address, heard):
        for role in Role:
            opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
            opener.addheaders = [("Origin", address)]
            opener.open(f"{address}/sign-in/demo", urlencode({"role": role.value}).encode())
            page = opener.open(f"{address}/inventory").read().decode()
            assert "Sepsis early warning" in page
            for form in ("/products/new", "/vendors/new", "/uses/new", "/sites/new"):
                with pytest.raises(urllib.error.HTTPError) as refused:
                    opener.open(f"{address}{form}", urlencode({"name": "x"}).encode())
                assert refused.value.code == 403
    assert any("used again" in line for line in heard)
    assert book.read_bytes() == before


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path):
    def open_at(folder: Path) -> House:
        return open_house(read_settings(workspace=folder, database_url=f"sqlite:///{folder / 'codman.db'}"))

    today = datetime.now(UTC).date()
    (tmp_path / "hospital").mkdir()
    (tmp_path / "hospital" / "letter.txt").write_text("mine")
    with pytest.raises(NotTheDemo):
        demo_house(tmp_path / "hospital", open_at, lambda _: None, until=today, small=True)
    assert [path.name for path in (tmp_path / "hospital").iterdir()] == ["letter.txt"]

    open_at(tmp_path / "real").close()
    with pytest.raises(NotTheDemo):
        demo_house(tmp_path / "real", open_at, lambda _: None, until=today, small=True)


def test_a_demo_that_was_interrupted_starts_afresh(tmp_path: Path):
    class Interrupted(BadInput):
        """Somebody pressed Ctrl+C."""

    def open_at(folder: Path) -> House:
        return open_house(read_settings(workspace=folder, database_url=f"sqlite:///{folder / 'codman.db'}"))

    def stop(_sentence: str) -> None:
        raise Interrupted(what="", why="", fix="")

    today, folder = datetime.now(UTC).date(), tmp_path / "hospital"
    with pytest.raises(Interrupted):
        demo_house(folder, open_at, stop, until=today, small=True)
    assert not folder.exists()

    house = demo_house(folder, open_at, lambda _: None, until=today, small=True)
    house.close()
    assert [path.name for path in tmp_path.iterdir()] == ["hospital"]
