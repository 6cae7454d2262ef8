"""Which input matters, in sentences: of plain models and of a forecaster's tables."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

import gatewise as gw
from gatewise.errors import InputError
from gatewise.explaining import inputs, untold
from gatewise.explaining.affordable import INPUTS
from gatewise.explaining.case import Case
from gatewise.explaining.measuring import Measured, set_scoreless_aside
from gatewise.memory import Importance, IntegratedGradients, Sampling


def frame(rows: int = 400, series: int = 1) -> pl.DataFrame:
    """A target that is the rain of two days ago, of one or several series side by side."""
    generator = np.random.default_rng(3)
    tables = []
    for number in range(series):
        rain, tmin = generator.normal(size=(2, rows))
        tables.append(
            pl.DataFrame({
                "id": f"s{number}",
                "ds": np.datetime64("2001-01-01", "us") + np.arange(rows) * np.timedelta64(1, "D"),
                "rain": rain,
                "tmin": tmin,
                "area": float(number),
                "flow": np.roll(rain, 2),
            })
        )  # fmt: skip
    return pl.concat(tables)


def fitted(data: pl.DataFrame, **changes: Any) -> gw.Forecaster:
    """A forecaster whose network is to be set by hand."""
    options = {
        "target": "flow",
        "inputs": ("rain", "tmin"),
        "lookback": 12,
        "hidden_size": 4,
        "epochs": 1,
        "test": 0.4,
        "cell": "rnn",
        **changes,
    }
    return gw.Forecaster(**options).fit(data, progress=False)


def reads(model: gw.Forecaster, feature: str, lag: int) -> gw.Forecaster:
    """Let every network answer with one feature of `lag` steps ago, counted from its last step."""
    for network in model.fitted_.networks:
        rnn, head = network.layers[0], network.head.linear
        with torch.no_grad():
            for weight in (*rnn.parameters(), *head.parameters()):
                weight.zero_()
            rnn.weight_ih_l0[0, model.fitted_.features.index(feature)] = 0.01
            rnn.weight_hh_l0.copy_(torch.diag(torch.ones(3), -1))
            head.weight[:, lag] = 100.0
    return model


def measured(model: gw.Forecaster, data: pl.DataFrame, **how: Any) -> tuple[Case, Measured]:
    options = {"part": "test", "by": None, "module": None, "budget": 30.0, **how}
    case = model.explain_case(data, **options)
    found = Measured()
    inputs.measure_inputs(case, found, Sampling())
    return case, found


def said(model: gw.Forecaster, data: pl.DataFrame, **how: Any) -> str:
    finding = inputs.counting(*measured(model, data, **how))
    assert finding is not None
    return finding.sentence


def test_the_column_and_its_days_are_told_and_what_adds_nothing() -> None:
    data = frame()
    sentence = said(reads(fitted(data), "rain", 2), data)
    assert sentence.startswith("Of the inputs, rain 2 days back counts most: with that of another")
    assert sentence.endswith("of the score is lost; tmin adds nothing.")


def test_windows_that_share_days_take_nothing_from_each_other() -> None:
    data = frame()
    case, found = measured(reads(fitted(data), "rain", 2), data)
    result = found.results["importance"]
    assert isinstance(result, Importance)
    assert result.settings["distance"] == case.distance == 12  # all windows, one day apart
    few = frame(rows=1500)
    case, _ = measured(reads(fitted(few), "rain", 2), few)
    assert case.distance == 6  # 256 of 600 windows lie 2.3 days apart


def test_all_members_are_asked_and_the_other_measure_stands_beside() -> None:
    data = frame(250)
    model = reads(fitted(data, members=2), "rain", 2)
    case, found = measured(model, data)
    result, ways = found.results["importance"], found.results["integrated_gradients"]
    assert isinstance(result, Importance)
    assert isinstance(ways, IntegratedGradients)
    assert result.settings["networks"] == 2
    assert model.importance(data, part="test").to_dict() == result.to_dict()
    assert ways.share[0] == pytest.approx(1)
    evidence = inputs.counting(case, found).evidence  # type: ignore[union-attr]
    assert "2 members" in evidence
    assert "rain 100 %" in evidence
    assert inputs.ranked_otherwise(case, found) is None
    figures = inputs.input_figures(found)
    assert figures["first_input"] == "rain"
    assert figures["inputs"]["tmin"] == 0


def test_a_gap_goes_with_its_column_and_a_forecast_has_its_own_past() -> None:
    data = frame().with_columns(
        tmin=pl.when(pl.int_range(pl.len()) % 7 == 0).then(None).otherwise("tmin")
    )
    model = reads(
        fitted(data, horizon=2, missing="mask", future=("tmin",), inputs=("rain",)), "tmin", 0
    )
    case, found = measured(model, data)
    assert isinstance(case.columns, dict)
    assert list(case.columns) == ["flow (its own past)", "rain", "tmin"]
    assert [len(one) for one in case.columns.values()] == [
        2,
        2,
        2,
    ]  # with ":missing"; "ahead" in none
    result = found.results["importance"]
    assert isinstance(result, Importance)
    assert result.lag_first[0] == -2
    # The network answers with the days ahead themselves, which are no better than the mean.
    assert not result.has_score
    # Of a forecast that adds to a level the table may show a good score, which is the level's.
    for level, words in (("", "the score of"), ("the last value", "beyond the last value, the")):
        told_of, of = replace(case, adds_to=level), replace(found, results=dict(found.results))
        set_scoreless_aside(told_of, of)
        assert "importance" not in of.results
        assert inputs.counting(told_of, of) is None
        left = untold.left_out(told_of, of)
        assert left is not None
        assert left.sentence.startswith(f"Not told: which input matters, since {words}")


def test_what_is_known_ahead_is_told_as_such() -> None:
    data = frame().with_columns(plan=pl.col("flow"))
    model = reads(fitted(data, horizon=2, future=("plan",), inputs=("rain",)), "plan", 0)
    assert "plan of the 2 days ahead counts most" in said(model, data)


def test_a_panel_has_its_series_and_static_columns_without_lags() -> None:
    data = frame(150, series=3)
    model = reads(fitted(data, series="id", static=("area",)), "rain", 2)
    case, found = measured(model, data)
    result = found.results["importance"]
    assert isinstance(result, Importance)
    assert result.columns.tolist() == ["rain", "tmin", "area"]
    assert "tmin and area add nothing" in inputs.counting(case, found).sentence  # type: ignore[union-attr]


def test_too_few_windows_are_said_to_be_so() -> None:
    data = frame(60)
    sentence = said(reads(fitted(data, test=0.1), "rain", 2), data)
    assert sentence.startswith("Too few windows to say what each input adds: rain costs most")


def test_each_target_is_told_and_columns_that_go_together() -> None:
    data = frame().with_columns(other=pl.col("tmin"), copy=pl.col("rain") * 1.01)
    model = fitted(data, target=("flow", "other"), inputs=("rain", "copy", "tmin"))
    model = reads(model, "rain", 2)
    network = model.fitted_.networks[0]
    with torch.no_grad():
        network.layers[0].weight_ih_l0[3, 2] = 0.01
        network.layers[0].weight_hh_l0[3].zero_()  # nothing of the rain goes on into this unit
        network.head.linear.weight[1] = torch.tensor([0, 0, 0, 100.0])
    case, found = measured(model, data)
    assert "rain for flow" in inputs.by_target(case, found).sentence  # type: ignore[union-attr]
    assert "tmin for other" in inputs.by_target(case, found).sentence  # type: ignore[union-attr]
    together = inputs.going_together(case, found)
    assert together is not None
    assert "rain and copy (rank correlation 1) cost" in together.sentence


def test_where_the_two_measures_surely_rank_otherwise_both_are_told() -> None:
    """What the score rests on and what moves the answers: by hand, since few networks do that."""
    data = frame(250)
    case, found = measured(reads(fitted(data), "rain", 2), data)
    assert inputs.ranked_otherwise(case, found) is None
    ways = found.results["integrated_gradients"]
    assert isinstance(ways, IntegratedGradients)
    turned = {name: getattr(ways, name)[::-1] for name in ("share", "low", "high")}
    found.results["integrated_gradients"] = replace(ways, **turned)
    told = inputs.ranked_otherwise(case, found)
    assert told is not None
    assert "tmin before rain (100 % against 0 %" in told.sentence
    assert told.tone == "warn"


def test_a_plain_model_is_told_by_the_names_given() -> None:
    torch.manual_seed(0)
    lstm = torch.nn.LSTM(2, 3, batch_first=True)
    x = torch.randn(40, 10, 2)
    with torch.no_grad():
        lstm.weight_ih_l0[:, 1] = 0
    explanation = gw.explain(lstm, x, lstm(x)[0].detach(), columns=["rain", "tmin"])
    sentence = explanation.finding("inputs").sentence  # type: ignore[union-attr]
    assert sentence.startswith("Of the inputs, rain ")
    assert sentence.endswith("tmin adds nothing.")
    assert explanation.figures["first_input"] == "rain"
    panel = explanation.contents().inputs
    assert panel is not None
    assert [one.name for one in panel.inputs] == ["rain", "tmin"]
    assert panel.lag_names[7:] == ("7", "8–9")
    assert panel.inputs[0].moved == pytest.approx(1)
    with pytest.raises(InputError, match="columns has 3 names"):
        gw.explain(lstm, x, columns=["a", "b", "c"])
    with pytest.raises(InputError, match="columns= is the estimator's own"):
        gw.explain(fitted(frame(120)), frame(120), columns=["a"])


def test_a_single_row_leaves_the_question_open_and_says_why() -> None:
    lstm = torch.nn.LSTM(2, 3, batch_first=True)
    explanation = gw.explain(lstm, torch.randn(1, 60, 2))
    assert "one row" in explanation.skipped["importance"]
    assert "which input matters" in explanation.finding("left out").sentence  # type: ignore[union-attr]


@pytest.mark.parametrize("width", [1, 30, 200])
def test_passes_stay_within_what_the_budget_counts(width: int) -> None:
    """Rows run forwards, of all networks; each of the 16 points of the gradient counts as four."""
    network = torch.nn.GRU(width, 2, batch_first=True)
    rows, ran = 20, 0

    def count(_: Any, given: tuple[torch.Tensor, ...]) -> None:
        nonlocal ran
        ran += len(given[0])

    x = torch.randn(rows, 40, width)
    case = Case(
        *(network, x, network(x)[0][:, -1].detach().double(), None, lambda made: made[0][:, -1], 1),
        rows=rows,
        steps=40,
        per_step=False,
        module=None,
        columns=[f"column {k}" for k in range(width)],
        others=(network, network),
    )
    handle = network.register_forward_pre_hook(count)
    found = Measured()
    inputs.measure_inputs(case, found, Sampling())
    handle.remove()
    assert set(found.results) == {"importance", "integrated_gradients"}
    assert ran / rows <= INPUTS
