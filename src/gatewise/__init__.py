"""gatewise: recurrent networks you can see inside, at full speed.

Drop-in modules (`LSTM`, `GRU`, `RNN` and their cells), `accelerate` and `restore` for the models you
have, `trace` for their gates, `init` for starting values, `Forecaster` for tables, `datasets` for real
data to try it on, `report` for the page.
"""

from importlib.metadata import version

from gatewise import errors, report
from gatewise.data import datasets
from gatewise.models import Forecaster
from gatewise.nn import (
    GRU,
    LSTM,
    RNN,
    GRUCell,
    LSTMCell,
    RNNCell,
    accelerate,
    init,
    restore,
)
from gatewise.trace import trace

__version__ = version("gatewise")

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Forecaster",
    "GRUCell",
    "LSTMCell",
    "RNNCell",
    "__version__",
    "accelerate",
    "datasets",
    "errors",
    "init",
    "report",
    "restore",
    "trace",
]
