"""Level and spread of windows equal a plain loop, see nothing from after now, and invert exactly."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gatewise.data import Columns, Scaler, Step, Table, Windows, make_windows
from gatewise.data.tables.levels import LEAST, Normaliser, check_lookback
from gatewise.data.tables.transforms import Transform
from gatewise.errors import DataError, OptionError

NAN = float("nan")
MODES = ("season", "last", "window", "robust")


def table_of(*series: np.ndarray, targets: tuple[str, ...] = ("y",)) -> Table:
    """Return a panel of blocks `[N, K]` or `[N]` of targets and nothing else."""
    blocks = [np.asarray(block, float).reshape(len(block), -1) for block in series]
    lengths = [len(block) for block in blocks]
    return Table(
        Columns(targets, (), (), (), "ds", "unique_id"),
        np.concatenate(blocks),
        np.concatenate([np.arange(length) for length in lengths]),
        tuple(f"s{number}" for number in range(len(lengths))),
        np.cumsum([0, *lengths]),
        Step("fixed", 1, clock=False),
    )


def windows_of(
    table: Table,
    mode: str,
    *,
    lookback: int = 9,
    horizon: int = 5,
    season: int = 4,
    kind: str = "none",
    missing: str = "refuse",
    train: np.ndarray | None = None,
) -> tuple[Windows, Normaliser]:
    everywhere = np.ones(len(table), bool)
    train = everywhere if train is None else train
    transform = Transform.fit(table, train, kind, season)
    normaliser = Normaliser.fit(
        table, train, normalise=mode, transform=transform, season=season, lookback=lookback
    )
    scaled = Scaler.fit(table, train).transform(table)
    levels = normaliser.levels(table, lookback, horizon)
    options = {"lookback": lookback, "horizon": horizon, "missing": missing}
    made = make_windows(table, scaled, everywhere, **options, levels=levels, need_target=False)
    return made, normaliser


def looped(
    past: list[float], mode: str, season: int, steps: int
) -> tuple[list[float], float, float]:
    """Return level [S], centre and raw spread of one window, as the table in levels.py reads."""
    known = [value for value in past if not math.isnan(value)]
    mean = sum(known) / len(known)
    if mode == "window":
        spread = math.sqrt(sum((value - mean) ** 2 for value in known) / len(known))
        return [mean] * steps, mean, spread
    if mode == "robust":
        low, middle, high = np.quantile(known, [0.25, 0.5, 0.75])
        return [middle] * steps, middle, (high - low) / 1.3489795003921634
    back = 1 if mode == "last" else season
    steps_made = [b - a for a, b in zip(past, past[back:], strict=False) if not math.isnan(b - a)]
    spread = float(np.std(steps_made)) if steps_made else NAN
    if mode == "last":
        return [known[-1]] * steps, known[-1], spread
    newest = [value for value in past[-season:] if not math.isnan(value)]
    centre = sum(newest) / len(newest) if newest else mean
    level = []
    for step in range(1, steps + 1):
        place = len(past) - 1 + step
        while place >= len(past) or (place >= 0 and math.isnan(past[place])):
            place -= season
        level.append(past[place] if place >= 0 else centre)
    return level, centre, spread


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=25, deadline=None)
@given(
    sizes=st.tuples(st.integers(1, 5), st.integers(2, 6), st.integers(1, 7)),
    gaps=st.sampled_from([0.0, 0.3]),
    seed=st.integers(0, 10_000),
)
@example(sizes=(2, 2, 1), gaps=0.3, seed=2)  # a series whose windows have no spread
def test_windows_equal_a_plain_loop(mode, sizes, gaps, seed):
    season, more, horizon = sizes
    rng = np.random.default_rng(seed)
    scales = np.array([1.0, 1e5])
    blocks = [rng.normal(3, 1, (30, 2)) * scale for scale in scales]
    table = table_of(*blocks, targets=("y", "z"))
    table.values[rng.random(table.values.shape) < gaps] = NAN
    lookback = season + more
    options = {"lookback": lookback, "horizon": horizon, "season": season, "missing": "mask"}
    windows, normaliser = windows_of(table, mode, **options)
    picks = np.arange(len(windows))
    x, y = windows.gather(picks)
    level, spread = windows.levels.of(windows.origins)
    for pick, origin in enumerate(windows.origins):
        series = int(table.series_index()[origin])
        for target in range(2):
            past = table.values[origin - lookback + 1 : origin + 1, target].tolist()
            expected, centre, raw = looped(past, mode, season, horizon)
            np.testing.assert_allclose(level[pick, :, target], expected, rtol=1e-12)
            least = LEAST * normaliser.typical[series, target]
            wanted = np.fmax(raw, least)
            if not wanted > 0:  # no window of the series has a spread: the level's size has to do
                wanted = abs(centre) or 1.0
            assert spread[pick, target] == pytest.approx(wanted, rel=1e-9)
            seen = (np.array(past) - centre) / spread[pick, target]
            np.testing.assert_allclose(
                x[:lookback, pick, target], np.nan_to_num(seen), rtol=1e-5, atol=1e-5
            )
            truth = table.values[origin + 1 : origin + 1 + horizon, target]
            answers = (truth - np.array(expected)) / spread[pick, target]
            np.testing.assert_allclose(y[pick, :, target], answers, rtol=1e-5, atol=1e-5)
    assert not x[lookback:, :, :2].any()  # the target is hidden where it is asked for


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", ["none", "log", "box-cox"])
def test_the_inverse_is_exact_and_increases_for_quantiles_too(mode, kind):
    rng = np.random.default_rng(1)
    rises = np.exp(rng.normal(0.02, 0.1, (60, 2)).cumsum(axis=0))
    table = table_of(rises, 1e6 * rises[::-1], targets=("y", "z"))
    windows, _ = windows_of(table, mode, kind=kind)
    _, y = windows.gather(np.arange(len(windows)))
    truth = table.values[windows.target_rows(np.arange(len(windows)))]
    back = windows.levels.restored(y[..., None], windows.origins)
    np.testing.assert_allclose(back[..., 0], truth, rtol=1e-5)
    exact = windows.levels  # in float64 nothing is lost but rounding
    level, spread = exact.of(windows.origins)
    z = (Transform.applied(exact.transform, table).values[windows.target_rows(
        np.arange(len(windows)))] - level) / spread[:, None]  # fmt: skip
    np.testing.assert_allclose(exact.restored(z, windows.origins), truth, rtol=1e-12)
    steps = np.sort(rng.normal(0, 3, (*y.shape, 7)), axis=-1)
    quantiles = exact.restored(steps, windows.origins)
    assert quantiles.shape == steps.shape
    rising = np.diff(quantiles, axis=-1)
    # Box-Cox has a least value, 0; all else increases strictly
    assert ((rising > 0) | (quantiles[..., 1:] == 0)).all()
    if kind != "none":
        assert (quantiles >= 0).all()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", ["none", "log"])
def test_nothing_from_after_now_reaches_input_or_level(mode, kind):
    rng = np.random.default_rng(2)
    table = table_of(rng.gamma(2, 1, 50), rng.gamma(2, 1, 50))
    now = 30
    later = replace(table, values=table.values.copy())
    for start in table.starts[:-1]:
        later.values[start + now + 1 : start + 50] *= 7.0
    train = table.time < 20
    for origin in (now, 50 + now):
        found = []
        for each in (table, later):
            windows, _ = windows_of(each, mode, kind=kind, train=train)
            [pick] = np.flatnonzero(windows.origins == origin)
            x, _ = windows.gather(np.array([pick]))
            found.append((x, *windows.levels.of(np.array([origin]))))
        for before, after in zip(*found, strict=True):
            np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("mode", MODES)
def test_a_constant_window_divides_by_nothing(mode):
    rng = np.random.default_rng(3)
    still = rng.normal(5, 1, 60)
    still[20:45] = 4.0
    table = table_of(still, rng.normal(0, 1, 60))
    windows, normaliser = windows_of(table, mode)
    x, y = windows.gather(np.arange(len(windows)))
    assert np.isfinite(x).all()
    assert np.isfinite(y[windows.origins < 55]).all()
    _, spread = windows.levels.of(np.array([40]))
    assert spread[0, 0] == pytest.approx(LEAST * normaliser.typical[0, 0])
    # a series that training never saw has no usual spread
    stranger = replace(table, series=("new", "s1"))
    level, spread = normaliser.levels(stranger, 9, 5).of(np.array([40]))
    assert spread[0, 0] == 4.0
    assert (level[0] == 4.0).all()


def test_of_logarithms_a_stranger_takes_the_usual_spread_of_the_others():
    """A constant window of a series that training never saw made e^30 of a forecast."""
    rng = np.random.default_rng(3)
    still = np.exp(rng.normal(3, 0.1, 60))
    still[20:45] = 20.0
    table = table_of(still, np.exp(rng.normal(0, 0.1, 60)))
    _, normaliser = windows_of(table, "last", kind="log")
    stranger = replace(table, series=("new", "s1"))
    _, spread = normaliser.levels(stranger, 9, 5).of(np.array([40]))
    assert spread[0, 0] == pytest.approx(LEAST * normaliser.typical.mean())


def test_a_window_without_one_known_target_is_left_out():
    values = np.random.default_rng(4).normal(0, 1, 40)
    values[10:25] = NAN
    windows, _ = windows_of(table_of(values), "season", missing="mask", lookback=6, horizon=2)
    assert not {15, 20, 24} & set(windows.origins.tolist())
    assert {14, 26} <= set(windows.origins.tolist())


def test_series_of_unlike_scales_look_alike():
    values = np.random.default_rng(5).normal(10, 1, 50)
    windows, _ = windows_of(table_of(values, 1e6 * values), "season")
    x, y = windows.gather(np.arange(len(windows)))
    half = len(windows) // 2
    np.testing.assert_allclose(x[:, :half], x[:, half:], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(y[:half], y[half:], rtol=1e-4, atol=1e-5)


def test_logarithms_of_what_is_not_above_zero_are_refused():
    table = table_of(np.arange(3.0, 9.0), np.array([4.0, 0.0, 2.0]))
    with pytest.raises(DataError, match=r"'y' of series 's1' is 0 at 1: use transform='none'"):
        Transform.fit(table, np.ones(9, bool), "log", 1)
    new = table_of(np.array([1.0, -2.0]))
    with pytest.raises(DataError, match=r"is −2 at 1"):
        Transform("log", (0.0,)).applied(new)


def test_box_cox_finds_the_power_that_makes_the_spread_even():
    rng = np.random.default_rng(6)
    even = 20 + np.repeat(np.linspace(0, 30, 40), 12) + rng.normal(0, 1, 480)
    found = {
        power: Transform.fit(table_of(even ** (1 / power)), np.ones(480, bool), "box-cox", 12)
        for power in (0.5, 1.0)
    }
    grown = Transform.fit(table_of(np.exp(even / 20)), np.ones(480, bool), "box-cox", 12)
    assert found[0.5].exponents[0] == pytest.approx(0.5, abs=0.15)
    assert found[1.0].exponents[0] == pytest.approx(1.0, abs=0.15)
    assert grown.exponents[0] == pytest.approx(0.0, abs=0.1)


def test_saved_and_read_again():
    table = table_of(np.arange(1.0, 40.0), np.arange(2.0, 80.0, 2.0))
    _, normaliser = windows_of(table, "season", kind="log")
    again = Normaliser.from_saved(normaliser.to_json(), normaliser.arrays())
    np.testing.assert_array_equal(again.typical, normaliser.typical)
    assert replace(again, typical=normaliser.typical) == normaliser
    assert Normaliser.from_saved(None, {}).levels(table, 3, 2) is None


def test_a_window_too_short_for_its_level_is_refused():
    with pytest.raises(OptionError, match=r"season=12 needs a lookback of at least 14, not 13"):
        check_lookback("season", 12, 13)
    with pytest.raises(OptionError, match=r"at least 3, not 2"):
        check_lookback("last", None, 2)
    with pytest.raises(OptionError, match="needs a season"):
        check_lookback("season", None, 30)
