"""The demos of tasks on sequences, each on bundled data; their settings live here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gatewise.cli.demo import demo_into
from gatewise.cli.sequences.training import finish, run_training
from gatewise.cli.tasks import Task


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
        "dataset:plastids",
        "Which bases of a chloroplast genome code for protein",
        "Which bases of a chloroplast genome code for protein? Learnt from thale cress, scored on "
        "tobacco, a relative: most of its genes are in both. Where no gene is shared, k-mers are hard "
        "to beat: `gatewise study gene` measures that.",
        {
            "cell": "gru",
            "hidden_size": 64,
            "kmer": 3,
            "dropout": 0.2,
            "piece": 250,
            "overlap": 25,
            "batch_size": 16,
            "learning_rate": 0.005,
            "epochs": 10,
            "patience": None,  # to the last epoch
        },
    ),
    "language": Demo(
        "dataset:alice29",
        "The next letter of Alice's Adventures in Wonderland",
        "The text of Alice's Adventures in Wonderland: which letter comes next? Some three minutes on "
        "two cores.",
        {},
    ),
}


def demo(
    task: Task, *, out: str | None = None, members: int = 1, seed: int = 0, quiet: bool = False
) -> None:
    """Train the demo of a task; one that was interrupted goes on where it stopped."""
    made = DEMOS[task.name]
    model = task.estimator_class()(**made.settings, members=members, seed=seed)
    demo_into(
        model,
        f"runs/demo-{task.name}" if out is None else out,
        source=made.source,
        title=made.title,
        says=made.says,
        quiet=quiet,
        is_known=lambda config: config.get("estimator") == task.kind,
        train=lambda new: run_training(model, model.fit, made.source, None, new),
        finish=finish,
    )
