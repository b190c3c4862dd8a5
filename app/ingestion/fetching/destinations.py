"""Where a fetch may connect to: public addresses, looked up once and then connected to.

A page's address comes from anyone, and Tidemark stands inside somebody's network: what it could
reach there, a database, a cloud's metadata, another's pages, must not be fetched for them. So a
name is looked up here, every address that it has is checked, and the connection is made to the one
that was checked: a name that means something else a moment later (DNS rebinding) changes nothing.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any

import httpcore

from app.errors import AddressRefused, PageUnavailable

Resolve = Callable[[str, int], list[str]]
"""The IP addresses of a host's name, as text."""

GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def resolve(host: str, port: int) -> list[str]:
    """What the system's resolver says."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as unknown:
        raise PageUnavailable(f"There is no host named {host[:80]!r}.", silent=True) from unknown
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet: not private, loopback, link-local or special.

    Those that hold an IPv4 address are what that one is.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = _inner(ip)
        if inner is None:
            special = ip.sixtofour is not None or ip.teredo is not None
            return ip in GLOBAL_UNICAST and ip.is_global and not special
        ip = inner
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def is_private(address: str) -> bool:
    """Whether it is an address of a private network or of this machine, and nothing stranger."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        ip = _inner(ip) or ip
    strange = ip.is_link_local or ip.is_multicast or ip.is_unspecified
    return ip.is_loopback or (ip.is_private and not strange and not ip.is_reserved)


def _inner(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if ip in NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped


@dataclass(frozen=True)
class Deadline:
    """When everything is to be over, by `time.monotonic`, however often a little comes."""

    at: float

    def left(self, most: float | None, late: type[Exception]) -> float:
        """How many seconds a step may take: `most`, or what is left.

        Raises:
            Exception: `late`, where nothing is left.
        """
        left = self.at - time.monotonic()
        if left <= 0:
            raise late("too slow")
        return left if most is None else min(most, left)


@dataclass(frozen=True)
class Destinations(httpcore.NetworkBackend):
    """Connects to public addresses, and to private ones of `private_hosts`, until the deadline."""

    deadline: Deadline
    private_hosts: frozenset[str] = frozenset()
    resolve: Resolve = resolve
    inner: httpcore.NetworkBackend = field(default_factory=httpcore.SyncBackend)

    def checked(self, host: str, port: int) -> str:
        """The address to connect to.

        Raises:
            AddressRefused: one of the host's addresses is none that may be fetched from.
            PageUnavailable: the host has no address.
        """
        addresses = self.resolve(host, port)
        if not addresses:
            raise PageUnavailable(f"There is no host named {host[:80]!r}.")
        private_too = host.lower() in self.private_hosts
        for address in addresses:
            if not (is_public(address) or (private_too and is_private(address))):
                raise AddressRefused(f"{host[:80]!r} is not on the public internet.")
        return addresses[0]

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        address = self.checked(host, port)
        left = self.deadline.left(timeout, httpcore.ConnectTimeout)
        connected = self.inner.connect_tcp(address, port, left, local_address, socket_options)
        return _Timed(connected, self.deadline)

    def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.NetworkStream:  # noqa: ANN401
        raise AddressRefused("A socket of this machine is no address of the web.")


@dataclass(frozen=True)
class _Timed(httpcore.NetworkStream):
    """A connection that ends with the deadline."""

    stream: httpcore.NetworkStream
    deadline: Deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = self.deadline.left(timeout, httpcore.ReadTimeout)
        return self.stream.read(max_bytes, left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.stream.write(buffer, self.deadline.left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self.stream.close()

    def start_tls(
        self,
        ssl_context: SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = self.deadline.left(timeout, httpcore.ConnectTimeout)
        return _Timed(self.stream.start_tls(ssl_context, server_hostname, left), self.deadline)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - as its base has it
        return self.stream.get_extra_info(info)
