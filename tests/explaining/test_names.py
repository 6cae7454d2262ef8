"""What people read names layers from 1, directions by name, and each figure of the gate path apart."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import polars as pl
import pytest
import torch
from rich.console import Console

import gatewise as gw
from gatewise import figures, memory
from gatewise.cli.output import print_timescales
from gatewise.cli.sentences import print_explanation
from gatewise.errors import InputError
from gatewise.explaining import Explanation
from gatewise.report.page import render_page as html_of
from gatewise.wording import figure

SOURCES = Path(gw.__file__).parent
ROOMS = ("memory", "explaining", "report", "figures", "cli", "runtime")
FORBIDDEN = re.compile(
    r"layer 0|direction [01]\b|layers\.\d|\[\d\](?: reverse)? unit|\bbackwards?\b(?! pass| left)"
)
"""A layer or direction as an index. (Drift speaks of the backward pass.)"""


class Both(torch.nn.Module):
    """An LSTM of two layers and two directions with a read-out."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = torch.nn.LSTM(2, 4, num_layers=2, bidirectional=True, batch_first=True)
        self.head = torch.nn.Linear(8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.lstm(x)[0])


@cache
def both() -> tuple[torch.nn.Module, torch.Tensor]:
    torch.manual_seed(0)
    return Both().eval(), torch.randn(12, 14, 2)


@cache
def explained() -> Explanation:
    return gw.explain(*both())


@cache
def forecaster() -> tuple[gw.Forecaster, pl.DataFrame]:
    rain = np.random.default_rng(0).normal(size=300)
    days = np.datetime64("2001-01-01") + np.arange(300)
    frame = pl.DataFrame({"ds": days, "rain": rain, "flow": np.roll(rain, 1)})
    options: dict[str, Any] = {
        "lookback": 12,
        "hidden_size": 4,
        "num_layers": 2,
        "epochs": 12,
        "learning_rate": 0.02,
    }
    model = gw.Forecaster(target="flow", inputs=("rain",), test=0.4, **options)
    return model.fit(frame, progress=False), frame


def readings() -> Iterator[memory.Result]:
    """Yield results that name a place, each from gates that are largest in every place in turn."""
    model, x = both()
    with torch.no_grad(), gw.trace(model) as trace:
        model(x)
    gates = trace["lstm"]
    arrays = {name: np.asarray(value) for name, value in gates.items()}
    for turned in range(4):  # every layer and direction comes to stand first
        turn = {
            name: np.roll(value.reshape(4, *value.shape[2:]), turned, 0).reshape(value.shape)
            for name, value in arrays.items()
        }
        turn["kind"] = "lstm"
        yield memory.gate_timescale(turn)
        yield memory.saturation(turn)
        yield memory.traffic(turn)
        yield memory.redundancy(turn)
        yield memory.ledger(turn)
        yield memory.retention_curve(turn)
        yield memory.retention(turn, start=2, stop=6)
        yield memory.state_health(turn, reference={**arrays, "kind": "lstm"})
    for layer in (0, 1):
        for direction in (0, 1):
            yield memory.highway(model, x, layer=layer, direction=direction)
    yield memory.idle_units(model, x)
    yield memory.direction_share(model, x)


def said_by_results() -> list[str]:
    return [f"{own.reading} {own.caveat}" for own in readings()]


def said_by_idle_units() -> list[str]:
    return memory.idle_units(*both()).names.tolist()


def said_by_findings() -> list[str]:
    own = explained()
    curves = [
        f"{c.name} {c.reading} {c.note} {[one.name for one in c.lines]}" for c in own.curves()
    ]
    texts = [f"{one.sentence} {one.evidence} {one.caveat}" for one in own.findings]
    return texts + curves + [str(one) for one in own.results.values()]


def said_by_page() -> list[str]:
    made = html_of(explained().contents())
    return [re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", made, flags=re.DOTALL)]


def said_by_figures() -> list[str]:
    texts = []
    for own in readings():
        try:
            ax = figures.draw(own)
        except InputError:
            continue  # no panel for it
        legend = ax.get_legend_handles_labels()[1]
        ticks = [one.get_text() for one in (*ax.get_xticklabels(), *ax.get_yticklabels())]
        titles = [ax.get_title("left"), ax.get_xlabel(), ax.get_ylabel()]
        texts.append(" | ".join([*titles, *legend, *ticks, *(t.get_text() for t in ax.texts)]))
        plt.close("all")
    return texts


def said_by_command_line() -> list[str]:
    model, frame = forecaster()
    summary, own = model.summary(frame), gw.explain(model, frame)
    screen = Console(file=io.StringIO(), width=400)
    print_explanation(screen, own)
    print_timescales(screen, summary.timescales)
    stuck = own.finding("gates")
    assert stuck is not None
    page = re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", html_of(own.contents()), flags=re.DOTALL)
    curves = [f"{c.name} {c.reading}" for c in own.curves()]
    return [screen.file.getvalue(), stuck.sentence, page, *curves]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "said",
    [
        said_by_results,
        said_by_idle_units,
        said_by_findings,
        said_by_page,
        said_by_figures,
        said_by_command_line,
    ],
)
def test_layers_count_from_one_and_directions_have_names(said: Any) -> None:
    texts = said()
    for text in texts:
        assert not FORBIDDEN.search(text), text
    assert {"layer 1", "layer 2"} <= set(re.findall(r"layer \d+", " ".join(texts)))
    if said is not said_by_command_line:  # a forecaster has one direction
        assert {"forward", "reverse"} <= set(re.findall(r"forward|reverse", " ".join(texts)))


def test_no_text_counts_layers_by_itself() -> None:
    """Every number of a layer in a sentence is made by `layer_name`; `layer={...}` is Python's index."""
    found = [
        f"{path.name}: {line.strip()}"
        for room in ROOMS
        for path in (SOURCES / room).rglob("*.py")
        for line in path.read_text().splitlines()
        if re.search(r"[Ll]ayer \{", line)
    ]
    assert not found


def test_one_place_alone_needs_no_name() -> None:
    found = memory.gate_timescale(np.full((1, 1, 6, 3, 2), 0.5))
    assert "of unit 0, is 1.44" in found.reading
    names = memory.idle_units(torch.nn.LSTM(2, 2, batch_first=True), both()[1]).names
    assert names.tolist() == ["model unit 0", "model unit 1"]


def test_three_figures_of_the_gate_path_have_three_names() -> None:
    own = explained()
    views = own.finding("views")
    assert views is not None
    reach = own.figures["gate_reach"]
    assert re.search(rf": gate reach (at least )?{reach} steps?, gradient reach ", views.sentence)
    assert f"horizon {own.results['horizon'].steps} step" in views.sentence.replace("at least ", "")
    assert "Gate reach: " in views.evidence
    highway = own.results["highway"]
    curve = next(one for one in own.curves() if one.name.startswith("Gradient highway"))
    assert highway.gate_gain[0] == 1
    assert "(gate gain" in highway.reading
    if highway.reach:
        share = figure(float(highway.gate_gain[highway.reach]))
        assert f"by the gates alone {share} times (gate gain)" in curve.reading
        assert f"{share} times through the forget gates alone (gate gain" in highway.reading
    assert own.results["gate_timescale"].reading.startswith("The gate timescale is at most ")
    assert own.results["retention_curve"].reading.startswith("The half-life by the gates alone is ")
    # "Gate path" is the way that all of them look along, and the name of none.
    texts = [one.sentence + one.evidence for one in own.findings]
    texts += [one.reading for one in own.results.values()] + [one.reading for one in own.curves()]
    assert not [text for text in texts if re.search(r"gate path (at least )?\d", text)]
