"""The bytes of a message: what is written is read, and what was damaged on the way is refused."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from tests.damage import damaged_bytes, refusal

import gatewise as gw
from gatewise.codec.coding import Event
from gatewise.codec.messages import Message, pack, unpack
from gatewise.errors import DataError


def made_up(count: int, seed: int, largest: int = 40) -> Message:
    draws = np.random.default_rng(seed)
    at = np.sort(draws.choice(5000, count, replace=False))
    steps = draws.integers(-largest, largest + 1, count)
    events = tuple(Event(int(a), int(n)) for a, n in zip(at, steps, strict=True))
    return Message(123, 5000, 0.5, 0.125, events)


@pytest.mark.parametrize("count", [0, 1, 2, 300, 5000])
@pytest.mark.parametrize("largest", [1, 40, 2**31])
def test_what_is_packed_is_unpacked(count: int, largest: int) -> None:
    message = made_up(count, count, largest)
    assert unpack(pack(message)) == message


def test_the_bits_are_those_of_the_code_by_hand() -> None:
    """Gaps 0, 0, 2 of order 0 are 1, 1, 011; steps 2, -2, 3, none below 2, are 0, 1, 2: 1, 010, 011."""
    content = pack(Message(1, 9, 1.0, 0.25, (Event(0, 2), Event(1, -2), Event(4, 3))))
    assert content[33:36] == b"\x00\x00\x02"
    bits = "1" + "1" + "1" + "010" + "011" + "011"
    assert "".join(f"{byte:08b}" for byte in content[36:-4]) == bits.ljust(16, "0")


def test_few_events_are_few_bytes() -> None:
    """Ten thousand samples with an event every hundred: gaps of 13 bits at most, and numbers of one."""
    events = tuple(Event(at, 1) for at in range(0, 10_000, 100))
    assert len(pack(Message(1, 10_000, 1.0, 0.25, events))) < 40 + 100 * (13 + 1) / 8 + 1


def test_damage_is_told_in_one_line() -> None:
    content = pack(made_up(200, 1))
    for what, changed in damaged_bytes(content, 400, 0):
        assert refusal(lambda changed=changed: unpack(changed), what) is not None, what
    for size in range(len(content)):
        assert refusal(lambda size=size: unpack(content[:size]), f"{size} bytes") is not None


def resealed(content: bytes) -> bytes:
    return content + struct.pack("<I", zlib.crc32(content))


@pytest.mark.parametrize(
    ("at", "changed", "told"),
    [
        (4, b"\x02", "has version 2 and this gatewise reads up to 1"),
        (4, b"\x00", "its header contradicts itself"),
        (9, struct.pack("<I", 3), "contradicts itself"),  # fewer samples than events
        (13, struct.pack("<d", np.nan), "contradicts itself"),
        (29, struct.pack("<I", 5000), "an event is cut short"),
        (29, struct.pack("<I", 20), "do not fit"),
        (33, b"\x20", "contradicts itself"),
        (0, b"RIFF", "no message of an event codec"),
    ],
)
def test_a_message_that_contradicts_itself_is_refused(at: int, changed: bytes, told: str) -> None:
    content = pack(made_up(200, 1))[:-4]
    with pytest.raises(DataError, match=told):
        unpack(resealed(content[:at] + changed + content[at + len(changed) :]))


def test_a_message_of_another_codec_is_refused() -> None:
    draws = np.random.default_rng(0)
    one, other = (
        gw.EventCodec(hidden_size=2, updates=1).fit(draws.normal(size=200)) for _ in range(2)
    )
    with pytest.raises(DataError, match="of another codec"):
        other.decode(one.encode([0.1, 0.2], 0.5))
