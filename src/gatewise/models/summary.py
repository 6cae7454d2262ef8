"""Everything the report shows of a fitted model, gathered in one dataclass."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gatewise.data.split import Part
from gatewise.models import inside
from gatewise.models.evaluation import evaluate_windows
from gatewise.models.fitted import Fitted
from gatewise.models.forecasting import known_windows
from gatewise.models.preparation import as_frame, fingerprint
from gatewise.models.results import RunSummary


def summarise(
    fitted: Fitted, data: Any, title: str, part: Part | None, source: str | None
) -> RunSummary:
    """Score `part` of `data` and look at the gates over the window where there is most to see."""
    table, windows = known_windows(fitted, as_frame(data), part)
    if part is None and fingerprint(table) == fitted.data["sha256"]:
        part = "validation" if fitted.settings.test is None else "test"
        table, windows = known_windows(fitted, table, part)
    return RunSummary(
        title=title,
        settings=fitted.settings.to_json(),
        data={**fitted.data, "source": str(data) if isinstance(data, str | Path) else source},
        environment=environment(),
        parameters=fitted.parameters(),
        histories=fitted.histories,
        evaluation=evaluate_windows(fitted, table, windows, part or "all"),
        window=inside.window_gates(fitted, table, windows, inside.widest_change(table, windows)),
        timescales=inside.timescales(fitted, windows),
    )


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
