"""torch's default device and type are the user's: nothing of gatewise depends on them.

`torch.set_default_device("meta")` stands for a GPU: whatever were allocated there has no data to read.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence

import gatewise as gw

DEFAULTS = ["meta", "float64", "float16", "bfloat16"]


@pytest.fixture
def foreign() -> Iterator[Callable[[str], None]]:
    def change(name: str) -> None:
        if name == "meta":
            torch.set_default_device("meta")
        else:
            torch.set_default_dtype(getattr(torch, name))

    yield change
    torch.set_default_device(None)
    torch.set_default_dtype(torch.float32)


def values(*shape: int) -> Tensor:
    drawn = np.random.default_rng(1).standard_normal(shape)
    return torch.from_numpy(drawn.astype(np.float32))


def made(kind: type, *sizes: int, **options: object) -> torch.nn.Module:
    """Build what is the user's: on the CPU and in float32, whatever the defaults are."""
    torch.manual_seed(0)
    return kind(*sizes, device="cpu", dtype=torch.float32, **options)


def table() -> pl.DataFrame:
    t = np.arange(200)
    wave = np.sin(t / 5) + 0.1 * np.random.default_rng(0).standard_normal(200)
    return pl.DataFrame({"ds": np.datetime64("2020-01-01") + t, "y": wave, "x": np.cos(t / 7)})


def outcome(model: gw.Forecaster) -> list[Tensor]:
    predicted = model.predict(table()).select(pl.selectors.float()).to_numpy()
    weights = [w for network in model.fitted_.networks for w in network.state_dict().values()]
    return [*weights, torch.from_numpy(np.nan_to_num(predicted))]


def fitting(path: Path) -> list[Tensor]:
    plain = {"target": "y", "inputs": ["x"], "lookback": 8, "hidden_size": 6, "epochs": 2}
    first = gw.Forecaster(**plain, num_layers=2, dropout=0.2).fit(table(), progress=False)
    first.save(path / "model")
    more = {"quantiles": (0.1, 0.5, 0.9), "horizon": 2, "noise": 0.1}
    second = gw.Forecaster(**plain, cell="gru", **more).fit(table(), progress=False)
    loaded = gw.Forecaster.load(path / "model")
    return [*outcome(first), *outcome(second), *outcome(loaded)]


def tracing(path: Path) -> list[Tensor]:
    found: list[Tensor] = []
    for kind, engine in [(torch.nn.LSTM, None), *((gw.GRU, e) for e in ("native", "reference"))]:
        options = {"engine": engine} if engine else {}
        module = made(kind, 3, 4, num_layers=2, bidirectional=True, dropout=0.3, **options)
        lengths = torch.tensor([4, 9], device="cpu")
        torch.manual_seed(1)
        with gw.trace(module) as trace:
            module(values(9, 2, 3))
            module(pack_padded_sequence(values(9, 2, 3), lengths, enforce_sorted=False))
        if engine:
            *_, gates = module(values(9, 2, 3), lengths=[3, 9], return_gates=True)
            found += [*gates.values(), gates.lengths, gw.penalties.saturation_cost(gates)]
        trace.save(path / "trace")
        for call in gw.load_trace(path / "trace").calls(""):
            found += [*call.values(), call.lengths]
    cell = made(gw.LSTMCell, 3, 4)
    with gw.trace(cell) as trace:
        cell(values(2, 3))
    return [*found, *trace[""].values()]


def starting(path: Path) -> list[Tensor]:
    module = made(torch.nn.LSTM, 3, 4)
    gw.init.chrono(module, 10, generator=torch.Generator("cpu").manual_seed(1))
    gw.init.open_forget_gate(module)
    return list(module.parameters())


def streaming(path: Path) -> list[Tensor]:
    stream = gw.Stream(made(gw.LSTM, 3, 4))
    x = values(50, 2, 3).requires_grad_()
    made(gw.LSTM, 3, 4, engine="native", max_memory="sqrt")(x)[0].sum().backward()
    return [torch.from_numpy(stream.step(values(1, 3).numpy()).copy()), x.grad]


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.head = made(torch.nn.LSTM, 3, 4), made(torch.nn.Linear, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(x)[0])[-1]


def explaining(path: Path) -> list[Tensor]:
    found = gw.explain(Net(), values(20, 12, 3), values(12, 1))
    model, x = Net(), values(20, 12, 3)
    results = [
        gw.memory.horizon(model, x),
        gw.memory.highway(model, x),
        gw.memory.connectivity(model, x),
    ]
    numbers = [getattr(one, field.name) for one in results for field in fields(one)]
    arrays = [n for n in numbers if isinstance(n, np.ndarray) and n.dtype.kind in "fiu"]
    text = torch.from_numpy(np.frombuffer(str(found).encode(), dtype=np.uint8).astype(np.int64))
    return [text, *(torch.from_numpy(np.nan_to_num(n)) for n in arrays)]


@pytest.mark.parametrize("work", [fitting, tracing, starting, streaming, explaining])
def test_the_result_is_that_under_torchs_own_defaults(work, foreign, tmp_path) -> None:
    plain = work(tmp_path)
    assert len(plain) > 1
    for default in DEFAULTS:
        foreign(default)
        found = work(tmp_path)
        foreign_type = torch.get_default_dtype()
        torch.set_default_device(None)
        torch.set_default_dtype(torch.float32)
        assert foreign_type is not torch.float32 or default == "meta"
        for one, other in zip(plain, found, strict=True):
            assert (one.dtype, one.device) == (other.dtype, other.device), default
            assert torch.equal(one.nan_to_num(), other.nan_to_num()), default


WITH_A_DEVICE = {
    "arange", "as_tensor", "asarray", "empty", "empty_strided", "eye", "full", "linspace", "logspace",
    "ones", "rand", "randint", "randn", "randperm", "scalar_tensor", "tensor", "tril_indices",
    "triu_indices", "zeros",
}  # fmt: skip
WITH_A_TYPE = {
    "empty",
    "eye",
    "full",
    "linspace",
    "logspace",
    "ones",
    "rand",
    "randn",
    "zeros",
}


def test_every_allocation_names_its_device_and_its_type() -> None:
    """So that a new one is told here, on whichever path it lies."""
    found = []
    for path in sorted(Path(gw.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            name, of = node.func.attr, node.func.value
            if not isinstance(of, ast.Name) or of.id != "torch" or name not in WITH_A_DEVICE:
                continue
            given = {keyword.arg for keyword in node.keywords}
            for option, needed in (("device", WITH_A_DEVICE), ("dtype", WITH_A_TYPE)):
                if name in needed and option not in given:
                    found.append(f"{path.name}:{node.lineno}: torch.{name} without {option}=")
    assert not found
