"""No other room opens a connection: the contract names them all, and the code is read for the rest."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "codman"
OWN = {"egress", "client"}  # the client runs on machines that have no house
# names of the standard library and of ours by which something could be fetched; `urllib.parse` and `http` are harmless
CALLING = {
    "urllib.request",
    "http.client",
    "xmlrpc.client",
    "imaplib",
    "poplib",
    "telnetlib",
    "nntplib",
    "urlopen",
    "urlretrieve",
    "open_connection",
    "create_connection",
    "open_unix_connection",
    "start_tls",
}


def test_the_contract_names_every_room_but_the_two_that_call():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (contract,) = [c for c in contracts if c["name"].startswith("One way out")]
    rooms = {p.name for p in SOURCE.iterdir() if (p / "__init__.py").exists()} | {"wiring"}

    assert {m.removeprefix("codman.") for m in contract["source_modules"]} == rooms - OWN
    assert contract["ignore_imports"] == ["codman.cli.serving -> socket"]  # it listens


def words(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {
                node.module or "",
                *(f"{node.module}.{a.name}" for a in node.names),
                *(a.name for a in node.names),
            }
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Name):
            found.add(node.id)
    return found


def test_no_other_room_names_what_could_fetch_something():
    calling = {
        str(path.relative_to(SOURCE)): words(ast.parse(path.read_text())) & CALLING
        for path in SOURCE.rglob("*.py")
        if path.relative_to(SOURCE).parts[0] not in OWN
    }

    assert {path: named for path, named in calling.items() if named} == {}
    assert words(ast.parse("from urllib.request import urlopen\nimport http.client")) >= {"urlopen", "http.client"}


def test_nothing_but_the_guarded_client_makes_an_httpx_client_here():
    made = [
        str(path.relative_to(SOURCE))
        for path in (SOURCE / "egress").rglob("*.py")
        if {"Client", "HTTPTransport", "AsyncClient"} & words(ast.parse(path.read_text()))
    ]

    assert made == ["egress/client.py"]
