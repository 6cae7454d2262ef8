"""Damaged run folders of every task on sequences: each verb serves them or refuses in one line."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.sequences import FITS
from tests.cli.tables import Outcome, files_under

Call = Callable[..., Outcome]
FILES = ("config.json", "model.safetensors", "metrics.json", "predictions.csv", "report.html")
NEEDED = {"config.json", "model.safetensors"}


def _cut(path: Path, other: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _emptied(path: Path, other: Path) -> None:
    path.write_bytes(b"")


def _removed(path: Path, other: Path) -> None:
    path.unlink()


def _of_another_task(path: Path, other: Path) -> None:
    shutil.copy(other / path.name, path)


def _a_folder(path: Path, other: Path) -> None:
    path.unlink()
    path.mkdir()


def _no_text(path: Path, other: Path) -> None:
    path.write_bytes(bytes(range(256)))


DAMAGES = (_cut, _emptied, _removed, _of_another_task, _a_folder, _no_text)


def verbs(task: str, run: Path, out: Path) -> dict[str, list[object]]:
    """Return what is typed of a run, writing beside it alone."""
    data, *options = FITS[task]
    labels = options if "--labels" in options else []
    return {
        "predict": ["predict", run, data, "--out", out / "predicted.csv"],
        "evaluate": ["evaluate", run, data, *labels],
        "inspect": ["inspect", run, "--out", out / "page.html"],
        "continue": [
            *("continue", run, data, *labels, "--epochs", "1", "--out", out / "more", "--quiet"),
        ],
    }


@pytest.mark.full
@pytest.mark.parametrize(
    "damaged",
    [(name, damage) for name in FILES for damage in DAMAGES],
    ids=lambda damaged: f"{damaged[0]} {damaged[1].__name__.strip('_')}",
)
@pytest.mark.parametrize("task", FITS)
def test_a_damaged_run_is_refused_in_a_line_or_serves(
    there: Path,
    call: Call,
    tmp_path: Path,
    task: str,
    damaged: tuple[str, Callable[[Path, Path], None]],
) -> None:
    name, damage = damaged
    others = list(FITS)
    other = there / others[(others.index(task) + 1) % len(others)]
    run = tmp_path / "run"
    shutil.copytree(there / task, run)
    damage(run / name, other)
    before = files_under(run)
    for verb, words in verbs(task, run, tmp_path).items():
        done = call(*words)
        assert done.code in (0, 2), (verb, done.err)
        if done.code == 2:
            assert done.err.count("\n") == 1, (verb, done.err)
            assert done.err.startswith("gatewise: error: ")
            assert name in NEEDED or name == "metrics.json", (verb, done.err)
            assert not (tmp_path / "more").exists()
        else:
            assert name not in NEEDED, f"{verb} takes a damaged {name}"
        # what is told of damaged scores is a warning, in a line of its own
        assert all(line.startswith("gatewise: ") for line in done.err.splitlines()), done.err
        assert files_under(run) == before
        for left in ("predicted.csv", "page.html"):
            (tmp_path / left).unlink(missing_ok=True)
        shutil.rmtree(tmp_path / "more", ignore_errors=True)
