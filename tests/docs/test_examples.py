"""Every example of the README and the docs runs, in the order in which a reader meets them."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatewise.cells import CELLS
from gatewise.cli import run
from gatewise.cli.apps import app_of, app_of_traces
from gatewise.cli.choosing import choose
from gatewise.explaining import affordable
from gatewise.programs import launching

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
RUN = ("README.md", "command-line.md")
"""Pages whose commands run; those of the others go on with what these made, and are parsed."""

NOT_RUN = ("bench", "resume")
"""Minutes of timing, and what needs a run that was killed: these are parsed."""

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(autouse=True)
def _cells_of_an_example_go_with_it() -> Iterator[None]:
    before = dict(CELLS)
    yield
    CELLS.clear()
    CELLS.update(before)


def blocks(page: Path, language: str) -> list[str]:
    return [text for name, text in BLOCK.findall(page.read_text("utf-8")) if name == language]


def commands(page: Path) -> list[str]:
    lines = "\n".join(blocks(page, "sh")).replace("\\\n", " ").splitlines()
    return [line.split("  #")[0].strip() for line in lines if line.startswith("gatewise ")]


@pytest.mark.parametrize(
    "page", [p for p in PAGES if blocks(p, "python")], ids=lambda page: page.name
)
def test_the_python_examples_run(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "example"}
    for block in blocks(page, "python"):
        exec(compile(block, str(page), "exec"), names)


SHORT = {"fit": {"--epochs": "2", "--hidden-size": "4"}, "continue": {"--epochs": "1"}}
"""What makes a command that trains quick, where it says nothing else, and still better than
chance: its figures are not looked at, but what is not shown to have learnt has none."""
SHORT["retrain"] = SHORT["continue"]


def shortened(words: list[str]) -> list[str]:
    """Return a command that trains a small network with few passes over the data."""
    short = SHORT.get(words[0], {})
    return [*words, *(word for name in short if name not in words for word in (name, short[name]))]


def parse(words: list[str]) -> None:
    """Read the words of a command as the command line does, and raise what it raises."""
    if words[0] == "run":
        launching.parse(words[1:])
        return
    if words[:2] == ["inspect", "traces"]:  # what `gatewise run --trace traces` would have left
        app_of_traces().parse_args(words, exit_on_error=False, print_error=False)
        return
    chosen = choose(words)
    app_of(chosen.task).parse_args(chosen.words, exit_on_error=False, print_error=False)


def run_line(line: str) -> int:
    """Run a line as the shell would, `gatewise` in this process; return its exit code."""
    line = line.split("  #", maxsplit=1)[0].strip()
    if not line.startswith("gatewise "):
        return subprocess.run(["bash", "-c", line], check=False).returncode
    words = shlex.split(line)[1:]
    parse(words)
    if words[0] == "run":  # it would take the place of this process
        return 0
    return 0 if words[0] in NOT_RUN else run(shortened(words))


@pytest.mark.parametrize(
    "page", [p for p in PAGES if commands(p) and p.name in RUN], ids=lambda page: page.name
)
def test_the_commands_run_as_they_stand(
    page: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    # The fewest rows that an explanation looks at: of the figures nothing is looked at here.
    monkeypatch.setattr(affordable, "MOST_ROWS", affordable.FEWEST_ROWS)
    for language, text in BLOCK.findall(page.read_text("utf-8")):
        if language == "toml":
            Path(text.splitlines()[0].removeprefix("# ")).write_text(text, encoding="utf-8")
        elif language == "sh":
            for line in text.splitlines():
                if not line.startswith(("make ", "pip ")):
                    assert run_line(line) == 0, (line, capsys.readouterr().err)
        elif language == "console":
            for shown in text.split("$ ")[1:]:
                line, expected = shown.split("\n", 1)
                capsys.readouterr()
                code, said = run_line(line), capsys.readouterr().err
                assert expected.strip() in said, line
                assert code == (2 if expected.strip() else 0), said


@pytest.mark.parametrize(
    ("page", "command"),
    [(page, command) for page in PAGES if page.name not in RUN for command in commands(page)],
    ids=lambda value: value.name if isinstance(value, Path) else None,
)
def test_the_command_lines_parse(page: Path, command: str) -> None:
    parse(shlex.split(command)[1:])


def test_there_are_examples_to_run() -> None:
    assert blocks(ROOT / "README.md", "python")
    assert commands(ROOT / "README.md")
