"""`SequenceEstimator`: what the estimators of sequences share, from the data to the run folder.

`hooks.SequenceHooks` says which methods an estimator fills in. Fits into run folders, resumed bit for
bit, continued, refitted, saved, loaded, on several processes: that is in `estimators.base`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, Unpack

from gatewise.data.files import write_frame
from gatewise.data.sequences.kmers import complement_of_kmers
from gatewise.data.sequences.labelled import Labelled
from gatewise.data.sequences.reading import as_names
from gatewise.data.tables.output import frame_like
from gatewise.errors import DataError
from gatewise.estimators.hooks import FitArguments, Trained
from gatewise.estimators.options import NetworkOptions
from gatewise.estimators.run.config import source_of
from gatewise.estimators.run.folder import Run
from gatewise.estimators.scores.verdict import with_note_of_the_fit
from gatewise.estimators.sequences.beside import Beside
from gatewise.estimators.sequences.form import Form
from gatewise.estimators.sequences.given import Given
from gatewise.estimators.sequences.hooks import KEPT, E, L, SequenceHooks
from gatewise.estimators.sequences.model import (
    Refitted,
    SequenceModel,
    check_size,
    columns_read,
    engine_for,
    front_of,
)
from gatewise.estimators.sequences.network import SequenceNetwork
from gatewise.estimators.sequences.options import ReadOptions, SequenceOptions
from gatewise.estimators.sequences.preparation import (
    PreparedSequences,
    check_sequences,
    parts_of,
    parts_to_tell,
    refuse_changes,
    refuse_unused,
    scaling_of,
    without_unknown,
)
from gatewise.estimators.sequences.restraints import Restraints
from gatewise.estimators.sequences.saving import load_model, save_model
from gatewise.estimators.sequences.telling import Telling
from gatewise.estimators.sequences.tells import check_part
from gatewise.files import Envelope
from gatewise.options import values_of
from gatewise.training.progress import Callback
from gatewise.training.task import Task

__all__ = ["KEPT", "SequenceEstimator"]


class SequenceEstimator(Telling, Beside, SequenceHooks[L, E]):
    """A model of sequences; after a fit `fitted_` is what it learnt, `evaluation_` how that scores."""

    def fit(
        self,
        data: Any,
        labels: Any = None,
        *,
        lengths: Any = None,
        out: str | Path | None = None,
        overwrite: bool = False,
        progress: bool | Callback = True,
        predictions: str = "csv",
        source: str | None = None,
        title: str | None = None,
    ) -> Self:
        """Fit afresh; with `out` leave a run folder that an interrupted fit can be resumed from.

        `data` are sequences of any lengths, `labels` what is to be predicted of them; see
        docs/sequences.md for all that they may be. `lengths` [n] says how many steps of a padded array
        count. The rest is as for `Forecaster.fit`.
        Raises OptionError for a bad option, DataError for unusable data, FileError for a folder
        that is in the way: all before anything is written.
        """
        return self._fit_given(
            Given(data, labels, lengths), None, out=out, overwrite=overwrite, progress=progress,
            predictions=predictions, source=source, title=title,
        )  # fmt: skip

    def retrain(self, data: Any, labels: Any = None, **kwargs: Any) -> Self:
        """Fit afresh with the same settings: new weights, new scaling. Same arguments as `fit`."""
        return self.fit(data, labels, **kwargs)

    def continue_on(
        self,
        data: Any,
        labels: Any = None,
        *,
        lengths: Any = None,
        **how: Unpack[FitArguments],
    ) -> Self:
        """Train on with new data: weights, vocabulary, classes, scaling stay, the rest starts anew.

        Same arguments as `fit`.
        """
        return self._fit_given(Given(data, labels, lengths), self._fitted(), **how)

    @classmethod
    def resume(
        cls,
        run: str | Path,
        data: Any = None,
        labels: Any = None,
        *,
        lengths: Any = None,
        progress: bool | Callback = True,
        device: str | None = None,
    ) -> Self:
        """Finish an interrupted fit; the result is the uninterrupted one's, bit for bit.

        Without `data` it is read again from where the run says it was. Raises DataError if it is not
        the same data. A run that is complete is loaded, and scored where its data is at hand. On
        another `device` than the fit began on, other noise and dropout are drawn from there on.
        """
        given = None if data is None else Given(data, labels, lengths)
        return super().resume(run, given, progress=progress, device=device)

    def evaluate(
        self, data: Any = None, labels: Any = None, *, lengths: Any = None, part: str | None = None
    ) -> E:
        """Score the model on labelled sequences; without `data`, return the evaluation of the fit.

        `part` is "test", "validation" or "training", divided as in the fit, or "all": the default.
        Scored are the networks that never saw the test part; on other data than that of the fit, those
        that predict.
        """
        if data is None:
            found: E = self._at_hand(part, "data")
            return found
        model, labelled, part, same = self._to_score(Given(data, labels, lengths), part)
        return with_note_of_the_fit(self._evaluate(model, labelled, part, {}), same=same)

    def predict_frame(self, data: Any, *, lengths: Any = None) -> Any:
        """Return what `predict` says as a polars frame, with the names of the sequences beside it."""
        model = self._fitted().for_new_data()
        labelled = self._read_for(model, Given(data, None, lengths), labels_needed=False)
        return frame_like("polars", self._table(model, labelled, truth=False))

    # --- for estimators -------------------------------------------------------------------------------

    def _to_score(
        self, given: Given, part: str | None
    ) -> tuple[SequenceModel[L], Labelled, str, bool]:
        """Return the networks that are scored, labelled sequences, and their part.

        The last is whether that is all of the fit's data.
        """
        check_part(part)
        model = self._fitted()
        labelled = self._read_for(model, given, labels_needed=True)
        same = labelled.identity["sha256"] == model.data["sha256"]
        if not same:
            model = model.for_new_data()
        if part in (None, "all"):
            return model, labelled, "all", same
        assert part is not None
        picks = parts_to_tell(labelled, model.settings)[part]
        if not len(picks):
            raise DataError(f"the {part} part is empty: score another, or all of the data")
        return model, labelled.take(picks), part, False

    def _read_for(
        self, model: SequenceModel[L], given: Given | Any, *, labels_needed: bool
    ) -> Labelled:
        """Return new data in the model's form; DataError for what does not fit it."""
        given = given if isinstance(given, Given) else Given(given)
        if isinstance(given.data, PreparedSequences):
            return given.data.labelled
        given = replace(given, with_labels=labels_needed)
        labelled = model.form.labelled(self._read_data(given, model.form), unknown=self.unknown)
        check_sequences(labelled.sequences, model.settings)
        return without_unknown(labelled) if labels_needed else labelled

    # --- what `Estimator` asks for --------------------------------------------------------------------

    def _fit_given(
        self, given: Given, start: SequenceModel[L] | None, **how: Unpack[FitArguments]
    ) -> Self:
        if isinstance(given.data, str | Path):
            how["source"] = str(given.data)
        about = {}
        if isinstance(given.labels, str | Path):
            about["labels"] = source_of(given.labels)
        elif given.labels is not None and isinstance(given.data, str | Path):
            how["source"] = None  # the file alone would not be the data again
        return self._fit(given, start=start, about=about, **how)

    @classmethod
    def _data_of(cls, run: Run) -> Given | None:
        source = run.config["source"]
        return None if source is None else Given(source, run.config.get("labels"))

    def _prepare(
        self, data: Any, start: SequenceModel[L] | None, *, progress: bool
    ) -> PreparedSequences[L]:
        given = data if isinstance(data, Given) else Given(data)
        if isinstance(given.data, PreparedSequences):
            return given.data
        settings = self._settled_options()
        labelled = without_unknown(self._read_data(given, None if start is None else start.form))
        form = (
            Form.of(labelled, given.labels, as_names(self.target)) if start is None else start.form
        )
        if start is not None:
            refuse_changes(settings, start.settings, self.kept)
            labelled = form.labelled(labelled, unknown=settings.unknown)
        check_sequences(labelled.sequences, settings)
        if start is None:
            refuse_unused(settings, labelled.sequences)
        check_size(settings, form)
        parts = parts_of(labelled, settings)
        self._check_labels(labelled, parts, fresh=start is None)
        training = labelled.take(parts["training"])
        learnt = self._learn_before(training, None if start is None else start.learnt)
        return PreparedSequences(
            settings=settings,
            labelled=labelled,
            form=form,
            scaling=scaling_of(training.sequences, settings) if start is None else start.scaling,
            parts=parts,
            learnt=learnt,
            truth=self._truth(labelled, learnt),
        )

    def _settled_options(self) -> SequenceOptions:
        """Return a copy of the options with nothing left to the data."""
        made = self.options_type(**self.get_params())
        made.refit = bool(made.refit)
        made.dropout = made.dropout or 0.0
        return made

    def _settled(self, prepared: PreparedSequences[L]) -> SequenceOptions:
        return prepared.settings

    @classmethod
    def _asked(cls, fitted: SequenceModel[L]) -> SequenceOptions:
        return fitted.asked

    def _engine(self, prepared: PreparedSequences[L]) -> str:
        steps = float(prepared.labelled.sequences.lengths.mean())
        return engine_for(prepared.settings, prepared.form, steps)

    def _network(self, prepared: PreparedSequences[L], engine: str) -> SequenceNetwork:
        return self._build(prepared.settings, prepared.form, engine)

    @classmethod
    def _build(cls, settings: SequenceOptions, form: Form, engine: str) -> SequenceNetwork:
        """Return an untrained network of settings that leave nothing open."""
        shares_strands = isinstance(settings, ReadOptions) and settings.rc == "share"
        width = settings.hidden_size * (2 if settings.bidirectional else 1)
        network = cls.network_type(
            **values_of(NetworkOptions, settings),
            bidirectional=settings.bidirectional,
            input_size=columns_read(settings, form),
            front=front_of(settings, form),
            engine=settings.engine,
            read=cls._read(settings),
            complement=(
                complement_of_kmers(form.vocabulary, settings.kmer) if shares_strands else None
            ),
            restraints=Restraints.of(settings, settings.dropout),
            head=cls._head(settings, form, width),
            **cls._beside_head(settings, form),
        )
        network.settle(engine)
        return network

    def _task(self, prepared: PreparedSequences[L], network: Any) -> Task:
        validation = prepared.batches("validation") if len(prepared.parts["validation"]) else None
        return Task(network, prepared.batches("training"), validation, self._loss(prepared))

    def _whole_task(self, prepared: PreparedSequences[L], network: Any) -> Task:
        whole = prepared.batches("training", "validation", "test")
        return Task(network, whole, None, self._loss(prepared))

    def _with_refitted(
        self, prepared: PreparedSequences[L], fitted: SequenceModel[L], refitted: Trained
    ) -> SequenceModel[L]:
        again = Refitted(refitted.networks, refitted.histories, len(prepared.labelled))
        return replace(fitted, refitted=again)

    def _learnt(self, prepared: PreparedSequences[L], trained: Trained) -> SequenceModel[L]:
        parts = {part: len(picks) for part, picks in prepared.parts.items()}
        model = SequenceModel(
            settings=prepared.settings,
            asked=self.options_type(**self.get_params()),
            form=prepared.form,
            scaling=prepared.scaling,
            networks=trained.networks,
            histories=trained.histories,
            engine=trained.engine,
            learnt=prepared.learnt,
            data={**prepared.identity, "parts": parts, "scored": prepared.scored},
        )
        return replace(model, learnt=self._learn_after(model, prepared))

    def _evaluated(self, fitted: SequenceModel[L], prepared: PreparedSequences[L]) -> E:
        return self._evaluate(fitted, prepared.part(prepared.scored), prepared.scored, {})

    def _scored_again(self, data: Any) -> E:
        given = data if isinstance(data, Given) else Given(data)
        return self.evaluate(
            given.data, given.labels, lengths=given.lengths, part=self._fitted().data["scored"]
        )

    def _write_scores(
        self, run: Run, prepared: PreparedSequences[L], fitted: SequenceModel[L], evaluation: E
    ) -> Mapping[str, Any]:
        table = self._table(fitted, prepared.part(prepared.scored), truth=True)
        write_frame(table, run.path / f"predictions.{run.config['predictions']}")
        again = fitted.refitted
        return {
            "part": fitted.data["scored"],
            **evaluation.to_json(),
            **({} if again is None else {"refit": again.about()}),
        }

    @classmethod
    def _envelope(cls) -> Envelope:
        return Envelope(
            f"gatewise-{cls.kind}", cls.file_version, "model", "copy it anew, or fit again"
        )

    def _save_model(self, fitted: SequenceModel[L], path: Path) -> None:
        save_model(fitted, path, self._envelope(), self._learnt_out(fitted.learnt))

    @classmethod
    def _load_model(cls, path: Path, device: str) -> SequenceModel[L]:
        return load_model(
            *(path, cls._envelope(), device),
            options=cls.options_type,
            needed=cls.kept,
            build=cls._build,
            learnt_from=cls._learnt_in,
        )
