"""The methods that an estimator fills in: how its data is prepared, trained on, kept and scored."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypedDict, TypeVar

from gatewise.errors import OptionError
from gatewise.estimators.options import EstimatorOptions
from gatewise.estimators.run.folder import Run
from gatewise.training.history import History
from gatewise.training.progress import Callback
from gatewise.training.task import Task, TrainableNetwork


class PreparedData(Protocol):
    """Data that is checked and ready to be trained on."""

    @property
    def identity(self) -> dict[str, Any]:
        """Its "sha256" and sizes, by which a run that is resumed knows it again."""


class FittedModel(Protocol):
    """What a fit learnt."""

    @property
    def settings(self) -> EstimatorOptions:
        """The options that it was fitted with."""

    @property
    def networks(self) -> tuple[TrainableNetwork, ...]:
        """The networks of all members."""

    @property
    def answering(self) -> tuple[TrainableNetwork, ...]:
        """The networks that predict: those that were refitted on all data, where there are any."""

    @property
    def histories(self) -> tuple[History, ...]:
        """The losses of each member's training."""

    @property
    def engine(self) -> str:
        """What `engine="auto"` was settled on."""


@dataclass(frozen=True)
class Trained:
    """The networks of all members, their losses, and the engine that they were settled on."""

    networks: tuple[Any, ...]
    histories: tuple[History, ...]
    engine: str


class FitArguments(TypedDict, total=False):
    """How a training is run and kept: what `fit` takes beside the data, and explains."""

    out: str | Path | None
    overwrite: bool
    progress: bool | Callback
    predictions: str
    source: str | None
    title: str | None


P = TypeVar("P", bound=PreparedData)
F = TypeVar("F", bound=FittedModel)
E = TypeVar("E")


class Hooks(EstimatorOptions, ABC, Generic[P, F, E]):
    """The methods that an estimator fills in; `gatewise.estimators.base.Estimator` calls them.

    P is what its data is made into, F what a fit learns, E how that is scored.
    """

    kind: ClassVar[str]
    """What config.json calls the estimator, such as "forecaster"."""

    engine_before: ClassVar[str] = "torch"
    """The engine of runs whose config.json names none."""

    scores_type: ClassVar[Any] = None
    """The class of its scores, whose `from_json` reads them from metrics.json, where that has all."""

    @abstractmethod
    def _prepare(self, data: Any, start: F | None, *, progress: bool) -> P:
        """Return the data, checked and ready; raise what a fit would raise, before any work.

        `start` is a model that training goes on from. With `progress` what is noteworthy may be told.
        """

    @abstractmethod
    def _network(self, prepared: P, engine: str) -> TrainableNetwork:
        """Return an untrained network whose `auto` is settled on `engine`."""

    @abstractmethod
    def _task(self, prepared: P, network: TrainableNetwork) -> Task:
        """Return what the network is trained on, with which loss."""

    def _whole_task(self, prepared: P, network: TrainableNetwork) -> Task:
        """Return what the network is trained on anew with all data, after scoring."""
        raise OptionError(f"refit=True: a {self.kind} is not trained anew on all data")

    def _with_refitted(self, prepared: P, fitted: F, refitted: Trained) -> F:
        """Return what a fit learnt, with the networks of all data beside those that were scored."""
        raise NotImplementedError

    @abstractmethod
    def _learnt(self, prepared: P, trained: Trained) -> F:
        """Return everything that is kept of a fit."""

    @abstractmethod
    def _evaluated(self, fitted: F, prepared: P) -> E:
        """Return the scores of the part of the data that was held back."""

    @abstractmethod
    def _scored_again(self, data: Any) -> E | None:
        """Return the scores of a model that was loaded, on the data that it was fitted on."""

    @abstractmethod
    def _write_scores(self, run: Run, prepared: P, fitted: F, evaluation: E) -> Mapping[str, Any]:
        """Write the answers of the held-back part into the run, and return what metrics.json says."""

    @classmethod
    @abstractmethod
    def _load_model(cls, path: Path, device: str) -> F:
        """Return the model in a file, to compute on `device`; FileError for one that is not whole."""

    @abstractmethod
    def _save_model(self, fitted: F, path: Path) -> None:
        """Write a model to one file, whole or not at all."""

    def _settled(self, prepared: P) -> EstimatorOptions:
        """Return the options with nothing left to the data."""
        return self

    @classmethod
    def _asked(cls, fitted: F) -> EstimatorOptions:
        """Return the options as they were given, some of them left to the data."""
        return fitted.settings

    def _engine(self, prepared: P) -> str:
        """Return the engine that `auto` is settled on, by sizes alone: the same in every process."""
        return "torch"

    def _advice(self) -> str:
        """Return what else to try after a training that broke down, " and option=value"; or ""."""
        return ""
