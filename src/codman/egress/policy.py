"""Who may be called: nobody, but those on the list; and nobody inside the house's own network, but those named."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

from codman.egress.origin import Origin, origin_of, read_origin
from codman.errors import BadInput
from codman.settings import BadSetting

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# where a cloud's machines learn their own passwords; two of them look like any other address
_METADATA: Final = frozenset(
    ipaddress.ip_address(a) for a in ("169.254.169.254", "100.100.100.200", "168.63.129.16", "fd00:ec2::254")
)
_HOUSE: Final = tuple(
    ipaddress.ip_network(n) for n in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
_NAT64: Final = tuple(ipaddress.IPv6Network(n) for n in ("64:ff9b::/96", "64:ff9b:1::/48"))
_COMPATIBLE: Final = ipaddress.IPv6Network("::/96")  # an IPv4 address behind zeros


class EgressRefused(BadInput):
    """A call to somebody who is not on the allow list, or whose name leads where it must not."""

    def __init__(self, to: str, why: str, fix: str) -> None:
        super().__init__(what=f"{to} is not called", why=why, fix=fix)


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """Who may be called, and which private addresses their names may lead to.

    Made by wiring from the settings; read by everything that calls out.
    """

    origins: frozenset[Origin] = frozenset()
    networks: tuple[Network, ...] = ()  # private ones a listed name may lead to
    inside: frozenset[str] = frozenset()  # names that may lead to any of the house's private networks
    ca_file: Path | None = None  # certificates to believe instead of the public ones

    def also(self, origin: Origin) -> EgressPolicy:
        """The same, and one more that another setting names."""
        return replace(self, origins=self.origins | {origin})

    def require(self, origin: Origin) -> None:
        """Refuse whoever is not on the list.

        Raises:
            EgressRefused: It is not on it.
        """
        if origin not in self.origins:
            raise EgressRefused(
                str(origin),
                "it is not on the list of those that may be called",
                f"if it should be, add it: CODMAN_EGRESS_ALLOW={origin}",
            )

    def require_address(self, origin: Origin, address: Address) -> None:
        """Refuse an address inside the house, on this machine or of a cloud's own, unless it was named.

        The message does not say the address: whoever asked need not learn how the house is built.

        Raises:
            EgressRefused: It is such an address.
        """
        if not all(self._is_open_to(origin, one) for one in _readings(address)):
            raise EgressRefused(
                str(origin),
                "its name leads to a private or reserved address",
                "if that is meant, name the network or the host: CODMAN_EGRESS_PRIVATE=10.3.0.0/16",
            )

    def _is_open_to(self, origin: Origin, address: Address) -> bool:
        if origin.host == str(address) or (origin.host == "localhost" and address.is_loopback):
            return True  # the list names this very address
        special = address in _METADATA or address.is_link_local or address.is_multicast or address.is_unspecified
        if any(address in network and (not special or network.num_addresses == 1) for network in self.networks):
            return True
        if special:
            return False
        if origin.host in self.inside and any(address in network for network in _HOUSE):
            return True
        return address.is_global


def read_policy(allow: Sequence[str], private: Sequence[str], ca_file: Path | None = None) -> EgressPolicy:
    """The policy that settings describe.

    Args:
        allow: Origins, as `read_origin` reads them.
        private: Networks (`10.3.0.0/16`), addresses, or names of hosts on the house's own network.
        ca_file: Certificates to believe instead of the public ones, PEM.

    Raises:
        BadSetting: One of them is no such thing.
    """
    networks: list[Network] = []
    inside: list[str] = []
    try:
        origins = frozenset(map(read_origin, allow))
    except ValueError as error:
        raise BadSetting("egress_allow", str(error)) from None
    for each in private:
        try:
            networks.append(ipaddress.ip_network(each))
        except ValueError:
            try:
                inside.append(origin_of("https", each, None).host)
            except ValueError:
                raise BadSetting("egress_private", f"{each[:80]!r} is neither a network nor a host name") from None
    if ca_file is not None:
        believing(ca_file)  # a bad one is told at the start, not at the first sign-in
    return EgressPolicy(origins, tuple(networks), frozenset(inside), ca_file)


@lru_cache(maxsize=4)
def believing(ca_file: Path) -> ssl.SSLContext:
    """TLS that believes the certificates of a file and no others.

    Raises:
        BadSetting: There is no such file, or no certificate in it.
    """
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except OSError:  # TLS's own error is one of these
        raise BadSetting("egress_ca_file", f"{ca_file} holds no certificates in PEM") from None


def _readings(address: Address) -> list[Address]:
    """An address, and each IPv4 address it carries to another network."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]  # it is one, written longer
    plain = ipaddress.IPv6Address(int(address))  # without its scope
    carried: list[Address] = [plain]
    if plain.sixtofour is not None:
        carried.append(plain.sixtofour)
    if plain.teredo is not None:
        carried += plain.teredo
    if any(plain in network for network in _NAT64) or (plain in _COMPATIBLE and int(plain) > 1):
        carried.append(ipaddress.IPv4Address(int(plain) & 0xFFFFFFFF))
    return carried
