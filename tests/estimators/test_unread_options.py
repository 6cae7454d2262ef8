"""Every option of how data is read, in every task and form of data: it is read, or refused by name.

What is read is found by its effect: on what a fit would be made of, or on the error of data that is
unclean. An option that changes neither and is taken without a word fails here, and so does a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest

import gatewise as gw
from gatewise.data.sequences.readers import read_labelled
from gatewise.errors import GatewiseError, OptionError
from gatewise.options import options_of

TEXTS = [a * 3 + b * 2 + c + "ACGT"[k % 4] * (k % 3 + 8) for k, (a, b, c) in enumerate(
    zip("ACGT" * 10, "CAGT" * 10, "GGAT" * 10, strict=True)
)]  # fmt: skip
CLASSES = [("weak", "strong")[k % 2] for k in range(40)]
NUMBERS = [0.5 + k / 7 for k in range(40)]
NAMES = [f"s{k}" for k in range(40)]
VALUES = [np.sin(np.arange(4 * (k % 3 + 3)) + k).reshape(-1, 2) for k in range(40)]
PLACES = {"CDS": (1, 4, "-"), "gene": (5, 7, "+")}
PROSE = "The cat sat on the mat. A dog ran to the log.\n" * 12

PROBES: dict[str, Any] = {
    **dict.fromkeys(("sequence", "target", "inputs", "series", "time"), "zz"),
    **dict.fromkeys(("groups", "weights", "split"), "zz"),
    "homology": 8,
    "alphabet": "ACGTMNQ",
    "unknown": "mask",
    "soft_masked": "mask",
    "missing": "mask",
    "unmatched": "drop",
    "encoding": "latin-1",
    "features": "gene",
    "strands": True,
    "background": "nothing",
    "front": "embedding",
    "embedding": 3,
    "kmer": 2,
    "scale": "none",
    "tokens": "bytes",
    "vocabulary": 5,
    "unseen": "refuse",
}
"""A value of each option other than its default, which clean or unclean data tells apart."""

ASKS_FOR_NOTHING = {"scale"}
"""Of symbols no scaling is what there is; elsewhere scaling is read."""

READ_LATER = {"tokens": {"unknown"}}
"""The vocabulary of tokens is that of the fit: what is unknown comes with new data alone."""


Make = Callable[[Path], tuple[Any, ...]]


class Form(NamedTuple):
    """A form of data: what is passed to a fit, clean, and such as an option is needed for."""

    clean: Make
    unclean: tuple[Make, ...] = ()
    options: Mapping[str, Any] = MappingProxyType({})


def fasta(folder: Path, texts: list[str]) -> str:
    path = folder / "sites.fa"
    path.write_text("".join(f">{name}\n{text}\n" for name, text in zip(NAMES, texts, strict=True)))
    return str(path)


def dirty(letters: str) -> list[str]:
    """Return texts one of which ends with an unknown letter, or with lower-case ones."""
    return [TEXTS[0] + letters, *TEXTS[1:]]


def label_table(folder: Path, labels: list[Any], count: int = 40) -> str:
    pl.DataFrame({"name": NAMES[:count], "label": labels[:count]}).write_csv(folder / "labels.csv")
    return str(folder / "labels.csv")


def wide(labels: list[Any], texts: list[str]) -> pl.DataFrame:
    return pl.DataFrame({"sequence": texts, "label": labels})


def long(labels: list[Any], *, per_step: bool = False, gap: bool = False) -> pl.DataFrame:
    rows = [
        {"unique_id": NAMES[k], "ds": t, "a": a, "b": b, "label": labels[(k + t * per_step) % 40]}
        for k, values in enumerate(VALUES)
        for t, (a, b) in enumerate(values.tolist())
    ]
    frame = pl.DataFrame(rows)
    return frame if not gap else frame.with_columns(a=pl.when(pl.col("ds") > 0).then("a"))


def tokens(labels: list[Any], *, per_step: bool = False) -> pl.DataFrame:
    rows = [
        {"unique_id": NAMES[k], "word": one, "label": labels[(k + t * per_step) % 40]}
        for k, text in enumerate(TEXTS)
        for t, one in enumerate(text)
    ]
    return pl.DataFrame(rows)


def features(folder: Path, kind: str, *strange: str) -> str:
    """Write a coding stretch and a gene of each sequence, and of names that are of none."""
    rows = [
        (f"{name}\t{start}\t{end}\t{what}\t0\t{strand}" if kind == "bed"
         else f"{name}\tx\t{what}\t{start + 1}\t{end}\t.\t{strand}\t.\tID=f")
        for name in (*NAMES, *strange)
        for what, (start, end, strand) in PLACES.items()
    ]  # fmt: skip
    head = [] if kind == "bed" else ["##gff-version 3"]
    (folder / f"genes.{kind}").write_text("\n".join([*head, *rows]) + "\n")
    return str(folder / f"genes.{kind}")


def genbank(folder: Path, texts: list[str]) -> str:
    from Bio import SeqIO  # noqa: PLC0415
    from Bio.Seq import Seq  # noqa: PLC0415
    from Bio.SeqFeature import SeqFeature, SimpleLocation  # noqa: PLC0415
    from Bio.SeqRecord import SeqRecord  # noqa: PLC0415

    records = []
    for name, text in zip(NAMES, texts, strict=True):
        record = SeqRecord(Seq(text), id=name, name=name, annotations={"molecule_type": "DNA"})
        for kind, (start, end, strand) in PLACES.items():
            at = SimpleLocation(start, end, -1 if strand == "-" else 1)
            record.features.append(SeqFeature(at, type=kind))
        records.append(record)
    SeqIO.write(records, folder / "genome.gb", "genbank")
    return str(folder / "genome.gb")


def steps_of(labels: list[Any], rows: list[Any]) -> list[list[Any]]:
    return [[labels[(k + t) % 40] for t in range(len(row))] for k, row in enumerate(rows)]


def of_letters(make: Callable[[Path, list[str]], tuple[Any, ...]], *more: Make) -> Form:
    """Return a form of letters: clean, with an unknown letter, with small letters, and `more`."""
    return Form(
        lambda at: make(at, TEXTS),
        (lambda at: make(at, dirty("N")), lambda at: make(at, dirty("acgt")), *more),
    )


def of_sequences(labels: list[Any]) -> dict[str, Form]:
    """Return the forms of data with a label, or a number, for each sequence."""
    gaps = [np.where(row > 0.9, np.nan, row) for row in VALUES]
    by_name = dict(zip(NAMES, labels, strict=True))
    numbered = {str(k): label for k, label in enumerate(labels)}
    fewer = {name: by_name[name] for name in NAMES[:38]}
    return {
        "FASTA": of_letters(
            lambda at, texts: (fasta(at, texts), label_table(at, labels)),
            lambda at: (fasta(at, TEXTS), label_table(at, labels, 38)),
        ),
        "FASTA, labels by name": of_letters(
            lambda at, texts: (fasta(at, texts), by_name), lambda at: (fasta(at, TEXTS), fewer)
        ),
        "wide table": of_letters(lambda at, texts: (wide(labels, texts),)),
        "letters": of_letters(lambda at, texts: (texts, labels)),
        "long table": Form(lambda at: (long(labels),), (lambda at: (long(labels, gap=True),),)),
        "tokens": Form(lambda at: (tokens(labels),), options={"inputs": "word"}),
        "arrays": Form(lambda at: (VALUES, labels), (lambda at: (gaps, labels),)),
        "arrays, labels by name": Form(
            lambda at: (VALUES, numbered),
            (lambda at: (gaps, numbered), lambda at: (VALUES, {**numbered, "s99": labels[0]})),
        ),
        "read before": Form(lambda at: (read_labelled(TEXTS, labels),)),
    }


def of_steps() -> dict[str, Form]:
    """Return the forms of data with a label for each step."""
    gaps = [np.where(row > 0.9, np.nan, row) for row in VALUES]
    return {
        "GenBank": of_letters(lambda at, texts: (genbank(at, texts),)),
        "FASTA, GFF3": of_letters(
            lambda at, texts: (fasta(at, texts), features(at, "gff3")),
            lambda at: (fasta(at, TEXTS), features(at, "gff3", "s99")),
        ),
        "FASTA, BED": of_letters(
            lambda at, texts: (fasta(at, texts), features(at, "bed")),
            lambda at: (fasta(at, TEXTS), features(at, "bed", "s99")),
        ),
        "FASTA, labels by name": of_letters(
            lambda at, texts: (
                fasta(at, texts),
                dict(zip(NAMES, steps_of(CLASSES, texts), strict=True)),
            ),
            lambda at: (
                fasta(at, TEXTS),
                dict(zip(NAMES[:38], steps_of(CLASSES, TEXTS), strict=False)),
            ),
        ),
        "letters": of_letters(lambda at, texts: (texts, steps_of(CLASSES, texts))),
        "long table": Form(
            lambda at: (long(CLASSES, per_step=True),),
            (lambda at: (long(CLASSES, per_step=True, gap=True),),),
        ),
        "tokens": Form(lambda at: (tokens(CLASSES, per_step=True),), options={"inputs": "word"}),
        "arrays": Form(
            lambda at: (VALUES, steps_of(CLASSES, VALUES)),
            (lambda at: (gaps, steps_of(CLASSES, VALUES)),),
        ),
    }


def text_file(folder: Path, text: str) -> str:
    (folder / "story.txt").write_bytes(text.encode("latin-1"))
    return str(folder / "story.txt")


def of_texts() -> dict[str, Form]:
    """Return the forms of texts."""
    strange = PROSE + "Ünseen §" * 9, PROSE + "@#" * 9
    return {
        "text file": Form(
            lambda at: (text_file(at, PROSE),),
            (lambda at: (text_file(at, strange[0]),), lambda at: (text_file(at, strange[1]),)),
        ),
        "text": Form(lambda at: (PROSE,), (lambda at: (strange[1],),)),
    }


KINDS: dict[str, tuple[type, dict[str, Form]]] = {
    "classify": (gw.Classifier, of_sequences(CLASSES)),
    "regress": (gw.Regressor, of_sequences(NUMBERS)),
    "tag": (gw.Tagger, of_steps()),
    "language": (gw.LanguageModel, of_texts()),
}


def made_of(model: Any, given: tuple[Any, ...]) -> str:
    """Return all that a fit would be made of, or the error."""
    try:
        if isinstance(model, gw.LanguageModel):
            model._fit = lambda data, **_: data  # what is read before anything is fitted
            read = model._fit_texts(given[0], None, source=None)
            prepared = model.prepare(read)
            parts = {part: [one.codes for one in each] for part, each in prepared.parts.items()}
            return repr((prepared.tokens.to_json(), parts))
        prepared = model.prepare(model.given(*given))
    except GatewiseError as error:
        return str(error)
    labelled, form = prepared.labelled, prepared.form
    sequences = labelled.sequences
    network = model._build(prepared.settings, form, "torch")
    about = (
        *(labelled.identity, form.to_json(), sequences.groups, labelled.weights, labelled.split),
        *(prepared.values.tobytes(), prepared.parts, prepared.truth.tobytes()),
        {name: tuple(weight.shape) for name, weight in network.state_dict().items()},
    )
    with np.printoptions(threshold=10**6):
        return repr(about)


@pytest.mark.filterwarnings("ignore::gatewise.errors.GatewiseWarning")
@pytest.mark.parametrize(
    ("task", "form"), [(task, form) for task, (_, forms) in KINDS.items() for form in forms]
)
def test_every_option_of_reading_is_read_or_refused_by_name(
    task: str, form: str, tmp_path: Path
) -> None:
    kind, forms = KINDS[task]
    if form == "GenBank":
        pytest.importorskip("Bio")
    needed = dict(forms[form].options)
    given = forms[form].clean(tmp_path)
    with_defaults = made_of(kind(**needed), given)
    assert with_defaults.startswith("("), with_defaults  # clean data is taken
    silent = []
    for name, _, about in options_of(kind):
        if name not in PROBES or (task == "language" and about.group == "Network"):
            assert about.group not in ("Columns", "Reading"), f"{name} has no probe here"
            continue
        told = made_of(kind(**{**needed, name: PROBES[name]}), given)
        if told == with_defaults:
            silent.append(name)
        else:
            assert told.startswith("(") or name in told or "'zz'" in told, (name, told)
    for make in forms[form].unclean:
        unclean = make(tmp_path)
        told = made_of(kind(), unclean)
        silent = [name for name in silent if made_of(kind(**{name: PROBES[name]}), unclean) == told]
    assert set(silent) <= ASKS_FOR_NOTHING | READ_LATER.get(form, set()), (
        f"taken without a word: {silent}"
    )


def test_what_a_text_or_numbers_have_no_use_for_is_refused() -> None:
    with pytest.raises(OptionError, match="loss='absolute' trains a prediction without quantiles"):
        gw.Regressor(loss="absolute", quantiles=[0.1, 0.9]).fit(VALUES, NUMBERS, progress=False)
    with pytest.raises(OptionError, match=r"noise=0\.1 is for measured values"):
        gw.Classifier(noise=0.1).fit(TEXTS, CLASSES, progress=False)
    with pytest.raises(OptionError, match="encoding='latin-1' is for a text file"):
        gw.LanguageModel(encoding="latin-1").fit(PROSE, progress=False)
