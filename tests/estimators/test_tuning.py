"""The search for settings: what it may see, that it goes on where it stopped, and what it leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import gatewise as gw
from gatewise.errors import DataError, FileError, OptionError
from gatewise.estimators.forecaster.preparation import prepare
from gatewise.estimators.run.folder import Run
from gatewise.estimators.tuning import entry, folder, trial
from gatewise.estimators.tuning.space import Range, space_of
from gatewise.estimators.tuning.study import JOURNAL, Search
from gatewise.estimators.tuning.trial import Outcome
from tests.estimators.data import panel, reservoir
from tests.estimators.test_forecaster import sensor

SPACE: dict[str, Any] = {
    "cell": ["lstm", "gru"],
    "hidden_size": (2, 9),
    "learning_rate": (1e-3, 1e-1),
    "num_layers": 1,
    "weight_decay": 0.0,
    "noise": 0.0,
    "forget_bias": 1.0,
    "dropout": 0.0,
}
FRAME = reservoir(240)


def quick(**options: Any) -> gw.Forecaster:
    return sensor(epochs=2, hidden_size=3, lookback=10, baselines=["climatology"], **options)


def tuned(data: Any = FRAME, **options: Any) -> Any:
    return gw.tune(quick(), data, **{"trials": 5, "space": SPACE, "progress": False} | options)


def told(result: Any) -> list[tuple[Any, ...]]:
    return [(each.number, each.settings, each.score, each.state) for each in result.trials]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A search that nothing interrupted."""
    return tuned(out=tmp_path_factory.mktemp("search") / "out")


def test_the_best_trial_is_left_as_an_ordinary_run_beside_the_first_settings(whole: Any) -> None:
    assert whole.trials[0].settings["hidden_size"] == 3  # the model's own come first
    scores = [each.score for each in whole.trials if each.state == "complete"]
    assert whole.best.score == min(scores)
    loaded = gw.Forecaster.load(whole.folder / folder.BEST)
    assert loaded.to_json() == whole.model.to_json()
    for name, value in whole.settings.items():
        assert getattr(loaded, name) == value
    # The run has the weights of the trial: the same seed, and the same part to stop by.
    on_validation = whole.model.evaluate(FRAME, part="validation").scores["gatewise"]["level"][
        "rmse"
    ]
    assert on_validation == pytest.approx(whole.best.score, rel=1e-6)
    assert whole.model.evaluation_.part == "test"
    assert gw.Forecaster.load(whole.folder / folder.START).hidden_size == 3
    about = json.loads((whole.folder / folder.ABOUT).read_text())
    assert about["status"] == "complete"
    assert about["best"]["score"] == whole.best.score
    frame = pl.read_csv(whole.folder / folder.TRIALS)
    assert frame["hidden_size"].to_list() == [each.settings["hidden_size"] for each in whole.trials]
    assert whole.to_frame()["trial"].to_list() == [1, 2, 3, 4, 5]


def test_no_trial_sees_the_test_part(whole: Any) -> None:
    first = len(FRAME) - round(0.2 * len(FRAME))
    spoilt = np.where(np.arange(len(FRAME)) < first, FRAME["level"], 1e6)
    other = tuned(FRAME.with_columns(level=pl.Series(spoilt)))
    assert told(other) == told(whole)
    assert other.model.evaluation_.scores != whole.model.evaluation_.scores


def stopping(monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """Have trial number `at` interrupted while it trains."""
    begun = []

    def run(*arguments: Any) -> Outcome:
        begun.append(0)
        if len(begun) == at:
            raise KeyboardInterrupt
        return trial.run_trial(*arguments)

    monkeypatch.setattr("gatewise.estimators.tuning.workers.run_trial", run)


@pytest.mark.parametrize("rest", [b"", b'{"op_code":4,"worker_id":"1'])
def test_an_interrupted_search_goes_on_with_the_trials_it_would_have_made(
    whole: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rest: bytes
) -> None:
    """Also where a process was killed while it wrote a line and held Optuna's lock."""
    out = tmp_path / "out"
    with monkeypatch.context() as patched:
        stopping(patched, 4)
        with pytest.raises(KeyboardInterrupt):
            tuned(out=out)
    kept = (out / JOURNAL).read_bytes()
    assert kept.count(b"\n") > 3
    (out / JOURNAL).write_bytes(kept + rest)
    (out / f"{JOURNAL}.lock").symlink_to(out / JOURNAL)
    assert told(tuned(out=out)) == told(whole)
    assert not (out / f"{JOURNAL}.lock").exists()


def test_more_trials_go_on_from_a_whole_search(whole: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert told(tuned(out=out, trials=3)) == told(whole)[:3]
    assert told(tuned(out=out)) == told(whole)
    assert Run.open(out / folder.BEST).complete


def test_a_run_that_was_interrupted_at_the_end_is_finished(
    whole: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("gatewise.estimators.base.write_metrics", interrupted)
        with pytest.raises(KeyboardInterrupt):
            tuned(out=out)
    assert json.loads((out / folder.ABOUT).read_text())["status"] == "tuning"
    again = tuned(out=out)
    assert told(again) == told(whole)
    assert again.model.evaluation_.scores == whole.model.evaluation_.scores


@pytest.mark.full
def test_trials_in_processes_of_their_own_are_the_same_ones(whole: Any) -> None:
    """The second begins before the first has ended, so that later ones may differ."""
    beside = tuned(jobs=2, trials=3)
    assert told(beside)[:2] == told(whole)[:2]
    assert [each.state for each in beside.trials] == ["complete"] * 3


def test_settings_that_cannot_be_fitted_fail_alone() -> None:
    result = tuned(trials=6, space=SPACE | {"lookback": [10, 500], "cell": ["lstm"]})
    failed = [each for each in result.trials if each.state == "failed"]
    assert failed
    assert all(each.settings["lookback"] == 500 for each in failed)
    assert "lookback=500" in failed[0].failure
    with pytest.raises(DataError, match=r"no trial of 2 came to its end: .*lookback=500"):
        tuned(trials=2, space=SPACE | {"lookback": 500})


def test_a_trial_that_falls_behind_is_stopped() -> None:
    search = Search({"dropout": Range(0, 0.5, False)}, seed=0, start={}, prune=True)
    for score in (1.0, 1.1, 1.2, 1.3, 1.4):
        asked = search.ask()
        assert not any(search.report(asked, part, score) for part in range(1, 20))
        search.tell(asked, Outcome(score))
    bad, good = search.ask(), search.ask()
    assert [search.report(bad, part, 1.3) for part in (1, 4, 5, 6)] == [False, False, True, True]
    assert not any(search.report(good, part, 1.1) for part in range(1, 20))
    assert search.tell(bad, Outcome(pruned=True)).state.name == "PRUNED"


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ({"hiden_size": [1]}, "space: there is no option 'hiden_size'. Did you mean 'hidden_size'"),
        ({"target": ["level"]}, "space: target says what is predicted"),
        ({"horizon": [1, 2]}, "is the same in all trials"),
        ({"hidden_size": [0, 8]}, "space: hidden_size must be a whole number of at least 1"),
        ({"hidden_size": (2.5, 8)}, "space: hidden_size must be a whole number"),
        ({"hidden_size": (9, 2)}, "space: hidden_size runs from 9 down to 2: put the smaller first"),
        ({"hidden_size": (1, 2, 3)}, "the values of hidden_size are no range"),
        ({"dropout": (0.1, float("nan"))}, "are no range"),
        ({"hidden_size": []}, "space: hidden_size has no value"),
        ({"cell": ("lstm", "gru")}, "space: the values of cell are no range"),
        ({"cell": "lstn"}, "space: cell must be one of"),
        ({"clip": [[1.0]]}, "space: clip cannot be [1.0]"),
        (dict.fromkeys(("cell",), "lstm"), "there is nothing to tune"),
    ],
)  # fmt: skip
def test_a_space_that_cannot_be_is_refused(space: dict[str, Any], said: str) -> None:
    kept = {name: value for name, value in SPACE.items() if not isinstance(value, list | tuple)}
    model = quick(learning_rate=0.02)
    prepared = prepare(model, FRAME)
    with pytest.raises(OptionError) as caught:
        space_of(model, prepared, kept | space)
    assert said in str(caught.value)


def space_for(given: Any = None, frame: Any = FRAME, **options: Any) -> dict[str, Any]:
    model = gw.Forecaster(target="level", inputs="rain", **options)
    return space_of(model, prepare(model, frame), given)


def test_what_is_set_stays_and_what_is_named_is_searched() -> None:
    space = space_for({"clip": [1.0, None]}, cell="gru")
    assert not {"cell", "normalise", "steps"} & set(space)  # set, and of forecasts alone
    assert space["clip"].to_json() == [1.0, None]
    assert "forget_bias" in space
    assert "forget_bias" not in space_for(long_memory=50)  # which starts the same gate
    assert space["learning_rate"].log
    assert space["lookback"] == Range(24, 96, True)
    assert space_for(frame=reservoir(900))["lookback"] == Range(24, 315, True)


def test_the_usual_space_of_a_forecast_goes_by_its_data() -> None:
    above = FRAME.with_columns(level=pl.col("level") - pl.col("level").min() + 1.0)
    space = space_for(frame=above, horizon=6, season=7)
    back = prepare(gw.Forecaster(target="level", inputs="rain", horizon=6, season=7), above)
    assert space["normalise"].values == ("season", "last", "window")
    assert space["transform"].values == ("log", "none")
    assert space["steps"] == Range(100, 900, True)
    assert space["lookback"].low == back.settings.lookback // 4
    assert space["lookback"].holds(back.settings.lookback)
    signed = space_for(frame=FRAME.with_columns(level=pl.col("level") - 50.0), horizon=6, epochs=3)
    assert not {"transform", "steps"} & set(signed)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"trials": 0}, "trials must be a whole number of at least 1, not 0"),
        ({"jobs": 1.5}, "jobs must be a whole number of at least 1, not 1.5"),
        ({"seconds": -1}, "seconds must be a number above 0"),
        ({"metric": "rsme"}, "metric must be one of .* not 'rsme'. Did you mean 'rmse'"),
        ({"metric": "coverage"}, "metric must be one of"),
    ],
)
def test_what_a_search_cannot_be_asked_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(OptionError, match=said):
        tuned(**given)


def test_a_folder_in_the_way_stands(whole: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(FileError, match="holds other files"):
        tuned(out=tmp_path, overwrite=True)
    with pytest.raises(FileError, match=r"asked for something else \(space\)"):
        tuned(out=whole.folder, space=SPACE | {"hidden_size": (2, 4)})
    with pytest.raises(FileError, match=r"asked for something else \(data\)"):
        tuned(FRAME[:200], out=whole.folder)
    assert folder.read_about(whole.folder)["status"] == "complete"
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / folder.ABOUT).write_text("{")
    with pytest.raises(FileError, match="is damaged"):
        tuned(out=damaged)


def test_a_damaged_study_is_refused(whole: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name in (folder.ABOUT, JOURNAL):
        (out / name).write_bytes((whole.folder / name).read_bytes())
    (out / JOURNAL).write_bytes(b'{"a": 1}\n' + (out / JOURNAL).read_bytes())
    with pytest.raises(FileError, match="not a study of Optuna's, or it is damaged"):
        tuned(out=out)
    assert told(tuned(out=out, overwrite=True, trials=1)) == told(whole)[:1]


def test_without_optuna_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr("gatewise.estimators.tuning.study.import_module", missing)
    with pytest.raises(OptionError, match=r"tuning needs optuna: pip install -e '\.\[tune\]'"):
        tuned()


def test_of_several_targets_each_counts_by_its_spread() -> None:
    frame = FRAME.with_columns(wide=pl.col("level") * 1000.0)
    for targets in (["level"], ["level", "wide"], ["wide", "level"]):
        model = gw.Forecaster(
            target=targets,
            inputs="rain",
            epochs=1,
            hidden_size=2,
            lookback=5,
            baselines=["climatology"],
        ).fit(frame, progress=False)
        assert model.evaluation_ is not None
        truth = model.evaluation_.predictions.truth
        scores = model.evaluation_.scores["gatewise"]
        each = [scores[name]["rmse"] for name in targets]
        wanted = np.mean(np.array(each) / truth.std(axis=(0, 1))) if len(each) > 1 else each[0]
        assert trial.score_of(model.evaluation_, "rmse") == pytest.approx(wanted)
        best = -np.mean([scores[name]["nse"] for name in targets])
        assert trial.score_of(model.evaluation_, "nse") == pytest.approx(best)


def test_a_time_limit_ends_the_search_after_a_trial_at_least() -> None:
    assert len(tuned(seconds=1e-9).trials) == 1


@pytest.mark.parametrize(
    ("options", "metric"),
    [({}, "rmse"), ({"horizon": 2}, "mae"), ({"quantiles": [0.1, 0.9]}, "crps")],
)
def test_the_usual_score_goes_by_what_is_predicted(options: dict[str, Any], metric: str) -> None:
    model = quick(**options)
    assert entry._usual_metric(model, prepare(model, FRAME)) == metric


def test_a_panel_is_judged_by_its_median_series() -> None:
    model = sensor(epochs=1, hidden_size=2, lookback=10, horizon=2, members=1)
    space = SPACE | {"cell": "gru", "lookback": 10, "normalise": "last", "transform": "none"}
    result = gw.tune(model, panel(), trials=2, space=space, progress=False)
    assert result.metric == "mase"
    assert result.best.score is not None
    fitted = result.model.evaluate(panel(), part="validation").shown["gatewise"]["level"]
    assert fitted["mase"] == pytest.approx(result.best.score, rel=1e-6)
