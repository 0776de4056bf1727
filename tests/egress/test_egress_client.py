"""The guarded client: what it calls, how long, how much it takes, whom it believes, and what it tells the log."""

from __future__ import annotations

import gzip
import json
import logging
import time
from pathlib import Path

import httpx
import pytest
from egress_servers import listening, saying

from certificates import Authority
from codman.egress.client import GuardedClient, GuardedTransport
from codman.egress.connection import NoAnswerOutside
from codman.egress.policy import EgressPolicy, EgressRefused, read_policy
from waiting import let_pass


def allowing(*addresses: str, private: tuple[str, ...] = (), ca_file: Path | None = None) -> EgressPolicy:
    return read_policy(addresses, private, ca_file)


def get(policy: EgressPolicy, url: str, seconds: float = 10, **more: object) -> httpx.Response:
    transport = GuardedTransport(policy, "test", seconds=seconds, **more)  # type: ignore[arg-type]
    with httpx.Client(transport=transport, trust_env=False) as client:
        return client.get(url)


def test_who_is_on_the_list_is_called_and_nobody_else():
    with listening(saying(b"yes")) as theirs, listening() as another:
        policy = allowing(theirs.address)

        assert get(policy, theirs.address + "/a?b=c").content == b"yes"
        assert theirs.heard[0].startswith(b"GET /a?b=c HTTP/1.1\r\n")
        for url in (another.address, f"http://localhost:{theirs.port}", f"https://127.0.0.1:{theirs.port}"):
            with pytest.raises(EgressRefused, match="not on the list"):
                get(policy, url)
        assert another.connections == 0
        assert theirs.connections == 1


def test_with_no_list_nobody_is_called():
    with listening() as server, pytest.raises(EgressRefused, match=f"CODMAN_EGRESS_ALLOW={server.address}"):
        get(EgressPolicy(), server.address)
    assert server.connections == 0


@pytest.mark.parametrize("url", ["file:///etc/passwd", "gopher://127.0.0.1/", "/relative", "http://", "http://[::1"])
def test_what_is_no_web_address_is_refused(url):
    with GuardedClient(EgressPolicy(), "test") as client, pytest.raises(EgressRefused):
        client.get(url)


def test_a_name_that_leads_to_this_machine_is_not_called():
    with listening() as canary:
        name = f"http://models.example.org:{canary.port}"
        for found in (["127.0.0.1"], ["::ffff:127.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["127.0.0.1"] * 3):
            with pytest.raises(EgressRefused, match="private or reserved"):
                get(allowing(name), name, ask=lambda _host, _port, found=found: found)
    assert canary.connections == 0


def test_a_name_is_looked_up_once_and_what_was_judged_is_what_is_called():
    asked = []

    def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.2"] if len(asked) == 1 else ["127.0.0.1"]

    with listening(host="127.0.0.2") as meant, listening(port=meant.port) as canary:
        name = f"http://models.example.org:{meant.port}"
        assert get(allowing(name, private=("127.0.0.2",)), name, ask=rebinding).status_code == 200
        assert asked == ["models.example.org"]
        assert b"Host: models.example.org" in meant.heard[0]
        with pytest.raises(EgressRefused):  # asked anew, it is judged anew
            get(allowing(name, private=("127.0.0.2",)), name, ask=rebinding)
    assert canary.connections == 0


def test_where_the_first_address_is_silent_the_next_one_is_tried():
    with listening(host="127.0.0.3") as server:
        name = f"http://models.example.org:{server.port}"
        policy = allowing(name, private=("127.0.0.0/24",))

        assert get(policy, name, ask=lambda *_: ["127.0.0.2", "127.0.0.3"]).status_code == 200


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Again", "308 There"])
def test_no_redirect_is_followed_and_one_that_is_asked_for_is_judged_again(status):
    with listening() as canary, listening(saying(status=status, Location=f"{canary.address}/meta-data")) as server:
        with GuardedClient(allowing(server.address), "test") as client:
            assert client.get(server.address).status_code == int(status[:3])
        transport = GuardedTransport(allowing(server.address), "test")
        with (
            httpx.Client(transport=transport, follow_redirects=True) as careless,
            pytest.raises(EgressRefused, match="not on the list"),
        ):
            careless.get(server.address)
    assert canary.connections == 0


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch):
    with listening() as proxy, listening(saying(b"yes")) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.address)
        with GuardedClient(allowing(server.address), "test") as client:
            assert client.get(server.address).content == b"yes"
    assert proxy.connections == 0


def drip(head: bytes, part: bytes, each: float = 0.02):
    def answer(visitor, _head):
        visitor.sendall(head)
        while True:
            visitor.sendall(part)
            let_pass(each)  # slow enough that no answer is whole when time is over

    return answer


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        drip(b"", b""),
        drip(OK, b"X"),
        drip(OK + b"Content-Length: 1000000\r\n\r\n", b"x"),
        drip(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        drip(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["silent", "header", "body", "chunks", "interim"],
)
def test_whoever_answers_drop_by_drop_is_left_when_time_is_over(answer):
    with listening(answer) as server:
        began = time.monotonic()
        with pytest.raises(NoAnswerOutside, match=r"longer than 0\.5 seconds"):
            get(allowing(server.address), server.address, seconds=0.5)
    assert time.monotonic() - began < 3


def test_a_look_up_that_hangs_is_left_when_time_is_over():
    began = time.monotonic()
    with pytest.raises(NoAnswerOutside, match="longer than"):
        get(
            allowing("http://slow.example.org"),
            "http://slow.example.org",
            seconds=0.3,
            ask=lambda *_: let_pass(5) or [],  # longer than anybody waits
        )
    assert time.monotonic() - began < 3


def test_a_name_that_nobody_knows_is_said_so():
    with pytest.raises(NoAnswerOutside, match="not known"):
        get(allowing("nobody.invalid"), "https://nobody.invalid", ask=lambda *_: [])


def test_an_answer_that_grows_is_cut_off():
    def endless(visitor, _head):
        visitor.sendall(OK + b"\r\n")
        for _ in range(4096):
            visitor.sendall(bytes(65536))

    with listening(endless) as server, pytest.raises(NoAnswerOutside, match="larger than 1 MiB"):
        get(allowing(server.address), server.address, largest=1 << 20)
    with listening(saying(bytes(1 << 20))) as server:
        assert len(get(allowing(server.address), server.address, largest=1 << 20).content) == 1 << 20


def test_an_answer_that_was_packed_to_grow_here_is_refused_unopened():
    bomb = gzip.compress(bytes(10 << 20))
    with listening(saying(bomb, Content_Encoding="gzip")) as server:
        with pytest.raises(NoAnswerOutside, match="packed"):
            get(allowing(server.address), server.address)
        assert b"accept-encoding: identity" in server.heard[0].lower()


@pytest.mark.parametrize("said", [b"", b"hello\r\n\r\n", b"HTTP/1.1 999999 X\r\n\r\n", OK + b"X: " + b"y" * 300_000])
def test_what_is_no_answer_is_a_clear_error(said):
    with listening(lambda visitor, _head: visitor.sendall(said)) as server, pytest.raises(NoAnswerOutside):
        get(allowing(server.address), server.address)


def test_each_call_leaves_a_line_and_nothing_that_was_said_in_it(caplog):
    caplog.set_level(logging.INFO, "codman.egress")
    with listening(saying(b"secret-answer")) as server:
        with GuardedClient(allowing(server.address), "test", headers={"Authorization": "Bearer secret-t"}) as client:
            client.post(server.address + "/secret-path?secret=query", content=b"secret-body")
        with pytest.raises(EgressRefused):
            get(allowing(server.address), "http://user:secret-p@169.254.169.254/secret-path")

    made, refused = (json.loads(record.message) for record in caplog.records if record.name == "codman.egress")
    assert "secret" not in caplog.text
    assert made["to"] == server.address
    assert (made["purpose"], made["method"], made["address"]) == ("test", "POST", "127.0.0.1")
    assert (made["status"], made["bytes"]) == (200, 13)
    assert (refused["to"], refused["failed"]) == ("http://169.254.169.254:80", "EgressRefused")
    assert "address" not in refused


# --- TLS ---


def test_the_name_is_what_the_certificate_must_prove_though_an_address_is_called(tmp_path):
    ours, theirs = Authority(tmp_path, "ours"), Authority(tmp_path, "theirs")
    context = ours.server("models.example.org")

    def called(host: str, ca_file: Path | None) -> httpx.Response:
        with listening(wrap=lambda door: context.wrap_socket(door, server_side=True)) as server:
            url = f"https://{host}:{server.port}"
            policy = allowing(url, private=("127.0.0.1",), ca_file=ca_file)
            return get(policy, url, ask=lambda *_: ["127.0.0.1"])

    assert called("models.example.org", ours.file).status_code == 200
    for host, ca_file in (
        ("other.example.org", ours.file),  # proven for another name
        ("models.example.org", theirs.file),  # by somebody who is not believed
        ("models.example.org", None),  # the public ones do not know it
    ):
        with pytest.raises(NoAnswerOutside, match="CERTIFICATE_VERIFY_FAILED"):
            called(host, ca_file)


def test_a_server_that_never_shakes_hands_is_left_when_time_is_over():
    with listening(wrap=lambda visitor: let_pass(5) or visitor) as server:  # longer than anybody waits
        url = f"https://models.example.org:{server.port}"
        with pytest.raises(NoAnswerOutside):
            get(allowing(url, private=("127.0.0.1",)), url, seconds=0.5, ask=lambda *_: ["127.0.0.1"])
