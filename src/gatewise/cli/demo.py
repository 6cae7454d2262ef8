"""The demo: a virtual river gauge, trained on ten years of bundled weather; its settings live here."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from gatewise.cli.opening import writing_alone
from gatewise.cli.options import Config, NewRun, Quiet, TaskOption, Whole
from gatewise.cli.output import console
from gatewise.cli.training import finish, resumable, run_training
from gatewise.errors import FileError

if TYPE_CHECKING:
    from gatewise.estimators.run.folder import Run

SOURCE = "dataset:fulda"
TITLE = "The discharge of the Fulda, from its weather"
SETTINGS: dict[str, Any] = {
    "target": "discharge",
    "inputs": ("rain", "tmax", "tmin"),
    "lookback": 180,
    # Trained to 1984, 1985 is watched, tested on 1986 to 1988.
    "validation": "1985-01-01",
    "test": "1986-01-01",
    # Chosen by cross-validation over blocks of years before 1986: see docs/benchmarks.md.
    "hidden_size": 32,
    "dropout": 0.4,
    "noise": 0.1,
    "forget_bias": 3.0,
    "batch_size": 64,
    "learning_rate": 0.01,
    "epochs": 30,
    "patience": None,  # 1985 has no flood: stopping by it alone costs more than it brings
}

KNOWN_BY = [
    ("target", "discharge"),
    ("inputs", ["rain", "tmax", "tmin"]),
    ("validation", SETTINGS["validation"]),
    ("test", SETTINGS["test"]),
]
"""Settings by which an earlier demo is known; the rest may change between versions."""


def demo(
    *,
    task: TaskOption = None,
    out: Annotated[str, Parameter(help="Run folder; the demo replaces an earlier demo in it.")] = (
        "runs/demo"
    ),
    members: Annotated[
        Whole, Parameter(help="Networks with seeds of their own; mean and spread are reported.")
    ] = 3,
    seed: Annotated[Whole, Parameter(help="Seed of the first member.")] = 0,
    quiet: Quiet = False,
    config: Config = None,
) -> None:
    """Train a virtual river gauge: the discharge of the Fulda from ten years of daily weather.

    The river itself is never an input. An interrupted demo goes on where it stopped.

    Try:

      gatewise demo
      gatewise demo --members 1 --out runs/quick
    """
    from gatewise import Forecaster  # noqa: PLC0415 - brings torch

    model = Forecaster(**SETTINGS, members=members, seed=seed)
    demo_into(
        model,
        out,
        source=SOURCE,
        title=TITLE,
        says="A virtual river gauge: the Fulda's discharge (m3/s) from rain and temperature.",
        quiet=quiet,
        is_known=lambda config: all(
            config["settings"].get(key) == value for key, value in KNOWN_BY
        ),
        train=lambda new: run_training(model, model.fit, SOURCE, new, by="season"),
        finish=partial(finish, by="season"),
    )


def demo_into(
    model: Any,
    place: str,
    *,
    source: str,
    title: str,
    says: str,
    quiet: bool,
    is_known: Callable[[dict[str, Any]], bool],
    train: Callable[[NewRun], None],
    finish: Callable[..., None],
) -> None:
    """Train a demo into a folder, or go on with one there that was interrupted.

    `is_known` is whether a run of this source, by its config, is one that this demo may replace.
    """
    from gatewise.estimators.run.folder import Run  # noqa: PLC0415 - brings torch

    model.check_options()
    Run.check_target(place, overwrite=True)
    screen = console(quiet=quiet)
    screen.print(says)
    earlier = _earlier(place, source, is_known)
    unfinished = None if earlier is None else earlier.unfinished()
    if unfinished is None or unfinished.config["settings"] != model.to_json():
        train(NewRun(out=place, title=title, overwrite=earlier is not None, quiet=quiet))
        return
    folder = unfinished.folder
    with writing_alone(folder), resumable(folder, title):
        screen.print(f"An interrupted demo is in {place}: going on with it.")
        prepared = type(model).prepare_resumed(unfinished)
        model = type(model).resume(folder, prepared, progress=not quiet)
        finish(screen, model, prepared, source, folder, title=title)


def _earlier(place: str, source: str, is_known: Callable[[dict[str, Any]], bool]) -> Run | None:
    """Return the demo's earlier run; FileError where the folder is something else."""
    from gatewise.estimators.run.config import is_remains  # noqa: PLC0415 - brings torch
    from gatewise.estimators.run.folder import Run  # noqa: PLC0415

    folder = Path(place)
    if not folder.is_dir() or all(is_remains(path.name) for path in folder.iterdir()):
        return None
    run = Run.open(folder)
    if run.config["source"] != source or not is_known(run.config):
        raise FileError(
            f"{place} holds another run, not the demo's: name another folder with --out"
        )
    return run
