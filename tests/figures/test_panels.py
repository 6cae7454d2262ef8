"""Panels draw what the results hold, in the axes that they were given."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch

import gatewise as gw
from gatewise import figures, memory
from gatewise.errors import InputError
from tests.figures.results import ROWS, STEPS, UNITS, results

pytest.importorskip("matplotlib")

from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

NAMES = sorted(set(figures.__all__) - {"curve", "draw", "memory_page", "three_views"})


def line(ax: Axes, label: str) -> tuple[np.ndarray, np.ndarray]:
    found = [own for own in ax.get_lines() if str(own.get_label()).startswith(label)]
    assert len(found) == 1, [own.get_label() for own in ax.get_lines()]
    return np.asarray(found[0].get_xdata()), np.asarray(found[0].get_ydata())


def bands(ax: Axes) -> list[PolyCollection]:
    return [own for own in ax.collections if isinstance(own, PolyCollection)]


def caption(ax: Axes) -> str:
    found = [text for text in ax.texts if text.get_gid() == "caption"]
    return " ".join(found[0].get_text().split()) if found else ""


def changed(name: str, **fields: Any) -> Any:
    return dataclasses.replace(results()[name], **fields)


def test_every_kind_of_result_has_its_panel() -> None:
    assert set(NAMES) == set(results())


@pytest.mark.parametrize("name", NAMES)
def test_a_panel_returns_the_axes_that_it_was_given_with_labels_and_caption(name: str) -> None:
    figure = Figure(layout="constrained")
    axes = figure.subplots(1, 2)
    result = results()[name]
    assert getattr(figures, name)(result, axes[1]) is axes[1]
    assert figures.draw(result, axes[0]) is axes[0]
    for ax in axes:
        assert ax.get_title("left")
        assert caption(ax).startswith(" ".join(result.reading.split()))
        assert result.caveat[1:] in caption(ax)
        labelled = [ax, *ax.child_axes]
        assert any(own.get_xlabel() for own in labelled)
    figure.draw_without_rendering()
    other = getattr(figures, name)(result, caption=False)
    assert isinstance(other, Axes)
    assert other.figure is not figure
    assert caption(other) == ""


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_result_is_named(name: str) -> None:
    draw = getattr(figures, name)
    wrong = results()["ledger" if name != "ledger" else "horizon"]
    with pytest.raises(
        InputError, match=rf"figures\.{name}: draws a .*; got {type(wrong).__name__}"
    ):
        draw(wrong)
    with pytest.raises(InputError, match="got dict"):
        draw({})
    axes = Figure().subplots(1, 2)
    with pytest.raises(InputError, match=r"one matplotlib Axes.*got ndarray; pick one of them"):
        draw(results()[name], axes)


def test_horizon_draws_the_curve_its_band_and_the_horizon() -> None:
    result: Any = results()["horizon"]
    ax = figures.horizon(result, lag=4)
    x, y = line(ax, "M(k)")
    np.testing.assert_array_equal(x, result.lags)
    np.testing.assert_array_equal(y, result.curve)
    assert line(ax, "horizon")[0].tolist() == [result.steps] * 2
    assert line(ax, "the task")[0].tolist() == [4, 4]
    np.testing.assert_allclose(line(ax, "5 %")[1], 0.05 * result.curve.max())
    points = bands(ax)[0].get_paths()[0].vertices
    for end in (result.curve_low, result.curve_high):
        assert np.isin(end, points[:, 1]).all()
    assert ax.get_ylim()[0] == 0


def test_an_interval_that_is_not_known_is_not_drawn() -> None:
    result: Any = results()["horizon"]
    none = np.full_like(result.curve, np.nan)
    ax = figures.horizon(changed("horizon", curve_low=none, curve_high=none, low=np.nan))
    assert not bands(ax)
    assert "95 % interval" not in ax.get_legend_handles_labels()[1]


def test_context_need_draws_added_loss_and_the_bar() -> None:
    result: Any = results()["context_need"]
    ax = figures.context_need(result)
    x, y = line(ax, "added loss")
    np.testing.assert_array_equal(x, result.lengths)
    np.testing.assert_array_equal(y, result.curve)
    bar = figures.context_need(changed("context_need", score=2.0, steps=7))
    np.testing.assert_allclose(line(bar, "1 % of the score")[1], 0.02)
    assert line(bar, "needed")[0].tolist() == [7, 7]


def test_highway_is_logarithmic_and_leaves_zeros_out() -> None:
    result: Any = results()["highway"]
    direct = result.direct.copy()
    direct[-1] = 0
    ax = figures.highway(changed("highway", direct=direct))
    assert ax.get_yscale() == "log"
    np.testing.assert_array_equal(line(ax, "total gradient")[1], result.total)
    drawn = line(ax, "gate path only")[1]
    np.testing.assert_array_equal(drawn[:-1], direct[:-1])
    assert np.isnan(drawn[-1])
    direct[1:] = 0
    without: Any = changed("highway", direct=direct, cell="rnn_tanh")
    rnn = figures.highway(without)
    horizon: Any = results()["horizon"]
    for own in (rnn, figures.three_views(horizon, without)):
        assert not [label for label in own.get_legend_handles_labels()[1] if "gate path" in label]


def test_three_views_share_their_lags_and_start_at_one() -> None:
    horizon: Any = results()["horizon"]
    highway: Any = results()["highway"]
    ax = figures.three_views(horizon, highway)
    x, y = line(ax, "intervention")
    np.testing.assert_array_equal(x, horizon.lags)
    assert y.max() == 1
    np.testing.assert_allclose(line(ax, "total gradient")[1], highway.total / highway.total[0])
    gate = line(ax, "gate gain (gate path only)")[1]
    np.testing.assert_allclose(gate, np.maximum(highway.direct / highway.direct[0], 1e-5))
    with pytest.raises(InputError, match="three_views: draws a Highway"):
        figures.three_views(horizon, horizon)


def test_saturation_puts_each_unit_where_its_shares_are() -> None:
    result: Any = results()["saturation"]
    ax = figures.saturation(result)
    drawn = {
        own.get_label(): own.get_offsets() for own in ax.collections if own.get_label()[0] != "_"
    }
    assert set(drawn) == {f"{gate} gate" for gate in result.closed}
    for gate, closed in result.closed.items():
        expected = np.stack((closed.ravel(), result.opened[gate].ravel()), axis=1)
        np.testing.assert_allclose(drawn[f"{gate} gate"], expected)


def test_idle_units_are_ranked_and_told_apart() -> None:
    result: Any = results()["idle_units"]
    ax = figures.idle_units(result)
    bars = sorted(ax.patches, key=lambda bar: bar.get_x())
    np.testing.assert_allclose([bar.get_height() for bar in bars], np.sort(result.relative))
    idle = [
        bar.get_facecolor() for bar, yes in zip(bars, result.idle[result.order], strict=True) if yes
    ]
    assert len(idle) == result.count
    assert len(set(idle)) == 1
    assert f"idle: {result.count}" in ax.get_legend_handles_labels()[1]


def test_timescales_are_sorted_and_what_has_no_end_stands_at_the_edge() -> None:
    keep = np.array([0.5, 1.0, 0.9, 0.0])[None, None] * np.ones((20, 3, 4))
    result = memory.gate_timescale(keep)
    ax = figures.gate_timescale(result, lag=30)
    ranks, tau = line(ax, "unit")
    np.testing.assert_allclose(tau, [-1 / np.log(0.9), -1 / np.log(0.5)])
    assert ranks.tolist() == [2, 3]
    assert line(ax, "never closes")[0].tolist() == [1]
    assert line(ax, "once fully closed")[0].tolist() == [4]
    assert "gate path only" in ax.get_title("left")
    assert ax.get_ylim()[0] < tau[1] < 30 < ax.get_ylim()[1]


def test_retention_is_sorted_by_half_life_on_a_fixed_scale() -> None:
    keep = np.array([0.5, 1.0, 0.9, 0.0])[None, None] * np.ones((20, 3, 4))
    result = memory.retention_curve(keep=keep)
    image = figures.retention_curve(result).images[0]
    np.testing.assert_allclose(image.get_array(), result.curve[[1, 2, 0, 3]])
    assert image.get_clim() == (0, 1)


def test_connectivity_shows_times_or_for_one_time_the_inputs() -> None:
    result: Any = results()["connectivity"]
    ax = figures.connectivity(result)
    np.testing.assert_array_equal(ax.images[0].get_array(), result.heat)
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["3", "11"]
    one = changed(
        "connectivity", times=result.times[1:], heat=result.heat[1:], channels=result.channels[1:]
    )
    np.testing.assert_array_equal(
        figures.connectivity(one).images[0].get_array(), result.channels[1].T
    )


def test_ledger_bars_add_up_to_the_state() -> None:
    result: Any = results()["ledger"]
    ax = figures.ledger(result, place=(0, 0), row=2, unit=1)
    heights = [bar.get_height() for bar in ax.patches]
    np.testing.assert_allclose(sum(heights), result.state[0, 0, 0, 2, 1], rtol=1e-5)
    np.testing.assert_allclose(heights, result.written[0, 0, 0, :, 2, 1])
    sizes = [bar.get_height() for bar in figures.ledger(result, row=2).patches]
    np.testing.assert_allclose(sizes, np.abs(result.written[0, 1, 0, :, 2]).sum(axis=-1))


def test_letters_stand_at_their_steps_where_there_is_room() -> None:
    result: Any = results()["ledger"]
    steps = result.written.shape[3]
    letters = ("ACGT" * steps)[:steps]
    labels = figures.ledger(result, row=2, symbols=letters).get_xticklabels()
    assert [label.get_text()[0] for label in labels] == list(letters)
    assert labels[0].get_text() == "A\n0"
    words = figures.traffic(results()["traffic"], symbols=["word"] * steps).get_xticklabels()
    assert words[1].get_rotation() == 90
    with pytest.raises(InputError, match=f"3 symbols for {steps} steps"):
        figures.ledger(result, row=2, symbols="ACG")


def test_the_ledger_of_all_steps_is_a_triangle_on_a_symmetric_scale() -> None:
    rng = np.random.default_rng(0)
    keep, write = rng.uniform(0.5, 1, (6, 2, 3)), rng.normal(size=(6, 2, 3))
    state = np.zeros((6, 2, 3))
    for t in range(6):
        state[t] = keep[t] * (state[t - 1] if t else 1.0) + write[t]
    result = memory.ledger(keep=keep, write=write, state=state, at="all", initial=np.ones((2, 3)))
    image = figures.ledger(result, row=1, unit=2).images[0]
    drawn = np.ma.getmaskarray(image.get_array())
    assert drawn.shape == (6, 7)
    np.testing.assert_array_equal(drawn, np.triu(np.ones((6, 7), dtype=bool), k=2))
    np.testing.assert_allclose(image.get_array().sum(axis=1), state[:, 1, 2])
    low, high = image.get_clim()
    assert low == -high


def test_traffic_has_three_lanes_on_one_scale_and_keeps_a_single_spike() -> None:
    result: Any = results()["traffic"]
    ax = figures.traffic(result, place=(1, 0), row=3, order=[2, 0])
    for image, flow in zip(ax.images, (result.write, result.erase, result.read), strict=True):
        np.testing.assert_array_equal(image.get_array(), flow.amount[1, 0, :, 3][:, [2, 0]].T)
    assert len({image.get_clim() for image in ax.images}) == 1
    write = np.zeros((5000, 1, 2))
    write[1234, 0, 1] = 3.0
    zeros = np.zeros_like(write)
    long = figures.traffic(memory.traffic(keep=zeros, write=write, state=write, read=zeros))
    heat = long.images[0].get_array()
    assert heat.max() == 3
    assert heat.shape == (2, 556)
    assert "1 column = 9 steps, maximum" in long.get_xlabel()


def test_states_and_probe_are_bars_of_their_figures() -> None:
    for name, field in (("transplant", "share"), ("ablation", "relative")):
        result: Any = results()[name]
        ax = getattr(figures, name)(result)
        np.testing.assert_allclose(
            [bar.get_width() for bar in ax.patches], list(getattr(result, field).values())
        )
        assert [tick.get_text() for tick in ax.get_yticklabels()] == ["c", "h", "c and h"]
    probe: Any = changed("probe", random=np.array([0.1, 0.3]))
    widths = [bar.get_width() for bar in figures.probe(probe).patches]
    np.testing.assert_allclose(widths, [probe.r2, 0.2, probe.lagged])
    redundancy: Any = results()["redundancy"]
    widths = [bar.get_width() for bar in figures.redundancy(redundancy).patches]
    np.testing.assert_allclose(widths, [UNITS, UNITS, *redundancy.dimension.ravel()])


def test_directions_have_a_lane_each_on_one_scale_or_a_bar_each() -> None:
    result: Any = results()["direction_share"]
    forward, reverse = figures.direction_share(result).child_axes
    np.testing.assert_array_equal(line(forward, "without forward")[1], result.effect[0])
    np.testing.assert_array_equal(line(reverse, "without reverse")[1], result.effect[1])
    assert forward.get_ylim() == reverse.get_ylim()
    one = [end[:, :1] for end in (result.effect, result.effect_low, result.effect_high)]
    bars = figures.direction_share(
        changed("direction_share", effect=one[0], effect_low=one[1], effect_high=one[2])
    )
    np.testing.assert_allclose([bar.get_width() for bar in bars.patches], result.relative)


def test_state_health_and_training_drift_draw_their_lines() -> None:
    result: Any = results()["state_health"]
    size, distance = figures.state_health(result, place=(0, 0)).child_axes
    np.testing.assert_array_equal(line(size, "root mean")[1], result.size[0, 0])
    np.testing.assert_allclose(line(distance, "furthest")[1], result.distance[0, 0].max(axis=1))
    alone = figures.state_health(changed("state_health", distance=None, limit=None))
    assert not alone.child_axes
    drift: Any = results()["training_drift"]
    parts = figures.training_drift(drift).child_axes
    assert len(parts) == len(drift.gates) + 1
    np.testing.assert_array_equal(line(parts[1], "closed")[1], drift.closed[:, 1])
    np.testing.assert_array_equal(parts[-1].get_lines()[0].get_ydata(), drift.gradient)


def test_what_is_not_there_is_refused() -> None:
    ledger: Any = results()["ledger"]
    with pytest.raises(InputError, match=rf"row={ROWS} is not there; the result has {ROWS}"):
        figures.ledger(ledger, row=ROWS)
    with pytest.raises(InputError, match="unit=-5 is not there"):
        figures.ledger(ledger, unit=-5)
    with pytest.raises(InputError, match=r"place must be an index into the leading axes \[2, 1\]"):
        figures.ledger(ledger, place=(2, 0))
    with pytest.raises(InputError, match="order must be a list of units"):
        figures.traffic(results()["traffic"], order=[])  # type: ignore[arg-type]


def test_figures_of_nothing_say_so_without_warnings() -> None:
    empty = np.full((3, 2, 4), np.nan)
    with torch.no_grad():
        nothing = {
            "gate_timescale": memory.gate_timescale(empty),
            "retention_curve": memory.retention_curve(keep=empty),
            "traffic": memory.traffic(keep=empty, write=empty, state=empty, read=empty),
            "ledger": memory.ledger(keep=empty, write=empty, state=empty),
            "redundancy": memory.redundancy(state=empty),
            "saturation": memory.saturation(
                {"kind": "lstm", "forget": empty, "input": empty, "output": empty}
            ),
            "state_health": memory.state_health(state=empty),
        }
    for name, result in nothing.items():
        ax = getattr(figures, name)(result)
        ax.figure.draw_without_rendering()
    assert "no unit was observed" in [
        t.get_text() for t in figures.draw(nothing["gate_timescale"]).texts
    ]
    flat: Any = results()["idle_units"]
    blank = np.full_like(flat.relative, np.nan)
    ax = figures.idle_units(
        changed("idle_units", relative=blank, low=blank, high=blank, scale=np.nan)
    )
    assert "the answers have nothing to lose" in [text.get_text() for text in ax.texts]


def test_importing_the_package_does_not_import_matplotlib() -> None:
    code = (
        "import sys, gatewise.figures; assert 'matplotlib' not in sys.modules; "
        "sys.modules['matplotlib'] = None; from gatewise.figures import _canvas as canvas; "
        "from gatewise.errors import OptionError\n"
        "try: canvas.axes_of(None, 'x')\n"
        "except OptionError as error: assert \"pip install -e '.[figures]'\" in str(error)\n"
        "else: raise AssertionError"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_drawing_keeps_no_pyplot_state() -> None:
    code = (
        "import sys, numpy as np; from gatewise import figures, memory; "
        "figures.draw(memory.gate_timescale(np.full((9, 2, 3), 0.5))).figure.draw_without_rendering(); "
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_trace_of_several_layers_says_which_is_drawn() -> None:
    with torch.no_grad(), gw.trace(lstm := torch.nn.LSTM(2, 3, num_layers=2)) as trace:
        lstm(torch.randn(STEPS, 2, 2))
    traffic = memory.traffic(trace[""])
    assert "layer 2" in figures.traffic(traffic).get_title("left")
    assert "layer 1" in figures.traffic(traffic, place=(0, 0)).get_title("left")


def test_inputs_are_bars_from_the_most_important_on_with_their_lags_below() -> None:
    result = results()["importance"]
    ax = figures.importance(result)
    top, below = ax.child_axes
    order = result.order
    assert [one.get_text() for one in top.get_yticklabels()] == result.columns[order].tolist()
    np.testing.assert_allclose([one.get_width() for one in top.patches], result.relative[order])
    [image] = below.get_images()
    known = [n for n in order if np.isfinite(result.by_lag[n]).any()]
    np.testing.assert_allclose(image.get_array(), np.clip(result.by_lag[known], 0, None))
    ways = results()["integrated_gradients"]
    bars = figures.integrated_gradients(ways).patches
    np.testing.assert_allclose([one.get_width() for one in bars], ways.share[ways.order])


def test_any_curve_of_a_page_is_drawn_with_its_axes_its_colours_and_its_reading() -> None:
    x = np.array([1.0, 10.0, 100.0])
    lines = tuple(
        gw.report.Line(name, x * place, x, x * 9, colour=place - 1)
        for place, name in enumerate(("a", "b"), 1)
    )
    curve = gw.report.Curve(
        *("Growth", "lag", x, lines),
        log_x=True,
        log_y=True,
        marks=(gw.report.Mark(10.0, "here"),),
        reading="It grows.",
        note="For now.",
    )
    ax = figures.curve(curve)
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert ax.get_title("left") == "Growth"
    assert caption(ax) == "It grows. For now."
    np.testing.assert_array_equal(line(ax, "b")[1], 2 * x)
    colours = {own.get_color() for own in ax.get_lines() if own.get_label() in ("a", "b")}
    assert len(colours) == len(bands(ax)) == 2
    assert caption(figures.curve(curve, caption=False)) == ""
    with pytest.raises(InputError, match=r"draws a gatewise.report.Curve; got float"):
        figures.curve(3.0)  # type: ignore[arg-type]


def test_many_lines_are_told_apart_and_their_names_hide_none() -> None:
    x = np.array([1.0, 2.0])
    lines = tuple(gw.report.Line(f"line {n}", x + n, colour=n) for n in range(7))
    ax = figures.curve(gw.report.Curve("Seven", "x", x, lines))
    looks = {(own.get_color(), own.get_linestyle()) for own in ax.get_lines()}
    assert len(looks) == 7
    ax.figure.draw_without_rendering()
    box = ax.get_legend().get_window_extent()
    assert box.x0 >= ax.get_window_extent().x1
    assert box.x1 <= ax.figure.bbox.x1
