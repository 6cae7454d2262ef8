"""What every result offers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from gatewise.memory.result import Result, plain


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Found(Result):
    steps: Any
    low: Any = 1.0

    @property
    def reading(self) -> str:
        return "It remembers."


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Doubted(Found):
    @property
    def caveat(self) -> str:
        return "gate path only"


@dataclass(frozen=True)
class Part:
    size: float


def test_it_prints_its_reading_and_caveat() -> None:
    assert str(Found(steps=1, settings={})) == "It remembers."
    assert str(Doubted(steps=1, settings={})) == "It remembers. (gate path only)"


def test_the_dictionary_is_json() -> None:
    steps = np.array([[1.5, np.nan], [np.inf, -np.inf]])
    found = Found(steps=steps, low=np.float32(2), settings={"seed": np.int64(3), "shape": (1, 2)})
    expected = {
        "kind": "Found",
        "reading": "It remembers.",
        "caveat": "",
        "steps": [[1.5, None], ["Infinity", "-Infinity"]],
        "low": 2.0,
        "settings": {"seed": 3, "shape": [1, 2]},
    }
    assert found.to_dict() == expected
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False)) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, True),
        (np.bool_(True), True),
        (np.array([True, False]), [True, False]),
        (np.arange(2), [0, 1]),
        (np.array(["a", "b"]), ["a", "b"]),
        (np.array(["2020-01-02"], dtype="datetime64[D]"), ["2020-01-02"]),
        (float("nan"), None),
        (np.float64("nan"), None),
        (np.array([None, 1.0], dtype=object), [None, 1.0]),
        ({1: Part(2.0)}, {"1": {"size": 2.0}}),
        (Found(steps=None, settings={}), Found(steps=None, settings={}).to_dict()),
        (range(2), [0, 1]),
    ],
)
def test_plain_values(value: Any, expected: Any) -> None:
    found = plain(value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize("value", [object(), np.array([1j]), Part])
def test_what_json_has_no_place_for(value: Any) -> None:
    with pytest.raises(TypeError, match="a result cannot hold"):
        plain(value)


def test_long_arrays_are_named_by_their_shape() -> None:
    assert (
        repr(Found(steps=np.zeros((3, 2)), settings={})) == "Found(steps=float64 [3, 2], low=1.0)"
    )


def test_results_compare_by_identity() -> None:
    one = Found(steps=np.zeros(2), settings={})
    assert one == one  # noqa: PLR0124
    assert one != Found(steps=np.zeros(2), settings={})
