"""One epoch of each side: batches, gradient, clipping, AdamW's step."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader

from benchmarks.sequences.problem import LABELS, VALUES, Case, Plain
from gatewise.estimators.sequences.network import SequenceNetwork
from gatewise.training.inference import gathered
from gatewise.training.loop import train
from gatewise.training.losses import cross_entropy
from gatewise.training.optimizers import optimizer_of
from gatewise.training.options import TrainingOptions
from gatewise.training.sequences import SequenceBatches, order_of
from gatewise.training.task import Task

Epoch = Callable[[], object]
Answers = NDArray[np.float32]
RATE = 1e-3


def _options(case: Case, epochs: int = 1) -> TrainingOptions:
    options = TrainingOptions(
        epochs=epochs,
        patience=None,
        batch_size=case.batch_size,
        learning_rate=RATE,
        schedule="constant",
    )
    return options.closed()


def gatewise(
    network: SequenceNetwork, case: Case, sequences: SequenceBatches, epochs: int = 1
) -> Epoch:
    """Return epochs of gatewise's loop, whole: what an estimator's fit runs."""
    task = Task(network, sequences, None, cross_entropy())
    return lambda: train(task, _options(case, epochs), progress=False)


def bare(
    network: SequenceNetwork, case: Case, sequences: SequenceBatches, epochs: int = 1
) -> Epoch:
    """Return the same epochs without the loop: batches that are there already, and the step alone."""
    options, loss = _options(case), cross_entropy()
    place = torch.device("cpu")
    order = order_of(sequences, options)
    parts = [part for number in range(epochs) for part in order.parts(number + 1)]
    held = [gathered(sequences, part, place) for part in parts]
    optimizer = optimizer_of(network, options)

    def epoch() -> None:
        network.train()
        for batch in held:
            losses, count = loss(network(*batch.inputs), batch.truth)
            optimizer.zero_grad()
            torch.autograd.backward(losses.sum() / count)
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()

    return epoch


def plain(case: Case, sequences: SequenceBatches, *, packed: bool, by_length: bool) -> Epoch:
    """Return an epoch of plain torch with a DataLoader, padded or packed, in any order or in ours."""
    network = Plain(case, packed=packed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=0.0, fused=True)
    loss, loader = nn.CrossEntropyLoss(), _loader(case, sequences, by_length=by_length)

    def epoch() -> None:
        network.train()
        for x, lengths, truth in loader:
            optimizer.zero_grad()
            torch.autograd.backward(loss(network(x, lengths), truth))
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()

    return epoch


def _loader(
    case: Case, sequences: SequenceBatches, *, by_length: bool
) -> Iterable[tuple[Tensor, Tensor, Tensor]]:
    ends = (sequences.starts + sequences.lengths).tolist()
    rows = [
        torch.from_numpy(sequences.values[start:end])
        for start, end in zip(sequences.starts.tolist(), ends, strict=True)
    ]
    held = list(zip(rows, sequences.truth.tolist(), strict=True))

    def collate(batch: list[tuple[Tensor, int]]) -> tuple[Tensor, Tensor, Tensor]:
        found, labels = zip(*batch, strict=True)
        lengths = torch.tensor([len(row) for row in found])
        return nn.utils.rnn.pad_sequence(list(found)), lengths, torch.tensor(labels)

    dataset: Any = held
    if by_length:
        parts = order_of(sequences, _options(case)).parts(1)
        return DataLoader(
            dataset, batch_sampler=[part.picks.tolist() for part in parts], collate_fn=collate
        )
    chance = torch.Generator().manual_seed(0)
    return DataLoader(dataset, case.batch_size, shuffle=True, generator=chance, collate_fn=collate)


def keras(case: Case, sequences: SequenceBatches) -> tuple[Epoch, Callable[..., Any]]:
    """Return an epoch of Keras' fit on its torch backend, padded and masked, and its prediction."""
    os.environ["KERAS_BACKEND"] = "torch"
    keras: Any = import_module("keras")
    layer = keras.layers.LSTM(case.hidden_size)
    wrapped = keras.layers.Bidirectional(layer) if case.bidirectional else layer
    model = keras.Sequential(
        [keras.Input((None, VALUES)), keras.layers.Masking(), wrapped, keras.layers.Dense(LABELS)]
    )
    plain = Plain(case, packed=True)
    found = {name: value.detach().numpy() for name, value in plain.layer.named_parameters()}
    weights = []
    for end in ("", "_reverse") if case.bidirectional else ("",):
        weights += [found[f"weight_ih_l0{end}"].T, found[f"weight_hh_l0{end}"].T]
        weights += [found[f"bias_ih_l0{end}"] + found[f"bias_hh_l0{end}"]]
    head = [plain.head.weight.detach().numpy().T, plain.head.bias.detach().numpy()]
    model.set_weights([*weights, *head])
    model.compile(
        keras.optimizers.AdamW(RATE, weight_decay=0.0, global_clipnorm=1.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )

    class Shuffled(keras.utils.PyDataset):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.order = np.random.default_rng(0).permutation(len(sequences))

        def __len__(self) -> int:
            return math.ceil(len(self.order) / case.batch_size)

        def __getitem__(self, index: int) -> Any:
            start = index * case.batch_size
            x, _, truth = sequences.gather(self.order[start : start + case.batch_size])
            return np.ascontiguousarray(x.swapaxes(0, 1)), truth

    data = Shuffled()
    return lambda: model.fit(data, epochs=1, verbose=0, shuffle=False), model.predict_on_batch
