"""A table on disk, a run fitted on it through the command line, and a way to call it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gatewise.cli import run as run_command_line
from gatewise.estimators.forecaster.page import picture
from gatewise.files import atomic_write_bytes
from tests.cli.python_syntax import in_python
from tests.cli.sequences import FITS, QUICK, write_all
from tests.cli.tables import LEARNING, Outcome, table_text


@pytest.fixture(scope="session", autouse=True)
def no_drawing() -> Iterator[None]:
    """Write a picture without drawing it, which takes longer than these fits; test_pictures.py draws."""
    with pytest.MonkeyPatch.context() as patch:
        drawn = lambda contents, path: atomic_write_bytes(path, b"a picture")  # noqa: E731
        patch.setattr(picture, "write_picture", drawn)
        yield


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run the command line in this process; whatever a test asks, no answer is in Python."""

    def called(*words: object) -> Outcome:
        capsys.readouterr()
        code = run_command_line([str(word) for word in words])
        captured = capsys.readouterr()
        said = [captured.err, "" if {"--json", "--help", "stream"} & set(words) else captured.out]
        assert [line for text in said for line in text.splitlines() if in_python(line)] == []
        return Outcome(code, captured.out, captured.err)

    return called


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("table") / "river.csv"
    path.write_text(table_text())
    return path


@pytest.fixture(scope="session")
def fitted(tmp_path_factory: pytest.TempPathFactory, table: Path) -> Path:
    """A run folder with two members; tests read it and never write into it."""
    folder = tmp_path_factory.mktemp("runs") / "river"
    words = ["fit", str(table), *LEARNING, "--members", "2", "--out", str(folder), "--quiet"]
    assert run_command_line(words) == 0
    return folder


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def copied_run(here: Path, fitted: Path) -> Path:
    """A copy of the fitted run in the working directory, to write into; it is called "run"."""
    return Path(shutil.copytree(fitted, here / "run"))


@pytest.fixture(scope="session")
def sequence_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data of every task, and a run of each under its name."""
    made = tmp_path_factory.mktemp("tasks")
    write_all(made)
    (made / "river.csv").write_text(table_text())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made)
        for task, words in FITS.items():
            assert run_command_line(["fit", *words, *QUICK, "--out", task, "--quiet"]) == 0
    return made


@pytest.fixture
def there(sequence_runs: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That folder as the working directory; tests write beside what is in it."""
    monkeypatch.chdir(sequence_runs)
    return sequence_runs
