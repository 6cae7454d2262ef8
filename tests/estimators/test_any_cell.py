"""The forecaster with every registered cell, and with one that somebody else has registered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import gatewise as gw
from gatewise.cells import CELLS
from gatewise.cli import run
from gatewise.errors import FileError, OptionError
from tests.estimators.data import reservoir
from tests.made_up import MADE_UP, OVERWRITE

SMALL = {"target": "level", "inputs": "rain", "lookback": 12, "hidden_size": 4, "epochs": 1}
OTHERS = [name for name, spec in CELLS.items() if spec.saved is None]


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, spec in MADE_UP.items():
        monkeypatch.setitem(CELLS, name, spec)


@pytest.mark.parametrize("cell", ["rnn_relu", "slstm", *OTHERS, *MADE_UP])
def test_it_is_fitted_saved_loaded_and_read(cell: str, tmp_path: Path) -> None:
    frame = reservoir()
    model = gw.Forecaster(**SMALL, cell=cell, write_cost=0.01 * (CELLS[cell].terms("keep") != ()))
    model.fit(frame, out=tmp_path / "run", progress=False)
    assert model.fitted_.engine == ("reference" if CELLS[cell].saved is None else "native")
    again = gw.Forecaster.load(tmp_path / "run")
    assert again.cell == cell
    assert again.predict(frame).equals(model.predict(frame))
    found = again.timescales(frame)
    assert (found is None) == (not CELLS[cell].terms("keep"))
    assert set(again.gates(frame).gates) == set(CELLS[cell].recorded)
    assert gw.explain(again, frame).findings


def test_what_keeps_is_told_of_a_cell_whose_gate_writes() -> None:
    frame = reservoir()
    model = gw.Forecaster(**SMALL, cell=OVERWRITE.name, forget_bias=4.0).fit(frame, progress=False)
    found = model.timescales(frame)
    assert found is not None
    assert found.gate == "1 - fresh"
    assert (found.steps > 10).all()  # e^-4 is written at each step at first: some 55 steps


def test_a_cell_that_is_not_registered_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = reservoir()
    gw.Forecaster(**SMALL, cell=OVERWRITE.name).fit(frame, out=tmp_path / "run", progress=False)
    monkeypatch.delitem(CELLS, OVERWRITE.name)
    said = (
        "was fitted with the cell 'made_up_overwrite', which is not registered here; first import"
    )
    with pytest.raises(FileError, match=said) as error:
        gw.Forecaster.load(tmp_path / "run")
    assert "\n" not in str(error.value)
    frame.write_csv(tmp_path / "new.csv")
    assert run(["predict", str(tmp_path / "run"), str(tmp_path / "new.csv")]) != 0
    assert said in " ".join(capsys.readouterr().err.split())
    with pytest.raises(
        OptionError, match=r"cell must be one of 'lstm', 'gru', 'rnn', .*, or of the cells that"
    ):
        gw.Forecaster(**SMALL, cell=OVERWRITE.name).fit(frame, progress=False)
    with pytest.raises(OptionError, match=r"not 'lsmt'\. Did you mean 'lstm' or 'slstm'\?"):
        gw.Forecaster(**SMALL, cell="lsmt").fit(frame, progress=False)


def test_the_command_line_fits_every_cell_of_the_library(tmp_path: Path) -> None:
    reservoir().write_csv(tmp_path / "table.csv")
    line = ["fit", str(tmp_path / "table.csv"), "--target", "level", "--inputs", "rain"]
    line += ["--lookback", "12", "--hidden-size", "4", "--epochs", "1"]
    folder = tmp_path / "run"
    assert run([*line, "--cell", "layer_norm_lstm", "--out", str(folder)]) == 0
    assert gw.Forecaster.load(folder).cell == "layer_norm_lstm"
    assert run(["inspect", str(folder)]) == 0


def in_heads(estimator: str, **options: object) -> Any:
    """Return an estimator that is fitted on next to nothing, with the sLSTM in two heads."""
    some: Any = {"cell": "slstm", "hidden_size": 4, "epochs": 1, "heads": 2, **options}
    if estimator == "Forecaster":
        return gw.Forecaster(**SMALL | some).fit(reservoir(60), progress=False)
    if estimator == "LanguageModel":
        return gw.LanguageModel(**some).fit("abracadabra " * 30, progress=False)
    letters = ["ACGTAC", "GGTACA", "TTACGA", "CATGCA"] * 5
    labels: Any = ["a", "b", "a", "b"] * 5
    if estimator == "Tagger":
        labels = [["v" if letter == "A" else "c" for letter in one] for one in letters]
    some["baselines"] = ["majority"]
    return getattr(gw, estimator)(**some).fit(letters, labels, progress=False)


@pytest.mark.parametrize("estimator", ["Forecaster", "Classifier", "Tagger", "LanguageModel"])
def test_every_estimator_has_the_heads_of_its_cell(estimator: str, tmp_path: Path) -> None:
    model = in_heads(estimator)
    model.save(tmp_path / "model.safetensors")
    again = type(model).load(tmp_path / "model.safetensors")
    for one in (model, again):
        [layer] = one.fitted_.networks[0].layers
        assert (one.heads, layer.heads) == (2, 2)
        assert layer.weight_hh_l0.shape == (16, 2)
    if estimator == "LanguageModel":  # which speaks by single steps
        assert model.suggest("abra") == again.suggest("abra")
    with pytest.raises(OptionError, match="heads=2 is for cells whose units can be shared out"):
        in_heads(estimator, cell="gru")
    with pytest.raises(OptionError, match="heads=3 must divide hidden_size=4"):
        in_heads(estimator, heads=3)
    with pytest.raises(OptionError, match="heads must be"):
        in_heads(estimator, heads=0)
