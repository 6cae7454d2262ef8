"""A forecaster explained: its own windows, days, targets, seasons and members."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

import gatewise as gw
from gatewise.errors import InputError, NotFittedError, OptionError
from gatewise.estimators.forecaster.case import AnswersFromPast, OneTarget
from gatewise.memory.interventions.subject import Subject

LAG = {"near": 2, "far": 12}


def frame(rows: int = 500, step: str = "D") -> pl.DataFrame:
    """Two targets that are the rain of 2 and of 12 steps ago."""
    rain = np.random.default_rng(3).normal(size=rows)
    time = np.datetime64("2001-01-01", "D").astype(f"datetime64[{step}]") + np.arange(rows)
    columns = {name: np.roll(rain, lag) for name, lag in LAG.items()}
    return pl.DataFrame({"ds": time.astype("datetime64[us]"), "rain": rain, **columns})


def fitted(**changes: object) -> gw.Forecaster:
    options = {
        "target": ("near", "far"),
        "inputs": ("rain",),
        "lookback": 24,
        "hidden_size": 16,
        "epochs": 1,
        "test": 0.4,
        "cell": "rnn",
        **changes,
    }
    return gw.Forecaster(**options).fit(frame(), progress=False)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def delayed() -> gw.Forecaster:
    """A forecaster whose network is set by hand: unit k holds the rain of k steps ago."""
    model = fitted()
    network = model.fitted_.networks[0]
    rnn, head = network.layers[0], network.head.linear
    with torch.no_grad():
        for own in (*rnn.parameters(), *head.parameters()):
            own.zero_()
        rnn.weight_ih_l0[0, 0] = 0.01
        rnn.weight_hh_l0.copy_(torch.diag(torch.ones(15), -1))
        for place, lag in enumerate(LAG.values()):
            head.weight[place, lag] = 100.0
    return model


def test_each_target_has_its_own_horizon_in_days(delayed: gw.Forecaster) -> None:
    explanation = gw.explain(delayed, frame())
    assert explanation.figures["horizon[near]"] == 2
    assert explanation.figures["horizon[far]"] == 12
    assert explanation.figures["horizon"] == 12
    assert explanation.finding("memory").sentence.startswith("Remembers about 12 days")  # type: ignore[union-attr]
    said = explanation.finding("targets").sentence  # type: ignore[union-attr]
    assert "far about 12 days" in said
    assert "near about 2 days" in said
    assert "do not overlap" in said
    assert explanation.settings["part"] == "test"
    assert "A window of 13 days" in explanation.finding("window").sentence  # type: ignore[union-attr]


def test_seasons_are_told_by_the_month_of_the_windows_end(delayed: gw.Forecaster) -> None:
    explanation = gw.explain(delayed, frame(), by="season", part="all")
    told = explanation.finding("groups")
    assert told is not None
    for name in ("winter", "spring", "summer", "autumn"):
        assert explanation.figures[f"horizon[{name}]"] == 12
        assert f"{name} about 12 days" in told.sentence
    assert "no difference is shown" in told.sentence
    assert "northern hemisphere" in told.caveat


def test_the_page_has_scores_verdicts_three_curves_and_units(
    delayed: gw.Forecaster, tmp_path: Path
) -> None:
    own = gw.explain(delayed, frame())
    made = own.contents()
    assert made.findings[1].sentence == own.findings[0].sentence
    names = [curve.name for curve in made.curves]
    assert names[:4] == [
        "Memory horizon",
        "Gradient highway",
        "Context need",
        "Memory horizon by target",
    ]
    # The page counts in days, as the sentences do.
    for curve in made.curves[:4]:
        assert "day" in curve.x_label
        assert "step" not in curve.reading
    assert "Beyond 12 days" in made.curves[0].reading
    assert "With 13 days" in made.curves[2].reading
    assert made.curves[0].y_label == "change of the answer (sd)"
    assert made.unit.counted(3) == "3 days"
    assert "looks back 24 days" in made.facts
    assert not any(" steps" in own.evidence for own in made.findings if "%" not in own.evidence)
    assert {"worth", "says the same as"} <= {column.name for column in made.records[0].columns}
    assert len(made.records[0].columns[0].values) == 16
    assert made.provenance["Explanation"]["rows in all"] == own.settings["rows_of"]
    own.write_page(tmp_path / "page.html")
    assert "Remembers about 12 days" in (tmp_path / "page.html").read_text()


def test_answers_are_those_of_the_forecaster_with_what_is_ahead_kept_apart() -> None:
    model = fitted(horizon=3, lookback=10, cell="gru", epochs=1)
    network = model.fitted_.networks[0]
    x = torch.randn(13, 5, network.layers[0].input_size)
    expected = network(x)[..., 0]
    wrapped = AnswersFromPast(network)
    got = wrapped(x[:10], x[10:].transpose(0, 1))
    torch.testing.assert_close(got.unflatten(1, (3, 2)), expected)
    torch.testing.assert_close(OneTarget(1, 2)(got), expected[..., 1])
    subject = Subject(wrapped, (x[:10], x[10:].transpose(0, 1)), caller="test", time=0)
    assert (subject.rows, subject.steps) == (
        5,
        10,
    )  # lags count from now, not from the last step ahead


def test_a_forecast_is_explained_from_now_backwards() -> None:
    model = fitted(
        horizon=3,
        lookback=10,
        cell="gru",
        quantiles=(0.1, 0.5, 0.9),
        num_layers=2,
        normalise="none",
        epochs=4,
    )
    explanation = gw.explain(model, frame())
    assert explanation.finding("skill").sentence.startswith(
        "The first member has learnt little, NSE"
    )  # type: ignore[union-attr]
    assert explanation.results["horizon"].settings["steps"] == 10
    assert explanation.modules == ("network.layers.0", "network.layers.1")
    assert {"highway[network.layers.0]", "highway[network.layers.1]"} <= set(explanation.results)
    records = explanation.contents().records
    assert [record.layer for record in records] == [0, 1]
    assert all(len(record.columns) == 2 for record in records)


def test_memory_is_told_beside_the_level_that_is_added_to() -> None:
    model = fitted(horizon=1, lookback=16, normalise="last", steps=100, epochs=None)
    finding = gw.explain(model, frame()).finding("memory")
    assert finding is not None
    assert "beside the last value of its past" in finding.sentence
    assert "The network adds to the last value of its past" in finding.evidence


def test_other_members_are_the_control_for_the_seed() -> None:
    explanation = gw.explain(fitted(members=3), frame())
    assert {"horizon[member 2]", "horizon[member 3]"} <= set(explanation.results)
    assert explanation.finding("seeds") is not None
    apart = explanation.curves()[-1]
    assert apart.name == "Memory horizon by member"
    assert [line.name for line in apart.lines] == ["member 1", "member 2", "member 3"]
    assert explanation.finding("seeds").rests_on == (
        "horizon",
        "horizon[member 2]",
        "horizon[member 3]",
    )  # type: ignore[union-attr]


def test_a_look_changes_nothing(delayed: gw.Forecaster) -> None:
    before = delayed.predict(frame())
    gw.explain(delayed, frame())
    assert before.equals(delayed.predict(frame()))


def test_bad_input_is_refused_before_any_work(delayed: gw.Forecaster) -> None:
    with pytest.raises(NotFittedError, match="call fit first"):
        gw.explain(gw.Forecaster(target="near"), frame())
    with pytest.raises(OptionError, match=r"'seasons'.*Did you mean 'season'"):
        gw.explain(delayed, frame(), by="seasons")
    with pytest.raises(OptionError, match="several series"):
        gw.explain(delayed, frame(), by="series")
    with pytest.raises(InputError, match="targets= is the estimator's own"):
        gw.explain(delayed, frame(), np.zeros(3))
    with pytest.raises(InputError, match=r"'network\.layers\.0'"):
        gw.explain(delayed, frame(), module="layers.1")
    with pytest.raises(InputError, match=r"budget=.* give budget="):
        gw.explain(delayed, frame(), budget=1e-4)


def test_seasons_need_dates() -> None:
    numbered = frame().with_columns(ds=pl.int_range(pl.len()))
    model = gw.Forecaster(target="near", inputs=("rain",), lookback=8, hidden_size=4, epochs=1)
    model.fit(numbered, progress=False)
    with pytest.raises(OptionError, match="needs dates"):
        gw.explain(model, numbered, by="season")


def test_seasons_with_too_few_windows_are_named(delayed: gw.Forecaster) -> None:
    explanation = gw.explain(
        delayed, frame(), by="season"
    )  # the test part: 2001-10-28 to 2002-05-15
    assert explanation.settings["by_left_out"] == ["summer"]
    told = explanation.finding("groups")
    assert told is not None
    assert "summer" not in told.sentence
    assert "Too few windows: summer." in told.evidence
