"""What a caller gives for sequences and labels, and how it is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewise.data.catalog import dataset_name
from gatewise.data.files import READABLE
from gatewise.data.sequences.labelled import Labelled
from gatewise.data.sequences.readers import read_labelled
from gatewise.errors import OptionError
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
    _check_columns(given.data, settings)
    if like is not None:
        known = {"vocabulary": like.vocabulary, "classes": like.classes, "columns": like.columns}
        more = {**more, **known, "with_labels": given.with_labels}
    return read_labelled(
        given.data, given.labels, lengths=given.lengths, reading=reading_of(settings, **more)
    )


def _check_columns(data: Any, settings: SequenceOptions) -> None:
    """Raise OptionError for a column that is named of a file that has none."""
    if not isinstance(data, str | Path) or dataset_name(data) is not None:
        return
    if str(data).lower().endswith(READABLE):
        return
    for name in ("sequence", "inputs", "time"):
        if getattr(settings, name) not in (None, ()):
            raise OptionError(
                f"{name}={getattr(settings, name)!r} names a column, and {data} has none: leave it out"
            )
