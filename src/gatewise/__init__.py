"""gatewise: recurrent networks you can see inside, at full speed.

Drop-in modules (`LSTM`, `GRU`, `RNN` and their cells), the `SLSTM`, `accelerate` and `restore` for the
models you have, `patch` and `unpatch` for torch's own operators and `check_agreement` with torch,
`trace` for gates (a `Trace`, which `load_trace` reads back), `explain` for what they remember and
`memory` for every figure behind it,
`to_onnx` and `from_onnx` for ONNX files,
`Stream` for one step at a time, `EventCodec` for sensor series as few messages, `init` for starting
values and `LengthCurriculum` for sequences that grow, `Forecaster` for tables and `tune` for its
settings, `Classifier` and `Regressor` for labelled sequences, `Tagger` for labels of their steps,
`penalties` for costs on gates, `datasets` for real data to try it on, `report` for the page, `figures`
for pictures, `show_versions` for a report of a fault.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gatewise._operators import register as _register_operators

if TYPE_CHECKING:
    from gatewise import errors, figures, memory, nn, penalties, report
    from gatewise.codec import EventCodec
    from gatewise.data import datasets
    from gatewise.doctor import show_versions
    from gatewise.estimators import Classifier, Forecaster, LanguageModel, Regressor, Tagger
    from gatewise.estimators.tuning import tune
    from gatewise.explaining import explain
    from gatewise.interchange import from_onnx, to_onnx
    from gatewise.nn import (
        GRU,
        LSTM,
        RNN,
        SLSTM,
        GRUCell,
        LengthCurriculum,
        LSTMCell,
        RNNCell,
        init,
        restore,
    )
    from gatewise.nn.accelerate import accelerate
    from gatewise.programs.agreement import check_agreement
    from gatewise.programs.patching import patch, unpatch
    from gatewise.runtime import Stream
    from gatewise.tracing import Trace, load_trace, trace

    __version__: str

# Public name to the module that holds it, or to "" for a module of its own. Imported on first use,
# so that `gatewise --help` and `gatewise.datasets` need no torch.
_HOMES = {
    "errors": "",
    "figures": "",
    "memory": "",
    "nn": "",
    "penalties": "",
    "report": "",
    "datasets": "gatewise.data",
    "explain": "gatewise.explaining",
    **dict.fromkeys(
        ("Classifier", "Forecaster", "LanguageModel", "Regressor", "Tagger"), "gatewise.estimators"
    ),
    "tune": "gatewise.estimators.tuning",
    **dict.fromkeys(
        (
            *("GRU", "LSTM", "RNN", "SLSTM", "GRUCell", "LSTMCell", "RNNCell"),
            *("LengthCurriculum", "accelerate", "init", "restore"),
        ),
        "gatewise.nn",
    ),
    "EventCodec": "gatewise.codec",
    "show_versions": "gatewise.doctor",
    **dict.fromkeys(("from_onnx", "to_onnx"), "gatewise.interchange"),
    "check_agreement": "gatewise.programs.agreement",
    **dict.fromkeys(("patch", "unpatch"), "gatewise.programs.patching"),
    "Stream": "gatewise.runtime",
    **dict.fromkeys(("Trace", "load_trace", "trace"), "gatewise.tracing"),
}

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "SLSTM",
    "Classifier",
    "EventCodec",
    "Forecaster",
    "GRUCell",
    "LSTMCell",
    "LanguageModel",
    "LengthCurriculum",
    "RNNCell",
    "Regressor",
    "Stream",
    "Tagger",
    "Trace",
    "__version__",
    "accelerate",
    "check_agreement",
    "datasets",
    "errors",
    "explain",
    "figures",
    "from_onnx",
    "init",
    "load_trace",
    "memory",
    "nn",
    "patch",
    "penalties",
    "report",
    "restore",
    "show_versions",
    "to_onnx",
    "trace",
    "tune",
    "unpatch",
]


_register_operators()


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("gatewise")
    if name not in _HOMES:
        raise AttributeError(f"module 'gatewise' has no attribute {name!r}")
    home = _HOMES[name]
    value = getattr(import_module(home), name) if home else import_module(f"gatewise.{name}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
