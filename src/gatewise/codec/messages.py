"""The bytes of a message: a header, the events in Exp-Golomb codes, and a checksum.

An Exp-Golomb code of order k writes n >= 0 in 2 floor(log2(n / 2^k + 1)) + 1 + k bits; each message says
which order its gaps and its numbers have, the one that is shortest. All of the header is little-endian:

    4 bytes  "gwev"
    1 byte   version of the format
    4 bytes  which codec made it
    4 bytes  samples, N
    8 bytes  bound, float64, in the series' unit
    8 bytes  step, float64, in the series' unit
    4 bytes  events
    3 bytes  order of the gaps, order of the numbers, the least size of a number (255 at most)
    ...      for each event, the most significant bit first: samples since the last event, less one, and
             its number of steps, as twice what its size exceeds the least by, and 1 more if below 0
    4 bytes  CRC-32 of all before
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from gatewise.codec.coding import Event
from gatewise.codec.options import MOST_STEPS
from gatewise.errors import DataError

MAGIC, VERSION = b"gwev", 1
MOST = 2**32 - 1
"""Samples of a message."""
_HEADER = struct.Struct("<4sBIIddIBBB")
_SEAL = struct.Struct("<I")
_ORDERS = range(32)
_WIDEST = 64
"""Bits of a number, of which more are no number of ours."""


@dataclass(frozen=True)
class Message:
    """What a message holds.

    Attributes:
        codec: The fingerprint of the codec that made it.
        samples: N.
        bound, step: In the series' unit.
    """

    codec: int
    samples: int
    bound: float
    step: float
    events: tuple[Event, ...]


def pack(message: Message) -> bytes:
    """Return the bytes of a message."""
    before, gaps = -1, []
    for event in message.events:
        gaps.append(event.at - before - 1)
        before = event.at
    least = min((abs(event.steps) for event in message.events), default=0)
    least = min(least, 255)
    numbers = [2 * (abs(n) - least) + (n < 0) for _, n in message.events]
    orders = [_best(gaps), _best(numbers)]
    bits = "".join(
        _code(gap, orders[0]) + _code(number, orders[1])
        for gap, number in zip(gaps, numbers, strict=True)
    )
    size = math.ceil(len(bits) / 8)
    body = int(bits.ljust(8 * size, "0") or "0", 2).to_bytes(size, "big")
    head = _HEADER.pack(
        MAGIC,
        VERSION,
        message.codec,
        message.samples,
        message.bound,
        message.step,
        len(message.events),
        *orders,
        least,
    )
    return head + body + _SEAL.pack(zlib.crc32(head + body))


def unpack(content: bytes) -> Message:
    """Return what a message holds. Raises DataError for bytes that are not those of a message."""
    if not content.startswith(MAGIC):
        raise DataError("this is no message of an event codec: it does not begin with gwev")
    if len(content) > len(MAGIC) and content[len(MAGIC)] > VERSION:
        version = content[len(MAGIC)]
        raise DataError(
            f"the message has version {version} and this gatewise reads up to {VERSION}: update it"
        )
    if len(content) < _HEADER.size + _SEAL.size:
        raise DataError(f"the message is cut short: it has {len(content)} bytes; {_AGAIN}")
    body, seal = content[: -_SEAL.size], content[-_SEAL.size :]
    if _SEAL.pack(zlib.crc32(body)) != seal:
        raise DataError(f"the message is cut short or damaged: its checksum differs; {_AGAIN}")
    _, version, codec, samples, bound, step, count, of_gaps, of_numbers, least = (
        _HEADER.unpack_from(body)
    )
    sound = (
        version == VERSION
        and count <= samples
        and 0 < step <= bound < math.inf
        and max(of_gaps, of_numbers) < 32
    )
    if not sound:
        raise DataError(f"the message is damaged: its header contradicts itself; {_AGAIN}")
    bits = _Bits(body[_HEADER.size :])
    events, at = [], -1
    for _ in range(count):
        at += 1 + bits.take(of_gaps)
        number = bits.take(of_numbers)
        size = number // 2 + least
        events.append(Event(at, -size if number % 2 else size))
    far = any(abs(event.steps) > MOST_STEPS for event in events)
    if at >= samples or far or not bits.at_end():
        raise DataError(f"the message is damaged: its events do not fit its length; {_AGAIN}")
    return Message(codec, samples, bound, step, tuple(events))


_AGAIN = "send it again"


def _best(numbers: Sequence[int]) -> int:
    return min(_ORDERS, key=lambda order: sum(_length(number, order) for number in numbers))


def _length(number: int, order: int) -> int:
    return 2 * ((number >> order) + 1).bit_length() - 1 + order


def _code(number: int, order: int) -> str:
    top = (number >> order) + 1
    low = number & ((1 << order) - 1)
    rest = f"{low:0{order}b}" if order else ""
    return "0" * (top.bit_length() - 1) + f"{top:b}" + rest


class _Bits:
    """Reads Exp-Golomb codes off bytes."""

    def __init__(self, content: bytes) -> None:
        self._bits = "".join(f"{byte:08b}" for byte in content)
        self._at = 0

    def take(self, order: int) -> int:
        """Return the next number."""
        one = self._bits.find("1", self._at)
        zeros = one - self._at
        end = one + zeros + 1 + order
        if one < 0 or end > len(self._bits) or zeros > _WIDEST:
            raise DataError(f"the message is damaged: an event is cut short; {_AGAIN}")
        self._at = end
        return int(self._bits[one:end], 2) - (1 << order)

    def at_end(self) -> bool:
        """Tell whether nothing is left but the zeros that fill the last byte."""
        rest = self._bits[self._at :]
        return len(rest) < 8 and "1" not in rest
