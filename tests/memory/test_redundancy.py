"""Dimensions and clusters of known states."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.memory.loops import record

from gatewise.errors import InputError, OptionError
from gatewise.memory import redundancy
from gatewise.memory.records.redundancy import participation_ratio


def independent(k: int, copies: int = 1) -> np.ndarray:
    """Return `[T, 1, k * copies]`: k exactly uncorrelated units of one variance, each repeated."""
    waves = np.stack(
        [np.sin(2 * np.pi * (j + 1) * np.arange(256) / 256) for j in range(k)], axis=-1
    )
    return np.repeat(waves, copies, axis=-1)[:, None, :]


@given(st.integers(1, 20), st.integers(1, 4), st.floats(1e-3, 1e3), st.floats(-1e3, 1e3))
def test_k_independent_units_have_k_dimensions(k, copies, scale, shift) -> None:
    found = redundancy(state=scale * (independent(k, copies) + shift))
    assert np.isclose(found.dimension, k, rtol=1e-6)
    assert np.isclose(found.share, 1 / copies, rtol=1e-6)
    assert found.redundant == k * (copies - 1)
    assert found.cluster.tolist() == np.repeat(copies * np.arange(k), copies).tolist()


@given(st.lists(st.floats(0.01, 10), min_size=1, max_size=8))
def test_of_eigenvalues(values: list[float]) -> None:
    rng = np.random.default_rng(0)
    axes, _ = np.linalg.qr(rng.normal(size=(len(values), len(values))))
    covariance = axes @ np.diag(values) @ axes.T
    expected = sum(values) ** 2 / sum(v * v for v in values)
    assert np.isclose(participation_ratio(covariance), expected, rtol=1e-10)


def test_by_the_eigenvalues_of_a_padded_record() -> None:
    gates, _ = record("lstm", [40, 0, 17, 31], layers=2, directions=2, units=4)
    found = redundancy(gates)
    for place in np.ndindex(2, 2):
        states = gates["cell"][place]
        valid = states[~np.isnan(states).any(axis=-1)]
        assert len(valid) == 88
        values = np.linalg.eigvalsh(np.cov(valid.T))
        assert np.isclose(found.dimension[place], values.sum() ** 2 / (values**2).sum(), rtol=1e-10)


def test_pairs_and_chains() -> None:
    rng = np.random.default_rng(0)
    a, b, noise = rng.normal(size=(3, 4000))
    state = np.stack([a, b, -a, a + 0.2 * noise, np.full(4000, 0.3), 2 * b + 1], axis=-1)
    found = redundancy(state=np.stack([state, rng.normal(size=state.shape)])[:, :, None, :])
    assert found.cluster.tolist() == [[0, 1, 0, 0, -1, 1], [0, 1, 2, 3, 4, 5]]
    assert found.redundant.tolist() == [3, 0]
    assert found.pairs.tolist() == [[0, 0, 2], [0, 0, 3], [0, 1, 5], [0, 2, 3]]
    expected = [np.corrcoef(state[:, i], state[:, j])[0, 1] for _, i, j in found.pairs]
    assert np.allclose(found.correlation, expected, rtol=1e-10)
    assert np.isclose(found.correlation[0], -1)


def test_a_long_chain_is_one_cluster() -> None:
    # Neighbours correlate at 0.98, ends do not: a cluster is what is linked, whatever the order.
    angles = np.random.default_rng(1).permutation(np.arange(30) * 0.2)
    turns = 2 * np.pi * np.arange(360) / 360
    found = redundancy(state=np.cos(turns[:, None] + angles)[:, None, :])
    assert (found.cluster == 0).all()


def test_the_interval_holds_the_dimension() -> None:
    rng = np.random.default_rng(3)
    held = 0
    scale = np.array([3.0, 2.0, 1.0, 1.0, 0.5])
    expected = (scale**2).sum() ** 2 / (scale**4).sum()
    for _ in range(100):
        found = redundancy(state=rng.normal(size=(50, 30, 5)) * scale)
        held += int(found.low <= expected <= found.high)
        assert found.low < found.dimension < found.high
    assert 88 <= held < 100  # below 88 of 100 at 95 %: probability 0.0015


def test_dead_and_empty_layers() -> None:
    for state in (np.full((20, 12, 3), 0.1), np.full((5, 2, 3), np.nan), np.zeros((0, 2, 3))):
        found = redundancy(state=state)
        assert np.isnan(found.dimension)
        assert np.isnan(found.low)
        assert found.cluster.tolist() == [-1, -1, -1]
        assert found.pairs.shape == (0, 2)
        assert found.reading == "None of the 3 units moves on these inputs."


def test_the_reading() -> None:
    reading = redundancy(state=np.tile(independent(2, 2), (1, 12, 1))).reading
    assert reading == (
        "The state moves in about 2 directions (2 to 2) of 4, or 50 %; 2 of its units repeat another "
        "at a correlation above 0.95."
    )


def test_bad_input() -> None:
    with pytest.raises(OptionError, match=r"threshold must lie between 0 and 1; got 1\.5"):
        redundancy(state=independent(2), threshold=1.5)
    with pytest.raises(InputError, match="state is missing"):
        redundancy()
