"""Keys, submitting and the audit log from the command line, on a book of this machine."""

from __future__ import annotations

import io
import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "flows"))
from book import bare, signed

from codman.evidence.keys import generate, read_signing_key, read_verifying_key
from codman.evidence.receipt import Receipt, verify_receipt
from codman.registry.log import SYSTEM
from codman.registry.nouns import PRODUCTS
from codman.settings import read_settings
from codman.spine.product import ProductFields
from codman.wiring import open_house

SCRIPT = Path(__file__).parents[2] / "docs" / "verify_pack.py"


@pytest.fixture(autouse=True)
def book(tmp_path):
    """A book with nothing in it yet, as `codman serve` begins one."""
    open_house(read_settings(workspace=tmp_path / "w")).close()


@pytest.fixture
def key(tmp_path):
    generate(tmp_path / "ci")
    return read_signing_key(tmp_path / "ci.key")


def test_a_key_is_registered_evidence_is_sent_and_the_receipt_kept_verifies(codman, tmp_path, key):
    (tmp_path / "signed.json").write_bytes(signed(key))
    added = codman("key", "add", "ci.pub", "--owner", "pipeline:nightly", "--origin", "local", "--workspace", "w")
    sent = codman("submit", "signed.json", "--receipt", "receipt.json", "--workspace", "w")
    again = codman("submit", "signed.json", "--format", "json", "--workspace", "w")

    assert (added.code, sent.code, again.code) == (0, 0, 0), added.err + sent.err + again.err
    assert sent.out.startswith("filed  sha256:")
    receipt = Receipt.model_validate_json((tmp_path / "receipt.json").read_bytes())
    verify_receipt(receipt, read_verifying_key(tmp_path / "w" / "keys" / "log.pub"))
    assert json.loads(again.out)[0]["receipt"] == receipt.model_dump()


def test_what_a_statement_names_and_the_book_has_not_is_said_beside_the_receipt(codman, tmp_path):
    house = open_house(read_settings(workspace=tmp_path / "w"))
    with house.database.changing(SYSTEM) as change:
        PRODUCTS.add(change, ProductFields(name="Sepsis alert"), "sepsis")
    house.close()
    (tmp_path / "good.json").write_bytes(bare())

    text = codman("submit", "good.json", "--workspace", "w")
    answer = json.loads(codman("submit", "good.json", "--workspace", "w", "--format", "json").out)[0]

    assert "not in the book, or not once: version '1.2.0', use 'Ward sepsis'; linked when it is" in text.out
    assert answer["linked"] == {"product": "sepsis", "version": None, "use": None}
    assert Receipt.model_validate(answer["receipt"]).digest in text.out


def test_each_file_is_answered_by_itself_and_the_exit_code_says_the_worst(codman, tmp_path, key):
    (tmp_path / "unknown.json").write_bytes(signed(key))
    (tmp_path / "good.json").write_bytes(bare())
    (tmp_path / "none.json").write_bytes(b"{}")

    refused = codman("submit", "unknown.json", "good.json", "--workspace", "w")
    bad = codman("submit", "unknown.json", "none.json", "gone.json", "--format", "json", "--workspace", "w")

    assert refused.code == 1
    assert "no registered key signed these bytes" in refused.err
    assert "good.json" in refused.out
    assert bad.code == 2
    assert [("error" in one) for one in json.loads(bad.out)] == [True, True, True]
    assert codman("submit", "good.json", "--receipt", "good.json", "--workspace", "w").code == 2
    assert (tmp_path / "good.json").read_bytes() == bare()


def test_keys_are_listed_rotated_and_revoked(codman, tmp_path, key):
    assert key.name
    generate(tmp_path / "next")
    base = ("--workspace", "w")
    assert codman("key", "add", "ci.pub", "--owner", "vendor:acme", "--origin", "local", *base).code == 2
    assert codman("key", "add", "ci.pub", "--owner", "nobody", "--origin", "local", *base).code == 2
    assert codman("key", "add", "ci.key", "--owner", "lab:a", "--origin", "attested", *base).code == 2
    assert codman("key", "add", "ci.pub", "--owner", "lab:a", "--origin", "attested", *base).code == 0
    assert codman("key", "add", "ci.pub", "--owner", "lab:a", "--origin", "attested", *base).code == 2
    assert codman("key", "rotate", "ci", "next.pub", *base).code == 0
    assert codman("key", "revoke", "next", "--since", "yesterday", *base).code == 2
    assert codman("key", "revoke", "next", "--since", "2026-11-01T00:00:00Z", "--why", "lost", *base).code == 0
    assert codman("key", "revoke", "gone", *base).code == 2

    listed = codman("key", "list", "--format", "json", *base)
    old, new = json.loads(listed.out)
    assert (old["replaced_by"], old["valid_to"]) == (new["id"], new["valid_from"])
    assert new["revoked_from"] == "2026-11-01T00:00:00.000000Z"
    assert "revoked from 2026-11-01" in codman("key", "list", *base).out


def test_the_log_is_verified_exported_and_an_entry_proven_to_somebody_else(codman, tmp_path):
    (tmp_path / "good.json").write_bytes(bare())
    base = ("--workspace", "w")
    assert codman("audit", "checkpoint", "--out", "kept.txt", *base).code == 0
    digest = json.loads(codman("submit", "good.json", "--format", "json", *base).out)[0]["receipt"]["digest"]

    alone = codman("audit", "verify", *base)
    held = codman("audit", "verify", "--checkpoint", "kept.txt", "--export", "new.txt", "--format", "json", *base)
    pack = codman("audit", "prove", digest, "--since", "kept.txt", "--out", "pack.json", *base)

    assert (alone.code, held.code, pack.code) == (0, 0, 0), alone.err + held.err + pack.err
    assert "not shown: that nothing was cut off" in alone.out
    assert json.loads(held.out)["against"] == 0
    done = subprocess.run(
        [sys.executable, "-I", SCRIPT, "pack.json", "w/keys/log.pub", "--since", "kept.txt"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert codman("audit", "prove", "nonsense", *base).code == 2
    assert codman("audit", "prove", "99", *base).code == 2
    (tmp_path / "other").mkdir()
    open_house(read_settings(workspace=tmp_path / "other")).close()
    assert codman("audit", "verify", "--checkpoint", "new.txt", "--workspace", "other").code == 1


def test_a_house_is_backed_up_and_goes_on_elsewhere(codman, tmp_path, monkeypatch):
    def typed() -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO("five random words are enough\n"))

    (tmp_path / "good.json").write_bytes(bare())
    assert codman("submit", "good.json", "--workspace", "w").code == 0
    typed()
    made = codman("backup", "--out", "b.tar", "--workspace", "w", "--with-keys", "--format", "json")
    typed()
    sealed = ("--key", "w/keys/log.pub", "--with-keys", "--passphrase-stdin")
    back = codman("restore", "b.tar", "--workspace", "v", *sealed)
    over = codman("restore", "b.tar", "--workspace", "v")
    (tmp_path / "b.tar").write_bytes((tmp_path / "b.tar").read_bytes() + b"x")
    bad = codman("restore", "b.tar", "--workspace", "u")

    assert (made.code, back.code, over.code, bad.code) == (0, 0, 2, 1), made.err + back.err + over.err
    assert json.loads(made.out)["statements"] == 1
    assert json.loads(codman("audit", "verify", "--workspace", "v", "--format", "json").out)["statements"] == 1
    assert "never restored over" in over.err
    assert not (tmp_path / "u").exists()


def test_an_earlier_backup_is_replaced_only_where_that_is_said(codman, tmp_path):
    assert codman("backup", "--out", "b.tar", "--workspace", "w").code == 0
    earlier = (tmp_path / "b.tar").read_bytes()

    refused = codman("backup", "--out", "b.tar", "--workspace", "w")
    kept = (tmp_path / "b.tar").read_bytes()
    replaced = codman("backup", "--out", "b.tar", "--workspace", "w", "--replace")

    assert (refused.code, replaced.code) == (2, 0)
    assert "b.tar is there already" in refused.err
    assert kept == earlier != (tmp_path / "b.tar").read_bytes()


def test_a_promise_is_sent_with_its_receipt_when_it_is_made(codman, tmp_path, key):
    assert key.name
    (tmp_path / "policy.yaml").write_text(
        "policy: p\nedition: 2026-11\ncheckpoint: validation\nrequires:\n"
        "  - id: r\n    title: t\n    evidence: evaluation\n    measurement: {metric: auroc, at_least: 0.6}\n"
    )
    base = ("--workspace", "w")
    codman("key", "add", "ci.pub", "--owner", "pipeline:nightly", "--origin", "local", *base)

    done = codman("policy", "commit", "policy.yaml", "--key", "ci.key", "--out", "c.json", "--receipt", "r.json", *base)

    assert done.code == 0, done.err
    receipt = Receipt.model_validate_json((tmp_path / "r.json").read_bytes())
    verify_receipt(receipt, read_verifying_key(tmp_path / "w" / "keys" / "log.pub"))
    assert json.loads(receipt.entry)["after"]["kind"] == "criteria"
    bad = codman("policy", "commit", "policy.yaml", "--key", "ci.key", "--out", "c.json", "--receipt", "c.json")
    assert bad.code == 2


def test_a_server_that_does_not_answer_is_exit_4(codman, tmp_path):
    (tmp_path / "good.json").write_bytes(bare())
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]

    said = codman("submit", "good.json", "--server", f"http://127.0.0.1:{port}", "--token", "secret-token")

    assert said.code == 4
    assert "does not answer" in said.err
    assert "secret-token" not in said.err


@pytest.mark.parametrize(
    "command",
    [
        ("audit", "verify"),
        ("audit", "checkpoint"),
        ("inventory", "list"),
        ("key", "list"),
        ("token", "list"),
        ("user", "list"),
        ("backup", "--out", "house.tar"),
    ],
)
def test_a_command_that_looks_begins_no_book_where_there_is_none(run_codman, tmp_path, command):
    done = run_codman(*command, "--workspace", tmp_path / "typo")

    assert done.returncode == 2
    assert "there is no book of record" in done.stderr
    assert not (tmp_path / "typo").exists()
