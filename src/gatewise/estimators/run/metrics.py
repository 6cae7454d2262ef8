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
