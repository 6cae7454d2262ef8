"""The training loop that every estimator shares.

One round (an epoch, or so many steps): batches in a drawn order, gradient, clipping, the optimizer's
step; then the validation loss, the best weights, the checkpoint. Whatever is random follows from the
seed and the round, so a run that was killed and resumed ends with the bits of one that was not.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gatewise.errors import BreakdownError, OptionError
from gatewise.training import checkpoint as files
from gatewise.training.average import Average, averaged_from
from gatewise.training.bounded import bounded
from gatewise.training.carried import State, changed, from_named, named
from gatewise.training.carried import gathered as gathered_state
from gatewise.training.costs import charged, gates_cost
from gatewise.training.distributed import World, joined, local_device
from gatewise.training.history import History
from gatewise.training.inference import gathered, goes_on, mean_loss, predict
from gatewise.training.optimizers import optimizer_of
from gatewise.training.options import TrainingOptions
from gatewise.training.order import Order, Part
from gatewise.training.progress import Callback, Display, Pace, display
from gatewise.training.randomness import Purpose, generator
from gatewise.training.schedule import Rounds, learning_rate, steadier
from gatewise.training.sequences import noun_of, order_of
from gatewise.training.task import Batches, Count, Task

__all__ = ["predict", "train"]

CHECKPOINT_SECONDS = 1.0
CHECKPOINT_SHARE = 0.05


def train(
    task: Task,
    options: TrainingOptions,
    *,
    checkpoint: Path | None = None,
    resume: bool = False,
    progress: bool | Callback = True,
    label: str = "",
    device: str | torch.device = "cpu",
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    stop: int | None = None,
) -> History:
    """Train the task's network in place and return the history of its losses.

    The network ends in eval mode, on `device`, with the weights of the round whose validation loss
    was best, or the last ones where the task has no `validation` or the patience is None. Under
    torchrun the processes share every batch and all end with the same weights.

    checkpoint: file that keeps the state of the last round, written after a round at most once in
    `checkpoint_seconds` and for at most a twentieth of the time, and when training is finished.
    resume: go on from that file; where there is none (the run was killed before its first), start.
    progress: True shows a bar on a terminal and a few lines elsewhere, on stderr; a function is
    called with every `progress.Status`. label: put before each, as "member 1/3". stop: end after so
    many steps, with the learning rates of a training that goes on to the end.

    Raises `FileError` for a checkpoint that is truncated, foreign or of another run, and
    `BreakdownError` when the loss or a weight is no longer a finite number; the checkpoint on disk
    then is that of an earlier round. Ctrl-C leaves it likewise.
    """
    with joined(device) as world:
        chosen = options.closed()
        order = order_of(task.training, chosen)
        rounds = Rounds.of(chosen, order.count, stop)
        place = local_device(device)
        trainer = _Trainer(task, chosen, order, rounds, device=place, world=world)
        saver = _Saver(checkpoint if world.main else None, checkpoint_seconds)
        if resume and checkpoint is not None:
            # On every process, though the main one alone reads: what it reads is broadcast to all.
            trainer.restore(checkpoint)
        shown = display(progress if world.main else False)
        try:
            with bounded(task, order, chosen, place, world.size):
                trainer.run(saver, shown, label)
        finally:
            shown.close()
        return trainer.history()


class _Saver:
    """Writes checkpoints, but not so often that training waits for the disk."""

    def __init__(self, path: Path | None, seconds: float) -> None:
        self.path = path
        self.seconds = seconds
        self.due = 0.0

    def save(self, trainer: _Trainer) -> None:
        now = time.monotonic()
        if self.path is None or (now < self.due and not trainer.record.finished):
            return
        files.write(trainer.checkpoint(), self.path)
        done = time.monotonic()
        self.due = done + max(self.seconds, (done - now) / CHECKPOINT_SHARE)


class _Trainer:
    """One run: the network, its optimizer, and how far they have come."""

    def __init__(
        self,
        task: Task,
        options: TrainingOptions,
        order: Order,
        rounds: Rounds,
        *,
        device: torch.device,
        world: World,
    ) -> None:
        self.network = task.network.to(device)
        self.training, self.validation = task.training, task.validation
        self.loss = task.loss
        self.options, self.order, self.rounds = options, order, rounds
        assert options.batch_size is not None
        self.batch_size = options.batch_size
        self.device = device
        self.world = world
        self.optimizer = optimizer_of(self.network, options)
        self.measured = _measured(self.training, options, device)
        self.drops = self.noise = torch.Generator()  # each round begins its own, see _reseed
        self.parts: list[Part] = []  # the batches of one epoch
        self.ordered = 0  # the epoch that they are of
        self.average: Average | None = None
        self.averaged_from = 0  # the first step that it takes in
        self.carries = goes_on(self.training)
        self.state: State = ()  # after the last batch, of this process's rows
        self.kept: State = ()  # of all rows, for the checkpoint
        self.rate = 0.0  # the last step's learning rate
        self.best: dict[str, Tensor] = {}
        self.record = files.RoundsDone()
        self._begin_average()
        held = 0 if self.validation is None else len(self.validation)
        self.windows = (len(self.training), held)

    def run(self, saver: _Saver, shown: Display, label: str) -> None:
        """Train to the end, from wherever the record stands."""
        module = self.world.wrap(self.network)
        record = self.record
        while not record.finished:
            pace = Pace(shown, label, self.rounds, record, noun_of(self.training))
            train_loss = self._train_round(module, pace)
            self._keep_state()
            self._judge(train_loss)
            self._begin_average()
            record.seconds += pace.elapsed()
            record.finished = self._is_last()
            saver.save(self)
            pace.show_round()
        self.network.load_state_dict(self.best)
        self.network.eval()

    def _train_round(self, module: nn.Module, pace: Pace) -> float:
        """Take the steps of one round and return its mean loss over all windows."""
        number = self.record.epochs + 1
        self._reseed(number)
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        counted: Count = 0.0
        done = 0
        module.train()
        for step in self.rounds.steps(number):
            part = self._part(step)
            if step % self.rounds.per_epoch == 0:
                self.state = ()
            loss, count = self._step(module, part, step)
            total += loss
            counted = counted + count
            done += len(part.picks) * (len(part.steps) if self.carries and part.steps else 1)
            pace.show_step(step, done, partial(self._mean, total, counted), self.rate)
        return float(self.world.total(total)) / float(counted)

    def _part(self, step: int) -> Part:
        """Return what the batch of a step is made of, from the order of its epoch."""
        epoch, index = step // self.rounds.per_epoch + 1, step % self.rounds.per_epoch
        if epoch != self.ordered:
            self.parts, self.ordered = self.order.parts(epoch), epoch
        return self.parts[index]

    def _mean(self, total: Tensor, counted: Count) -> float:
        """Return the mean loss of an unfinished round, from this process's share of the windows."""
        return float(total) * self.world.size / float(counted)

    def _reseed(self, number: int) -> None:
        """Start the round's own random numbers, the same on every process."""
        seed, device = self.options.seed, self.device
        self.drops = generator(seed, Purpose.DROPOUT, number, device=device)
        self.noise = generator(seed, Purpose.NOISE, number, device=device)

    def _rows(self, number: int) -> slice:
        """Return this process's rows of a batch of `number`; an idle one repeats the first."""
        rows = self.world.rows(number)
        return rows if rows.start < rows.stop else slice(0, 1)

    def _keep_state(self) -> None:
        """Keep the state of all rows for the checkpoint, where a round ended within a pass."""
        self.kept = ()
        if self.carries and self.rounds.steps(self.record.epochs + 1).stop % self.rounds.per_epoch:
            self.kept = gathered_state(self.state, len(self.training), self.world)

    def _step(self, module: nn.Module, part: Part, step: int) -> tuple[Tensor, Count]:
        """Take one step on this process's rows of the batch.

        Return the sum of their losses, and the count of the whole batch. Gradients are averaged over
        processes, so each scales its sum by size / count of the batch: the result is the mean over the
        whole batch, however unevenly it is shared out.
        """
        losses, price, count = self._losses(module, part)
        count = self.world.total_count(count, self.device)
        self.optimizer.zero_grad()
        # where nothing of a batch is known there is nothing to learn from it
        torch.autograd.backward(price * _share(self.world.size, count, price))
        if self.options.clip is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.options.clip)
        self.rate = learning_rate(self.options, self.rounds, step, self.record.judged)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate * part.rate
        self.optimizer.step()
        if self.average is not None:
            self.average.update(self.network, step - self.averaged_from)
        return losses.detach().double(), count

    def _losses(self, module: nn.Module, part: Part) -> tuple[Tensor, Tensor, Count]:
        """Return the summed losses of this process's rows, what the gradient is of, and their count.

        Costs on gates enter the gradient only: the losses stay comparable with the validation's.
        """
        number = len(part.picks)
        share, rows = self.world.rows(number), self._rows(number)
        # every process must take part in the averaging: an idle one repeats a window, weight 0
        weight = 1.0 if share.start < share.stop else 0.0
        batch = gathered(self.training, replace(part, picks=part.picks[rows]), self.device)
        x, *others = batch.inputs
        if self.measured is not None:
            x = x + self._noise(x, number, rows) * self.measured
        masks = self.network.draw_masks(self.drops, len(x), number, rows)
        asked: dict[str, Any] = {} if masks is None else {"masks": masks}
        if self.carries:
            asked["state"] = self.state
        costs = gates_cost(self.options)
        if costs:
            asked["return_gates"] = True
        found = module(x, *others, **asked)
        output, *more = found if costs or self.carries else (found,)
        if self.carries:
            self.state = changed(more.pop(0), torch.Tensor.detach)
        values, count = batch.losses(self.loss, output)
        losses = price = values.sum() * weight
        cost = charged(self.options, self.network, more[0] if costs else None)
        if cost is not None:
            # A mean over this process's windows, so its sum over them is as the sum of the losses.
            price = losses + cost * _typed(count * weight, cost)
        return losses, price, count * weight

    def _noise(self, x: Tensor, batch: int, rows: slice) -> Tensor:
        """Return noise for inputs `[T, B, F]`, drawn for the whole batch as masks are."""
        whole = torch.randn(
            len(x),
            batch,
            x.shape[2],
            generator=self.noise,
            dtype=torch.float32,
            device=self.device,
        )
        return self.options.noise * whole[:, rows]

    def _judge(self, train_loss: float) -> None:
        """Enter the round into the record, and keep its weights where they are the best."""
        self.network.eval()
        if self.average is None:
            self._judge_weights(train_loss)
        else:
            with self.average.lent_to(self.network):
                self._judge_weights(train_loss)

    def _judge_weights(self, train_loss: float) -> None:
        record, loss = self.record, train_loss
        if self.validation is not None:
            loss = mean_loss(self.network, self.validation, self.loss, self.batch_size, self.world)
        self._check_finite(train_loss, loss)
        record.train.append(train_loss)
        record.learning_rate.append(self.rate)
        if self.validation is not None:
            best = record.validation[record.kept_epoch - 1] if record.kept_epoch else math.inf
            record.validation.append(loss)
            if loss >= best and self.options.patience is not None:
                return
        record.kept_epoch = record.epochs
        self.best = {
            name: value.detach().clone() for name, value in self.network.state_dict().items()
        }

    def _check_finite(self, train_loss: float, validation_loss: float) -> None:
        """Raise `BreakdownError` where a loss or a weight is NaN or infinite."""
        every = [weight.isfinite().all() for weight in self.network.parameters()]
        finite = bool(torch.stack(every).all())
        if finite and math.isfinite(train_loss) and math.isfinite(validation_loss):
            return
        number = self.record.epochs + 1
        place = f"epoch {number}"
        if self.rounds.in_steps:
            place = f"step {self.rounds.steps(number).stop}"
        raise BreakdownError(
            f"training broke down in {place}, the loss is no longer a finite "
            f"number: try {steadier(self.options)}"
        )

    def _begin_average(self) -> None:
        """Average the weights from the next step on, where that begins with the rounds so far."""
        begun = averaged_from(self.options, self.record.judged)
        if self.average is None and begun is not None:
            self.average = Average(self.network, self.options.average)
            self.averaged_from = self.rounds.steps(begun).stop if begun else 0

    def _is_last(self) -> bool:
        record, patience = self.record, self.rounds.patience
        idle = record.epochs - record.kept_epoch
        tired = patience is not None and idle >= patience
        return tired or record.epochs >= self.rounds.count

    def checkpoint(self) -> files.Checkpoint:
        """Return the state after the last round."""
        tensors = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        tensors |= {f"best.{name}": value for name, value in self.best.items()}
        if self.average is not None:
            tensors |= {f"average.{name}": value for name, value in self.average.weights.items()}
        tensors |= {f"state.{name}": value for name, value in named(self.kept).items()}
        tensors |= files.optimizer_tensors(self.optimizer)
        return files.Checkpoint(self.options, self.windows, self.record, tensors)

    def restore(self, path: Path) -> None:
        """Take over the state in the checkpoint at `path`, if there is one."""
        data = self.world.broadcast(
            files.read_bytes(path) if self.world.main else None, self.device
        )
        if data is None:
            return
        found = files.from_bytes(data, path)
        noun = "windows" if noun_of(self.training) == "windows" else "sequences"
        found.check(self.options, self.windows, self.network.state_dict(), path, noun)
        self.network.load_state_dict(found.part("network"))
        self.best = {name: value.to(self.device) for name, value in found.part("best").items()}
        files.load_optimizer(self.optimizer, found.part("optimizer"))
        self.record = found.record
        self._begin_average()
        if self.average is not None:
            self.average.load(found.part("average"))
        rows = self._rows(len(self.training))
        held = from_named(found.part("state"))
        self.state = changed(held, lambda tensor: tensor[:, rows].to(self.device))

    def history(self) -> History:
        """Return the losses of all rounds."""
        record = self.record
        return History(
            seed=self.options.seed,
            train=tuple(record.train),
            validation=tuple(record.validation),
            learning_rate=tuple(record.learning_rate),
            kept_epoch=record.kept_epoch,
            seconds=record.seconds,
            round_steps=self.rounds.length,
            steps=self.rounds.steps(record.epochs).stop if record.epochs else 0,
            in_steps=self.rounds.in_steps,
        )


def _share(processes: int, count: Count, price: Tensor) -> Count:
    """Return `processes / count`, 0 where nothing counts, to multiply `price` by."""
    if not isinstance(count, Tensor):
        return processes / count if count else 0.0
    return _typed(torch.where(count > 0, processes / count.clamp(min=1e-300), 0.0), price)


def _typed(count: Count, like: Tensor) -> Count:
    """Return a count that leaves the type of what it is multiplied with, as a Python number does."""
    return count.to(like.dtype) if isinstance(count, Tensor) else count


def _measured(windows: Batches, options: TrainingOptions, device: torch.device) -> Tensor | None:
    """Return which inputs noise is for, `[T, 1, F]` or `[1, 1, F]`; None where there is none to add."""
    if options.noise == 0:
        return None
    if windows.measured is None:
        raise OptionError(
            f"noise={options.noise:g}: codes are no measured values, leave it at 0 for them"
        )
    return torch.from_numpy(windows.measured).to(device).unsqueeze(1)
