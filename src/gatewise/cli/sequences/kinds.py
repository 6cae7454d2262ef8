"""What the commands say of each task on sequences: tasks are data here, and the commands are shared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

from gatewise.data.catalog import bundled_paths, dataset_name
from gatewise.data.files import WRITABLE
from gatewise.data.sequences.annotations import FORMATS
from gatewise.data.sequences.genbank import ENDINGS as GENBANK

TABLES = (".csv", ".tsv", ".parquet")
PartName = Literal["training", "validation", "test", "all"]


def ending_like(source: str) -> str:
    """Return the ending of a file that new data may come in, like the data of a fit; .gz is left out."""
    bundled = dataset_name(source)
    name = source if bundled is None else bundled_paths(bundled)[0].name
    ending = PurePath(name.lower().removesuffix(".gz")).suffix
    return ".fa" if ending in GENBANK else ending  # new genomes have no features yet


def _then(source: str) -> tuple[str, str]:
    return f"NEW{ending_like(source)} --out PREDICTED.csv", "predict from new sequences"


def _then_of_steps(source: str) -> tuple[str, str]:
    """Letters get features, which browsers of genomes show; other steps a table."""
    ending = ending_like(source)
    if ending in TABLES:
        return f"NEW{ending} --out LABELS.csv", "predict the label of each step of new sequences"
    return f"NEW{ending} --out GENES.gff3", "predict features of new sequences; .csv for every step"


def _then_of_texts(source: str) -> tuple[str, str]:
    return '--suggest "TEXT"', "suggest what comes next; --sample N goes on with a text"


@dataclass(frozen=True)
class Kind:
    """A task on sequences, in words.

    Attributes:
        about: What fit does, the first line of its help.
        examples: Commands to try.
        more: What else its help says.
        data: What DATA may be.
        predict_help: The help of predict.
        labels: What --labels may be; "" where there are none.
        endings: Of the file that predict writes.
        then: From the data of a fit, what to type after `gatewise predict RUN`, and what it does.
        speaks: Whether predict suggests and samples, instead of answering for given sequences.
        marks: Whether predict can write features of sequences too.
    """

    about: str
    examples: tuple[str, ...]
    more: str
    data: str
    predict_help: str
    labels: str = ""
    endings: tuple[str, ...] = WRITABLE
    speaks: bool = False
    marks: bool = False
    then: Callable[[str], tuple[str, str]] = _then

    def fit_help(self) -> str:
        """Return the help of fit."""
        tried = "\n".join(f"  {line}" for line in self.examples)
        return f"{self.about}\n\nTry:\n\n{tried}\n\n{self.more}"


STEPS = "a table with a row for each step (columns unique_id, ds)"
TABLE = f"{STEPS} or for each sequence (column sequence)"
WHOLE = (
    "Sequences are never cut: each is of one part, training, validation or test. The test part gives\n"
    "the score: nothing is chosen on it."
)
PRINTED = "\n\nWithout --out the first rows are printed."
LABELS = (
    "Labels of a FASTA file: a table with the names of the sequences and a column of labels. "
    "[default: those of the table DATA]"
)
KINDS = {
    "classify": Kind(
        "Learn a label for each sequence, and leave a run folder: model, scores, page.",
        (
            "gatewise fit promoters.fa --labels strength.csv --task classify --out runs/promoters",
            "gatewise fit gestures.csv --task classify --target gesture --out runs/gestures",
        ),
        WHOLE,
        f"FASTA (.fa, .fasta, with .gz), {TABLE}, or dataset:NAME.",
        "Predict the label of each sequence, with the probability of every class." + PRINTED,
        LABELS,
    ),
    "regress": Kind(
        "Learn a number for each sequence, and leave a run folder: model, scores, page.",
        (
            "gatewise fit sites.csv --task regress --target psi --out runs/sites",
            "gatewise fit sites.csv --task regress --target psi --quantiles 0.1 0.5 0.9 --out runs/q",
        ),
        WHOLE,
        f"FASTA (.fa, .fasta, with .gz), {TABLE}, or dataset:NAME.",
        "Predict the number of each sequence, with quantiles where the run has them." + PRINTED,
        LABELS.replace("labels", "numbers").replace("Labels", "Numbers"),
    ),
    "tag": Kind(
        "Learn a label for each step of a sequence, and leave a run folder: model, scores, page.",
        (
            "gatewise fit genome.gb --task tag --out runs/genes",
            "gatewise fit genome.fa --labels genes.gff3 --task tag --out runs/genes",
            "gatewise predict runs/genes other.fa --out genes.gff3",
        ),
        "Long sequences are trained on in pieces and predicted as in one unbroken pass.",
        f"GenBank (.gb), FASTA (.fa, .fasta, with .gz), {STEPS}, or dataset:NAME.",
        "Predict the label of each step: a table with probabilities, or features as BED or GFF3."
        + PRINTED,
        "Labels of a FASTA file: a .bed or .gff3 file. [default: those of DATA]",
        (*WRITABLE, *FORMATS),
        marks=True,
        then=_then_of_steps,
    ),
    "language": Kind(
        "Learn what comes next in a text, and leave a run folder: model, scores, page.",
        (
            "gatewise fit alice.txt --task language --out runs/alice",
            "gatewise fit news.txt --task language --tokens words --hidden-size 512 --out runs/news",
            'gatewise predict runs/alice --suggest "Alice was beginning to get very tired of "',
        ),
        "The end of the text gives the score, with the state carried through: nothing is chosen on it.",
        "A text file (.txt, with .gz), or dataset:NAME.",
        "Suggest the next token, go on with a text, or tell what each token of a text cost."
        + PRINTED,
        speaks=True,
        then=_then_of_texts,
    ),
}
