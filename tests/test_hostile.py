"""Public entry points with arguments that nobody should give: never an error from the inside."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

import gatewise as gw
from gatewise.errors import GatewiseError

HOSTILE: dict[str, Any] = {
    "None": None,
    "object": object(),
    "text": "x",
    "no text": "",
    "bytes": b"x",
    "negative": -1,
    "half": 0.5,
    "nan": float("nan"),
    "True": True,
    "no list": [],
    "list of None": [None],
    "dict": {"a": 1},
    "array": np.zeros(3),
    "array of texts": np.array(["a"]),
    "tensor": torch.zeros(2),
    "scalar tensor": torch.tensor(float("nan")),
    "frame": pl.DataFrame({"a": [1]}),
    "class": torch.nn.LSTM,
    "function": lambda *_: None,
}


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.head = torch.nn.LSTM(3, 4), torch.nn.Linear(4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.rnn(x)[0])[-1]


def recorded() -> tuple[Net, torch.Tensor, gw.Trace]:
    torch.manual_seed(0)
    net, x = Net(), torch.randn(8, 4, 3)
    with torch.no_grad(), gw.trace(net) as trace:
        net(x)
    return net, x, trace


def entries() -> dict[str, tuple[Callable[..., Any], dict[str, Any]]]:
    """Return each entry point with good arguments, by name."""
    net, x, trace = recorded()
    gates, y = trace["rnn"], torch.zeros(4, 1)
    on_model = {"model": net, "inputs": x}
    found: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
        "trace": (lambda **given: gw.trace(**given).__enter__(), {"model": net}),
        "accelerate": (gw.accelerate, {"model": torch.nn.LSTM(2, 2)}),
        "restore": (gw.restore, {"model": torch.nn.LSTM(2, 2)}),
        "open_forget_gate": (gw.init.open_forget_gate, {"module": torch.nn.LSTM(2, 2)}),
        "chrono": (gw.init.chrono, {"module": torch.nn.LSTM(2, 2), "max_lag": 9}),
        "Stream": (gw.Stream, {"module": gw.LSTM(2, 2)}),
        "load_trace": (gw.load_trace, {"path": "/nowhere"}),
        "to_dataframe": (trace.to_dataframe, {}),
        "calls": (trace.calls, {"name": "rnn"}),
        "record": (trace.record, {"name": "rnn"}),
        "check_unchanged": (trace.check_unchanged, {"model": net}),
    }
    for name in ("forget_cost", "write_cost", "saturation_cost"):
        found[name] = (getattr(gw.penalties, name), {"gates": gates})
    for name in ("highway", "connectivity"):
        found[name] = (getattr(gw.memory, name), on_model)
    found["context_need"] = (gw.memory.context_need, {**on_model, "targets": y})
    for name in ("gate_timescale", "saturation", "redundancy"):
        found[name] = (getattr(gw.memory, name), {"gates": gates})
    return found


ENTRIES = list(entries())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("entry", ENTRIES)
def test_hostile_arguments_are_refused_by_name(entry: str) -> None:
    """One argument at a time; what is taken is taken, what is not is an error of ours or a type's."""
    call, good = entries()[entry]
    of = gw.trace if entry == "trace" else call
    wrong: list[str] = []
    for name, parameter in inspect.signature(of).parameters.items():
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        for label, value in HOSTILE.items():
            try:
                call(**{**good, name: value})
            except GatewiseError as error:
                wrong += [f"{name}={label}: {error}"] if "\n" in str(error) else []
            except (TypeError, ValueError) as error:
                wrong += [] if str(error) else [f"{name}={label}: {error!r}"]
            except Exception as error:
                wrong.append(f"{name}={label}: {error!r:.120}")
    assert not wrong
