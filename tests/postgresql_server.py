"""A real PostgreSQL server for the tests, on a free port of loopback, gone when they end."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import room
from waiting import until

_SECONDS = 30
_PREFIX = "codman-postgresql-"


def tools() -> tuple[str, str] | None:
    """`initdb` and `postgres`, wherever this machine keeps them."""
    folders = [None, *sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    for folder in folders:
        found = [shutil.which(name, path=None if folder is None else str(folder)) for name in ("initdb", "postgres")]
        if all(found):
            return str(found[0]), str(found[1])
    return None


@contextmanager
def running() -> Iterator[str]:
    """Start a server; gives its URL without a database's name."""
    found = tools()
    assert found is not None
    initdb, postgres = found
    nobody = pwd.getpwnam("nobody")
    # it refuses to run as root, so there it runs as nobody
    who = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []} if os.getuid() == 0 else {}
    _sweep()
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=room.folder()))
    try:
        (folder / "password").write_text("secret")
        if who:
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
            os.chown(folder / "password", nobody.pw_uid, nobody.pw_gid)
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"}
        start = {"cwd": folder, "env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **who}
        data = folder / "data"
        arguments = ["--auth=scram-sha-256", f"--pwfile={folder / 'password'}", "-E", "UTF8", "--locale=C", "--no-sync"]
        subprocess.run([initdb, "-D", str(data), "-U", "codman", *arguments], check=True, **start)  # type: ignore[call-overload]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        settings = ["fsync=off", "full_page_writes=off", "max_connections=120"]
        options = ["-p", str(port), "-h", "127.0.0.1", "-k", "", *(part for one in settings for part in ("-c", one))]
        server = subprocess.Popen([postgres, "-D", str(data), *options], **start)  # type: ignore[call-overload]
        try:
            _wait(port)
            yield f"postgresql://codman:secret@127.0.0.1:{port}"
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(timeout=_SECONDS)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep() -> None:
    """Remove what runs that were killed have left: their servers are gone, their gigabytes are not."""
    for folder in room.folder().glob(f"{_PREFIX}*"):
        with suppress(OSError, ValueError):
            # while initdb runs, its number stands there below zero
            process = abs(int((folder / "data" / "postmaster.pid").read_text().split()[0]))
            if not Path(f"/proc/{process}").exists():
                shutil.rmtree(folder, ignore_errors=True)


def _wait(port: int) -> None:
    import psycopg

    def answers() -> bool:
        try:
            psycopg.connect(f"postgresql://codman:secret@127.0.0.1:{port}/postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    until(answers, within=_SECONDS)
