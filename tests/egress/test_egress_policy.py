"""Who may be called: every way to write an address that leads into the house is refused, unless it was named."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codman.egress.origin import Origin, read_origin
from codman.egress.policy import EgressPolicy, EgressRefused, read_policy
from codman.settings import BadSetting, read_settings
from codman.wiring import open_house

THEIRS = Origin("https", "models.example.org", 443)

INSIDE = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",  # noqa: S104  this machine, by another name
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.1.1",
    "169.254.169.254",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::169.254.169.254",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::10.0.0.1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2001:0:7f00:1::",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "2001:db8::1",
]


@pytest.mark.parametrize("text", INSIDE)
def test_a_name_on_the_list_that_leads_inside_is_refused(text):
    policy = EgressPolicy(frozenset({THEIRS}))

    with pytest.raises(EgressRefused) as refused:
        policy.require_address(THEIRS, ipaddress.ip_address(text))

    assert text not in str(refused.value)  # whoever asked need not learn how the house is built


@pytest.mark.parametrize("text", ["93.184.216.34", "2606:4700::1111", "::ffff:93.184.216.34", "64:ff9b::93.184.216.34"])
def test_a_public_address_is_called(text):
    EgressPolicy(frozenset({THEIRS})).require_address(THEIRS, ipaddress.ip_address(text))


@given(st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address))
def test_no_ipv6_address_carries_an_ipv4_address_that_would_be_refused(address):
    policy = EgressPolicy(frozenset({THEIRS}))
    try:
        policy.require_address(THEIRS, address)
    except EgressRefused:
        for carrier in (f"::ffff:{address}", f"64:ff9b::{address}", f"::{address}", f"2002:{_hex(address)}::"):
            with pytest.raises(EgressRefused):
                policy.require_address(THEIRS, ipaddress.ip_address(carrier))


def _hex(address: ipaddress.IPv4Address) -> str:
    return f"{int(address) >> 16:x}:{int(address) & 0xFFFF:x}"


def test_a_private_network_is_called_once_it_is_named_and_the_next_one_is_not():
    policy = read_policy(["models.example.org"], ["10.3.0.0/16"])

    policy.require_address(THEIRS, ipaddress.ip_address("10.3.4.5"))
    with pytest.raises(EgressRefused):
        policy.require_address(THEIRS, ipaddress.ip_address("10.4.4.5"))


def test_a_named_host_may_be_on_the_houses_network_but_not_on_this_machine_or_a_clouds_own():
    policy = read_policy(["models.example.org"], ["models.example.org"])

    policy.require_address(THEIRS, ipaddress.ip_address("192.168.7.7"))
    for text in ("127.0.0.1", "169.254.169.254", "100.100.100.200", "fd00:ec2::254", "224.0.0.1"):
        with pytest.raises(EgressRefused):
            policy.require_address(THEIRS, ipaddress.ip_address(text))
    with pytest.raises(EgressRefused):
        policy.require_address(Origin("https", "another.example.org", 443), ipaddress.ip_address("192.168.7.7"))


def test_a_clouds_own_address_is_called_only_where_it_is_named_alone():
    wide, alone = (read_policy(["models.example.org"], [n]) for n in ("169.254.0.0/16", "169.254.169.254"))
    address = ipaddress.ip_address("169.254.169.254")

    alone.require_address(THEIRS, address)
    with pytest.raises(EgressRefused):
        wide.require_address(THEIRS, address)


def test_an_address_on_the_list_is_itself_and_localhost_is_this_machine():
    numbered, local = read_origin("http://127.0.0.1:5000"), read_origin("http://localhost:5000")
    policy = EgressPolicy(frozenset({numbered, local}))

    policy.require_address(numbered, ipaddress.ip_address("127.0.0.1"))
    policy.require_address(local, ipaddress.ip_address("::1"))
    for origin, text in ((numbered, "127.0.0.2"), (local, "10.0.0.1"), (local, "0.0.0.0")):  # noqa: S104
        with pytest.raises(EgressRefused):
            policy.require_address(origin, ipaddress.ip_address(text))


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("idp.hospital.org", ("https", "idp.hospital.org", 443)),
        ("IDP.Hospital.org:8443", ("https", "idp.hospital.org", 8443)),
        ("https://idp.hospital.org/", ("https", "idp.hospital.org", 443)),
        ("http://mlflow:5000", ("http", "mlflow", 5000)),
        ("http://127.0.0.1", ("http", "127.0.0.1", 80)),
        ("https://[2001:DB8:0::1]:444", ("https", "2001:db8::1", 444)),
    ],
)
def test_a_line_of_the_list_names_one_scheme_host_and_port(text, origin):
    assert read_origin(text) == Origin(*origin)
    assert read_origin(str(read_origin(text))) == Origin(*origin)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "*.hospital.org",
        "ftp://hospital.org",
        "file:///etc/passwd",
        "gopher://hospital.org",
        "https://user:secret@hospital.org",
        "https://hospital.org/path",
        "https://hospital.org?x",
        "https://hospital.org#x",
        "https://hospital.org:99999",
        "https://hospital.org:0",
        "https://hospital.org\\@evil.test",
        "hospital.org.",
        "höspital.org",
        "hospital .org",
        "http://2130706433",
        "http://0x7f000001",
        "http://0177.0.0.1",
        "http://127.1",
        "http://127.0.0.0x1",
        "https://[::1",
    ],
)
def test_what_is_no_plain_address_is_refused_when_the_server_starts(tmp_path, text):
    with pytest.raises(ValueError, match=r".+"):
        read_origin(text)
    if text:
        with pytest.raises(BadSetting, match="egress_allow"):
            open_house(read_settings(workspace=tmp_path / "w", egress_allow=[text]))
        assert not (tmp_path / "w").exists()


@pytest.mark.parametrize("text", ["10.0.0.0/33", "10.0.0.1/8", "300.1.1.1", "2130706433", "*", "a b/c"])
def test_what_is_no_network_or_name_is_refused(text):
    with pytest.raises(BadSetting, match="egress_private"):
        read_policy([], [text])


def test_certificates_that_cannot_be_read_are_refused_when_the_server_starts(tmp_path):
    (tmp_path / "empty.pem").write_text("none")
    for name in ("empty.pem", "gone.pem"):
        with pytest.raises(BadSetting, match="egress_ca_file"):
            open_house(read_settings(workspace=tmp_path / "w", egress_ca_file=tmp_path / name))


def test_the_list_is_words_in_the_environment_and_a_list_in_the_file(tmp_path, monkeypatch):
    (tmp_path / "codman.toml").write_text('egress_allow = ["a.example.org", "b.example.org:444"]\n')
    assert read_settings(workspace=tmp_path).egress_allow == ("a.example.org", "b.example.org:444")

    monkeypatch.setenv("CODMAN_EGRESS_ALLOW", "c.example.org, http://d.example.org:80")
    assert read_settings(workspace=tmp_path).egress_allow == ("c.example.org", "http://d.example.org:80")
