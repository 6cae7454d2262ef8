"""Cells of other packages, taken by `gw.accelerate` and given back by `gw.restore`."""

from __future__ import annotations

import copy
import pickle
import sys

import pytest
import torch
from tests.nn import published_cells
from tests.nn.published_cells import Layer, sLSTMCell, sLSTMCell_vanilla
from tests.nn.recurrent import inputs
from tests.tolerances import assert_close64
from torch import Tensor

import gatewise as gw
from gatewise.errors import GatewiseWarning, InputError, OptionError
from gatewise.nn import adapters

B, T, UNITS, HEADS = 3, 5, 12, 2
KINDS = pytest.mark.parametrize("kind", [sLSTMCell, sLSTMCell_vanilla])


def build(kind: type) -> tuple[torch.nn.Module, torch.nn.Module]:
    """Return a cell and a copy of it that is turned."""
    torch.manual_seed(0)
    cell = kind(UNITS, HEADS)
    with torch.no_grad():
        cell._bias_[:UNITS] += 20  # beyond tirex's clamp of the forget gate in some units
    return cell, gw.accelerate(copy.deepcopy(cell))


def as_ours(state: Tensor) -> list[Tensor]:
    """Return what of a published state counts: h, c / n and m + log n."""
    h, c, n, m = state
    return [h, c / n, m + n.log()]


@KINDS
@pytest.mark.parametrize("carried", [False, True])
def test_a_turned_cell_gives_what_the_package_gives(kind: type, carried: bool) -> None:
    cell, turned = build(kind)
    x = inputs(B, T, 4 * UNITS)
    state = cell(inputs(B, 3, 4 * UNITS, seed=2))[1].detach() if carried else None
    results = []
    for one in (cell, turned):
        own = x.clone().requires_grad_()
        output, end = one(own, state)
        grads = torch.autograd.grad(output.square().sum(), [own, *one.parameters()])
        results.append([output, *as_ours(end), *grads])
    assert results[0][0].shape == (B, HEADS, T, UNITS // HEADS)
    for number, (theirs, mine) in enumerate(zip(*results, strict=True)):
        assert_close64(mine, theirs, f"{number}")
    again = turned(x[:, :2], turned(x, state)[1])[0]
    assert_close64(again, cell(x[:, :2], cell(x, state)[1])[0])


@KINDS
def test_parameters_names_and_the_way_back(kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = kind.__module__.split(".")
    for count in range(1, len(parts) + 1):  # where pickle looks for the class
        monkeypatch.setitem(sys.modules, ".".join(parts[:count]), published_cells)
    cell, turned = build(kind)
    assert list(turned.state_dict()) == list(cell.state_dict()) == ["_recurrent_kernel_", "_bias_"]
    assert [name for name, _ in turned.named_parameters()] == ["_recurrent_kernel_", "_bias_"]
    assert isinstance(turned, kind)
    x = inputs(B, T, 4 * UNITS)
    expected = turned(x)[0]
    for other in (copy.deepcopy(turned), pickle.loads(pickle.dumps(turned))):
        assert torch.equal(other(x)[0], expected)
        with torch.no_grad():
            other._bias_.zero_()
        assert not torch.equal(other(x)[0], expected)  # of its own weights
    assert gw.accelerate(turned, report=True).taken == ("",)
    assert gw.restore(turned) is turned
    assert type(turned) is kind
    assert not list(turned.children())
    assert torch.equal(turned(x)[0], cell(x)[0])


@KINDS
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_what_is_kept_between_calls_follows_every_change(kind: type, mode: type) -> None:
    cell, turned = build(kind)
    cell.requires_grad_(False)
    turned.requires_grad_(False)
    x = inputs(B, T, 4 * UNITS)

    def both_agree() -> Tensor:
        with mode():
            found = turned(x)[0]
            assert torch.equal(turned(x)[0], found)
            assert_close64(found, cell(x)[0])
        return found

    first = both_agree()
    for one in (cell, turned):  # leaves no trace in the tensor's version
        one._recurrent_kernel_.data.mul_(-1)
    second = both_agree()
    assert not torch.equal(first, second)
    for one in (cell, turned):
        one._bias_.numpy()[:] += 0.5
        one._recurrent_kernel_.numpy()[0] *= 0.5
    assert not torch.equal(both_agree(), second)
    for one in (cell, turned):
        one._recurrent_kernel_ = torch.nn.Parameter(torch.ones_like(one._recurrent_kernel_) / 9)
    both_agree()
    own = x.clone().requires_grad_()  # what was kept without gradients serves in a graph
    turned(own)[0].sum().backward()
    assert own.grad is not None
    assert len(pickle.dumps(copy.deepcopy(turned).recurrence.__getstate__()["_kept"])) < 100


def test_a_model_of_layers_is_taken_traced_and_explained() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(*(Layer(sLSTMCell(UNITS, HEADS), UNITS) for _ in range(2)))
    x = inputs(B, T, UNITS)
    expected = model(x)
    report = gw.accelerate(model, report=True)
    assert report.taken == ("0.slstm_cell", "1.slstm_cell")
    assert_close64(model(x), expected)
    with gw.trace(model) as record:
        model(x)
    assert list(record) == ["0.slstm_cell.recurrence", "1.slstm_cell.recurrence"]
    gates = record["1.slstm_cell.recurrence"]
    assert gates["keep"].shape == (1, 1, T, B, UNITS)
    torch.testing.assert_close(gates["hidden"], gates["output"] * gates["cell"])
    assert gw.memory.gate_timescale(gates).steps.shape == (1, 1, UNITS)
    recurrence = model[0].slstm_cell.recurrence
    assert gw.memory.highway(recurrence, inputs(T, B, 4 * UNITS), max_lag=2).reading
    out, _ = model[1].slstm_cell(
        torch.cat(
            [
                g(model[0](x))
                for g in (model[1].fgate, model[1].igate, model[1].zgate, model[1].ogate)
            ],
            -1,
        )
    )
    assert_close64(
        gates["hidden"][0, 0].transpose(0, 1).double(), out.transpose(1, 2).flatten(2).detach()
    )


def test_what_is_left_to_the_package() -> None:
    cell, turned = build(sLSTMCell)
    x = inputs(B, T, 4 * UNITS)
    state = cell(x)[1].detach()
    state[:, 1] = 0  # a fresh row beside running ones: the package looks at the whole batch
    assert torch.equal(turned(x, state)[0], cell(x, state)[0])


def test_unknown_forms_are_left_and_named() -> None:
    cell = sLSTMCell(UNITS, HEADS)
    cell.backend = "cuda"
    other = sLSTMCell_vanilla(UNITS, HEADS)
    other.config.function = "lstm"
    strange = sLSTMCell(UNITS, HEADS)
    strange._bias_ = torch.nn.Parameter(torch.zeros(3))
    low = sLSTMCell(UNITS, HEADS, torch.bfloat16)
    model = torch.nn.ModuleList([cell, other, strange, low, torch.nn.LSTM(2, 2)])
    with pytest.warns(
        GatewiseWarning, match="'0' is a cell of tirex-ts that runs on its backend 'cuda'"
    ):
        gw.accelerate(model)
    left = gw.accelerate(model, report=True).left
    assert left["1"] == "is a cell of xlstm that has function='lstm'; gatewise knows 'slstm'"
    assert "parameters of other shapes than gatewise knows" in left["2"]
    assert "holds torch.bfloat16" in left["3"]
    with pytest.raises(InputError, match="left as it is: 'the model' is a cell of tirex-ts"):
        gw.accelerate(cell)


class Mine(torch.nn.Module):
    """A user's own cell, which joins the registry: an LSTM of the products of each step."""

    def __init__(self) -> None:
        super().__init__()
        self.R = torch.nn.Parameter(torch.randn(8, 2, dtype=torch.float64))
        self.b = torch.nn.Parameter(torch.randn(8, dtype=torch.float64))

    def forward(self, input: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        h, c = input.new_zeros(2, len(input), 2) if state is None else state
        outputs = []
        for x in input.unbind(1):
            i, f, g, o = (x + h @ self.R.T + self.b).chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            outputs.append(h)
        return torch.stack(outputs, 1)[:, None], torch.stack([h, c])


def _one(_: torch.nn.Module) -> int:
    return 1


def _weight(cell: torch.nn.Module) -> Tensor:
    return cell.R


def _bias(cell: torch.nn.Module) -> Tensor:
    return cell.b


def _never(_: torch.nn.Module) -> str:
    return ""


def test_a_users_own_cell_joins() -> None:
    mine = adapters.Adapter("mine", __name__, "Mine", "lstm", _one, _weight, _bias, _never)
    with pytest.raises(OptionError, match="no cell 'lstn' is registered"):
        adapters.register(
            adapters.Adapter("mine", "", "Mine", "lstn", _one, _weight, _bias, _never)
        )
    adapters.register(mine)
    try:
        cell, x = Mine(), inputs(B, T, 8)
        expected, end = cell(x)
        found, state = gw.accelerate(cell)(x)
        assert_close64(found, expected)
        assert_close64(state, end)
        assert_close64(cell(x, state)[0], Mine.forward(cell, x, end)[0])
    finally:
        adapters.ADAPTERS.remove(mine)


def test_products_of_another_width_are_refused() -> None:
    turned = build(sLSTMCell)[1]
    with pytest.raises(RuntimeError, match="must be equal to input_size"):
        turned(inputs(B, T, 4 * UNITS - 1))
