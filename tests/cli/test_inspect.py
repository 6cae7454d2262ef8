"""`gatewise inspect`: sentences, JSON, limits with their exit code, and another run beside."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gatewise.explaining
from gatewise.estimators.run.folder import Run
from gatewise.explaining import explain
from tests.cli.tables import LEARNING, QUICK, Outcome, files_under, quick, table_text

Call = Callable[..., Outcome]


def test_inspect_prints_the_sentences_and_writes_them_to_the_page(
    call: Call, copied_run: Path
) -> None:
    done = call("inspect", copied_run)
    assert done.code == 0
    lines = done.out.splitlines()
    start = lines.index("What it remembers")
    assert lines[start + 1].startswith("Remembers ")
    assert any(line.startswith("The views ") for line in lines)
    page = (copied_run / "report.html").read_text()
    assert lines[start + 1].split("[")[0].strip() in page
    assert "Memory curves" in page


def test_another_window_is_shown_by_its_last_time(call: Call, copied_run: Path) -> None:
    page = copied_run / "report.html"
    assert call("inspect", copied_run).code == 0
    found = re.search(r"as the first member saw it: [\d-]+ to ([\d-]+)\.", page.read_text())
    assert found is not None
    other = np.datetime64(found[1]) - 3
    assert call("inspect", copied_run, "--at", str(other)).code == 0
    assert f" to {other}." in page.read_text()
    assert f"at=&#x27;{other}&#x27;" in page.read_text() or f"at='{other}'" in page.read_text()
    kept = page.read_bytes()
    for words, said in (
        (("--at", "1812-01-01"), "no window ends at 1812-01-01: windows end from"),
        (("--at", "soon"), "--at soon is not a time of the data"),
        (("--of", "nowhere"), "this data is a single series"),
    ):
        done = call("inspect", copied_run, *words)
        assert done.code == 2
        assert said in done.err
    assert page.read_bytes() == kept


def test_a_fit_ends_with_the_sentences_and_the_page(here: Path, call: Call, table: Path) -> None:
    done = call("fit", table, *LEARNING, "--out", "run")
    assert done.code == 0
    assert "What it remembers" in done.out
    assert "Memory curves" in Path("run/report.html").read_text()


def test_json_has_findings_figures_results_and_limits(call: Call, copied_run: Path) -> None:
    done = call("inspect", copied_run, "--json", "-", "--min-horizon", "0")
    assert done.code == 0
    told = json.loads(done.out)  # and nothing else on stdout
    assert told["findings"][0]["topic"] == "memory"
    assert told["figures"]["step"] == "1 day"
    assert told["results"]["horizon"]["kind"] == "Horizon"
    assert told["limits"] == {
        "min_horizon": 0,
        "max_window": None,
        "max_idle": None,
        "max_saturated": None,
    }
    assert told["broken"] == []
    assert call("inspect", copied_run, "--json", "told.json").code == 0
    assert json.loads(Path("told.json").read_text())["figures"] == told["figures"]
    again = call("inspect", copied_run, "--json", "told.json")
    assert again.code == 2
    assert "told.json exists" in again.err
    assert call("inspect", copied_run, "--json", "told.json", "--overwrite").code == 0


@pytest.mark.parametrize(
    "words",
    [
        ["--json", "-"],
        ["--min-horizon", 1],
        ["--max-window", 10_000],
        ["--max-idle", 1],
        ["--max-saturated", 1],
        ["--json", "told.json", "--min-horizon", 10_000],
        ["--json", "-", "--max-idle", 0, "--budget", 5],
    ],
    ids=lambda words: " ".join(map(str, words)),
)
def test_json_on_stdout_and_limits_leave_the_page_alone(
    call: Call, copied_run: Path, words: list[object]
) -> None:
    page = (copied_run / "report.html").read_bytes()
    assert call("inspect", copied_run, *words).code in (0, 1)
    assert (copied_run / "report.html").read_bytes() == page
    assert call("inspect", copied_run, *words, "--out", "page.html", "--overwrite").code in (0, 1)
    assert Path("page.html").exists()


def test_a_page_written_anew_asks_what_the_first_one_asked(
    call: Call, copied_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def listened(*args: Any, by: str | None, **options: Any) -> Any:
        asked.append(by)
        return explain(*args, by=by, **options)

    monkeypatch.setattr(gatewise.explaining, "explain", listened)
    Run.open(copied_run).set_by("month")
    for words in ([], ["--by", "season"], [], ["--out", "page.html"], ["--json", "-"]):
        assert call("inspect", copied_run, *words).code == 0
    assert asked == ["month", "season", "month", None, None]


def test_a_broken_limit_is_exit_code_1_and_a_sentence_each(call: Call, copied_run: Path) -> None:
    figures = json.loads(call("inspect", copied_run, "--json", "-").out)["figures"]
    horizon, window = figures["horizon"], figures["window"]
    words = ["--min-horizon", horizon + 1, "--max-idle", 1, "--json", "told.json"]
    done = call("inspect", copied_run, *words)
    assert done.code == 1
    assert done.err.count("gatewise: limit:") == 1
    assert f"less than the {horizon + 1} days of --min-horizon" in done.err
    assert len(json.loads(Path("told.json").read_text())["broken"]) == 1
    assert call("inspect", copied_run, "--min-horizon", horizon).code == 0
    if window is not None:
        assert call("inspect", copied_run, "--max-window", window).code == 0
        assert call("inspect", copied_run, "--max-window", window - 1).code == 1


@pytest.mark.parametrize(
    ("words", "fragment"),
    [
        (["--max-idle", "1.5"], "--max-idle"),
        (["--min-horizon", "-1"], "min_horizon"),
        (["--max-saturated", "x"], "max-saturated"),
        (["--by", "weekday"], "weekday"),
        (["--by", "series"], "several series"),
        (["--budget", "0"], "budget"),
        (["--against", "nowhere"], "nowhere"),
    ],
)
def test_bad_usage_is_exit_code_2_and_writes_nothing(
    call: Call, copied_run: Path, words: list[str], fragment: str
) -> None:
    before = files_under(Path())
    done = call("inspect", copied_run, *words)
    assert done.code == 2
    assert fragment.replace("--", "").replace("-", "_") in done.err.replace("-", "_")
    assert files_under(Path()) == before


def test_another_run_is_compared_in_a_table_and_in_sentences(
    call: Call, copied_run: Path, table: Path
) -> None:
    words = quick(cell="gru", hidden_size="4", lookback="12", learning_rate="0.1", batch_size="8")
    assert call("fit", table, *words, "--out", "gru", "--quiet").code == 0
    done = call("inspect", copied_run, "--against", "gru", "--json", "told.json")
    assert done.code == 0
    assert "Against gru" in done.out
    assert "memory horizon" in done.out
    told = json.loads(Path("told.json").read_text())["against"]
    assert told["names"] == ["run", "gru"]
    assert any(word in told["sentences"][0] for word in ("overlap", "no difference", "Neither"))
    assert told["sentences"][0] in done.out
    assert "Memory against gru" in (copied_run / "report.html").read_text()


def test_a_run_beside_itself_shows_no_difference(call: Call, copied_run: Path) -> None:
    shutil.copytree(copied_run, "twin")
    done = call("inspect", copied_run, "--against", "twin")
    assert done.code == 0
    assert "no difference is shown" in done.out or "Neither remembers" in done.out


def test_runs_of_other_steps_or_of_a_newer_version_are_refused(
    call: Call, copied_run: Path, here: Path
) -> None:
    config = json.loads((copied_run / "config.json").read_text())
    shutil.copytree(copied_run, "newer")
    (here / "newer" / "config.json").write_text(json.dumps({**config, "format_version": 99}))
    done = call("inspect", copied_run, "--against", "newer")
    assert done.code == 2
    assert "newer gatewise" in done.err


def test_a_run_that_cannot_be_explained_still_gets_its_page(here: Path, call: Call) -> None:
    Path("river.csv").write_text(table_text())
    done = call("fit", "river.csv", *quick(lookback="1"), "--out", "run")
    assert done.code == 0
    assert "No word on what it remembers: --lookback 1 leaves one step" in done.out
    assert Path("run/report.html").exists()


def test_what_the_page_copies_runs_as_it_stands(call: Call, copied_run: Path) -> None:
    """Pasted into an empty Python in the folder of the command, it reads what the page shows."""
    assert call("inspect", copied_run, "--part", "all", "--out", "all.html").code == 0
    text = Path("all.html").read_text()
    data = json.loads(
        text.split('<script id="gatewise-data" type="application/json">')[1].split("</script>")[0]
    )
    (record,) = data["records"]
    line = record["python"].format(layer=0, quantity="forget", time="1:3", units="[1, 0]")
    names: dict[str, Any] = {}
    exec(record["setup"], names)
    assert eval(line, names).shape == (2, 2)
    assert f"{names['window'].time[0].astype('datetime64[D]')} to " in text


def test_a_network_without_skill_says_one_thing_everywhere(
    here: Path, call: Call, copied_run: Path, table: Path
) -> None:
    done = call("fit", table, *QUICK, "--out", "flat")
    assert done.code == 0
    said = (
        "The network has learnt nothing to read: it does no better than one answer for all (NSE −0."
    )
    assert said in done.out
    silent = ("emembers about", "Remembers at least", "Gate timescales", "gate path only)", "idle")
    for text in (done.out, Path("flat/report.html").read_text().split("<script")[0]):
        assert not [word for word in silent if word in text]
    assert said in Path("flat/report.html").read_text()
    words = [
        "--min-horizon",
        "3",
        "--max-idle",
        "0.5",
        "--max-saturated",
        "1",
        "--json",
        "told.json",
    ]
    done = call("inspect", "flat", *words)
    assert done.code == 1
    assert "not shown to have learnt anything, so --min-horizon 3 does not hold" in done.err
    assert "not shown to have learnt anything, so --max-idle 0.5 does not hold" in done.err
    assert done.err.count("gatewise: limit:") == 2
    told = json.loads(Path("told.json").read_text())
    assert [each["topic"] for each in told["findings"]] == ["skill"]
    assert told["results"] == {}
    assert told["figures"]["learnt"] is False
    assert told["figures"]["skill"] < 0
    assert told["figures"]["horizon"] is None
    assert call("inspect", "flat").code == 0
    done = call("inspect", copied_run, "--against", "flat")
    assert "flat is not shown to have learnt anything: there is nothing to compare" in done.out
    assert json.loads(call("inspect", copied_run, "--json", "-").out)["figures"]["learnt"] is True
