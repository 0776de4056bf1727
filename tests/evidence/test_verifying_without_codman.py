import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from evidence_examples import evaluation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codman.evidence.envelope import sign
from codman.evidence.statements import canonical_statement, digest, write_statement

SCRIPT = Path(__file__).parents[2] / "docs" / "verify.py"
REFUSED = (ValueError, KeyError, TypeError, AttributeError, RecursionError, InvalidSignature)


def run(*arguments):
    # -I: nothing of this checkout is on the path, so nothing of Codman can help
    return subprocess.run([sys.executable, "-I", SCRIPT, *arguments], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def verified():
    spec = importlib.util.spec_from_file_location("standalone_verify", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.verified


def test_the_script_verifies_as_a_process_and_prints_the_statement(tmp_path, mine, other):
    write_statement(evaluation(), tmp_path / "signed.json", mine)
    write_statement(evaluation(), tmp_path / "bare.json")

    done = run(tmp_path / "signed.json", tmp_path / "mine.pub")

    assert done.returncode == 0
    assert digest(evaluation()) in done.stderr
    assert json.loads(done.stdout) == json.loads(canonical_statement(evaluation()))
    assert other
    assert run(tmp_path / "signed.json", tmp_path / "other.pub").returncode == 1
    assert run(tmp_path / "bare.json", tmp_path / "mine.pub").returncode == 1
    assert run(tmp_path / "gone.json", tmp_path / "mine.pub").returncode == 2
    assert run(SCRIPT, tmp_path / "mine.pub").returncode == 1
    assert run().returncode == 2


def test_the_script_never_imports_codman():
    assert "codman" not in {
        line.split()[1].split(".")[0]
        for line in SCRIPT.read_text().splitlines()
        if line.startswith(("import ", "from "))
    }


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_any_single_byte_changed_is_refused_or_changes_nothing_that_was_signed(mine, tmp_path, verified, data):
    good = sign(canonical_statement(evaluation(measurements=[])), mine).to_bytes()
    place = data.draw(st.integers(0, len(good) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda b: b != good[place]))
    changed = good[:place] + bytes([byte]) + good[place + 1 :]
    try:
        payload = verified(changed, (tmp_path / "mine.pub").read_bytes())
    except REFUSED:
        return
    # what may pass: the name of the member `keyid` itself, which DSSE lets be absent or unknown
    assert payload == canonical_statement(evaluation(measurements=[]))
    before, after = json.loads(good)["signatures"][0], json.loads(changed)["signatures"][0]
    assert after["sig"] == before["sig"]
    assert "keyid" not in after


def test_every_byte_in_turn_of_payload_type_signature_and_hint(mine, tmp_path, verified):
    good = sign(canonical_statement(evaluation(measurements=[])), mine).to_bytes()
    member = good.index(b'"keyid"')
    for place in range(len(good)):
        if member < place < member + len(b'"keyid'):
            continue
        changed = bytearray(good)
        changed[place] ^= 1
        with pytest.raises(REFUSED):
            verified(bytes(changed), (tmp_path / "mine.pub").read_bytes())
