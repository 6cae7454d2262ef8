"""metrics.json: scores, how the members were trained, and what the figures depend on."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any

import numpy as np
import torch

from gatewise.errors import FileError, cause
from gatewise.estimators.run.folder import METRICS, Run
from gatewise.files import atomic_write_text, finite_json
from gatewise.training.history import History


def write_metrics(
    run: Run,
    model_sha256: str,
    scores: Mapping[str, Any],
    histories: Iterable[History],
    parameters: int,
) -> None:
    """Write the scores of the model with that hash; what JSON has no number for becomes null."""
    metrics = {
        "model_sha256": model_sha256,
        **scores,
        "training": [
            {
                "seed": history.seed,
                "epochs": len(history.train),
                "kept_epoch": history.kept_epoch,
                "steps": history.steps,
                "kept_steps": history.kept_steps,
                "seconds": round(history.seconds, 1),
            }
            for history in histories
        ],
        "parameters": parameters,
        "environment": environment(),
    }
    atomic_write_text(run.path / METRICS, json.dumps(finite_json(metrics), indent=2) + "\n")


def read_metrics(run: Run) -> dict[str, Any]:
    """Return what the metrics.json of a complete run holds.

    Raises FileError where it is missing, damaged, or not that of the run's model.
    """
    path = run.path / METRICS
    try:
        metrics = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"{path} cannot be read: {cause(error)}") from error
    except ValueError as error:
        raise FileError(f"{path} is damaged: it is no JSON") from error
    if not isinstance(metrics, dict):
        raise FileError(f"{path} is damaged: it holds no scores")
    if metrics.get("model_sha256") != run.config.get("model_sha256"):
        raise FileError(f"{path} is that of another model")
    return metrics


def environment() -> dict[str, str]:
    """Return the versions and the machine that results depend on."""
    return {
        "gatewise": version("gatewise"),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
        "threads": str(torch.get_num_threads()),
    }
