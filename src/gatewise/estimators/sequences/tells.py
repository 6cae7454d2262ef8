"""What every estimator of sequences or texts tells of itself: for the page and for `explain`."""

from __future__ import annotations

from typing import Any

from gatewise.data.sequences.labelled import PARTS
from gatewise.errors import NotFittedError, OptionError, nearest
from gatewise.estimators.run.metrics import environment
from gatewise.estimators.scores.evaluation import SequenceScores
from gatewise.estimators.scores.showing import html
from gatewise.estimators.sequences.case import Asked, case_of_sequences
from gatewise.estimators.sequences.summary import SequenceSummary
from gatewise.estimators.shown import estimator_html
from gatewise.explaining.case import Case
from gatewise.memory import Sampling
from gatewise.training.sequences import SequenceBatches
from gatewise.wording import counted


def check_part(part: str | None) -> None:
    """Raise OptionError unless `part` is one of the parts, "all", or None, which callers explain."""
    known = (*PARTS, "all")
    if part is not None and part not in known:
        raise OptionError(
            f"part must be one of {', '.join(PARTS)} or all; got {part!r}.{nearest(part, known)}"
        )


class Tells:
    """Mixed into an estimator, which `self` is, and which fills in

    - `_about`: what is predicted of what, in a few words, for a title;
    - `_fitted_on`: how many of what it was fitted on, as `counted` takes it;
    - `_looked_at`: what `explain` looks at of data: prepared data, batches, the rest of `Asked`.
    """

    def prepare(self: Any, given: Any, *, like: Any = None) -> Any:
        """Return data that is checked and ready; raises what a fit would raise, before any work.

        `fit`, `evaluate` and `summary` take it in place of data, which is then read once. `like` is a
        fitted model that it is for.
        """
        return self._prepare(given, like, progress=False)

    def explain_case(
        self: Any,
        data: Any,
        *,
        part: str | None,
        by: Any,
        module: str | None,
        budget: float,
        sampling: Sampling = Sampling(),  # noqa: B008 - frozen
    ) -> Case:
        """Return what `gatewise.explain` measures: the first network on sequences of a part.

        `data` as for `prepare`, or sequences with their labels among them (a table, a file, `given`); of
        texts it is their windows, and the answer of a window is that on the token after it.
        """
        prepared, part, batches, about = self._looked_at(data, part)
        asked = Asked(part=part, base=lambda: self.summary(prepared, part=part).contents(), **about)
        return case_of_sequences(
            asked, batches, by=by, module=module, budget=budget, sampling=sampling
        )

    def _looked_at(self, data: Any, part: str | None) -> tuple[Any, str, SequenceBatches, Any]:
        raise NotImplementedError

    @staticmethod
    def _about(model: Any) -> str:
        raise NotImplementedError

    @staticmethod
    def _fitted_on(model: Any) -> tuple[int, str]:
        raise NotImplementedError

    def _told_part(self: Any, identity: Any, part: str | None) -> tuple[str, bool]:
        """Return the part to tell of, by default what the fit scored, and of other data all.

        The last is whether it is the data of the fit, by its `identity`.
        """
        check_part(part)
        fitted = self._fitted()
        same = identity["sha256"] == fitted.data["sha256"]
        return part or (fitted.data["scored"] if same else "all"), same

    def _at_hand(self: Any, part: str | None, what: str) -> Any:
        """Return the evaluation of the fit; NotFittedError for another part, which takes the data."""
        if self.evaluation_ is None or part not in (None, self._fitted().data["scored"]):
            raise NotFittedError(
                f"the evaluation of that part is not at hand: pass the {what} to evaluate"
            )
        return self.evaluation_

    def _summary(
        self: Any, known: SequenceScores, title: str | None, source: str | None, **told: Any
    ) -> SequenceSummary:
        """Return the summary of a model by its scores; `told` is what else the page shows."""
        model = self._fitted()
        about = self._about(model)
        return SequenceSummary(
            title=title or about,
            about=f"{about}." if title else "",
            settings=model.settings.to_json(),
            data={**model.data, "source": source},
            environment=environment(),
            parameters=sum(weight.numel() for weight in model.networks[0].parameters()),
            histories=model.histories,
            evaluation=known,
            estimator=type(self).__name__,
            **told,
        )

    def _repr_html_(self: Any) -> str:
        model, found = getattr(self, "fitted_", None), getattr(self, "evaluation_", None)
        return estimator_html(
            self,
            type(self).__name__ if model is None else self._about(model),
            "" if model is None else counted(*self._fitted_on(model)),
            "" if found is None else html(found),
        )
