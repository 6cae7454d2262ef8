"""`Regressor`: a number, or several, for each sequence.

Sizes: n sequences, K targets, Q quantile levels, M members.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor, nn

from gatewise.data.sequences.labelled import Labelled
from gatewise.data.sequences.sequences import Sequences
from gatewise.data.sequences.split import Parts
from gatewise.data.tables.native import Frame
from gatewise.errors import DataError, NotFittedError, OptionError
from gatewise.estimators.bands import Calibration
from gatewise.estimators.baselines.collection import SequenceBaselines
from gatewise.estimators.heads import PointHead, QuantileHead
from gatewise.estimators.regressor.settings import RegressorSettings
from gatewise.estimators.saving import under, within
from gatewise.estimators.scores.build import regression_scores
from gatewise.estimators.scores.evaluation import CalibratedNumbers, RegressionScores
from gatewise.estimators.scores.measures import MODEL_NAME
from gatewise.estimators.scores.numbers import coverage
from gatewise.estimators.scores.resampling import groups_of
from gatewise.estimators.sequences.baselines import (
    baseline_answers,
    baselines_from,
    fitted_baselines,
)
from gatewise.estimators.sequences.beside import numbers_in
from gatewise.estimators.sequences.estimator import SequenceEstimator
from gatewise.estimators.sequences.form import Form, Scaling
from gatewise.estimators.sequences.given import Given, labelled_of
from gatewise.estimators.sequences.hooks import KEPT
from gatewise.estimators.sequences.model import SequenceModel, answers_of_strands
from gatewise.estimators.sequences.options import SequenceOptions
from gatewise.estimators.sequences.preparation import PreparedSequences
from gatewise.estimators.sequences.sklearn import tags
from gatewise.training.losses import POINT_LOSSES, per_row, pinball
from gatewise.training.task import Loss
from gatewise.typing import AnyArray, Array, Arrays, Indices


@dataclass(frozen=True, eq=False)
class LearntNumbers:
    """What a regressor learns beside its networks: the scale of its targets, and baselines."""

    scaling: Scaling
    baselines: SequenceBaselines = field(default_factory=SequenceBaselines)
    calibration: Calibration | None = None  # of the bands, by the validation part


Model = SequenceModel[LearntNumbers]


class Numbers(NamedTuple):
    """What a model says of sequences, to be scored beside another."""

    told: Array  # [n, K]
    bands: Array | None  # [n, K, Q], quantiles at `levels`
    levels: tuple[float, ...]


class WholeHead(nn.Module):
    """A head of steps, `[S, B, H] -> [B, S, K, Q]`, for one answer per sequence: `[B, H]`, S = 1."""

    def __init__(self, of_steps: PointHead | QuantileHead) -> None:
        super().__init__()
        self.of_steps = of_steps

    def forward(self, read: Tensor) -> Tensor:
        """Return the answers `[B, 1, K, Q]` to what was read of sequences, `[B, H]`."""
        found: Tensor = self.of_steps(read.unsqueeze(0))
        return found


class Regressor(SequenceEstimator[LearntNumbers, RegressionScores], RegressorSettings):
    """A recurrent network that gives each sequence a number, or several; with `quantiles`, bands too.

    The constructor only keeps its arguments; every one is explained in docs/sequences.md. Data is as
    for `Classifier`, labels are numbers [n] or [n, K]. After `fit`: `fitted_` and `evaluation_`.
    """

    kind = "regressor"
    options_type = RegressorSettings
    scores_type = RegressionScores
    kept = (*KEPT, "read", "rc", "quantiles")

    def predict(self, data: Any, *, lengths: Any = None) -> Array:
        """Return the number of each sequence, [n], or of several targets [n, K].

        The mean over the members, and over both strands with rc="average"; of quantiles the median.
        """
        found = middle(self._fitted(), self._told(data, lengths))
        return found[:, 0] if found.shape[1] == 1 else found

    def predict_quantiles(self, data: Any, *, lengths: Any = None) -> Array:
        """Return the quantiles of each sequence, [n, Q] or [n, K, Q], in the order of the levels.

        Raises NotFittedError for a model without quantiles.
        """
        if not levels_of(self._fitted()):
            raise NotFittedError(
                "this Regressor predicts no quantiles: fit it with quantiles=[0.1, 0.5, 0.9]"
            )
        found = self._told(data, lengths)
        return found[:, 0] if found.shape[1] == 1 else found

    def score(self, data: Any, labels: Any = None, *, lengths: Any = None) -> float:
        """Return R², the share of the variance explained, of several targets the mean."""
        return self.evaluate(data, labels, lengths=lengths).network["r2"]

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags, which its searches ask for."""
        return tags("regressor")

    # --- what `SequenceEstimator` asks for ------------------------------------------------------------

    def _read_data(self, given: Given, like: Form | None) -> Labelled:
        return labelled_of(given, self, like, label_kind="numbers", per_step=False)

    def _check_labels(self, labelled: Labelled, parts: Parts, *, fresh: bool) -> None:
        if labelled.labels is None or labelled.classes or labelled.per_step:
            found = "labels of steps" if labelled.per_step else "classes"
            found = "no labels" if labelled.labels is None else found
            raise DataError(
                f"a regressor needs a number for each sequence, and there are {found}: pass labels=, or "
                "of a table name their column with target="
            )
        training = _columns(labelled.take(parts["training"]))
        still = [k for k in range(training.shape[1]) if len(_known(training[:, k])) < 2]
        if fresh and self.quantiles is not None and self.loss != "auto":
            raise OptionError(
                f"loss={self.loss!r} trains a prediction without quantiles, and quantiles= are trained "
                "with the pinball loss: leave one of them out"
            )
        if fresh and still:
            raise DataError(
                f"all numbers of target {still[0] + 1} in the training part are one: there is nothing "
                "to learn"
            )

    def _learn_before(self, labelled: Labelled, before: LearntNumbers | None) -> LearntNumbers:
        return LearntNumbers(Scaling.of(_columns(labelled)) if before is None else before.scaling)

    @staticmethod
    def _answers(found: Any) -> Tensor:
        answers: Tensor = found[:, 0, :, found.shape[-1] // 2]  # of quantiles the median
        return answers

    def _lines(self, model: Model, answers: Array) -> dict[str, AnyArray]:
        scaling = model.learnt.scaling
        return dict(zip(model.form.targets, (answers * scaling.std + scaling.mean).T, strict=True))

    def _truth(self, labelled: Labelled, learnt: LearntNumbers) -> AnyArray:
        return learnt.scaling.apply(_columns(labelled))[:, None, :]

    @classmethod
    def _head(cls, settings: SequenceOptions, form: Form, width: int) -> nn.Module:
        assert isinstance(settings, RegressorSettings)
        levels, targets = settings.levels(), len(form.targets)
        return WholeHead(
            QuantileHead(width, targets, levels) if levels else PointHead(width, targets)
        )

    def _loss(self, prepared: PreparedSequences[LearntNumbers]) -> Loss:
        levels = self.levels()
        if levels:
            return per_row(pinball(levels))
        return per_row(POINT_LOSSES["squared" if self.loss == "auto" else self.loss])

    def _learn_after(
        self, model: Model, prepared: PreparedSequences[LearntNumbers]
    ) -> LearntNumbers:
        learnt = replace(model.learnt, baselines=fitted_baselines(prepared, self.baselines))
        levels = levels_of(model)
        if not levels or not self.calibrate or not len(prepared.parts["validation"]):
            return replace(learnt, calibration=None)
        held = prepared.part("validation")
        told = numbers_of(model, held.sequences).mean(axis=0)[:, None]
        truth = _columns(held).astype(np.float64)[:, None]
        return replace(learnt, calibration=Calibration.fit(truth, told, levels))

    def _answers_of(self, model: Model, labelled: Labelled) -> Numbers:
        together = calibrated(model, numbers_of(model, labelled.sequences).mean(axis=0))
        return Numbers(
            middle(model, together), together if levels_of(model) else None, levels_of(model)
        )

    def _answers_in(self, form: Form, frame: Frame, rows: Indices, name: str) -> Numbers:
        levels = levels_of(self._fitted())
        told, bands = numbers_in(frame, rows, form.targets, levels)
        return Numbers(told, bands, levels)

    def _evaluate(
        self, model: Model, labelled: Labelled, part: str, beside: Mapping[str, Numbers]
    ) -> RegressionScores:
        if labelled.labels is None:
            raise DataError("there are no numbers to score by: pass labels=")
        members = numbers_of(model, labelled.sequences)
        plain = members.mean(axis=0)
        together = calibrated(model, plain)
        baselines, levels = model.learnt.baselines, levels_of(model)
        bands = bands_of(model, _columns(labelled), plain)
        return regression_scores(
            _columns(labelled),
            {
                MODEL_NAME: middle(model, together),
                **{name: other.told for name, other in beside.items()},
                **baseline_answers(baselines, labelled),
            },
            part=part,
            groups=groups_of(labelled.sequences.lengths, labelled.sequences.groups),
            targets=model.form.targets,
            members=[middle(model, each) for each in members],
            quantiles={
                **({MODEL_NAME: together} if levels else {}),
                **{
                    name: other.bands
                    for name, other in beside.items()
                    if other.bands is not None and other.levels == levels
                },
            },
            beside=tuple(beside),
            levels=levels,
            bands=bands,
            notes=baselines.notes,
        )

    def _table(self, model: Model, labelled: Labelled, *, truth: bool) -> dict[str, AnyArray]:
        members = numbers_of(model, labelled.sequences)
        together, levels = calibrated(model, members.mean(axis=0)), levels_of(model)
        columns: dict[str, AnyArray] = {"sequence": np.array(labelled.sequences.names)}
        for k, name in enumerate(model.form.targets):
            if truth and labelled.labels is not None:
                columns[name] = _columns(labelled)[:, k]
            columns[f"{name}_predicted"] = middle(model, together)[:, k]
            if len(members) > 1:
                columns[f"{name}_spread"] = middle(model, members).std(axis=0)[:, k]
            for place, level in enumerate(levels):
                columns[f"{name}_q{level:g}"] = together[:, k, place]
        return columns

    @classmethod
    def _learnt_out(cls, learnt: LearntNumbers) -> tuple[dict[str, Any], Arrays]:
        said, arrays = learnt.baselines.to_state()
        made = learnt.calibration
        if made is None:
            return {"baselines": said}, {**arrays, **learnt.scaling.arrays()}
        arrays = {**arrays, **learnt.scaling.arrays(), **under("calibration", made.arrays())}
        return {"baselines": said, "calibration": made.about()}, arrays

    @classmethod
    def _learnt_in(cls, said: dict[str, Any], arrays: Arrays, form: Form) -> LearntNumbers:
        arrays = dict(arrays)
        scaling = Scaling(arrays.pop("mean"), arrays.pop("std"))
        scaling.check(len(form.targets))
        told = within("calibration", arrays)
        for name in told:
            del arrays[f"calibration.{name}"]
        made = None
        if said.get("calibration") is not None:
            made = Calibration.from_saved(said["calibration"], told)
        return LearntNumbers(scaling, baselines_from(said["baselines"], arrays, form), made)

    @classmethod
    def _load_model(cls, path: Path, device: str) -> Model:
        model = super()._load_model(path, device)
        made = model.learnt.calibration
        if made is not None:
            with cls._envelope().unpacking(path):
                made.check(levels_of(model), (1, len(model.form.targets)))
        return model

    def _told(self, data: Any, lengths: Any) -> Array:
        """Return the members' mean answer for new data, [n, K, Q]."""
        model = self._fitted().for_new_data()
        labelled = self._read_for(model, Given(data, None, lengths), labels_needed=False)
        return calibrated(model, np.asarray(numbers_of(model, labelled.sequences).mean(axis=0)))


def numbers_of(model: Model, sequences: Sequences) -> Array:
    """Return each member's answers in the units of the targets, [M, n, K, Q]."""
    strands = np.array(answers_of_strands(model, sequences), dtype=np.float64)
    scaling = model.learnt.scaling
    return np.asarray(strands.mean(axis=0)[:, :, 0] * scaling.std[:, None] + scaling.mean[:, None])


def calibrated(model: Model, answers: Array) -> Array:
    """Return answers [n, K, Q] with their bands calibrated, where the model is; medians stay."""
    made = model.learnt.calibration
    return answers if made is None else made.applied(answers[:, None])[:, 0]


def bands_of(model: Model, truth: AnyArray, answers: Array) -> CalibratedNumbers | None:
    """Return what calibration did to answers [n, K, Q]; None where there is none."""
    made = model.learnt.calibration
    if made is None:
        return None
    return CalibratedNumbers(
        made.text("sequence"),
        before=_held(model, truth, answers),
        after=_held(model, truth, calibrated(model, answers)),
        promised=made.levels[-1] - made.levels[0],
    )


def _held(model: Model, truth: AnyArray, answers: Array) -> dict[str, float]:
    """Return the share of the truth of each target that its outermost quantiles hold."""
    return {name: coverage(truth[:, k], answers[:, k]) for k, name in enumerate(model.form.targets)}


def levels_of(model: Model) -> tuple[float, ...]:
    """Return the quantile levels that a model predicts; () for none."""
    assert isinstance(model.settings, RegressorSettings)
    return model.settings.levels()


def middle(model: Model, answers: Array) -> Array:
    """Return the one number in answers [..., Q]: the median of quantiles."""
    levels = levels_of(model)
    return np.asarray(answers[..., levels.index(0.5) if levels else 0])


def _columns(labelled: Labelled) -> AnyArray:
    """Return the numbers to predict, [n, K]."""
    assert labelled.labels is not None
    return labelled.labels.reshape(len(labelled), -1)


def _known(column: AnyArray) -> AnyArray:
    """Return the distinct numbers of a column, NaN left out."""
    return np.unique(column[~np.isnan(column)])
