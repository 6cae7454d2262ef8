"""Copies made while a trace is open carry nothing of it: no hook, no record, no class of ours."""

from __future__ import annotations

import copy
import gc
import io
import multiprocessing
import os
import pickle
import subprocess
import sys
import weakref
from collections.abc import Callable

import pytest
import torch
from tests.nn.recurrent import B, H, I, T
from torch.nn.utils import parametrizations
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader, Dataset

import gatewise as gw
from gatewise.tracing import trace


class Model(torch.nn.Module):
    """An encoder, and a cell whose steps are counted by the calls of the whole model."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = torch.nn.LSTM(I, H)
        self.cell = torch.nn.GRUCell(H, H)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        state = None
        for step in self.encoder(x)[0]:
            state = self.cell(step, state)
        return state


class Subclass(torch.nn.GRU):
    """torch's forward under another name."""


def saved(model: torch.nn.Module) -> bytes:
    buffer = io.BytesIO()
    torch.save(model, buffer)
    return buffer.getvalue()


def loaded(content: bytes) -> torch.nn.Module:
    return torch.load(io.BytesIO(content), weights_only=False)


def pickled(model: torch.nn.Module) -> torch.nn.Module:
    return pickle.loads(pickle.dumps(model))


WAYS: dict[str, Callable[[torch.nn.Module], torch.nn.Module]] = {
    "deepcopy": copy.deepcopy,
    "pickle": pickled,
    "torch.save": lambda model: loaded(saved(model)),
    "copy": copy.copy,
    "averaged": lambda model: AveragedModel(model).module,
}
MAKERS: dict[str, Callable[[], torch.nn.Module]] = {
    "stock": Model,
    "accelerated": lambda: gw.accelerate(Model()),
    "lstm": lambda: torch.nn.LSTM(I, H, num_layers=2),
    "gatewise": lambda: gw.GRU(I, H),
    "reference": lambda: gw.RNN(I, H, engine="reference"),
    "subclass": lambda: Subclass(I, H),
    "normed": lambda: parametrizations.weight_norm(torch.nn.LSTM(I, H), "weight_hh_l0"),
}


def everything_of(model: torch.nn.Module) -> list[object]:
    return [(type(part), sorted(vars(part)), _hooks(part)) for part in model.modules()]


def _hooks(part: torch.nn.Module) -> list[int]:
    return [len(value) for name, value in vars(part).items() if "hooks" in name]


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("way", WAYS)
def test_a_copy_is_the_copy_that_one_would_get_without_a_trace(maker: str, way: str) -> None:
    if maker == "normed" and way in ("pickle", "torch.save", "copy"):
        pytest.skip("torch refuses it for parametrized modules")
    torch.manual_seed(0)
    model, x = MAKERS[maker](), torch.randn(T, B, I)
    expected = everything_of(WAYS[way](model))
    with torch.no_grad(), trace(model) as record:
        answer = model(x)
        made = WAYS[way](model)
        calls = {name: record.count(name) for name in record.names}
        parts = {id(part) for part in model.modules()}
        if not {id(part) for part in made.modules()} & parts:  # a shallow copy shares the inside
            again = made(x)
            for one, other in zip(_flat(answer), _flat(again), strict=True):
                assert torch.equal(one, other)
            assert {name: record.count(name) for name in record.names} == calls
    assert everything_of(made) == expected
    if maker != "subclass":
        assert gw.restore(made) is made
    torch.testing.assert_close(_flat(made(x))[0], _flat(answer)[0], check_device=False)


def _flat(output: object) -> list[torch.Tensor]:
    if isinstance(output, torch.Tensor):
        return [output]
    return [tensor for part in output for tensor in _flat(part)]  # type: ignore[attr-defined]


@pytest.mark.parametrize("way", WAYS)
def test_copies_do_not_hold_the_record(way: str) -> None:
    model, copies, x = Model(), [], torch.randn(T, B, I)
    before = len(pickle.dumps(model))
    with torch.no_grad(), trace(model) as record:
        for _ in range(3):
            model(x)
            copies.append(WAYS[way](model))
            assert len(pickle.dumps(model)) == before
    alive = [weakref.ref(record), weakref.ref(record["encoder"].forget)]
    del record
    gc.collect()
    assert [ref() for ref in alive] == [None, None]


def test_what_was_saved_inside_loads_without_gatewise(tmp_path) -> None:
    model = torch.nn.LSTM(I, H)
    with trace(model):
        model(torch.randn(T, B, I))
        torch.save(model, tmp_path / "model.pt")
    code = (
        "import sys, torch; torch.load(sys.argv[1], weights_only=False); "
        "assert not any(name.startswith('gatewise') for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "model.pt"], check=True, timeout=120)


def test_a_module_made_or_copied_inside_can_be_traced_too() -> None:
    model, x = Model(), torch.randn(T, B, I)
    with trace(model) as outer:
        twin = copy.deepcopy(model)
        with trace(twin) as inner:
            twin(x)
        model(x)
    assert outer.count("encoder") == inner.count("encoder") == 1
    assert torch.equal(outer["cell"].hidden, inner["cell"].hidden)
    assert torch.nn.LSTM.forward.__module__ == "torch.nn.modules.rnn"
    assert not hasattr(torch.nn.LSTM.forward, "_watched_forward")
    assert not hasattr(Model.forward, "_watched_forward")


def test_the_steps_of_a_cell_belong_to_one_call_of_a_model_with_a_forward_of_the_instance() -> None:
    model, x = Model(), torch.randn(T, B, I)
    model.forward = lambda x: Model.forward(model, x)
    with trace(model) as record:
        model(x)
        model(x)
    assert [call.hidden.shape[2] for call in record.calls("cell")] == [T, T]


class Features(Dataset):
    """What a model makes of a row, computed where the row is read."""

    def __init__(self, model: torch.nn.Module) -> None:
        self.model = model

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> torch.Tensor:
        with torch.no_grad():
            return self.model(torch.full((T, B, I), float(index)))


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_workers_of_a_loader_run_the_model_and_record_nothing(start: str) -> None:
    torch.manual_seed(0)
    model = gw.accelerate(Model())
    data = Features(model)
    with trace(model) as record:
        plain = [data[i] for i in range(4)]
        loader = DataLoader(data, num_workers=1, multiprocessing_context=start, batch_size=None)
        found = list(loader)
        assert record.count("encoder") == 4
    assert all(map(torch.equal, plain, found))


def test_a_forked_process_records_nothing() -> None:
    model = Model()
    with trace(model) as record:
        context = multiprocessing.get_context("fork")
        receiver, sender = context.Pipe(duplex=False)

        def child() -> None:
            model(torch.randn(T, B, I))
            sender.send((os.getpid(), record.count("encoder")))

        process = context.Process(target=child)
        process.start()
        pid, count = receiver.recv()
        process.join()
    assert pid != os.getpid()
    assert count == 0
