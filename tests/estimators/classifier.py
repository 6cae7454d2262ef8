"""A second estimator on the base, as small as can be: one label for each sequence."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from gatewise.estimators.base import Estimator
from gatewise.estimators.hooks import Trained
from gatewise.estimators.network import RecurrentNetwork
from gatewise.estimators.options import EstimatorOptions
from gatewise.estimators.run.folder import Run
from gatewise.estimators.saving import (
    histories_from_json,
    histories_to_json,
    read_model,
    weights_of,
    within,
    write_model,
)
from gatewise.estimators.weights import load_weights
from gatewise.files import Envelope
from gatewise.training.history import History
from gatewise.training.inference import predict
from gatewise.training.losses import per_row
from gatewise.training.task import Task, TrainableNetwork

ENVELOPE = Envelope("gatewise-classifier", 1, "model", "fit it again")
LABELS, UNITS = 2, 6


@dataclass(frozen=True)
class Sequences:
    """Sequences [n, T, F] and their labels [n]."""

    x: NDArray[np.float32]
    labels: NDArray[np.int64]

    @property
    def identity(self) -> dict[str, Any]:
        content = self.x.tobytes() + self.labels.tobytes()
        return {"sha256": hashlib.sha256(content).hexdigest(), "rows": len(self)}

    @property
    def measured(self) -> NDArray[np.bool_]:
        return np.ones(self.x.shape[1:], dtype=bool)

    def __len__(self) -> int:
        return len(self.x)

    def gather(self, picks: NDArray[np.int64]) -> tuple[NDArray[Any], ...]:
        return np.ascontiguousarray(self.x[picks].swapaxes(0, 1)), self.labels[picks]

    def part(self, rows: slice) -> Sequences:
        return Sequences(self.x[rows], self.labels[rows])


@dataclass(frozen=True)
class Fitted:
    settings: EstimatorOptions
    networks: tuple[TrainableNetwork, ...]
    histories: tuple[History, ...]
    engine: str


class Scores(torch.nn.Linear):
    """The last hidden state [1, B, H] to one score for each label, [B, LABELS]."""

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return super().forward(hidden[-1])


class Classifier(Estimator[Sequences, Fitted, float], EstimatorOptions):
    kind = "classifier"

    def fit(self, data: Sequences, **more: Any) -> Classifier:
        return self._fit(data, **{"out": None, "overwrite": False, "progress": False, **more})

    def predict(self, x: NDArray[np.float32]) -> NDArray[np.int64]:
        data = Sequences(x, np.zeros(len(x), dtype=np.int64))
        scores = [predict(network, data) for network in self._fitted().networks]
        return np.mean(scores, axis=0).argmax(axis=1)

    def _prepare(self, data: Any, start: Fitted | None, *, progress: bool) -> Sequences:
        return data

    def _network(self, prepared: Sequences | None, engine: str) -> TrainableNetwork:
        network = RecurrentNetwork(
            cell="gru", input_size=1, hidden_size=UNITS, num_layers=1, dropout=0.0, forget_bias=None,
            engine="auto", head=Scores(UNITS, LABELS), steps=1,
        )  # fmt: skip
        network.settle(engine)
        return network

    def _task(self, prepared: Sequences, network: TrainableNetwork) -> Task:
        loss = per_row(lambda scores, y: functional.cross_entropy(scores, y, reduction="none"))
        return Task(network, prepared.part(slice(0, -40)), prepared.part(slice(-40, None)), loss)

    def _learnt(self, prepared: Sequences, trained: Trained) -> Fitted:
        options = EstimatorOptions(**self.get_params())
        return Fitted(options, trained.networks, trained.histories, trained.engine)

    def _evaluated(self, fitted: Fitted, prepared: Sequences) -> float:
        self.fitted_ = fitted
        held = prepared.part(slice(-40, None))
        return float((self.predict(held.x) == held.labels).mean())

    def _scored_again(self, data: Any) -> float:
        return self._evaluated(self._fitted(), data)

    def _write_scores(
        self, run: Run, prepared: Sequences, fitted: Fitted, evaluation: float
    ) -> dict[str, Any]:
        return {"accuracy": evaluation}

    def _save_model(self, fitted: Fitted, path: Path) -> None:
        about = {
            "settings": fitted.settings.to_json(),
            "histories": histories_to_json(fitted.histories),
            "engine": fitted.engine,
        }
        write_model(path, ENVELOPE, about, weights_of(fitted.networks))

    @classmethod
    def _load_model(cls, path: Path, device: str) -> Fitted:
        about, arrays = read_model(path, ENVELOPE)
        options = EstimatorOptions(**about["settings"])
        networks = []
        for member in range(options.members):
            networks.append(cls()._network(None, about["engine"]))
            load_weights(networks[-1], within(f"member-{member}", arrays))
        histories = histories_from_json(about["histories"])
        return Fitted(options, tuple(networks), histories, about["engine"])
