"""What a model of sequences does along some of them: the rows of `Inside`, for the page.

Sizes: n sequences, N steps of all of them, T steps of one, K answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from torch import Tensor

from gatewise.data.sequences.labelled import Labelled
from gatewise.estimators.sequences.chosen import Stretch, room_for, stretches, whole_ones
from gatewise.estimators.sequences.form import Form
from gatewise.estimators.sequences.inside import (
    MOST_ENDS,
    Inside,
    InsideRow,
    answers_so_far,
    gates_over,
    name_of,
)
from gatewise.estimators.sequences.model import SequenceModel
from gatewise.estimators.sequences.pictures import Columns, codes_of, likeliest, step_name
from gatewise.estimators.sequences.preparation import inputs_of
from gatewise.report import Series
from gatewise.typing import AnyArray, Array

MOST_COLUMNS = 6
"""Measured values that are drawn of each step: every row has lanes of its own."""

Lines = Mapping[str, AnyArray]
SO_FAR = "so far"


def inside_of(
    model: SequenceModel[Any],
    held: Labelled,
    columns: Columns,
    read: Callable[[Any], Tensor],
    told: Callable[[Array], Lines],
) -> Inside | None:
    """Return the first member's inside over a few sequences of `held`; None where none has a step.

    `columns` is the table of answers with the truth; `read` takes a network's output to its answers
    and `told` those [T, K] to lines [T] by name.
    """
    network, form, sequences = model.networks[0], model.form, held.sequences
    directions = 2 if model.settings.bidirectional else 1
    room = room_for(len(network.layers) * directions * model.settings.hidden_size)
    if held.per_step:
        found = stretches(sequences, held.labels, codes_of(form, columns), room)
    else:
        lengths = np.maximum(sequences.lengths, 0)
        found = whole_ones(lengths, _off(held, columns), room) if len(lengths) else []
    values = inputs_of(sequences, model.scaling, model.settings)
    rows = []
    for one in (one for one in found if one.last > one.first):
        of_row = slice(*sequences.offsets[one.row : one.row + 2].tolist())
        there = slice(of_row.start + one.first, of_row.start + one.last)
        if held.per_step:
            answered = _by_step(held, form, columns, there)
        else:
            so_far = answers_so_far(network, values[of_row], one, read)
            answered = () if so_far is None else _so_far(held, form, one, told(so_far))
        name = name_of(sequences.names[one.row], step_name(form), one, of_row.stop - of_row.start)
        rows.append(
            InsideRow(
                name,
                one.first + 1,
                gates_over(network, values[of_row], one),
                (*answered, *_measured(form, sequences.values[there])),
                _symbols(form, sequences.values[there]),
            )
        )
    note = "" if held.per_step else _note(step_name(form), rows)
    parts = any(one.last - one.first < sequences.lengths[one.row] for one in found)
    return Inside(model.settings.cell, tuple(rows), note, parts) if rows else None


def _off(held: Labelled, columns: Columns) -> Array:
    """Return how far from the truth the answer to each sequence is, [n]; NaN where none is known."""
    assert held.labels is not None
    if held.classes:
        shares = np.stack([columns[f"probability_{name}"] for name in held.classes], axis=1)
        truth = shares[np.arange(len(held)), np.maximum(held.labels, 0)]
        return np.where(held.labels < 0, np.nan, 1 - truth)
    predicted = next(columns[name] for name in columns if name.endswith("_predicted"))
    return np.asarray(np.abs(held.labels.reshape(len(held), -1)[:, 0] - predicted))


def _by_step(held: Labelled, form: Form, columns: Columns, there: slice) -> tuple[Series, ...]:
    """Return the classes of the steps, those predicted, and the probabilities of the likely ones."""
    codes = [("predicted", codes_of(form, {"label_predicted": columns["label_predicted"][there]}))]
    if held.labels is not None:
        codes.insert(0, ("truth", held.labels[there]))
    blocks = tuple(
        Series(
            name,
            np.where(of < 0, np.nan, of),
            "target" if name == "truth" else "prediction",
            lane="class",
            classes=form.classes,
        )
        for name, of in codes
    )
    return blocks + tuple(
        Series(f"probability of {name}", values, "prediction", lane="probability", colour=code)
        for code, name, values in likeliest(form, columns, there)
    )


def _so_far(held: Labelled, form: Form, one: Stretch, lines: Lines) -> tuple[Series, ...]:
    """Return what is answered to the steps so far, beside the truth."""
    if form.classes:
        likely = sorted(lines, key=lambda name: -float(np.nanmax(lines[name])))[:4]
        return tuple(
            Series(f"probability of {name}", values, "prediction", lane=SO_FAR, colour=place + 1)
            for place, (name, values) in enumerate(lines.items())
            if name in likely
        )
    assert held.labels is not None
    truth = held.labels.reshape(len(held), -1)[one.row]
    found: list[Series] = []
    for k, (name, values) in enumerate(lines.items()):
        found.append(Series(f"{name} {SO_FAR}", np.full(len(values), truth[k]), "target"))
        found.append(Series(f"{name} {SO_FAR}", values, "prediction"))
    return tuple(found)


def _measured(form: Form, values: AnyArray) -> tuple[Series, ...]:
    return tuple(Series(name, values[:, k]) for k, name in enumerate(form.columns[:MOST_COLUMNS]))


def _symbols(form: Form, codes: AnyArray) -> tuple[str, ...]:
    return () if form.vocabulary is None else tuple(form.vocabulary.decode(codes))


def _note(step: str, rows: list[InsideRow]) -> str:
    """Return how the answers so far are read."""
    if not any(row.series for row in rows):
        return ""
    some = any(row.steps > MOST_ENDS for row in rows)
    dots = f" Of many {step}s it was asked after {MOST_ENDS}: a dot each." if some else ""
    return (
        f"So far: what it answers where the sequence ends with that {step}, so at the last one it is "
        f"its answer.{dots}"
    )
