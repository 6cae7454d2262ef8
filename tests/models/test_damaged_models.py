"""Damaged model files: one line that names the file, and never another prediction without a word."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gatewise as gw
from gatewise.errors import FileError
from tests.damage import about_of, damaged_bytes, refusal, with_about
from tests.models.data import reservoir


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a small model with bands, members and two layers."""
    model = gw.Forecaster(
        target="level",
        inputs="rain",
        lookback=6,
        horizon=2,
        quantiles=[0.1, 0.9],
        hidden_size=3,
        num_layers=2,
        members=2,
        epochs=1,
    )
    model.fit(reservoir(160), progress=False)
    path = tmp_path_factory.mktemp("models") / "model.safetensors"
    model.save(path)
    return path.read_bytes()


def predicted(path: Path) -> np.ndarray:
    return gw.Forecaster.load(path).predict()["level_predicted"].to_numpy()


def test_a_weight_with_a_turned_bit_is_not_used(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(whole[:-5] + bytes([whole[-5] ^ 1]) + whole[-4:])
    with pytest.raises(FileError, match=r"model\.safetensors .*the checksum differs"):
        gw.Forecaster.load(path)


@pytest.mark.parametrize("count", [200, pytest.param(6000, marks=pytest.mark.full)])
def test_no_damage_to_the_bytes_goes_unseen(whole: bytes, tmp_path: Path, count: int) -> None:
    path = tmp_path / "model.safetensors"
    for what, content in damaged_bytes(whole, count, seed=count):
        path.write_bytes(content)
        said = refusal(lambda: gw.Forecaster.load(path), what)
        assert said is not None, what
        assert str(path) in said


def test_a_file_from_before_checksums_still_loads(whole: bytes, tmp_path: Path) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    new.write_bytes(whole)
    old.write_bytes(with_about(whole, about_of(whole), seal=False))
    np.testing.assert_array_equal(predicted(old), predicted(new))
