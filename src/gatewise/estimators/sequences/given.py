"""What a caller gives for sequences and labels, and how it is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gatewise.data.catalog import dataset_name, find
from gatewise.data.sequences.files import is_path
from gatewise.data.sequences.labelled import Labelled
from gatewise.data.sequences.readers import read_labelled
from gatewise.data.sequences.texts import is_text_file
from gatewise.errors import DataError
from gatewise.estimators.sequences.form import Form
from gatewise.estimators.sequences.options import SequenceOptions
from gatewise.estimators.sequences.reading import reading_of


@dataclass(frozen=True, eq=False)
class Given:
    """Data, labels and lengths as they were passed to a method; whether labels are to be read at all."""

    data: Any
    labels: Any = None
    lengths: Any = None
    with_labels: bool = True


def labelled_of(
    given: Given, settings: SequenceOptions, like: Form | None, **more: Any
) -> Labelled:
    """Return what was given, read by the options `settings`; `more` are further fields of `Reading`.

    `like` is the form of the model that it is for. Raises what `read_labelled` raises.
    """
    if like is not None:
        known = {"vocabulary": like.vocabulary, "classes": like.classes, "columns": like.columns}
        more = {**more, **known, "with_labels": given.with_labels}
    labelled = read_labelled(
        given.data, given.labels, lengths=given.lengths, reading=reading_of(settings, **more)
    )
    if given.with_labels:
        _refuse_text(given.data, labelled)
    return labelled


def _refuse_text(data: Any, labelled: Labelled) -> None:
    """Raise DataError for a text without labels: one long sequence of which nothing can be learnt."""
    name = dataset_name(data)
    is_text = find(name).kind == "text" if name else is_path(data) and is_text_file(data)
    if is_text and labelled.labels is None:
        raise DataError(
            f"{str(data)!r} is a text, one long sequence without labels: name their file with labels=, "
            "or let a language model learn what comes next in it (gatewise fit --task language)"
        )
