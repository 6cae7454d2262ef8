"""A patch of torch's operators: whom it reaches, where it steps aside, and that it leaves no trace."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

import gatewise as gw
from gatewise.engines import fused
from gatewise.programs import operators, patching
from gatewise.programs.operators import KEYS, OPERATORS
from gatewise.programs.taking import MEMORY, WATCHED, Call

STEPS, ROWS, INPUTS, UNITS = 40, 3, 5, 8


class Seen:
    """Notes what became of each call: an empty string where it was taken, else why it was left."""

    def __init__(self) -> None:
        self.outcomes: list[str] = []

    def __call__(
        self, name: str, call: Call, attempt: Callable[[], Any], rest: Callable[[], Any]
    ) -> Any:
        found = attempt()
        self.outcomes.append(found if isinstance(found, str) else "")
        return rest() if isinstance(found, str) else found


@pytest.fixture
def seen() -> Iterator[Seen]:
    note = Seen()
    patching.observe(note)
    yield note
    patching.observe(None)
    gw.unpatch()


def gru(**options: Any) -> nn.GRU:
    torch.manual_seed(0)
    return nn.GRU(INPUTS, UNITS, **options)


def data() -> Tensor:
    return torch.randn(STEPS, ROWS, INPUTS, generator=torch.Generator().manual_seed(1))


def is_replaced() -> bool:
    has = torch._C._dispatch_has_kernel_for_dispatch_key
    found = {has(f"aten::{operator.name}", key) for operator in OPERATORS for key in KEYS}
    assert len(found) == 1  # all or none
    return found.pop()


def test_it_is_undone_without_a_trace() -> None:
    before, passes = set(torch.library._impls), dict(fused.PASSES)
    theirs = gru()(data())[0]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with gw.patch():
            assert is_replaced()
            gru()(data())
    assert told == []
    assert not is_replaced()
    assert set(torch.library._impls) == before
    assert passes == fused.PASSES
    assert torch.equal(gru()(data())[0], theirs)


def test_patches_nest_and_are_idempotent() -> None:
    with gw.patch() as outer, gw.patch():
        pass
    assert not is_replaced()
    gw.patch()
    with gw.patch() as inner:
        assert repr(inner).endswith("on>")
        assert repr(outer).endswith("off>")
    assert is_replaced()  # for whoever asked first
    gw.patch()
    gw.unpatch()
    assert not is_replaced()
    gw.unpatch()


def test_an_exception_inside_leaves_nothing_behind() -> None:
    with pytest.raises(ZeroDivisionError), gw.patch():
        _ = 1 / 0
    assert not is_replaced()


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = gru(bidirectional=True, num_layers=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x)[0]


class Sub(nn.LSTM):
    def forward(self, input: Tensor, hx: Any = None) -> Any:
        return super().forward(2 * input, hx)


def test_it_reaches_whoever_comes_to_the_operators(seen: Seen) -> None:
    x = data()
    packed = nn.utils.rnn.pack_padded_sequence(x, [STEPS, 30, 20])
    zeros = torch.zeros(1, ROWS, UNITS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of torch.jit itself
        script = torch.jit.script(Net())
    calls: list[Callable[[], Any]] = [
        lambda: gru()(x)[0],
        lambda: Sub(INPUTS, UNITS)(x)[0],
        lambda: gru()(packed)[0].data,
        lambda: script(x),
        lambda: torch.gru(x, zeros, gru()._flat_weights, True, 1, 0.0, False, False, False)[0],
        lambda: nn.RNN(INPUTS, UNITS, nonlinearity="relu")(x)[0],
    ]  # fmt: skip
    for call in calls:
        torch.manual_seed(3)
        theirs = call().detach()
        with gw.patch():
            torch.manual_seed(3)
            ours = call().detach()
            with torch.inference_mode():
                torch.manual_seed(3)
                torch.testing.assert_close(call(), theirs, rtol=0, atol=1e-5)
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)
    assert seen.outcomes == [""] * 2 * len(calls)


@pytest.mark.parametrize("contiguous", [False, True])
def test_training_is_torchs(seen: Seen, contiguous: bool) -> None:
    x = data().transpose(0, 1)
    x = x.contiguous() if contiguous else x

    def train() -> list[Tensor]:
        torch.manual_seed(4)
        model = nn.LSTM(INPUTS, UNITS, 2, dropout=0.5, batch_first=True)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            out, (h, _) = model(x)
            optimizer.zero_grad()
            (out.square().mean() + h.mean()).backward()
            optimizer.step()
        return [parameter.detach() for parameter in model.parameters()]

    theirs = train()
    with gw.patch():
        ours = train()
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)
    assert seen.outcomes == ["", "", ""]


class Names(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.append(str(func))
        return func(*args, **(kwargs or {}))


def test_whoever_watches_sees_torch_as_ever(seen: Seen) -> None:
    x, model = data(), gru()

    def by_mode() -> Any:
        with Names() as mode:
            model(x)
        return mode.names

    def by_autocast() -> Any:
        with torch.autocast("cpu", torch.bfloat16):
            return model(x)[0].dtype

    def by_functorch() -> Any:
        one = torch.func.functional_call
        return torch.func.grad(lambda v: one(model, dict(model.named_parameters()), (v,))[0].sum())(
            x
        )

    def by_export() -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", UserWarning
            )  # of the list of weights in torch's modules
            return [str(node.target) for node in torch.export.export(Net(), (x,)).graph.nodes]

    def by_trace() -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return [node.kind() for node in torch.jit.trace(Net(), x).inlined_graph.nodes()]

    for look in (by_mode, by_autocast, by_functorch, by_export, by_trace):
        theirs = look()
        with gw.patch():
            ours = look()
        assert torch.equal(ours, theirs) if isinstance(ours, Tensor) else ours == theirs, look
    assert seen.outcomes.count(WATCHED) >= 3


def test_a_compiled_model_is_torchs(seen: Seen) -> None:
    x, graphs = data(), []

    def keep(graph: Any, _: Any) -> Any:
        graphs.append(sorted(str(node.target) for node in graph.graph.nodes))
        return graph.forward

    for patched in (False, True):
        if patched:
            gw.patch()
        torch._dynamo.reset()
        with torch._dynamo.config.patch(allow_rnn=True):
            torch.compile(gru(), backend=keep)(x)
    assert len(graphs) == 2
    assert graphs[0] == graphs[1]


def test_tensors_that_are_not_plain_are_left_alone(seen: Seen) -> None:
    with gw.patch():
        assert gru().bfloat16()(data().bfloat16())[0].dtype is torch.bfloat16
        assert gru().to("meta")(data().to("meta"))[0].is_meta
        with torch._subclasses.FakeTensorMode() as mode:
            fake = mode.from_tensor(data())
            assert gru()(fake)[0].shape == (STEPS, ROWS, UNITS)
        lost = gru()
        lost.weight_hh_l0.untyped_storage().resize_(0)
        with pytest.raises(RuntimeError):
            lost(data())
    assert "" not in seen.outcomes
    assert MEMORY in seen.outcomes


def test_an_engine_that_is_named_stays_it(seen: Seen) -> None:
    x = data().transpose(0, 1)
    model = gw.GRU(INPUTS, UNITS, batch_first=True, engine="torch")
    theirs = model(x)[0], model(x.contiguous())[0]
    with gw.patch():
        assert torch.equal(model(x)[0], theirs[0])
        assert torch.equal(model(x.contiguous())[0], theirs[1])
    assert "" not in seen.outcomes


def test_errors_are_torchs() -> None:
    model = gru()
    told = []
    for wrong in (
        torch.zeros(STEPS, ROWS, 4),
        torch.zeros(0, ROWS, INPUTS),
        torch.zeros(STEPS, ROWS, INPUTS).double(),
    ):
        for patched in (False, True):
            held = gw.patch() if patched else nullcontext()
            with held, pytest.raises((RuntimeError, ValueError)) as caught:
                model(wrong)
            told.append(str(caught.value))
    assert told[::2] == told[1::2]


def test_threads_may_come_and_go() -> None:
    x, model = data(), gru()
    theirs = model(x)[0]
    wrong: list[str] = []

    def work() -> None:
        for _ in range(20):
            with gw.patch():
                if not torch.allclose(model(x)[0], theirs, atol=1e-5):
                    wrong.append("other values")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert not is_replaced()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_has_it_too() -> None:
    with gw.patch(), torch.no_grad():
        gru()(data())
        child = os.fork()
        if child == 0:
            with patching._STATE.lock:
                fine = is_replaced() and bool(gru()(data())[0].isfinite().all())
            os._exit(0 if fine else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_before_get_kernel_the_call_goes_on_under_another_key(
    monkeypatch: pytest.MonkeyPatch, seen: Seen
) -> None:
    monkeypatch.delattr(torch.library, "get_kernel", raising=False)
    model, x = gru(), data()[:1]
    packed = nn.utils.rnn.pack_sequence([x[:, 0], x[:, 1]])
    theirs = model(x)[0], model(packed)[0].data
    gw.patch()
    assert torch.equal(model(x)[0], theirs[0])
    assert torch.equal(model(packed)[0].data, theirs[1])
    assert len(seen.outcomes) == 2
    assert "" not in seen.outcomes
    with torch.inference_mode():
        assert torch.equal(model(x)[0], theirs[0])


def test_single_cells_are_left_to_torch() -> None:
    with gw.patch():
        for name in operators.LEFT_ALONE:
            has = torch._C._dispatch_has_kernel_for_dispatch_key
            assert not any(has(f"aten::{name}", key) for key in KEYS)


def test_without_the_core_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patching, "NOT_BUILT", "the native core is not built: no file")
    with pytest.raises(gw.errors.EngineError, match="patch: the native core is not built"):
        gw.patch()
