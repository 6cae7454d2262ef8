"""What `explain` looks at of a model of sequences: some of them, or windows of long ones.

Sizes: B sequences, T steps, F values of a step, K answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gatewise.errors import InputError, OptionError, nearest
from gatewise.explaining.affordable import Affordable, affordable, sizes
from gatewise.explaining.case import Case, spread
from gatewise.explaining.skill import skill_of
from gatewise.memory import Sampling
from gatewise.report import Contents
from gatewise.training.inference import device_of
from gatewise.training.sequences import SequenceBatches
from gatewise.typing import Indices
from gatewise.unit import Unit
from gatewise.wording import layer_name

WINDOW, FEWEST_WINDOWS = 256, 24
"""Steps of a window where every step has an answer, and windows that make shorter ones worthwhile."""

MOST_JUDGED, MOST_ANSWERS = 4096, 2**22
"""Sequences or windows whose answers are judged, at most, and answers that are held at once."""

Read = Callable[[Tensor], Tensor]
"""What a network answers to answers `[B, K]`, or `[T, B, K]` where every step has one."""


class AnswersOfSequences(nn.Module):
    """A network as a function of sequences `[T, B, F]`, or codes `[T, B]`, and their lengths `[B]`.

    Where only the last steps of sequences of one length are given, those are their lengths.
    """

    def __init__(self, network: nn.Module, read: Read) -> None:
        super().__init__()
        self.network = network
        self.read = read

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Return the answers `[B, K]`, or `[T, B, K]` where every step has one."""
        lengths = lengths.clamp(max=len(x))
        return self.read(self.network(x, lengths))


@dataclass(frozen=True)
class Asked:
    """What an estimator tells of itself: its networks, how they are read, and what a step is called."""

    networks: Sequence[nn.Module]
    read: Read
    noun: str  # of a step, such as "base"
    columns: Mapping[str, Sequence[int]] | None
    part: str
    base: Callable[[], Contents]
    per_step: bool = False
    called: str = "sequence"


def case_of_sequences(
    asked: Asked,
    batches: SequenceBatches,
    *,
    by: Any,
    module: str | None,
    budget: float,
    sampling: Sampling,
) -> Case:
    """Return the case of the first network on as many sequences as the budget allows.

    Where every step has an answer, on windows of one length, since a genome is too long to look at
    whole. Raises InputError for sequences of one step and a module that there is not, and OptionError
    for `by`, which is for a forecaster's table.
    """
    _refuse_groups(by)
    network, called = asked.networks[0], "window" if asked.per_step else asked.called
    module = _checked_module(network, module)
    starts, lengths = batches.starts, batches.lengths
    if asked.per_step:
        starts, lengths = _windows(starts, lengths)
    longest = int(lengths.max())
    if longest < 2:
        raise InputError(
            "explain: every sequence has one step, so there is nothing to remember; give longer ones"
        )
    chosen = affordable(
        network, len(starts), longest, budget, horizons=len(asked.networks) - 1 + asked.per_step
    )
    rows = spread(len(starts), chosen.rows)
    kept = np.minimum(lengths, chosen.steps)
    taken = partial(_taken, device_of(network), batches, starts + lengths, kept)
    x, ends, truth = taken(rows)
    model = AnswersOfSequences(network, asked.read)
    targets = _targets(truth, per_step=asked.per_step)
    told = {} if targets is None else _judged(model, taken, len(starts), asked.per_step, sampling)
    return Case(
        model=model,
        inputs=(x, ends),
        targets=targets,
        loss=None,
        output=None,
        time=0,
        rows=len(rows),
        steps=len(x),
        per_step=asked.per_step,
        module=module,
        module_names={name: layer_name(place) for place, name in enumerate(_layers(network))},
        unit=Unit(asked.noun),
        called=called,
        others=tuple(AnswersOfSequences(one, asked.read) for one in asked.networks[1:]),
        columns=asked.columns,
        chosen={"called": called, **_counts(asked, chosen, len(rows), len(starts), longest)},
        base=asked.base,
        **told,
    )


def _taken(
    device: torch.device,
    batches: SequenceBatches,
    ends: Indices,
    kept: Indices,
    picks: Indices,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return x, lengths and the truth of some rows; of a row that is longer than is kept, its end."""
    some = SequenceBatches(
        batches.values,
        (ends - kept)[picks],
        kept[picks],
        batches.truth if batches.per_step else batches.truth[picks],
        per_step=batches.per_step,
    )
    x, steps, truth = (torch.from_numpy(one) for one in some.gather(np.arange(len(picks))))
    return x.to(device), steps, truth


def _refuse_groups(by: Any) -> None:
    if by is not None:
        raise OptionError(
            f"explain: by={by!r} is for a forecaster and its dated table: leave it out"
        )


def _counts(
    asked: Asked, chosen: Affordable, rows: int, rows_of: int, steps_of: int
) -> dict[str, Any]:
    return {
        "part": asked.part,
        "rows": rows,
        "rows_of": rows_of,
        "steps": chosen.steps,
        "steps_of": steps_of,
        "member": 1,
        "members": len(asked.networks),
        "seconds_estimated": chosen.seconds,
        "units": sizes(asked.networks[0])[1],
    }


def _windows(starts: Indices, lengths: Indices) -> tuple[Indices, Indices]:
    """Return windows of one length that share no step, as many as there are.

    Shorter than WINDOW where that makes few: down to 8 steps, until there are FEWEST_WINDOWS.
    """
    steps = int(min(WINDOW, lengths.max()))
    while steps > 8 and int((lengths // steps).sum()) < FEWEST_WINDOWS:
        steps = max(8, steps * 3 // 4)
    each = lengths // steps
    first = np.repeat(starts, each)
    number = np.arange(len(first)) - np.repeat(np.cumsum(each) - each, each)
    if not len(first):
        raise InputError(
            f"explain: no sequence has {steps} steps, too few to look at; give longer ones"
        )
    return first + steps * number, np.full(len(first), steps, dtype=np.int64)


def _targets(truth: Tensor, *, per_step: bool) -> Tensor | None:
    """Return classes `[B]` or `[B, T]` or numbers `[B, K]`; None where some are not known."""
    if truth.is_floating_point():
        flat = truth.double().flatten(1) if truth.dim() > 1 else truth.double().unsqueeze(1)
        return flat if bool(torch.isfinite(flat).all()) else None
    if bool((truth < 0).any()):
        return None
    return truth.T.contiguous() if per_step else truth


def _judged(
    model: AnswersOfSequences,
    taken: Callable[[Indices], tuple[Tensor, Tensor, Tensor]],
    count: int,
    per_step: bool,
    sampling: Sampling,
) -> dict[str, Any]:
    """Return the skill of the network, and over how many of `count` rows; nothing where none is known.

    One pass over rows is cheap beside the hundreds that measure memory, so that more of them are judged
    than are looked at: the more there are, the less is left to chance.
    """
    model.eval()
    x, ends, _ = taken(np.arange(1))
    with torch.no_grad():
        width = model(x, ends).shape[-1]
    each = width * (len(x) if per_step else 1)
    rows = spread(count, max(1, min(MOST_JUDGED, MOST_ANSWERS // each)))
    # a language model answers at every step before its last one is read
    size = max(1, MOST_ANSWERS // (len(x) * width))
    answers, targets = [], []
    for first in range(0, len(rows), size):
        x, ends, truth = taken(rows[first : first + size])
        with torch.no_grad():
            found = model(x, ends).double().cpu()
        known = _targets(truth, per_step=per_step)
        if known is not None:
            answers.append(found.transpose(0, 1) if per_step else found)
            targets.append(known)
    if not answers:
        return {}
    every = torch.cat(targets)
    skill = skill_of(torch.cat(answers).numpy(), every, None, sampling)
    return {} if skill is None else {"skill": {"": skill}, "judged": len(every)}


def _layers(network: Any) -> list[str]:
    return [f"network.layers.{place}" for place in range(len(network.layers))]


def _checked_module(network: nn.Module, module: str | None) -> str | None:
    names = _layers(network)
    if module is None or module in names:
        return module
    if f"network.{module}" in names:
        return f"network.{module}"
    raise InputError(
        f"explain: no recurrent module {module!r}; there are {', '.join(map(repr, names))}."
        f"{nearest(module, names)}"
    )
