"""The page: which file it goes to, what it never replaces, and the title that a run keeps."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gatewise import Forecaster
from gatewise.cli import demo
from gatewise.data import read_frame
from gatewise.estimators import base
from gatewise.estimators.run.folder import Run
from tests.cli.tables import QUICK, Outcome, files_under, table_text

Call = Callable[..., Outcome]


def title_of_page(page: Path) -> str:
    found = re.search(r"<title>(.*?): gatewise report</title>", page.read_text())
    assert found
    return found[1]


@pytest.fixture
def interrupt(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Make Ctrl-C come as the training begins, or stop it from coming."""
    train = base.train

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    def switch(on: bool) -> None:
        monkeypatch.setattr(base, "train", stop if on else train)

    return switch


@pytest.mark.parametrize(
    ("out", "fragments"),
    [
        ("page.html", ["page.html exists", "--overwrite"]),
        ("river.csv", ["river.csv", ".html"]),
        ("new.csv", ["new.csv", ".html"]),
        ("folder.html", ["folder.html", "folder"]),
        ("no/page.html", ["no/page.html", "no folder"]),
    ],
)
def test_inspect_spares_what_is_there(
    call: Call, copied_run: Path, table: Path, out: str, fragments: list[str]
) -> None:
    Path("page.html").write_text("mine")
    Path("river.csv").write_text("mine")
    Path("folder.html").mkdir()
    before = files_under(Path())
    done = call("inspect", copied_run, "--out", out)
    assert done.code == 2
    for fragment in fragments:
        assert fragment in done.err
    if out != "page.html":
        assert call("inspect", copied_run, "--out", out, "--overwrite").code == 2
    assert files_under(Path()) == before


def test_inspect_replaces_a_page_when_asked(call: Call, copied_run: Path) -> None:
    Path("page.html").write_text("mine")
    assert call("inspect", copied_run, "--out", "page.html", "--overwrite").code == 0
    assert title_of_page(Path("page.html")) == "flow from rain and heat"


def test_the_page_of_the_run_is_about_its_own_data_only(
    call: Call, copied_run: Path, table: Path
) -> None:
    Path("other.csv").write_text(table_text(170))
    before = files_under(copied_run)
    for words, fragment in (
        (["other.csv"], "other.csv is not"),
        (["--part", "training"], "--part training"),
        ([table, "--part", "all"], "--part all"),
    ):
        done = call("inspect", copied_run, *words)
        assert done.code == 2
        assert fragment in done.err
        assert "--out PAGE.html" in done.err
        assert files_under(copied_run) == before
        assert call("inspect", copied_run, *words, "--out", "p.html", "--overwrite").code == 0
    assert files_under(copied_run) == before
    (copied_run / "report.html").write_text("old")
    shutil.copy(table, "same.csv")  # the same data in another place is the run's own
    for words in ([], [table], ["same.csv"], ["--part", "test"]):
        (copied_run / "report.html").write_text("old")
        assert call("inspect", copied_run, *words).code == 0
        assert title_of_page(copied_run / "report.html") == "flow from rain and heat"


def test_a_source_that_changed_since_the_fit_is_other_data(here: Path, call: Call) -> None:
    Path("river.csv").write_text(table_text())
    assert call("fit", "river.csv", *QUICK, "--out", "run", "--quiet").code == 0
    before = files_under(here / "run")
    Path("river.csv").write_text(table_text(170))
    assert "no longer" in call("inspect", "run").err
    assert "not the data" in call("resume", "run").err
    assert files_under(here / "run") == before


def test_a_run_of_a_table_in_memory_gets_its_page(here: Path, call: Call, table: Path) -> None:
    model = Forecaster(target="flow", inputs=["rain"], lookback=8, hidden_size=2, epochs=1)
    model.fit(read_frame(table), out="run", progress=False)
    assert "in memory" in call("inspect", "run").err
    assert call("inspect", "run", table).code == 0
    assert title_of_page(Path("run/report.html")) == "flow from rain"


def test_a_run_keeps_its_title(here: Path, call: Call, table: Path) -> None:
    page = Path("run/report.html")
    words = [*QUICK, "--title", "MY <TITLE>", "--out", "run", "--quiet"]
    assert call("fit", table, *words).code == 0
    assert title_of_page(page) == "MY &lt;TITLE&gt;"
    for command in ("inspect", "resume"):
        page.unlink()
        assert call(command, "run").code == 0
        assert title_of_page(page) == "MY &lt;TITLE&gt;"
    assert call("inspect", "run", "--title", "Once", "--out", "once.html").code == 0
    assert title_of_page(Path("once.html")) == "Once"
    assert Run.open("run").title == "MY <TITLE>"
    assert call("resume", "run", "--title", "Renamed").code == 0
    assert call("inspect", "run").code == 0
    assert title_of_page(page) == "Renamed"


@pytest.mark.parametrize("title", ["Mine", None])
def test_an_interrupted_run_keeps_its_title(
    here: Path, call: Call, table: Path, interrupt: Callable[[bool], None], title: str | None
) -> None:
    words = ["--title", title] if title else []
    interrupt(True)
    assert call("fit", table, *QUICK, *words, "--out", "run", "--quiet").code == 130
    assert Run.open("run").title == title
    assert not Run.open("run").complete
    interrupt(False)
    assert call("resume", "run", "--quiet").code == 0
    assert title_of_page(Path("run/report.html")) == (title or "flow from rain and heat")


def test_the_demo_keeps_its_title(
    here: Path, call: Call, monkeypatch: pytest.MonkeyPatch, interrupt: Callable[[bool], None]
) -> None:
    quickly = {**demo.SETTINGS, "lookback": 10, "hidden_size": 2, "epochs": 1}
    monkeypatch.setattr(demo, "SETTINGS", quickly)
    page = Path("runs/demo/report.html")
    interrupt(True)
    assert call("demo", "--members", "1", "--quiet").code == 130
    interrupt(False)
    for words in (["resume", "runs/demo"], ["inspect", "runs/demo"]):
        assert call(*words).code == 0
        assert title_of_page(page) == demo.TITLE
        page.unlink()


def test_the_pages_name_their_data(call: Call, copied_run: Path) -> None:
    Path("other.csv").write_text(table_text(170))
    assert call("inspect", copied_run, "other.csv", "--out", "other.html").code == 0
    assert "other.csv" in Path("other.html").read_text()
    assert call("inspect", copied_run).code == 0
    assert "river.csv" in (copied_run / "report.html").read_text()
