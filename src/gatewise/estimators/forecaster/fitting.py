"""What `fit`, `continue_on` and `resume` have in common: train every member, score, leave a run."""

from __future__ import annotations

import json
import math
import os
from contextlib import nullcontext, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gatewise.data.files import DATASET, write_frame
from gatewise.data.tables.table import Table
from gatewise.data.tables.windows import Windows
from gatewise.errors import BreakdownError, DataError, FileError, OptionError, cause, nearest
from gatewise.estimators.forecaster.evaluation import (
    evaluate_windows,
    prediction_frame,
    spread_over_members,
)
from gatewise.estimators.forecaster.fitted import ENGINE_BEFORE, Fitted, build_network, engine_for
from gatewise.estimators.forecaster.forecasting import table_of
from gatewise.estimators.forecaster.preparation import (
    Prepared,
    as_frame,
    fingerprint,
    prepare,
    read_table,
)
from gatewise.estimators.forecaster.saving import load_model, save_model
from gatewise.estimators.forecaster.settings import ForecasterSettings
from gatewise.estimators.forecaster.summary import environment
from gatewise.estimators.forecaster.verdict import Evaluation
from gatewise.estimators.network import RecurrentNetwork
from gatewise.estimators.options import spec_named
from gatewise.estimators.run.config import check_settings, settings_digest
from gatewise.estimators.run.folder import METRICS, MODEL, Run, digest
from gatewise.estimators.run.replacement import writing
from gatewise.files import atomic_write_text
from gatewise.options import part_of
from gatewise.training.distributed import World, is_main, joined
from gatewise.training.history import History
from gatewise.training.loop import train
from gatewise.training.losses import per_row, pinball, squared_error
from gatewise.training.options import TrainingOptions
from gatewise.training.randomness import seeded
from gatewise.training.task import Task

TABLE_FORMATS = ("csv", "parquet")
START = "start.safetensors"
"""In a run's checkpoints: the model that `continue_on` began with."""

KEPT = (
    *("horizon", "lookback", "missing", "frequency", "scale"),
    *("cell", "hidden_size", "num_layers", "quantiles", "members"),
)
"""Options that training on with new data cannot change."""


def fit(
    settings: ForecasterSettings,
    data: Any,
    *,
    out: str | Path | None,
    overwrite: bool,
    progress: bool,
    table_format: str,
    source: str | None = None,
    title: str | None = None,
    start: Fitted | None = None,
) -> tuple[Fitted, Evaluation]:
    """Fit from fresh weights or on from `start`, and score; every check comes before any work."""
    settings.check_options()
    check_device(settings.device)
    if table_format not in TABLE_FORMATS:
        raise OptionError(
            f"predictions must be 'csv' or 'parquet', not {table_format!r}."
            f"{nearest(str(table_format), TABLE_FORMATS)}"
        )
    if out is None:
        return _fit(settings, data, None, None, start, progress=progress)
    folder = Run.check_target(out, overwrite=overwrite)
    with writing(folder) if is_main() else nullcontext():
        Run.check_target(out, overwrite=overwrite)  # another process may have been there before us
        about = {
            "source": _source(data if isinstance(data, str | Path) else source),
            "predictions": table_format,
            "continued": start is not None,
            **({} if title is None else {"title": title}),
        }
        return _fit(settings, data, folder, about, start, progress=progress)


def _fit(
    settings: ForecasterSettings,
    data: Any,
    folder: Path | None,
    about: dict[str, Any] | None,
    start: Fitted | None,
    *,
    progress: bool,
) -> tuple[Fitted, Evaluation]:
    """Fit with options that are checked, into a `folder` that is ours; `about` goes to its config."""
    if start is None:
        table = read_table(settings, data)
    else:
        _check_kept(settings, start)
        table = table_of(start, as_frame(data), need_target=True)
    prepared = prepare(settings, table, None if start is None else start.scaler)
    _check_size(settings, prepared)
    engine = engine_for(settings, len(prepared.train.names)) if start is None else start.engine
    with joined(settings.device) as world:
        world.wait()  # no process may look at the folder after another has begun to fill it
        run = None
        if folder is not None:
            run = _begin(
                folder,
                {**_config(settings, table), **(about or {}), "engine": engine},
                start,
                world,
            )
        return _complete(
            settings, prepared, run, world, engine, progress=progress, start=start, resume=False
        )


def resume(
    settings: ForecasterSettings, run: Run, data: Any, *, progress: bool
) -> tuple[Fitted, Evaluation]:
    """Finish the unfinished `run`, which began with these settings; the caller holds its lock."""
    check_settings(run.config, run.folder)
    settings.check_options()
    check_device(settings.device)
    start = load_model(run.checkpoints / START) if run.config["continued"] else None
    if data is None:
        data = run.config["source"]
        if data is None:
            raise DataError(
                f"the run {run.folder} was fitted on a table in memory: pass the same data to resume"
            )
    table = (
        read_table(settings, data)
        if start is None
        else table_of(start, as_frame(data), need_target=True)
    )
    if fingerprint(table) != run.config["data"]["sha256"]:
        raise DataError(
            f"the data is not what the run {run.folder} began with (its SHA-256 differs): "
            "resume with the same data, or fit anew"
        )
    prepared = prepare(settings, table, None if start is None else start.scaler)
    engine = run.config.get("engine") or ENGINE_BEFORE
    with joined(settings.device) as world:
        return _complete(
            settings, prepared, run, world, engine, progress=progress, start=start, resume=True
        )


def _complete(
    settings: ForecasterSettings,
    prepared: Prepared,
    run: Run | None,
    world: World,
    engine: str,
    *,
    progress: bool,
    start: Fitted | None,
    resume: bool,
) -> tuple[Fitted, Evaluation]:
    """Train the members, score them, and leave the results in the run folder, if there is one."""
    try:
        members = [
            _train_member(
                settings,
                prepared,
                run,
                member,
                engine,
                progress=progress,
                start=start,
                resume=resume,
            )
            for member in range(settings.members)
        ]
    except BreakdownError as error:
        failure = str(error) + (" and scale='standard'" if settings.scale == "none" else "")
        if run is not None and world.main:
            with suppress(FileError):  # as on a full disk: what broke down comes first
                run.fail(failure)
        raise BreakdownError(failure) from None
    fitted = Fitted(
        settings=ForecasterSettings(**settings.get_params()),
        columns=prepared.table.columns,
        step=prepared.table.step,
        split=prepared.split,
        scaler=prepared.scaler,
        features=prepared.train.names,
        networks=tuple(network for network, _ in members),
        histories=tuple(history for _, history in members),
        baselines=prepared.baselines,
        context=_context(prepared.table, settings),
        data=_about(prepared),
        engine=engine,
    )
    part = "validation" if prepared.test is None else "test"
    evaluation = evaluate_windows(fitted, prepared.table, prepared.part(part), part)

    if run is not None and world.main:
        _write_results(run, fitted, evaluation)
    world.wait()  # the folder is complete for every process that goes on
    return fitted, evaluation


def _train_member(
    settings: ForecasterSettings,
    prepared: Prepared,
    run: Run | None,
    member: int,
    engine: str,
    *,
    progress: bool,
    start: Fitted | None,
    resume: bool,
) -> tuple[RecurrentNetwork, History]:
    """Train one member; its checkpoint stays until the whole run is complete."""
    seed = settings.seed + member
    with seeded(seed):
        network = build_network(
            settings, len(prepared.train.names), len(prepared.table.columns.target), engine
        )
    if start is not None:
        network.load_state_dict(start.networks[member].state_dict())
    levels = settings.levels()
    loss = per_row(pinball(levels) if levels else squared_error)
    history = train(
        Task(network, prepared.train, prepared.validation, loss),
        part_of(TrainingOptions, settings, seed=seed),
        checkpoint=None if run is None else run.checkpoint(member),
        resume=resume,
        progress=progress,
        label=f"member {member + 1}/{settings.members}" if settings.members > 1 else "training",
        device=settings.device,
    )
    return network, history


def _write_results(run: Run, fitted: Fitted, evaluation: Evaluation) -> None:
    """Write the model, the predictions and the scores; the run counts as complete after that."""
    save_model(fitted, run.path / MODEL)
    model = digest(run.path / MODEL)
    frame = prediction_frame(evaluation.predictions, fitted.columns, truth=True)
    write_frame(frame, run.path / f"predictions.{run.config['predictions']}")
    metrics = {
        "model_sha256": model,
        "part": evaluation.part,
        "scores": evaluation.scores,
        "members": evaluation.members,
        "spread": spread_over_members(evaluation),
        "by_horizon": evaluation.by_horizon,
        "notes": evaluation.notes,
        "training": [
            {
                "seed": history.seed,
                "epochs": len(history.train),
                "kept_epoch": history.kept_epoch,
                "seconds": round(history.seconds, 1),
            }
            for history in fitted.histories
        ],
        "parameters": fitted.parameters(),
        "environment": environment(),
    }
    atomic_write_text(run.path / METRICS, json.dumps(_finite(metrics), indent=2) + "\n")
    run.finish(model)


def _finite(value: Any) -> Any:
    """Return `value` with null for what JSON has no number for."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _begin(folder: Path, config: dict[str, Any], start: Fitted | None, world: World) -> Run:
    """Make the run folder in the first process; the others wait for it."""
    run = Run(folder, config)
    if world.main:

        def keep_start(begun: Run) -> None:
            if start is not None:
                save_model(start, begun.checkpoints / START)

        run = Run.begin(folder, config, keep_start)
    world.wait()
    return run


def _config(settings: ForecasterSettings, table: Table) -> dict[str, Any]:
    return {
        "gatewise": version("gatewise"),
        "settings": settings.to_json(),
        "settings_sha256": settings_digest(settings.to_json()),
        "data": {"sha256": fingerprint(table), "rows": len(table), "series": len(table.series)},
    }


def _source(place: str | Path | None) -> str | None:
    """Return where data can be read again: an absolute path or a bundled set's name."""
    if place is None or str(place).startswith(DATASET):
        return place if place is None else str(place)
    return str(Path(place).resolve())


def _about(prepared: Prepared) -> dict[str, Any]:
    """Return what a model file says of its data, without a path: equal data, equal words."""
    table = prepared.table
    parts = {"train": prepared.train, "validation": prepared.validation}
    if prepared.test is not None:
        parts["test"] = prepared.test
    return {
        "sha256": fingerprint(table),
        "rows": len(table),
        "series": len(table.series),
        "first": table.stamp(table.time.min()),
        "last": table.stamp(table.time.max()),
        "step": table.step.text,
        **({} if table.zone is None else {"time_zone": table.zone}),
        "parts": {name: _about_part(table, windows) for name, windows in parts.items()},
    }


def _about_part(table: Table, windows: Windows) -> dict[str, Any]:
    times = table.time[windows.target_rows(np.arange(len(windows)))]
    return {
        "windows": len(windows),
        "first": table.stamp(times.min()),
        "last": table.stamp(times.max()),
    }


def _context(table: Table, settings: ForecasterSettings) -> Table:
    """Return the last rows of each series that predictions right after them need.

    A forecast starts from the last known target, which may lie before the end.
    """
    rows = np.full(len(table.series), settings.lookback)
    if settings.horizon:
        last = table.last_known()
        rows += np.where(last < 0, 0, table.starts[1:] - 1 - last)
    return table.tail(rows)


def _check_kept(settings: ForecasterSettings, start: Fitted) -> None:
    """Raise OptionError where training on would need another network or another scaling."""
    for name in KEPT:
        was, now = start.settings.to_json()[name], settings.to_json()[name]
        if was != now:
            raise OptionError(
                f"training on keeps {name}={was!r} of the first fit, not {now!r}: "
                "retrain takes other settings"
            )


def _check_size(settings: ForecasterSettings, prepared: Prepared) -> None:
    """Raise OptionError where the network does not fit into memory, before anything is written."""
    features, targets = len(prepared.train.names), len(prepared.table.columns.target)
    network = (
        f"a network of hidden_size={settings.hidden_size} and num_layers={settings.num_layers}"
    )
    needed = _bytes_of_training(settings, features)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > memory:
        raise OptionError(
            f"{network} does not fit into memory (training takes {needed / 1e9:,.0f} GB, the machine "
            f"has {memory / 1e9:,.0f}): take a smaller one"
        )
    try:
        with seeded(settings.seed):
            build_network(settings, features, targets, engine_for(settings, features))
    except (RuntimeError, MemoryError, OverflowError, TypeError) as error:
        reason = str(error).splitlines()[0][:120]
        raise OptionError(
            f"{network} does not fit into memory ({reason}): take a smaller one"
        ) from error


def _bytes_of_training(settings: ForecasterSettings, features: int) -> int:
    """Return what weights, gradients and the optimizer's two moments take, biases left out."""
    blocks, hidden = len(spec_named(settings.cell).packing), settings.hidden_size
    weights = blocks * hidden * (features + hidden + (settings.num_layers - 1) * 2 * hidden)
    return 4 * 4 * weights


def check_device(device: str) -> None:
    """Raise OptionError unless torch can compute on `device`."""
    try:
        one = torch.ones(1, dtype=torch.float32, device=device)
        if one.is_meta:
            raise TypeError("numbers there have no values")
        one.item()
    except Exception as error:  # each back end fails in its own way
        reason = cause(error)[:200]
        raise OptionError(f"device={device!r} cannot be used here: {reason}") from error
