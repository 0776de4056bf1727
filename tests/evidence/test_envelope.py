import base64
import contextlib
import json

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from evidence_examples import evaluation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope as TheirEnvelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner, SSlibKey

from codman.errors import CodmanError
from codman.evidence import keys
from codman.evidence.envelope import PAYLOAD_TYPE, BadEnvelope, from_json, pae, sign
from codman.evidence.statements import canonical_statement, write_statement
from codman.evidence.verify import verify, verify_bytes


def test_the_protocol_s_own_example_of_the_pre_authentication_encoding():
    # DSSE protocol.md: payload "hello world", type http://example.com/HelloWorld
    assert (
        pae("http://example.com/HelloWorld", b"hello world")
        == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_lengths_are_of_bytes_not_of_letters():
    assert pae("é", "é".encode()) == b"DSSEv1 2 \xc3\xa9 2 \xc3\xa9"
    assert pae("", b"") == b"DSSEv1 0  0 "


@given(st.text(st.characters(exclude_categories=("Cs",))), st.binary())
def test_the_encoding_is_that_of_securesystemslib(kind, payload):
    assert pae(kind, payload) == TheirEnvelope(payload, kind, {}).pae()


def test_an_envelope_comes_back_as_it_went(mine, other):
    envelope = sign(b'{"a":1}', mine, other)

    assert from_json(json.loads(envelope.to_bytes()), name="x") == envelope
    assert envelope.payload_type == PAYLOAD_TYPE
    assert envelope.signed_by(mine) is envelope


def their_key(public: keys.VerifyingKey) -> SSlibKey:
    return SSlibKey.from_crypto(public.key, keyid=public.keyid)


def test_securesystemslib_verifies_what_codman_signs(mine, other):
    theirs = TheirEnvelope.from_dict(json.loads(sign(b"hello", mine).to_bytes()))

    assert theirs.verify([their_key(mine.public)], 1)
    with pytest.raises(VerificationError):
        theirs.verify([their_key(other.public)], 1)


def test_codman_verifies_what_securesystemslib_signs(mine, tmp_path):
    payload = canonical_statement(evaluation())
    private = load_pem_private_key((tmp_path / "mine.key").read_bytes(), None)
    theirs = TheirEnvelope(payload, PAYLOAD_TYPE, {})
    theirs.sign(CryptoSigner(private))  # its keyid is computed otherwise: a hint must not matter

    found = verify_bytes(json.dumps(theirs.to_dict()).encode(), [mine.public], name="theirs")

    assert found.verified
    assert found.signer == mine.public.keyid


def test_raw_cryptography_verifies_what_codman_signs(mine):
    envelope = json.loads(sign(b"hello", mine).to_bytes())

    mine.key.public_key().verify(
        base64.b64decode(envelope["signatures"][0]["sig"]), b"DSSEv1 28 application/vnd.in-toto+json 5 hello"
    )


def test_both_alphabets_of_base64_are_read_and_nothing_looser():
    payload = b"\xfb\xff\xfe"
    for text in ("+//+", "-__-"):
        assert (
            from_json({"payload": text, "payloadType": "t", "signatures": [{"sig": ""}]}, name="x").payload == payload
        )
    for text in ("+/_-", "+//", "+//+\n", " +//+", "QR==", "Q===", "QQ", "é///", 7, None):
        with pytest.raises(BadEnvelope):
            from_json({"payload": text, "payloadType": "t", "signatures": [{"sig": ""}]}, name="x")


@pytest.mark.parametrize(
    "change",
    [
        {"signatures": []}, {"signatures": None}, {"signatures": {}}, {"signatures": [1]}, {"signatures": [{}]},
        {"signatures": [{"sig": "", "keyid": 5}]}, {"payloadType": 5}, {"payloadType": None}, {"payloadType": "\ud800"},
        {"signatures": [{"sig": ""}] * 65},
    ],
)  # fmt: skip
def test_a_part_that_is_missing_or_of_the_wrong_type_is_said(change):
    with pytest.raises(BadEnvelope, match="it\\.json"):
        from_json({"payload": "", "payloadType": "t", "signatures": [{"sig": ""}]} | change, name="it.json")


def test_members_that_dsse_does_not_know_are_passed_over():
    from_json({"payload": "", "payloadType": "t", "signatures": [{"sig": "", "more": 1}], "more": 1}, name="x")


def test_an_empty_keyid_is_no_keyid():
    envelope = from_json({"payload": "", "payloadType": "t", "signatures": [{"sig": "", "keyid": ""}]}, name="x")
    assert envelope.signatures[0].keyid is None


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_no_single_byte_of_an_envelope_can_change_what_is_verified(mine, data):
    statement = evaluation(measurements=[])
    good = sign(canonical_statement(statement), mine).to_bytes()
    place = data.draw(st.integers(0, len(good) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda b: b != good[place]))
    changed = good[:place] + bytes([byte]) + good[place + 1 :]

    try:
        found = verify_bytes(changed, [mine.public], name="x")
    except CodmanError:
        return
    if found.verified:  # only the unsigned hint of whose key it was may have moved
        before, after = json.loads(good), json.loads(changed)
        assert (after["payload"], after["payloadType"]) == (before["payload"], before["payloadType"])
        assert after["signatures"][0]["sig"] == before["signatures"][0]["sig"]


def test_every_bit_of_payload_type_and_signature_counts(mine):
    envelope = sign(canonical_statement(evaluation(measurements=[])), mine)
    keyid = mine.public.keyid.encode()
    good = envelope.to_bytes()
    hint = range(good.index(keyid) - len('"keyid":"'), good.index(keyid) + len(keyid))
    for place in range(len(good)):
        if place in hint:
            continue
        for bit in (0, 4):
            changed = bytearray(good)
            changed[place] ^= 1 << bit
            with contextlib.suppress(CodmanError):
                assert not verify_bytes(bytes(changed), [mine.public], name="x").verified, (place, bit)


def test_several_signatures_count_unique_keys_only(mine, other):
    payload = canonical_statement(evaluation())
    twice = sign(payload, mine)
    twice = type(twice)(twice.payload, twice.payload_type, twice.signatures * 2)

    assert not verify(twice, [mine.public, mine.public], threshold=2).verified
    assert not verify(twice, [mine.public, other.public], threshold=2).verified
    assert verify(sign(payload, mine, other), [other.public, mine.public], threshold=2).verified
    assert verify(sign(payload, other, mine), [mine.public]).signer == mine.public.keyid


def test_each_step_says_why_it_failed(mine, other, tmp_path):
    write_statement(evaluation(), tmp_path / "bare.json")
    bare = verify_bytes((tmp_path / "bare.json").read_bytes(), [mine.public], name="bare")
    envelope = sign(canonical_statement(evaluation()), mine)
    elsewhere = sign(envelope.payload, mine, payload_type="text/plain")
    altered = type(envelope)(envelope.payload + b" ", envelope.payload_type, envelope.signatures)

    assert [(s.step, s.ok) for s in bare.steps] == [("1 envelope", False)]
    assert bare.why == "the statement is not signed"
    assert verify(elsewhere, [mine.public]).why == "it is 'text/plain', not application/vnd.in-toto+json"
    assert "none of the given keys signed" in verify(envelope, [other.public]).why
    assert "altered after signing" in verify(altered, [mine.public]).why
    assert verify(envelope, []).why == "no key was given to check it with"
    assert [s.step for s in verify(envelope, [mine.public]).steps] == [
        "1 envelope", "2 payload type", "3 signature", "4 statement", "5 predicate"
    ]  # fmt: skip
    assert set(verify(envelope, [mine.public]).answer()) == {"verified", "steps", "signer"}


def test_signed_bytes_that_are_no_statement_are_bad_input(mine):
    for payload in (b"hello", b"[]", b'{"_type":"x"}', b"\xff", b'{"a":1,"a":2}'):
        with pytest.raises(CodmanError) as caught:
            verify(sign(payload, mine), [mine.public])
        assert caught.value.exit_code == 2


def test_bytes_nobody_trusted_signed_are_never_parsed(mine, other, monkeypatch):
    import codman.evidence.verify as module

    monkeypatch.setattr(module, "parse", lambda *_, **__: pytest.fail("parsed"))
    assert not verify(sign(canonical_statement(evaluation()), other), [mine.public]).verified
