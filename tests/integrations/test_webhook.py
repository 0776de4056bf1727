"""Signed webhooks: the standard's own example, receivers that check, and what their answers mean."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from notices import MESSAGE
from receivers import FakeHook, serving

from codman.egress.policy import EgressPolicy
from codman.integrations.webhook import Webhook, read_secrets, signed_headers
from codman.jobs.notifier import NotAccepted, ReceiverAway
from codman.settings import BadSetting

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105  of the standard's example
SEED = bytes(range(32))
ASYMMETRIC = "whsk_" + base64.b64encode(SEED).decode()
NOW = datetime(2026, 11, 20, 10, 0, 0, 700_000, tzinfo=UTC)
DOCS = Path(__file__).resolve().parents[2] / "docs" / "notifications.md"


def hook(url: str, secrets: str = SECRET) -> Webhook:
    return Webhook(f"{url}/hook", secrets, EgressPolicy(), lambda: NOW)


def test_the_standards_own_example_is_signed_as_it_says():
    at = datetime.fromtimestamp(1614265330, UTC)

    headers = signed_headers("msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}', read_secrets(SECRET))

    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert headers["webhook-timestamp"] == "1614265330"


def test_a_message_is_posted_once_an_id_with_type_time_and_data():
    with serving(FakeHook()) as theirs:
        hook(theirs.url).send(MESSAGE)
        hook(theirs.url).send(MESSAGE)

    assert len(theirs.requests) == 2
    (taken,) = theirs.records
    said = json.loads(taken["body"])
    assert taken["headers"]["webhook-id"] == MESSAGE.id
    assert taken["headers"]["webhook-timestamp"] == str(int(NOW.timestamp()))
    assert (said["type"], said["timestamp"]) == ("codman.condition.due", "2026-11-20T09:30:00.000000Z")
    assert said["data"]["items"][1] == {"text": "Name a downtime procedure"}
    assert said["data"]["to"] == "ann@example.org"


def test_two_secrets_and_a_key_pair_each_sign_so_that_either_can_be_replaced():
    with serving(FakeHook()) as theirs:
        hook(theirs.url, f"{SECRET} {ASYMMETRIC}").send(MESSAGE)

    headers, body = theirs.records[0]["headers"], theirs.records[0]["body"]
    symmetric, asymmetric = headers["webhook-signature"].split()
    content = f"{MESSAGE.id}.{headers['webhook-timestamp']}.".encode() + body
    assert symmetric.startswith("v1,")
    version, _, signature = asymmetric.partition(",")
    assert version == "v1a"
    Ed25519PrivateKey.from_private_bytes(SEED).public_key().verify(base64.b64decode(signature), content)


def test_a_receiver_that_checks_as_the_docs_show_takes_ours_and_refuses_the_rest(tmp_path):
    (example,) = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    with serving(FakeHook()) as theirs:
        hook(theirs.url).send(MESSAGE)
    taken = theirs.records[0]
    (tmp_path / "receiver.py").write_text(example)
    program = f"""
from receiver import is_genuine
headers, body, secret, now = {taken["headers"]!r}, {taken["body"]!r}, {SECRET!r}, {NOW.timestamp()!r}
assert is_genuine(headers, body, secret, now)
assert is_genuine(headers | {{"webhook-signature": "v1,AAAA " + headers["webhook-signature"]}}, body, secret, now)
assert not is_genuine(headers, body.replace(b"due", b"met"), secret, now)
assert not is_genuine(headers | {{"webhook-id": "msg_other"}}, body, secret, now)
assert not is_genuine(headers, body, secret, now + 600)
assert not is_genuine(headers, body, "whsec_" + "A" * 32, now)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("status", "error"), [(410, NotAccepted), (400, NotAccepted), (500, ReceiverAway), (401, ReceiverAway)]
)
def test_a_receiver_that_refuses_is_believed_and_one_in_trouble_is_asked_again(status, error):
    with serving(FakeHook()) as theirs:
        theirs.next = [(status, {})]
        with pytest.raises(error, match=str(status)):
            hook(theirs.url).send(MESSAGE)


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_short", "whsec_" + "A" * 28, "whsk_AAAA", "whsec_ä", "whsk_=="]
)
def test_a_secret_that_is_none_is_refused_and_not_repeated(secret):
    with pytest.raises(BadSetting) as bad:
        read_secrets(secret)

    assert "AAAA" not in str(bad.value)
    assert "short" not in bad.value.why
