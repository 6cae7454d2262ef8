"""Every kind of file of every released version opens, and says what it said when it was written.

Within rounding: kernels of other instruction sets add in another order.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import gatewise as gw
from gatewise import runtime
from tests.estimators.data import panel
from tests.formats.make import TABLE, answers, columns
from tests.tolerances import ELSEWHERE, TRAINED_ON

HERE = Path(__file__).parent
VERSIONS = sorted(path.name for path in HERE.iterdir() if (path / "expected.npz").exists())
KINDS: Mapping[str, type[Any]] = {
    "classifier": gw.Classifier,
    "regressor": gw.Regressor,
    "tagger": gw.Tagger,
    "language": gw.LanguageModel,
}


@pytest.fixture(params=VERSIONS)
def written(request: pytest.FixtureRequest) -> Path:
    """The folder of one version."""
    return HERE / request.param


def check(written: Path, kind: str, found: Mapping[str, Any], **close: float) -> None:
    """Compare with what that version said."""
    with np.load(written / "expected.npz") as held:
        expected = {name: held[name] for name in held.files if name.partition("/")[0] == kind}
    assert {f"{kind}/{name}" for name in found} == set(expected)
    for name, values in found.items():
        np.testing.assert_allclose(values, expected[f"{kind}/{name}"], **ELSEWHERE | close)


def test_a_version_has_been_kept() -> None:
    assert VERSIONS


def test_a_forecaster_predicts_the_same(written: Path) -> None:
    path = written / "forecaster.safetensors"
    check(written, "forecaster", columns(gw.Forecaster.load(path).predict()))


def test_the_runtime_predicts_the_same(written: Path) -> None:
    path = written / "forecaster.safetensors"
    check(written, "forecaster", columns(runtime.load(path).predict()))


def test_a_forecaster_of_several_series_predicts_the_same(written: Path) -> None:
    model = gw.Forecaster.load(written / "panel.safetensors")
    check(written, "panel", columns(model.predict(panel(rows=90))))


def test_an_interrupted_run_is_finished(written: Path, tmp_path: Path) -> None:
    shutil.copytree(written / "interrupted", tmp_path / "run")
    table = pl.read_csv(written / TABLE, try_parse_dates=True)
    model = gw.Forecaster.resume(tmp_path / "run", table, progress=False)
    check(written, "interrupted", columns(model.predict(table)), rtol=TRAINED_ON)


@pytest.mark.parametrize("kind", KINDS)
def test_an_estimator_of_sequences_answers_the_same(written: Path, kind: str) -> None:
    model = KINDS[kind].load(written / f"{kind}.safetensors")
    check(written, kind, answers(kind, model))


def test_a_trace_holds_the_same(written: Path) -> None:
    trace = gw.load_trace(written / "trace.safetensors")
    found = {name: trace[""][name].numpy() for name in ("forget", "cell")}
    check(written, "trace", found)


def test_a_message_is_decoded_to_the_same(written: Path) -> None:
    codec = gw.EventCodec.load(written / "codec")
    check(written, "message", {"values": codec.decode((written / "message").read_bytes())})
