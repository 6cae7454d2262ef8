"""Damaged model files: one line that names the file, and never another prediction without a word."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gatewise as gw
from gatewise.errors import FileError
from tests.damage import (
    about_of,
    damaged_bytes,
    damaged_json,
    damaged_tensors,
    nested,
    refusal,
    with_about,
)
from tests.estimators.data import reservoir


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


# --- descriptions of the right form and the wrong content -----------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("num_layers", 10**9, "num_layers must be .* at most"),
        ("num_layers", 900, "weights of 2 layers"),
        ("members", 10**9, "members must be .* at most"),
        ("members", 9_000, "2 members' weights"),
        ("hidden_size", 10**9, "for 3 units"),
        ("horizon", 10**12, "horizon must be .* at most"),
        ("horizon", 10**9, "horizon is 1000000000"),
        ("horizon", 3, "another task"),
        ("lookback", 10**12, "lookback must be .* at most"),
        ("lookback", 10**9, "too few for 1000000000 steps"),
        ("lookback", 8, "too few for 8 steps"),
        ("quantiles", None, "6 outputs|for 3 outputs"),
        ("quantiles", [0.2, 0.8], "other quantile levels"),
        ("scale", "none", "another table's scaling"),
        ("cell", "gru", "size mismatch"),
        ("cell", {"lstm": 1}, "cell must be"),
        pytest.param("dropout", 10**400, "dropout must be", id="beyond every float"),
        ("lookbck", 6, "'lookbck'"),
    ],
)
def test_sizes_that_the_tensors_do_not_bear_out(
    whole: bytes, tmp_path: Path, name: str, value: object, words: str
) -> None:
    about = about_of(whole)
    about["settings"][name] = value
    path = tmp_path / "model.safetensors"
    path.write_bytes(with_about(whole, about))
    with pytest.raises(FileError, match=rf"model\.safetensors is a damaged .*({words})"):
        gw.Forecaster.load(path)


def test_a_description_nested_without_end(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(with_about(whole, nested(100_000), seal=False))
    with pytest.raises(FileError, match=r"nested too deep"):
        gw.Forecaster.load(path)
    head = nested(100_000).encode()
    path.write_bytes(len(head).to_bytes(8, "little") + head)
    with pytest.raises(FileError, match=r"nested too deep"):
        gw.Forecaster.load(path)


@pytest.mark.parametrize("seal", [True, False], ids=["sealed", "from before checksums"])
@pytest.mark.parametrize("count", [200, pytest.param(3000, marks=pytest.mark.full)])
def test_any_change_of_the_description_is_told_or_does_no_harm(
    whole: bytes, tmp_path: Path, count: int, seal: bool
) -> None:
    """Sealed anew, so that only the checks of the content are left to find it."""
    path = tmp_path / "model.safetensors"
    loaded = 0
    for what, about in damaged_json(about_of(whole), count, seed=count + seal):
        path.write_bytes(with_about(whole, about, seal=seal))
        said = refusal(lambda: predicted(path), what)
        loaded += said is None
        assert said is None or str(path) in said, what
    assert loaded < count / 2


@pytest.mark.parametrize("count", [100, pytest.param(3000, marks=pytest.mark.full)])
def test_any_change_of_the_tensors_is_told_or_does_no_harm(
    whole: bytes, tmp_path: Path, count: int
) -> None:
    path = tmp_path / "model.safetensors"
    for what, changed in damaged_tensors(whole, count, seed=count):
        path.write_bytes(changed)
        said = refusal(lambda: predicted(path), what)
        assert said is None or str(path) in said, what
