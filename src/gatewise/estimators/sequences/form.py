"""What a network of sequences reads and answers: by this it is built, saved, and matched to new data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any, Literal

import numpy as np

from gatewise.data.sequences.labelled import Labelled
from gatewise.data.sequences.sequences import Sequences
from gatewise.data.sequences.vocabulary import UNKNOWN, Vocabulary
from gatewise.errors import DataError
from gatewise.typing import AnyArray, Arrays
from gatewise.wording import counted

LabelType = Literal["text", "whole", "truth"]
"""What the labels of classes are for the caller: `predict` gives such."""


@dataclass(frozen=True, eq=False)
class Form:
    """The symbols or columns of a step, and the classes or the numbers that are predicted.

    vocabulary: of symbols; None: steps are measured values, `columns`. classes: by their codes; () where
    numbers, `targets`, are predicted, or nothing beside the sequences themselves.
    """

    vocabulary: Vocabulary | None
    columns: tuple[str, ...]
    classes: tuple[str, ...]
    targets: tuple[str, ...] = ()
    label_type: LabelType = "text"

    @classmethod
    def of(cls, labelled: Labelled, labels: Any = None, names: Sequence[str] = ()) -> Form:
        """Return the form of data to fit.

        `labels` are those that a caller passed, for their type; `names` those of numbers to predict.
        """
        sequences = labelled.sequences
        targets: tuple[str, ...] = ()
        if labelled.labels is not None and not labelled.classes:
            count = 1 if labelled.labels.ndim == 1 else labelled.labels.shape[1]
            targets = ("y",) if count == 1 else tuple(f"y{k + 1}" for k in range(count))
            named = tuple(names) or labelled.targets
            targets = named if len(named) == count else targets
        kind = _label_type(labels, labelled.classes)
        return cls(sequences.vocabulary, sequences.columns, labelled.classes, targets, kind)

    def labels(self) -> AnyArray:
        """Return the classes as labels of the caller's type: texts, whole numbers or truth values."""
        if self.label_type == "whole":
            return np.array([int(name) for name in self.classes])
        if self.label_type == "truth":
            return np.array([name == "true" for name in self.classes])
        return np.array(self.classes)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values, which `from_json` reads back."""
        return {
            "vocabulary": self.vocabulary and self.vocabulary.to_json(),
            "columns": list(self.columns),
            "classes": list(self.classes),
            "targets": list(self.targets),
            "label_type": self.label_type,
        }

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Form:
        """Return the form that `to_json` wrote."""
        vocabulary = saved["vocabulary"]
        return cls(
            vocabulary and Vocabulary.from_json(vocabulary),
            columns=tuple(saved["columns"]),
            classes=tuple(saved["classes"]),
            targets=tuple(saved["targets"]),
            label_type=saved["label_type"],
        )

    def sequences(self, given: Sequences, *, unknown: str = "mask") -> Sequences:
        """Return sequences in this form's codes or columns.

        Raises DataError where they are of another kind, and with unknown="refuse" for a symbol that is
        not in the vocabulary.
        """
        if self.vocabulary is None or given.vocabulary is None:
            self._check_kind(given)
            return given
        codes = given.values
        if given.vocabulary.symbols != self.vocabulary.symbols:
            codes = self.vocabulary.encode((UNKNOWN, *given.vocabulary.symbols))[codes]
        if unknown == "refuse":
            _check_seen(given, codes)
        return Sequences(
            codes, given.lengths, given.names, vocabulary=self.vocabulary, groups=given.groups
        )

    def labelled(self, given: Labelled, *, unknown: str = "mask") -> Labelled:
        """Return data in this form: see `sequences`; DataError too for a class that it does not have."""
        labels = given.labels
        if labels is not None and given.classes != self.classes:
            strange = [name for name in given.classes if name not in self.classes]
            if strange or not self.classes:
                known = ", ".join(self.classes) or "no classes, but numbers"
                raise DataError(
                    f"the label {(strange or given.classes)[0]!r} was not there in training: the model "
                    f"knows {known}"
                )
            table = np.array([*map(self.classes.index, given.classes), -1], dtype=np.int64)
            labels = table[labels]
        return Labelled(
            self.sequences(given.sequences, unknown=unknown),
            labels,
            classes=() if labels is None else self.classes,
            per_step=given.per_step,
            weights=given.weights,
            split=given.split,
            targets=given.targets,
            times=given.times,
        )

    def _check_kind(self, given: Sequences) -> None:
        if (self.vocabulary is None) != (given.vocabulary is None):
            mine, others = ("symbols", "measured values")[:: 1 if self.vocabulary else -1]
            raise DataError(
                f"the model reads {mine}, and these sequences hold {others}: give it such as it was "
                "fitted on"
            )
        if given.columns != self.columns:
            raise DataError(
                f"the model reads {counted(len(self.columns), 'column')} ({_some(self.columns)}), and "
                f"these sequences have {len(given.columns)} ({_some(given.columns)})"
            )


def _label_type(labels: Any, classes: tuple[str, ...]) -> LabelType:
    """Return the type of labels as they were passed; of those in a file, what they look like."""
    if not classes:
        return "text"
    if labels is None or isinstance(labels, str | PathLike) or hasattr(labels, "columns"):
        whole = all(name.removeprefix("-").isdecimal() and name.isascii() for name in classes)
        return "whole" if whole else "text"
    some = list(labels.values()) if isinstance(labels, Mapping) else labels
    if isinstance(some, list | tuple) and some and isinstance(some[0], list | tuple | np.ndarray):
        some = some[0]  # of steps: those of the first sequence
    by_kind: dict[str, LabelType] = {"b": "truth", "i": "whole", "u": "whole", "f": "whole"}
    return by_kind.get(np.asarray(some).dtype.kind, "text")


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names) if len(names) <= 8 else f"{', '.join(names[:7])}, ..."


def _check_seen(given: Sequences, codes: AnyArray) -> None:
    """Raise DataError for the first symbol that a model does not know."""
    unknown = np.flatnonzero((codes == 0) & (given.values != 0))
    if not len(unknown):
        return
    step = int(unknown[0])
    row = int(np.searchsorted(given.offsets, step, side="right")) - 1
    assert given.vocabulary is not None
    symbol = given.vocabulary.decode([int(given.values[step])])[0]
    raise DataError(
        f"the symbol {symbol!r} in sequence {given.names[row]!r}, step {step - given.offsets[row] + 1}, "
        f"was not there in training ({counted(len(unknown), 'such step')}): leave it out, or take such "
        "for unknown with unknown='mask'"
    )


@dataclass(frozen=True, eq=False)
class Scaling:
    """Zero mean and unit variance of numbers, learnt from the training part: float64 [F]."""

    mean: AnyArray
    std: AnyArray

    @classmethod
    def of(cls, values: AnyArray) -> Scaling:
        """Return the scaling of values [N, F], NaN left out; what does not vary is only shifted."""
        known = ~np.isnan(values)
        count = np.maximum(known.sum(axis=0), 1)
        values = np.where(known, values.astype(np.float64), 0.0)
        mean = values.sum(axis=0) / count
        std = np.sqrt((np.where(known, values - mean, 0.0) ** 2).sum(axis=0) / count)
        # rounding leaves a constant a spread of its last digits
        still = std <= 1e-7 * np.abs(values).max(axis=0, initial=0.0)
        return cls(mean, np.where(still, 1.0, std))

    def apply(self, values: AnyArray) -> AnyArray:
        """Return values [..., F] scaled, float32."""
        return ((values - self.mean) / self.std).astype(np.float32)

    def check(self, width: int) -> None:
        """Raise ValueError unless it is a scaling of `width` numbers."""
        for array in (self.mean, self.std):
            if array.dtype != np.float64 or array.shape != (width,) or not np.isfinite(array).all():
                raise ValueError(f"a scaling is not of {width} numbers")
        if not (self.std > 0).all():
            raise ValueError("a scaling divides by 0")

    def arrays(self) -> Arrays:
        """Return what `Scaling(**arrays)` takes."""
        return {"mean": self.mean, "std": self.std}
