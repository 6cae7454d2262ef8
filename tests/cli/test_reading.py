"""Files as people have them, typed: read by a fit and by what comes after, with every repair told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.tables import quick, table_text


def spreadsheet(text: str) -> str:
    """Return a CSV as a spreadsheet of the continent writes it, with sky and a row out of place."""
    header, *rows = text.strip().splitlines()
    made = [";".join([*header.split(","), "sky"])]
    for number, row in enumerate(rows):
        sky = ("dry", "wet", "snow")[number % 7 % 3]
        made.append(";".join([*(cell.replace(".", ",") for cell in row.split(",")), sky]))
    made[3], made[4] = made[4], made[3]
    return "\n".join(["# gauge 7", *made]) + "\n"


@pytest.fixture
def german(here: Path) -> Path:
    path = here / "pegel.csv"
    path.write_text(spreadsheet(table_text()))
    return path


READING = ["--decimal", ",", "--comment", "#", "--sort"]


def test_a_run_reads_later_files_as_its_own_unless_told_otherwise(call, here, german) -> None:
    inputs = quick(inputs="rain heat sky", baselines="climatology")
    done = call("fit", german.name, *inputs, *READING, "--calendar", "month", "--out", "run")
    assert done.code == 0, done.err
    assert "repaired    sorted: 1 row came after a later time" in done.out
    assert "see the category sky" in done.out
    told = call("predict", "run", german.name)
    assert told.code == 0, told.err
    assert f"{german.name}: sorted: 1 row came after a later time." in told.out
    assert call("evaluate", "run", "--part", "test").code == 0
    plain = here / "plain.csv"
    lines = german.read_text().splitlines()[1:]
    plain.write_text("\n".join(line.replace(",", ".").replace(";", ",") for line in lines) + "\n")
    refused = call("predict", "run", plain.name)
    assert refused.code == 2
    assert "read it with --sep ," in refused.err
    other = call("predict", "run", plain.name, "--sep", ",", "--decimal", ".")
    assert other.code == 0, other.err
    head, same = (done.out.split("flow_predicted", 1)[1] for done in (told, other))
    assert head == same
    page = ("--out", "page.html", "--budget", "1")
    refused = call("inspect", "run", plain.name, *page)
    assert "read it with --sep ," in refused.err
    shown = call("inspect", "run", plain.name, *page, "--sep", ",", "--decimal", ".")
    assert shown.code == 0, shown.err
    assert call("predict", "run", plain.name, "--sep", ",,").code == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "--comment '#'"),
        (
            ["--comment", "#"],
            "separated by ';': read it with --sep ';' (and --decimal , if it writes 1,5)",
        ),
        (["--decimal", ",", "--comment", "#"], "sort the rows by 'ds' (--sort)"),
    ],
)
def test_each_obstacle_names_the_option(call, german, words, told) -> None:
    done = call("fit", german.name, *quick(), *words, "--out", "run")
    assert done.code == 2
    assert told in done.err


def test_a_missing_day_names_the_filling(call, here) -> None:
    lines = table_text().splitlines()
    (here / "gap.csv").write_text("\n".join([*lines[:50], *lines[52:]]) + "\n")
    done = call("fit", "gap.csv", *quick(), "--out", "run")
    assert done.code == 2
    assert "fill in the missing rows (--fill forward, say)" in done.err
    options = [*quick(baselines="climatology"), "--fill", "forward", "--positive"]
    filled = call("fit", "gap.csv", *options, "--out", "run")
    assert filled.code == 0, filled.err
    assert "2 missing rows added" in filled.out
    assert "no filled target is trained on or scored" in filled.out
