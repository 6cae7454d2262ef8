"""What a classifier learns beside its networks: counts of classes, a temperature, baselines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gatewise.data.sequences.labelled import Labelled
from gatewise.data.sequences.split import Parts
from gatewise.errors import DataError, OptionError, nearest
from gatewise.estimators.baselines.collection import SequenceBaselines
from gatewise.estimators.scores.calibration import Temperature
from gatewise.estimators.sequences.baselines import baselines_from
from gatewise.estimators.sequences.form import Form
from gatewise.typing import Arrays
from gatewise.wording import counted


@dataclass(frozen=True)
class LearntClasses:
    """What a classifier learns beside its networks."""

    counts: tuple[int, ...]  # sequences of each class in training
    temperature: Temperature | None = None
    baselines: SequenceBaselines = field(default_factory=SequenceBaselines)

    def out(self) -> tuple[dict[str, Any], Arrays]:
        """Return it as JSON values and arrays, which `read` reads back."""
        said, arrays = self.baselines.to_state()
        about = {
            "counts": list(self.counts),
            "temperature": self.temperature and self.temperature.to_json(),
            "baselines": said,
        }
        return about, arrays

    @classmethod
    def read(
        cls, saved: dict[str, Any], arrays: Arrays, form: Form, *, per_step: bool = False
    ) -> LearntClasses:
        """Return what `out` gave; ValueError where it is not of the form's classes.

        `per_step` is whether each step has a class, and not each sequence.
        """
        counts, temperature = saved["counts"], saved["temperature"]
        if len(counts) != len(form.classes) or any(type(count) is not int for count in counts):
            raise ValueError("its counts are not those of its classes")
        made = temperature and Temperature.from_json(temperature)
        if made is not None and not (type(made.value) is float and 0 < made.value < np.inf):
            raise ValueError("its temperature is no number above 0")
        baselines = baselines_from(saved["baselines"], arrays, form, per_step=per_step)
        return cls(tuple(counts), made, baselines)


def check_classes(labelled: Labelled, parts: Parts, *, of_steps: bool, fresh: bool) -> None:
    """Raise DataError for labels that no classifier, or `of_steps` no tagger, can learn from.

    `parts` are the numbers of the sequences of each; `fresh` is whether no training goes on.
    """
    each, kind = ("step", "tagger") if of_steps else ("sequence", "classifier")
    if labelled.labels is None or not labelled.classes or labelled.per_step != of_steps:
        found = f"labels of {'steps' if labelled.per_step else 'sequences'}"
        found = "numbers, not classes" if not labelled.classes else found
        found = "no labels" if labelled.labels is None else found
        raise DataError(
            f"a {kind} needs a label for each {each}, and there are {found}: pass labels=, or of a "
            "table name their column with target="
        )
    counts = labelled.counts
    there = np.flatnonzero(counts)
    if len(there) < 2:
        name = labelled.classes[there[0]] if len(there) else ""
        raise DataError(f"all {each}s are of one class, {name!r}: there is nothing to tell apart")
    if not fresh:
        return
    single = np.flatnonzero(counts == 1)
    if len(single) and not of_steps and len(parts["training"]) < len(labelled):
        name = labelled.classes[single[0]]
        raise DataError(
            f"{counted(len(single), 'class has', 'classes have')} one member only, such as {name!r}: "
            "one cannot be both learnt from and scored; leave it out, or join it to another class"
        )
    training = labelled.take(parts["training"]).counts
    missing = [labelled.classes[code] for code in there if not training[code]]
    if missing:
        fix = "give such steps no label" if of_steps else "use stratify=True"
        raise DataError(
            f"the training part has no {each} of the class {missing[0]!r}: what is not learnt cannot be "
            f"told; {fix}, or use other parts"
        )


def weights_of(
    asked: str | Mapping[Any, float] | None, classes: tuple[str, ...], counts: tuple[int, ...]
) -> list[float] | None:
    """Return how much a sequence of each class counts in training; None: all alike.

    Balanced: n / (classes * count), so that all classes count as much together. Raises OptionError for
    a class that there is not.
    """
    if asked is None:
        return None
    if isinstance(asked, str):
        present = [count for count in counts if count]
        return [sum(counts) / (len(present) * count) if count else 1.0 for count in counts]
    given = {str(name): float(weight) for name, weight in asked.items()}
    strange = [name for name in given if name not in classes]
    if strange:
        raise OptionError(
            f"class_weights has {strange[0]!r}, which is none of the classes: "
            f"{', '.join(map(repr, classes[:10]))}.{nearest(strange[0], classes)}"
        )
    return [given.get(name, 1.0) for name in classes]
