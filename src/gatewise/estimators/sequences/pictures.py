"""What a model of sequences answers, as the pictures of a page."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gatewise.data.sequences.labelled import Labelled
from gatewise.data.sequences.sequences import Sequences
from gatewise.estimators.scores.calibration import Reliability
from gatewise.estimators.scores.evaluation import ClassificationScores, SequenceScores
from gatewise.estimators.scores.measures import MODEL_NAME
from gatewise.estimators.sequences.form import Form
from gatewise.report.pictures import Matrix, Picture, Scatter, Strand
from gatewise.typing import AnyArray, Array, Indices
from gatewise.wording import counted, figure, number

WINDOW = 3000
"""Steps of a sequence that the page shows."""
MOST_CLASSES = 12
"""Of a confusion matrix on the page: the largest; the rest is together."""
MOST_TARGETS = 2
MOST_LINES = 4


Columns = Mapping[str, AnyArray]
"""The table of answers with the truth, as predictions.csv has it."""


def pictures_of(
    labelled: Labelled, form: Form, columns: Columns, scores: SequenceScores
) -> tuple[Picture, ...]:
    """Return the main pictures: a sequence step by step, or confusion and reliability, or numbers."""
    if form.targets:
        return tuple(_numbers(name, columns) for name in form.targets[:MOST_TARGETS])
    if labelled.per_step:
        return (_strand(labelled, form, columns),) if labelled.sequences.steps else ()
    return confusion_of(scores)


def confusion_of(scores: SequenceScores) -> tuple[Picture, ...]:
    """Return which class is taken for which, and whether probabilities are what they say."""
    if not isinstance(scores, ClassificationScores) or MODEL_NAME not in scores.confusion:
        return ()
    after = () if scores.after is None else (_reliability(scores.after, scores.before),)
    return (_confusion(scores), *after)


def step_name(form: Form) -> str:
    """Return what a step is called: a base of DNA or RNA, else a step."""
    symbols = set() if form.vocabulary is None else set(form.vocabulary.symbols)
    return "base" if symbols and symbols <= set("ACGTUN") else "step"


def _numbers(name: str, columns: Columns) -> Scatter:
    notes = ["On the dashed line the prediction is the truth."]
    levels = sorted(
        float(key.removeprefix(f"{name}_q")) for key in columns if key.startswith(f"{name}_q")
    )
    low = high = None
    if len(levels) > 1:
        low, high = (columns[f"{name}_q{level:g}"] for level in (levels[0], levels[-1]))
        notes.append(f"Bars: {figure(levels[0])} to {figure(levels[-1])} quantile.")
    return Scatter(
        f"Truth and prediction: {name}",
        columns[name].astype(np.float64),
        columns[f"{name}_predicted"].astype(np.float64),
        "truth",
        "predicted",
        low=low,
        high=high,
        notes=tuple(notes),
    )


def _confusion(scores: ClassificationScores) -> Matrix:
    """Return the counts of truth and prediction; of many classes the largest, the rest together."""
    counts, names = scores.confusion[MODEL_NAME], list(scores.classes)
    if len(names) > MOST_CLASSES:
        order = np.argsort(-counts.sum(axis=1), kind="stable")
        kept = order[: MOST_CLASSES - 1]
        rest = order[MOST_CLASSES - 1 :]
        rows = np.concatenate([counts[kept], counts[rest].sum(axis=0, keepdims=True)])
        counts = np.concatenate([rows[:, kept], rows[:, rest].sum(axis=1, keepdims=True)], axis=1)
        names = [names[k] for k in kept] + [f"{len(rest)} other classes"]
    return Matrix(
        f"What is taken for what, by {scores.unit}",
        tuple(names),
        tuple(names),
        counts,
        notes=("A cell is as dark as its share of the row; framed cells are right.",),
    )


def _reliability(after: Reliability, before: Reliability | None) -> Scatter:
    """Return how often the likeliest class is right, by how sure the model is of it."""
    largest = float(after.counts.max()) or 1.0
    notes = [
        "On the dashed line a probability is what it says; below it the model is too sure.",
        "A point is as large as the share of answers that it stands for.",
        f"Mean distance from the line: {number(after.ece)}"
        + ("." if before is None else f"; before calibration {number(before.ece)}."),
    ]
    return Scatter(
        "Are its probabilities right?",
        after.confidence,
        after.accuracy,
        "probability that was given",
        "share that was right",
        weights=after.counts / largest,
        joined=True,
        notes=tuple(notes),
    )


def _strand(labelled: Labelled, form: Form, columns: Columns) -> Strand:
    """Return a stretch of a sequence where much changes, with truth and prediction."""
    sequences, step = labelled.sequences, step_name(form)
    predicted = codes_of(form, columns)
    row, first, last = _window(sequences, labelled.labels, predicted)
    offset = int(sequences.offsets[row])
    there = slice(offset + first, offset + last)
    whole = int(sequences.lengths[row])
    of = f" of {whole:,}" if last - first < whole else ""
    return Strand(
        f"Along {sequences.names[row]}: {counted(last - first, step)}{of}",
        form.classes,
        predicted[there],
        truth=None if labelled.labels is None else labelled.labels[there],
        probabilities=tuple(
            (f"probability of {name}", values)
            for _, name, values in likeliest(form, columns, there)
        ),
        start=first,
        letters=_letters(form, sequences.values[there]),
        step=step,
        notes=(
            f"A stretch in which much changes; `gatewise predict RUN DATA --out FILE` has every {step}.",
        ),
    )


def codes_of(form: Form, columns: Columns) -> Indices:
    """Return the predicted classes [N] of a table of answers, whose labels are of the caller's type."""
    code_of = {label: code for code, label in enumerate(form.labels().tolist())}
    return np.array(
        [code_of[label] for label in columns["label_predicted"].tolist()], dtype=np.int64
    )


def likeliest(form: Form, columns: Columns, there: slice) -> list[tuple[int, str, Array]]:
    """Return code, name and probability of the classes that are likely somewhere; of two that of one."""
    lines = [
        (code, name, columns[f"probability_{name}"][there].astype(np.float64))
        for code, name in enumerate(form.classes)
        if f"probability_{name}" in columns and (code or len(form.classes) != 2)
    ]
    likely = sorted(lines, key=lambda line: -float(line[2].max(initial=0.0)))[:MOST_LINES]
    return [line for line in lines if any(line is one for one in likely)]


def _letters(form: Form, codes: AnyArray) -> str:
    """Return the symbols of steps where each is a letter, "?" for one that is unknown; else ""."""
    if form.vocabulary is None or any(len(one) != 1 for one in form.vocabulary.symbols):
        return ""
    symbols = form.vocabulary.decode(codes)
    return "".join(one if len(one) == 1 else "?" for one in symbols)


def _window(
    sequences: Sequences, truth: AnyArray | None, predicted: Indices
) -> tuple[int, int, int]:
    """Return a sequence, with the first step of a stretch where most changes and the one after it."""
    codes = predicted if truth is None else truth
    best = (-1, 0, 0, 0)
    for row, (start, length) in enumerate(
        zip(sequences.offsets[:-1].tolist(), sequences.lengths.tolist(), strict=True)
    ):
        if not length:
            continue
        changes = np.concatenate([[0], np.cumsum(np.diff(codes[start : start + length]) != 0)])
        size = min(WINDOW, length)
        firsts = np.arange(0, length - size + 1, max(1, size // 10))
        found = changes[firsts + size - 1] - changes[firsts]
        at = int(found.argmax())
        if int(found[at]) > best[0]:
            best = (int(found[at]), row, int(firsts[at]), int(firsts[at]) + size)
    return best[1:]
