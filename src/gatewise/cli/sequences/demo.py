"""The demos of tasks on sequences, each on bundled data; their settings live here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatewise.cli.opening import writing_alone
from gatewise.cli.options import NewRun
from gatewise.cli.output import console
from gatewise.cli.sequences.training import finish, run_training
from gatewise.cli.tasks import Task
from gatewise.cli.training import resumable
from gatewise.errors import FileError

if TYPE_CHECKING:
    from gatewise.estimators.run.folder import Run


@dataclass(frozen=True)
class Demo:
    """A bundled set, what is learnt of it, and how."""

    source: str
    title: str
    says: str
    settings: dict[str, Any]


DEMOS = {
    "classify": Demo(
        "dataset:promoter",
        "How strong a promoter is, from its 75 bases",
        "Cells with variants of a bacterial promoter were sorted into ten bins by how bright they are: "
        "which bin is it, from the 75 bases?",
        {"hidden_size": 32, "epochs": 7, "batch_size": 64, "learning_rate": 0.01},
    ),
    "regress": Demo(
        "dataset:splice",
        "How well a splice site works, from its 9 bases",
        "Variants of a splice site of the gene BRCA2: how much of the RNA is spliced, from the 9 bases?",
        {"hidden_size": 32, "epochs": 8, "quantiles": (0.1, 0.9)},
    ),
    "tag": Demo(
        "dataset:arabidopsis_plastid",
        "Which bases of a chloroplast genome code for protein",
        "The chloroplast genome of thale cress, base by base: which bases code for protein? Scored on "
        "regions that share no gene with training, where k-mers are hard to beat.",
        {
            "cell": "gru",
            "hidden_size": 64,
            "kmer": 3,
            "dropout": 0.3,
            "piece": 250,
            "overlap": 50,
            "batch_size": 16,
            "learning_rate": 0.005,
            "epochs": 12,
        },
    ),
    "language": Demo(
        "dataset:alice29",
        "The next letter of Alice's Adventures in Wonderland",
        "The text of Alice's Adventures in Wonderland: which letter comes next?",
        {"hidden_size": 128, "epochs": 8},
    ),
}


def demo(
    task: Task, *, out: str | None = None, members: int = 1, seed: int = 0, quiet: bool = False
) -> None:
    """Train the demo of a task; one that was interrupted goes on where it stopped."""
    from gatewise.estimators.run.folder import Run  # noqa: PLC0415 - brings torch

    made = DEMOS[task.name]
    place = f"runs/demo-{task.name}" if out is None else out
    model = task.estimator_class()(**made.settings, members=members, seed=seed)
    model.check_options()
    Run.check_target(place, overwrite=True)
    screen = console(quiet=quiet)
    screen.print(made.says)
    earlier = _earlier(place, task, made)
    unfinished = None if earlier is None else earlier.unfinished()
    if unfinished is not None and unfinished.config["settings"] == model.to_json():
        folder = unfinished.folder
        with writing_alone(folder), resumable(folder, made.title):
            screen.print(f"An interrupted demo is in {place}: going on with it.")
            prepared = type(model).prepare_resumed(unfinished)
            model = type(model).resume(folder, prepared, progress=not quiet)
            finish(screen, model, prepared, made.source, folder, title=made.title)
        return
    new = NewRun(out=place, title=made.title, overwrite=earlier is not None, quiet=quiet)
    run_training(model, model.fit, made.source, None, new)


def _earlier(place: str, task: Task, made: Demo) -> Run | None:
    """Return the demo's earlier run; FileError where the folder is something else."""
    from gatewise.estimators.run.config import is_remains  # noqa: PLC0415 - brings torch
    from gatewise.estimators.run.folder import Run  # noqa: PLC0415

    folder = Path(place)
    if not folder.is_dir() or all(is_remains(path.name) for path in folder.iterdir()):
        return None
    run = Run.open(folder)
    if run.config["source"] != made.source or run.config.get("estimator") != task.kind:
        raise FileError(
            f"{place} holds another run, not this demo's: name another folder with --out"
        )
    return run
