"""What every room's tests share: the folder of real data, and a way to run the command line."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import zlib
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).resolve().parent))
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the workers share the cores already; before numpy is loaded
import postgresql_server
import room
from migrated import TEMPLATE, copies_of_a_migrated_book, keep_sqlite_steps
from skips import in_ci_it_fails

room.use_memory()
WHOLE = os.environ.get("CODMAN_SOAK") == "1"  # `make soak`: everything at full length
ROOT = Path(__file__).resolve().parent.parent
DATABASES: list[tuple[str, str]] = []  # servers and names, the oldest first
KEEP_THE_BOOK = {"registry", "jobs"}  # rooms of SQL alone

# A deadline would judge how busy the machine is. In CI the examples are the same each time.
quiet = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]}
settings.register_profile("quick", max_examples=50, derandomize=bool(os.environ.get("CI")), **quiet)
settings.register_profile("whole", max_examples=5000, **quiet)
settings.load_profile("whole" if WHOLE else "quick")


if os.environ.get("CI"):

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
        return in_ci_it_fails((yield))

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        return in_ci_it_fails((yield))


@pytest.fixture(scope="session", autouse=True)
def steps_run_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A new book on SQLite gets its tables by copy; the first one of a run by the steps."""
    with pytest.MonkeyPatch.context() as patch:
        keep_sqlite_steps(patch, tmp_path_factory.mktemp("migrated"))
        yield


@pytest.fixture(scope="session")
def whole() -> bool:
    """True in `make soak`: tests that are scaled down otherwise run at full length."""
    return WHOLE


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets; the test is skipped where there is none."""
    folder = Path(os.environ.get("CODMAN_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no real data here: set CODMAN_TEST_DATA to its folder")
    return folder


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Keep what a long run measured: one JSON line a figure, in the file that CODMAN_FIGURES names."""

    def keep(**measured: object) -> None:
        if "CODMAN_FIGURES" in os.environ:
            line = json.dumps({"test": request.node.nodeid, "whole": WHOLE, **measured})
            with Path(os.environ["CODMAN_FIGURES"]).open("a", encoding="utf-8") as out:
                out.write(line + "\n")

    return keep


@pytest.fixture
def run_codman(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `codman ARGUMENTS…` as a user would, in a folder of its own."""

    def run(*arguments: object, cwd: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", "from codman.cli.main import main; main()", *map(str, arguments)],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            cwd=cwd,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Callable[..., str]]:
    """Makes a database on a real PostgreSQL server and gives its URL; skipped where none is installed.

    It holds the tables of an empty book, or with `empty=True` nothing at all.
    """
    if postgresql_server.tools() is None:
        pytest.skip("no PostgreSQL here: install the package postgresql")
    import psycopg

    numbers = itertools.count()
    with postgresql_server.running() as server:

        def make(name: str, template: str | None) -> str:
            with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
                like = f" TEMPLATE {template}" if template else ""
                if template and connection.info.server_version >= 15_00_00:
                    like += " STRATEGY file_copy"  # half the time of a copy through the log
                connection.execute(f"CREATE DATABASE {name}{like}")  # type: ignore[arg-type]
            if name != TEMPLATE:
                DATABASES.append((server, name))
            return f"{server}/{name}"

        copy = copies_of_a_migrated_book(make)

        def fresh(*, empty: bool = False) -> str:
            name = f"book{next(numbers)}"
            return make(name, None) if empty else copy(name)

        yield fresh


@pytest.fixture(autouse=True)
def databases_of_one_test() -> Iterator[None]:
    """Those that a test asked for are dropped after it: each is hundreds of files. A module's own are made before."""
    kept = len(DATABASES)
    yield
    for server, name in DATABASES[kept:]:
        import psycopg

        with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[arg-type]
    del DATABASES[kept:]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The rooms that keep the book run every test on both databases, those above it every second one on PostgreSQL.

    Which ones goes by their names. All of them do in `make soak`, and where a test is named by hand.
    """
    if WHOLE or any("::" in one for one in config.args):
        return
    left = [one for one in items if _on_postgresql(one) and zlib.crc32(one.nodeid.split("[")[0].encode()) % 2]
    if left:
        config.hook.pytest_deselected(items=left)
        gone = set(left)
        items[:] = [one for one in items if one not in gone]


def _on_postgresql(item: pytest.Item) -> bool:
    """Whether a test of a room above the book is the one of two that runs on PostgreSQL."""
    asked = getattr(item, "callspec", None)
    room_of_it = item.path.relative_to(ROOT / "tests").parts[0]
    return asked is not None and asked.params.get("database_url") == "postgresql" and room_of_it not in KEEP_THE_BOOK


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with nobody's records, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'book.db'}"
    return str(request.getfixturevalue("postgresql")())
