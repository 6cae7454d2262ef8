"""Results in a notebook: HTML that is escaped, small and without scripts; pictures; progress."""

from __future__ import annotations

import io
import sys
from html.parser import HTMLParser
from types import ModuleType, SimpleNamespace
from typing import Any

import polars as pl
import pytest
import torch

import gatewise as gw
from gatewise import notebook
from gatewise.training.progress import Lines, NotebookLine, display
from tests.estimators.data import reservoir
from tests.estimators.test_tuning import quick, tuned

EVIL = "<script>alert(1)</script>"
VOID = {"br", "hr"}


class Checked(HTMLParser):
    """Reads HTML and notes what is wrong with it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.words: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            assert not name.startswith("on"), name
            if name == "style":  # nothing that a dark page would not show
                assert not any(
                    word in value for word in ("color:#", "background", "black", "white")
                )

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    frame = reservoir(240).rename({"level": EVIL})
    model = quick(target=EVIL).fit(frame, progress=False)
    lstm = torch.nn.ModuleDict({EVIL: torch.nn.LSTM(3, 4)})
    inputs = torch.randn(30, 24, 3, generator=torch.Generator().manual_seed(0))
    with gw.trace(lstm) as trace:
        lstm[EVIL](inputs)
    return {
        "unfitted": quick(target=EVIL),
        "forecaster": model,
        "evaluation": model.evaluation_,
        "backtest": quick(target=EVIL, test=None).backtest(frame, folds=2, size=20),
        "tuning": tuned(trials=1),
        "trace": trace,
        "result": gw.memory.gate_timescale(trace[EVIL]),
        "explanation": gw.explain(torch.nn.LSTM(3, 4), inputs, budget=0.5),
    }


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("unfitted", "Forecaster, not fitted"),
        ("forecaster", "fitted on 240 rows"),
        ("evaluation", "climatology"),
        ("backtest", "Mean over the folds ± standard deviation"),
        ("tuning", "before tuning"),
        ("trace", "Trace, "),
        ("result", "GateTimescale"),
        ("explanation", "What it remembers"),
    ],
)
def test_what_a_notebook_shows_is_escaped_and_without_scripts(
    results: dict[str, Any], name: str, said: str
) -> None:
    text = results[name]._repr_html_()
    read = Checked(text)
    assert said in " ".join(read.words)
    assert not {"script", "style", "link", "iframe", "img"} & read.tags
    if name not in ("tuning", "result", "explanation"):
        assert EVIL in "".join(read.words)  # as text
    assert len(text) < 30_000


def test_every_result_draws_itself_and_opens_no_window(
    results: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)  # whose import would fail
    for name in ("evaluation", "backtest", "tuning", "result"):
        assert type(results[name].plot()).__name__ == "Axes", name
    assert len(results["explanation"].plot().axes) > 1
    ax = results["evaluation"].plot()
    assert results["result"].plot(ax, caption=False) is ax


def test_without_matplotlib_a_plot_says_what_to_install(
    results: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [each for each in sys.modules if each.startswith("matplotlib.")]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for name in ("evaluation", "backtest", "tuning", "result", "explanation"):
        with pytest.raises(gw.errors.OptionError, match=r"pip install -e '\.\[figures\]'"):
            results[name].plot()


@pytest.fixture
def cells(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """A notebook that notes what is shown below its cells."""
    seen: list[tuple[str, str]] = []

    def shows(bundle: dict[str, str], *, raw: bool, display_id: bool) -> Any:
        assert raw
        assert display_id
        seen.append(("new", bundle["text/plain"]))

        def update(bundle: dict[str, str], *, raw: bool) -> None:
            assert raw
            seen.append(("over", bundle["text/plain"]))

        return SimpleNamespace(update=update)

    package, room = ModuleType("IPython"), ModuleType("IPython.display")
    package.get_ipython = lambda: SimpleNamespace(kernel=object())  # type: ignore[attr-defined]
    room.display = shows  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", package)
    monkeypatch.setitem(sys.modules, "IPython.display", room)
    return seen


def test_progress_is_one_line_that_is_written_over(cells: list[tuple[str, str]]) -> None:
    assert notebook.is_notebook()
    quick().fit(reservoir(240))
    assert [how for how, _ in cells] == ["new", *["over"] * (len(cells) - 1)]
    assert "epoch 2/2" in cells[-1][1]
    assert "done" in cells[-1][1]


def test_a_terminal_and_a_script_are_no_notebook(
    cells: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(display(True), NotebookLine)
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", SimpleNamespace)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert isinstance(display(True), Lines)
    monkeypatch.delitem(sys.modules, "IPython")
    assert isinstance(display(True), Lines)
    assert cells == []


def test_a_table_of_many_columns_scrolls_by_itself() -> None:
    read = Checked(notebook.table([f"a{i}" for i in range(40)], [["1"] * 40]))
    assert "div" in read.tags
    assert pl.Series(read.words).len() == 80


def test_a_picture_shows_itself_unless_it_is_drawn_into_axes_of_the_users() -> None:
    """What a notebook asks of the last thing in a cell, axes and figures alike."""
    from matplotlib.figure import Figure  # noqa: PLC0415

    found = gw.memory.gate_timescale({"forget": torch.rand(1, 1, 9, 12, 4).numpy(), "kind": "lstm"})
    for drawn in (found.plot(), gw.explain(torch.nn.LSTM(3, 4), torch.randn(12, 9, 3)).plot()):
        assert drawn._repr_png_().startswith(b"\x89PNG")
    ours = Figure().subplots()
    assert found.plot(ours) is ours
    assert not hasattr(ours, "_repr_png_")
