"""The page: complete, self-contained, and safe against every name a user may have given."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from math import nan
from pathlib import Path

import pytest

from gatewise.errors import FileError, InputError
from gatewise.estimators.forecaster.page.run import RunSummary
from gatewise.report import Contents, Finding, render_page, write_page
from gatewise.report.inputs import InputPanel, InputWorth
from tests.report.outline import Outline
from tests.report.summaries import build_summary

CASES = {
    "sensor": {},
    "forecast": {"horizon": 7, "levels": (0.1, 0.5, 0.9), "cell": "gru", "steps": 60, "layers": 2},
    "panel": {"count": 60, "series": tuple(f"s{k}" for k in range(30)), "steps": 30},
    "simple network": {"cell": "rnn", "members": 1, "steps": 40},
    "several targets": {"targets": ("a", "b"), "count": 50, "steps": 30},
}


@pytest.mark.parametrize("case", CASES)
def test_the_page_is_whole_and_loads_nothing(case: str) -> None:
    text = render_page(build_summary(**CASES[case]))  # type: ignore[arg-type]
    outline = Outline(text)
    assert outline.open == []
    assert len(outline.ids) == len(set(outline.ids))
    assert (
        outline.tags.count("h1") == outline.tags.count("title") == outline.tags.count("main") == 1
    )
    assert all(link.startswith("#") and link[1:] in outline.ids for link in outline.links)
    assert outline.sources == []
    assert not {"link", "img", "iframe", "object", "base"} & set(outline.tags)
    assert "default-src 'none'" in text
    styles = "".join(re.findall(r"<style>(.*?)</style>", text, re.S))
    assert "url(" not in styles
    assert "@import" not in styles
    assert "prefers-color-scheme: dark" in styles
    addresses = set(re.findall(r"https?://[\w./-]+", text))
    assert addresses == {"https://github.com/leeoniya/uPlot"}  # uPlot's own licence comment


def test_sections_follow_what_there_is() -> None:
    full = Outline(render_page(build_summary(horizon=3, steps=40, count=60))).ids
    for section in ("overview", "forecast", "inside", "units", "timescales", "scores", "training"):
        assert section in full
    assert "error-by-step-ahead" in full
    sensor = Outline(render_page(build_summary(count=60, steps=40))).ids
    assert "error-by-step-ahead" not in sensor
    simple = Outline(render_page(build_summary(cell="rnn", count=60, steps=40))).ids
    assert "timescales" not in simple
    bare = replace(build_summary(count=60, steps=40), window=None, timescales=None, histories=())
    ids = Outline(render_page(bare)).ids
    assert not {"inside", "units", "timescales", "training"} & set(ids)
    assert Outline(render_page(Contents("title alone"))).ids == ["top", "gatewise-data"]


def test_findings_stand_first_with_their_evidence_caveat_and_confidence() -> None:
    finding = Finding("It remembers 37 steps.", "By <resampling>.", "Gates say 12.", "high", "warn")
    text = render_page(Contents("page", findings=(finding, Finding("9 units sleep."))))
    assert text.index("It remembers 37 steps.") < text.index("9 units sleep.")
    assert "By &lt;resampling&gt;." in text
    assert "Gates say 12." in text
    assert "high confidence" in text
    assert text.count('class="chip warn"') == 1


EVIL = "</script><script>alert(1)</script><img src=x onerror='alert(2)'>\"&<!--"


def evil_summary() -> RunSummary:
    plain = build_summary(count=40, steps=30, targets=(EVIL,), series=(EVIL, "b"), title=EVIL)
    assert plain.window is not None
    inputs = {EVIL + name: values for name, values in plain.window.inputs.items()}
    return replace(
        plain,
        window=replace(plain.window, inputs=inputs, series=EVIL),
        settings={**plain.settings, EVIL: EVIL},
        data={"source": EVIL, "parts": {EVIL: [EVIL]}},
        environment={EVIL: EVIL},
    )


def test_names_cannot_become_markup() -> None:
    text = render_page(evil_summary())
    outline = Outline(text)
    tame = Outline(render_page(build_summary(count=40, steps=30, series=("a", "b"))))
    assert outline.tags.count("script") == tame.tags.count("script")
    assert "img" not in outline.tags
    assert outline.headings[0] == EVIL
    data = re.search(r'<script id="gatewise-data" type="application/json">(.*?)</script>', text)
    assert data is not None
    payload = json.loads(data.group(1))
    assert payload["forecast"]["targets"][0]["name"] == EVIL
    assert payload["strip"]["lanes"][0]["name"].startswith(EVIL)


def test_template_marks_in_names_stay_text() -> None:
    text = render_page(build_summary(count=40, steps=30, title="$headline ${data} $"))
    assert "<h1>$headline ${data} $</h1>" in text


def test_the_table_marks_the_best_and_not_the_models_own() -> None:
    summary = build_summary(count=200, steps=30, noise=2.0, members=1)
    scores = summary.evaluation.scores
    assert scores["ridge"]["discharge"]["rmse"] < scores["gatewise"]["discharge"]["rmse"]
    rows = re.findall(r"<tr[^>]*>.*?</tr>", render_page(summary), re.S)
    # In the small table of the first screen, and in the whole one.
    for place in (0, 1):
        ridge = [row for row in rows if ">ridge<" in row][place]
        own = [row for row in rows if ">gatewise<" in row][place]
        assert ridge.count('class="mark"') == 3
        assert "mark" not in own


def test_every_model_has_the_scores_of_its_band_in_the_same_table() -> None:
    text = render_page(build_summary(count=60, steps=30, levels=(0.1, 0.5, 0.9)))
    rows = re.findall(r"<tr[^>]*>.*?</tr>", text, re.S)
    for model in ("gatewise", "climatology", "ridge"):
        small, row = (row for row in rows if f">{model}<" in row)
        assert small.count("<td>") == 4
        assert row.count("<td>") == 5
        assert "<td>–</td>" not in row
    note = "The band of a baseline is"
    assert note in text
    assert note not in render_page(build_summary(count=60, steps=30))


def test_a_best_value_within_the_members_is_marked_as_doubtful() -> None:
    summary = build_summary(count=200, steps=30)
    members = summary.evaluation.members
    for member, rmse in zip(members, (0.5, 0.6, 0.7), strict=True):
        member["discharge"]["rmse"] = rmse
    summary.evaluation.scores["ridge"]["discharge"]["rmse"] = 0.65
    text = render_page(summary)
    assert "seed-dependent</span>" in text
    assert "another seed could turn the order around" in text


def test_the_caveat_stands_by_the_timescales() -> None:
    text = render_page(build_summary(count=60, steps=40))
    assert "Gate path only." in text
    assert "Gates alone mislead" in text


def test_write_page_writes_whole_or_not_at_all(tmp_path: Path) -> None:
    summary = build_summary(count=60, steps=40)
    page = tmp_path / "report.html"
    write_page(summary, page)
    assert page.read_text(encoding="utf-8") == render_page(summary)
    assert list(tmp_path.iterdir()) == [page]
    with pytest.raises(FileError, match="missing"):
        write_page(summary, tmp_path / "missing" / "report.html")


def test_the_same_run_gives_the_same_page() -> None:
    assert render_page(build_summary(count=60)) == render_page(build_summary(count=60))


def test_a_long_part_makes_a_page_of_moderate_size() -> None:
    text = render_page(build_summary(count=100_000, steps=3000, hidden=300))
    assert len(text) < 25_000_000
    assert len(render_page(build_summary(steps=3000, hidden=300), megabytes=0)) < len(text)
    with pytest.raises(InputError, match="megabytes"):
        render_page(build_summary(), megabytes=-1)


def test_what_inputs_are_worth_is_a_table_of_bars_and_lags() -> None:
    rain = InputWorth("<rain>", 0.8, 0.7, 0.9, 0.6, (0.5, 0.25, nan))
    tmin = InputWorth("tmin", -0.001, nan, nan)
    both = InputWorth("both together", 1.2, 1.0, 1.6)
    panel = InputPanel(
        (rain, tmin), ("0", "1", "2"), "days back", together=(both,), notes=("A note.",)
    )
    page = render_page(Contents(title="t", inputs=panel))
    Outline(page)
    body = page[page.index('id="inputs"') :]
    assert "&lt;rain&gt;" in body
    assert 'width:50.00%"' in body  # 0.8 of the longest, the upper end of the group
    assert 'left:43.75%;width:12.50%"' in body
    assert body.count('class="ends"') == 2
    assert '<td style="--depth:50%">25</td><td></td>' in body
    assert "A note." in body
    with pytest.raises(InputError, match="2 lags, of which 3 have names"):
        InputPanel((InputWorth("a", 1.0, lags=(1.0, 2.0)),), ("0", "1", "2"))
    many = InputPanel(tuple(InputWorth(f"c{k}", 1.0) for k in range(30)))
    assert "6 more columns cost less" in render_page(Contents(title="t", inputs=many))
