"""The case that is explained: a model, the rows it is asked about, and how they are called.

Sizes: B rows, T steps, K answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from gatewise.errors import InputError
from gatewise.explaining.skill import Skill, skill_of
from gatewise.memory import Sampling
from gatewise.memory.interventions.arguments import Inputs
from gatewise.memory.interventions.losses import Loss, checked_targets
from gatewise.memory.interventions.subject import Output, Subject
from gatewise.report import Contents, Unit
from gatewise.typing import Indices

MOST_GROUPS = 12
"""Groups of rows that are asked about apart, at most."""


@dataclass(frozen=True, eq=False)
class Group:
    """Rows that are asked about apart from the others, such as the windows that end in winter."""

    name: str
    inputs: Inputs
    rows: int


@dataclass(frozen=True, eq=False)
class Case:
    """One model and the rows that it is asked about.

    Attributes:
        model, inputs: What is called, with rows and steps as chosen.
        targets: As the answers, or None.
        output: Takes what the model returns to its answers, or None.
        time: The axis of time of the inputs.
        given_as: What stands before `inputs` in the call: "" for a tensor, "*" or "**".
        picks: The rows' numbers in the inputs as given, `[B]`; None where they are all.
        rows, steps: B and T, as chosen; `per_step` says whether the model answers at each.
        module: The recurrent module to look into, or None for all.
        module_names: What sentences call a module, by its path, where that is not the path.
        unit: What one step is.
        scale: What the answers are measured in, for an axis, such as " (sd)"; or "".
        called: What a row is called: "row", or "window" of a table.
        last: The step of the module's own call that the answers are read at; None for its last.
        successive: Where rows are overlapping windows: how many there are, one step apart; else None.
        outputs: Name of a target to what reads its answers alone; empty for a single target.
        others: Other networks that answer the same question (members with other seeds).
        groups: Rows that are asked about apart.
        chosen: What was chosen of what there is, for the settings.
        skill: By target, 1 less the loss as a share of that of the best single answer, over all rows or
            many of them; empty where there are no targets. Targets without skill are none of `outputs`.
        judged: How many rows that is of.
        columns: What the columns of the inputs are called, as `memory.importance` takes them.
        labels: Those of the columns whose values are numbers of labels, between which nothing lies.
        whole: The inputs with what is known ahead in the first sequence, where that is another one.
        now: The step of those that lags count back from; None for the end of each row.
        adds_to: What the answers are added to, such as "the last value of its past"; "" where they stand
            for themselves.
        distance: Rows that are fewer than this apart share steps.
        base: Returns the page without the verdicts.
    """

    model: torch.nn.Module
    inputs: Inputs
    targets: Tensor | None
    loss: Loss | None
    output: Output | None
    time: int
    rows: int
    steps: int
    per_step: bool
    module: str | None
    module_names: Mapping[str, str] = field(default_factory=dict)
    given_as: str = ""
    picks: Indices | None = None
    unit: Unit = field(default_factory=Unit)
    scale: str = ""
    called: str = "row"
    last: int | None = None
    successive: int | None = None
    outputs: Mapping[str, Output] = field(default_factory=dict)
    others: tuple[torch.nn.Module, ...] = ()
    groups: tuple[Group, ...] = ()
    grouped_by: str = ""
    chosen: Mapping[str, Any] = field(default_factory=dict)
    skill: Mapping[str, Skill] = field(default_factory=dict)
    judged: int | None = None
    columns: Mapping[str, Sequence[int]] | Sequence[str] | None = None
    labels: tuple[str, ...] = ()
    whole: Inputs | None = None
    now: int | None = None
    distance: int = 1
    adds_to: str = ""
    base: Callable[[], Contents] | None = None

    @property
    def beyond(self) -> str:
        """The words before a sentence on a score: it is that of what is added, not of the forecast."""
        return f"beyond {self.adds_to}, " if self.adds_to else ""

    def at(self) -> list[int] | None:
        """Return the steps at which the answers are read; None for the last one, or the only one.

        A model that answers at each step is asked at several where its rows are too few for an interval.
        """
        if not self.per_step or self.rows >= 10:
            return None
        first = self.steps // 2
        picks = np.linspace(first, self.steps - 1, min(12, self.steps - first))
        return [int(step) for step in np.unique(picks.round())]


@runtime_checkable
class HasCase(Protocol):
    """A fitted model of a table that makes its own case: windows, targets, members and page."""

    def explain_case(
        self,
        data: Any,
        *,
        part: Any,
        by: Any,
        module: str | None,
        budget: float,
        sampling: Sampling,
    ) -> Case:
        """Return what `explain` measures of the model on `data`, as much as fits the budget.

        `sampling` is of the interval of its skill.
        """


@runtime_checkable
class TakesLabels(HasCase, Protocol):
    """A fitted model whose data may come with labels apart, such as a classifier of sequences."""

    def given(self, data: Any, labels: Any = None) -> Any:
        """Return data with its labels, as `explain_case` takes them."""


def case_of(
    model: torch.nn.Module,
    data: Inputs,
    targets: Any,
    *,
    loss: Loss | None,
    module: str | None,
    time: int | None,
    output: Output | None,
    sampling: Sampling,
) -> tuple[Case, Subject]:
    """Return the case of any torch model on all of its data; `chosen_from` then takes a part of it.

    Raises InputError for a model without recurrence, an unknown module, and data and targets that do
    not fit.
    """
    subject = Subject(model, data, caller="explain", time=time, output=output)
    if subject.steps < 2:
        raise InputError(
            "explain: the inputs have one step, so there is nothing to remember; give sequences of "
            "at least 2"
        )
    if module is not None and module not in subject.parts:
        subject.chosen(module)  # raises, with the nearest name
    checked = skill = None
    if targets is not None:
        checked = checked_targets(targets, subject.answer, "explain", loss)
        skill = skill_of(subject.answer, checked, loss, sampling)
    elif loss is not None:
        raise InputError("explain: loss= needs targets; give both or neither")
    case = Case(
        model=subject.model,
        inputs=data,
        targets=checked,
        loss=loss,
        output=output,
        time=subject.time,
        rows=subject.rows,
        steps=subject.steps,
        per_step=subject.per_step,
        module=module,
        skill={} if skill is None else {"": skill},
        given_as="**"
        if isinstance(data, Mapping)
        else "*"
        if isinstance(data, tuple | list)
        else "",
    )
    return case, subject


def chosen_from(case: Case, subject: Subject, rows: Indices, steps: int) -> Case:
    """Return the case on these rows and their last `steps` steps."""
    inputs = inputs_of(subject, rows, steps)
    targets = case.targets
    if targets is not None:
        targets = targets[torch.from_numpy(rows)]
        if case.per_step:
            targets = targets[:, case.steps - steps :]
    return replace(case, inputs=inputs, targets=targets, picks=rows, rows=len(rows), steps=steps)


def inputs_of(subject: Subject, rows: Indices, steps: int) -> Inputs:
    """Return the call arguments for some rows and their last `steps` steps."""
    index = torch.from_numpy(rows)
    sequences = [
        sequence.index_select(0, index.to(sequence.device))[:, subject.steps - steps :]
        for sequence in subject.sequences
    ]
    args, named = subject.arguments.call(sequences, index)
    return named or args


def spread(count: int, most: int) -> Indices:
    """Return at most `most` of `count` places, at even distances."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round()).astype(np.int64)
