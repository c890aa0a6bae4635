"""Which addresses are anybody's, and which lead into a network that is not."""

from __future__ import annotations

import socket

import pytest

from adapters.deadline import Deadline
from adapters.public_address import connect, is_public
from schemas.errors import Park

INSIDE = (
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.0.1", "168.63.129.16",  # noqa: S104 - asked about, not bound
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1",
    "198.18.0.1", "203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::1", "100::1",
    "2001::1", "2001:db8::1", "2002:7f00:1::", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%1", "fec0::1", "ff02::1",
)  # fmt: skip
OUTSIDE = ("8.8.8.8", "1.1.1.1", "172.32.0.1", "200.160.2.3", "2606:4700:4700::1111", "2804:10::1")


@pytest.mark.parametrize("address", INSIDE)
def test_inside(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", OUTSIDE)
def test_outside(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0", "localhost"])
def test_however_it_is_written(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(Park) as parked:
            connect(host, port, Deadline(1.0))
        assert parked.value.reason == "private_address"
        connect(host, port, Deadline(1.0), private=True).close()


def test_a_deadline_that_has_passed_connects_to_nobody() -> None:
    with pytest.raises(TimeoutError):
        connect("127.0.0.1", 1, Deadline(0.0), private=True)
