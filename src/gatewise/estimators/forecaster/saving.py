"""A forecaster's model file: weights, scaling, baselines and context, settings as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from gatewise.cells import CELLS
from gatewise.data.tables.categories import Vocabulary
from gatewise.data.tables.columns import Columns
from gatewise.data.tables.levels import Normaliser
from gatewise.data.tables.scaling import Scaler
from gatewise.data.tables.split import Split
from gatewise.data.tables.table import Table
from gatewise.errors import FileError, nearest
from gatewise.estimators.bands import Calibration
from gatewise.estimators.forecaster.baselines import Baselines
from gatewise.estimators.forecaster.fitted import ENGINE_BEFORE, Fitted, Refitted
from gatewise.estimators.forecaster.model_checks import (
    check_baselines,
    check_calibration,
    check_context,
    check_entries,
    check_normaliser,
    check_rows,
    check_scaler,
    check_weights,
)
from gatewise.estimators.forecaster.settings import ForecasterSettings
from gatewise.estimators.saving import (
    histories_from_json,
    histories_to_json,
    read_model,
    under,
    weights_of,
    within,
    write_model,
)
from gatewise.files import Envelope
from gatewise.typing import Arrays

if TYPE_CHECKING:
    from gatewise.estimators.network import RecurrentNetwork

REFIT = "refit"
"""What the weights of networks that were refitted on all data are under."""
ENVELOPE = Envelope("gatewise-forecaster", 2, "model", "copy it anew, or fit again")


def save_model(fitted: Fitted, path: Path) -> None:
    """Write the model to `path`, whole or not at all. Equal models give equal bytes."""
    arrays: Arrays = {
        **under("scaler", fitted.scaler.arrays()),
        **under("normaliser", fitted.normaliser.arrays()),
        **under("baselines", fitted.baselines.arrays()),
        **under("context", fitted.context.arrays()),
        **weights_of(fitted.networks),
    }
    if fitted.calibration is not None:
        arrays |= under("calibration", fitted.calibration.arrays())
    if fitted.ahead is not None:
        arrays |= under("ahead", fitted.ahead.arrays())
    refitted = fitted.refitted
    if refitted is not None:
        arrays |= weights_of(refitted.networks, REFIT)
        if refitted.baselines is not None:
            arrays |= under("baselines_of_all", refitted.baselines.arrays())
    about = {
        "settings": fitted.settings.to_json(),
        "asked": fitted.asked.to_json(),
        "columns": fitted.columns.to_json(),
        "split": fitted.split.to_json(),
        "normaliser": fitted.normaliser.to_json(),
        "features": list(fitted.features),
        **({"vocabulary": fitted.vocabulary.to_json()} if fitted.vocabulary.categories else {}),
        "histories": histories_to_json(fitted.histories),
        "baselines": fitted.baselines.settings(),
        "data": fitted.data,
        **({} if refitted is None else {"refitted": _about_refitted(refitted)}),
        "engine": fitted.engine,
        **({} if fitted.calibration is None else {"calibration": fitted.calibration.about()}),
    }
    write_model(path, ENVELOPE, about, arrays)


def _about_refitted(refitted: Refitted) -> dict[str, Any]:
    return {
        "histories": histories_to_json(refitted.histories),
        "windows": refitted.windows,
        "baselines": refitted.baselines and refitted.baselines.settings(),
    }


class Builder(Protocol):
    """What makes a network of the weights in a file: of torch, or one that predicts without it."""

    def __call__(
        self,
        settings: ForecasterSettings,
        features: int,
        targets: int,
        *,
        engine: str,
        sizes: tuple[int, ...],
        weights: Arrays,
    ) -> RecurrentNetwork:
        """Return the network of a model that was fitted so, with these weights, on `settings.device`."""


def load_model(path: Path, build: Builder, device: str = "cpu") -> Fitted:
    """Return the fitted model that `save_model` wrote, with the networks that `build` makes.

    Raises FileError for a file that is missing, cut short, damaged, foreign, or from a newer version,
    and for a model of a cell that is not registered.
    """
    about, arrays = read_model(path, ENVELOPE)
    _check_cell(about.get("settings"), path)
    with ENVELOPE.unpacking(path):
        check_entries(about)
        settings = ForecasterSettings.from_saved(about["settings"])
        settings.check_options()
        asked = ForecasterSettings.from_saved(about.get("asked", about["settings"]))
        asked.check_options()
        # where it was fitted says nothing about where it is used
        settings.device = asked.device = device
        return _rebuild(settings, asked, about, arrays, build)


def _check_cell(settings: Any, path: Path) -> None:
    """Raise FileError for a cell that somebody registered where the model was fitted, and not here."""
    cell = settings.get("cell") if isinstance(settings, dict) else None
    known = ("rnn", *CELLS)
    if isinstance(cell, str) and cell not in known:
        raise FileError(
            f"the model {path} was fitted with the cell {cell!r}, which is not registered here; first "
            f"import what puts it into gatewise.cells.CELLS.{nearest(cell, known)}"
        )


def _baselines_of_all(
    settings: ForecasterSettings, columns: Columns, again: dict[str, Any] | None, arrays: Arrays
) -> Baselines | None:
    """Return the baselines that were refitted on all data, checked; None where there are none."""
    saved = (again or {}).get("baselines")
    if saved is None:
        return None
    baselines = Baselines.from_arrays(within("baselines_of_all", arrays), saved)
    check_baselines(settings, columns, baselines)
    return baselines


def _ahead_of(columns: Columns, arrays: Arrays) -> Table | None:
    """Return the rows that are known ahead, checked; None where there are none."""
    if not arrays:
        return None
    ahead = Table.from_arrays(arrays)
    check_rows(columns, ahead)
    return ahead


def _rebuild(
    settings: ForecasterSettings,
    asked: ForecasterSettings,
    about: dict[str, Any],
    arrays: Arrays,
    build: Builder,
) -> Fitted:
    columns = Columns.from_json(about["columns"])
    context = Table.from_arrays(within("context", arrays))
    scaler = Scaler.from_arrays(within("scaler", arrays))
    vocabulary = Vocabulary.from_json(columns.categories, about.get("vocabulary", []))
    normaliser = Normaliser.from_saved(about.get("normaliser"), within("normaliser", arrays))
    baselines = Baselines.from_arrays(within("baselines", arrays), about["baselines"])
    # before any network is made: a small file could claim terabytes
    check_weights(settings, about, arrays)
    check_context(settings, columns, context)
    ahead = _ahead_of(columns, within("ahead", arrays))
    check_scaler(settings, columns, scaler)
    check_normaliser(settings, context, normaliser)
    check_baselines(settings, columns, baselines)
    saved = about.get("calibration")
    calibration = saved and Calibration.from_saved(saved, within("calibration", arrays))
    check_calibration(settings, columns, calibration)
    engine = about.get("engine", ENGINE_BEFORE)

    def networks(name: str) -> tuple[RecurrentNetwork, ...]:
        sizes = (len(about["features"]), len(columns.target))
        weights = (within(f"{name}-{member}", arrays) for member in range(settings.member_count))
        return tuple(
            build(settings, *sizes, engine=engine, sizes=vocabulary.sizes, weights=one)
            for one in weights
        )

    again = about.get("refitted")
    of_all = _baselines_of_all(settings, columns, again, arrays)
    refitted = again and Refitted(
        networks(REFIT), histories_from_json(again["histories"]), again["windows"], of_all
    )
    return Fitted(
        settings=settings,
        asked=asked,
        columns=columns,
        step=context.step,
        split=Split.from_json(about["split"]),
        scaler=scaler,
        normaliser=normaliser,
        vocabulary=vocabulary,
        features=tuple(about["features"]),
        networks=networks("member"),
        histories=histories_from_json(about["histories"]),
        baselines=baselines,
        context=context,
        data=about["data"],
        engine=engine,
        calibration=calibration,
        ahead=ahead,
        refitted=refitted,
    )
