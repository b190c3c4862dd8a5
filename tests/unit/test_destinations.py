"""What may be connected to, and that it is what was looked up."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import httpcore
import pytest

from app.errors import AddressRefused, InvalidName, PageUnavailable
from app.ingestion.fetching.destinations import Deadline, Destinations, is_private, is_public
from app.ingestion.fetching.fetcher import checked_url, name_of

PUBLIC = ["93.184.215.14", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
PRIVATE = ["10.0.0.1", "172.16.9.9", "192.168.1.1", "127.0.0.1", "127.9.9.9", "::1", "fd00::1"]
STRANGE = [
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",  # noqa: S104
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "198.18.0.1",
    "192.0.2.1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2001::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_may_be_fetched_from(address: str) -> None:
    assert is_public(address)
    assert not is_private(address)


@pytest.mark.parametrize("address", [*PRIVATE, *STRANGE])
def test_any_other_address_may_not(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_may_be_allowed_by_its_host(address: str) -> None:
    assert is_private(address)


@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1", "0.0.0.0", "224.0.0.1"])  # noqa: S104
def test_an_address_where_clouds_keep_secrets_is_never_allowed(address: str) -> None:
    assert not is_private(address)


@dataclass
class Connections(httpcore.NetworkBackend):
    """Notes what is connected to, and connects to nothing."""

    made: list[str] = field(default_factory=list)

    def connect_tcp(self, host: str, *_: Any, **__: Any) -> httpcore.NetworkStream:
        self.made.append(host)
        return httpcore.MockStream([])


@dataclass
class Names:
    """A resolver that says something else each time, as an attacker's would."""

    answers: list[list[str]]
    asked: int = 0

    def __call__(self, *_: object) -> list[str]:
        self.asked += 1
        return self.answers[min(self.asked, len(self.answers)) - 1]


def destinations(names: Names, inner: Connections, *private: str) -> Destinations:
    deadline = Deadline(time.monotonic() + 60)
    return Destinations(deadline, frozenset(private), names, inner)


def test_what_was_checked_is_what_is_connected_to_though_the_name_changes_its_meaning() -> None:
    names, inner = Names([["93.184.215.14"], ["127.0.0.1"]]), Connections()
    destinations(names, inner).connect_tcp("rebound.test", 80)
    assert (names.asked, inner.made) == (1, ["93.184.215.14"])


def test_each_connection_is_checked_anew() -> None:
    names, inner = Names([["93.184.215.14"], ["127.0.0.1"]]), Connections()
    guarded = destinations(names, inner)
    guarded.connect_tcp("rebound.test", 80)
    with pytest.raises(AddressRefused):
        guarded.connect_tcp("rebound.test", 80)
    assert inner.made == ["93.184.215.14"]


@pytest.mark.parametrize("addresses", [["93.184.215.14", "10.0.0.1"], ["10.0.0.1", "8.8.8.8"]])
def test_a_name_with_one_private_address_among_public_ones_is_refused(
    addresses: list[str],
) -> None:
    inner = Connections()
    with pytest.raises(AddressRefused):
        destinations(Names([addresses]), inner).connect_tcp("mixed.test", 80)
    assert inner.made == []


def test_a_private_host_is_connected_to_only_if_it_is_named() -> None:
    inner = Connections()
    destinations(Names([["10.0.0.1"]]), inner, "wiki.test").connect_tcp("Wiki.test", 80)
    assert inner.made == ["10.0.0.1"]
    with pytest.raises(AddressRefused):
        destinations(Names([["10.0.0.1"]]), inner, "wiki.test").connect_tcp("other.test", 80)
    guarded = destinations(Names([["169.254.169.254"]]), inner, "wiki.test")
    with pytest.raises(AddressRefused):
        guarded.connect_tcp("wiki.test", 80)


def test_a_name_without_an_address_is_told_of() -> None:
    with pytest.raises(PageUnavailable):
        destinations(Names([[]]), Connections()).connect_tcp("nowhere.test", 80)


@pytest.mark.parametrize(
    ("url", "asked", "name"),
    [
        ("https://Example.com", "https://example.com/", "example.com"),
        ("https://example.com:443/a/b/#part", "https://example.com/a/b/", "example.com/a/b"),
        ("http://example.com:8080/x?q=a b", "http://example.com:8080/x?q=a%20b", None),
        ("https://example.com/päth", "https://example.com/p%C3%A4th", "example.com/päth"),
        ("https://bücher.example/a%20b", "https://xn--bcher-kva.example/a%20b", None),
        ("http://[2606:4700::1]/", "http://[2606:4700::1]/", "[2606:4700::1]"),
    ],
)
def test_an_address_is_asked_for_in_one_form(url: str, asked: str, name: str | None) -> None:
    assert checked_url(url) == asked
    assert checked_url(asked) == asked
    assert name in {None, name_of(asked)}


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "ftp://example.com/",
        "file:///etc/passwd",
        "http://",
        "http://user:secret@example.com/",
        "http://example.com:99999/",
        "http://[::1/",
        "javascript:alert(1)",
        "https://example.com/" + "a" * 2001,
    ],
)
def test_what_is_no_address_of_the_web_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        checked_url(url)


def test_a_name_never_leads_out_of_its_folder() -> None:
    assert ".." not in name_of("https://example.com/a/%2e%2e/b").split("/")
    with pytest.raises(InvalidName):
        name_of("https://example.com/a/../b")
