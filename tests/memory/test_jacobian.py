"""The Jacobian of the state through time: equal to autograd's, through gates and weights alone."""

from __future__ import annotations

import pytest
import torch
from tests.memory import stepwise
from tests.nn.recurrent import as_hx, as_states
from torch import Tensor

import gatewise as gw
from gatewise.cells import CellSpec
from gatewise.errors import InputError
from gatewise.memory.gradients import _transitions
from gatewise.memory.gradients._jacobian import adjoints, log_direct, state_jacobian
from gatewise.memory.gradients._strand import Reading, Samples, Strand
from gatewise.nn.structure import parameters_of, spec_of, suffixes_of

T, B, I, H, P = 13, 3, 2, 5, 3  # noqa: E741 - the sizes of the shape comments
LENGTHS = torch.tensor([T, 9, 11])
JACOBIAN = 1e-10
"""Float64: products of at most 13 matrices of 8 rows."""

KINDS = {
    "lstm": (gw.LSTM, {}),
    "projected": (gw.LSTM, {"proj_size": P}),
    "gru": (gw.GRU, {}),
    "tanh": (gw.RNN, {}),
    "relu": (gw.RNN, {"nonlinearity": "relu"}),
}


def build(name: str, engine: str = "reference") -> torch.nn.RNNBase:
    torch.manual_seed(3)
    kind, options = KINDS[name]
    module = kind(I, H, 2, bidirectional=True, engine=engine, dtype=torch.float64, **options)
    with torch.no_grad():
        for weight in module.parameters():
            weight.mul_(2.5)  # gates that differ, and products that neither vanish nor are diagonal
    return module


def strand_of(
    module: torch.nn.RNNBase,
    gates: gw.nn.Gates,
    layer: int,
    direction: int,
    read: Reading | None = None,
) -> Strand:
    weights = parameters_of(module, suffixes_of(module)[2 * layer + direction])
    return Strand.of(spec_of(module), weights, gates, layer, direction, read)


def inputs_of(gates: gw.nn.Gates, x: Tensor, layer: int, direction: int, row: int) -> Tensor:
    """Return what the layer reads `[T, I]`, in the direction's own order."""
    if layer:
        x = torch.cat(list(gates.hidden[layer - 1]), dim=-1)
    steps = x[: LENGTHS[row], row]
    return steps.flip(0) if direction else steps


@pytest.mark.parametrize("engine", ["reference", "native", "torch"])
@pytest.mark.parametrize("name", KINDS)
def test_it_equals_autograd_s_in_every_layer_and_direction(name, engine):
    module = build(name, engine)
    x = torch.randn(T, B, I, dtype=torch.float64)
    with torch.no_grad():
        gates = module(x, lengths=LENGTHS, return_gates=True)[2]
    for layer in range(2):
        for direction in range(2):
            strand = strand_of(module, gates, layer, direction)
            weights = stepwise.weights_of(module, layer, direction)
            for row in range(B):
                read = inputs_of(gates, x, layer, direction, row)
                time = int(LENGTHS[row]) - 1
                for state in ("cell", "full"):
                    for source in (time, time - 1, 4, 0):
                        rows, scale = state_jacobian(strand, time, source, row=row, state=state)
                        ours = rows * scale.exp()[:, None]
                        theirs = stepwise.jacobian(module, weights, read, time, source, state)
                        assert (ours - theirs).abs().max() <= JACOBIAN * (1 + theirs.abs().max())


@pytest.mark.parametrize("state", ["cell", "full"])
@pytest.mark.parametrize("name", KINDS)
def test_differentiating_the_step_equals_the_closed_form(name, state, monkeypatch):
    """In every layer and direction, of rows of different lengths, and inside inference mode."""
    module = build(name)
    x = torch.randn(T, B, I, dtype=torch.float64)
    samples = Samples(torch.arange(B), LENGTHS - 1)
    with torch.inference_mode():
        states = tuple(torch.randn_like(state) for state in as_states(module(x)[1]))
        read = Reading(x, states)
        gates = module(x, as_hx(states), lengths=LENGTHS, return_gates=True)[2]
        for layer in range(2):
            for direction in range(2):
                strand = strand_of(module, gates, layer, direction, read)
                seeds = torch.eye(strand.units(state)).double().expand(B, -1, -1)
                closed = list(adjoints(strand, samples, seeds, 8, state))
                with monkeypatch.context() as patch:
                    patch.setattr(_transitions, "CLOSED", {})
                    other = list(adjoints(strand, samples, seeds, 8, state))
                for (rows, scale), (theirs, at) in zip(closed, other, strict=True):
                    exact = rows * scale.exp()[..., None]
                    difference = (exact - theirs * at.exp()[..., None]).abs().max()
                    assert difference <= JACOBIAN * (1 + exact.abs().max())


def test_a_step_that_remembers_nothing_has_a_jacobian_of_zeros():
    def step(wx, rh, state, parameters):
        return (torch.tanh(wx),), {"hidden": torch.tanh(wx)}

    spec = CellSpec("none", ("hidden",), ("hidden",), ("hidden",), step)
    hidden = torch.ones(1, 1, 4, 1, 2, dtype=torch.float64)
    gates = gw.nn.Gates({"hidden": hidden}, torch.tensor([4]))
    weights = parameters_of(gw.RNN(3, 2, dtype=torch.float64), "_l0")
    strand = Strand.of(spec, weights, gates, 0, 0, Reading(torch.zeros(4, 1, 3).double(), None))
    assert torch.equal(state_jacobian(strand, 3, 2)[0], torch.zeros(2, 2).double())
    assert torch.equal(state_jacobian(strand, 3, 3)[0], torch.eye(2).double())


def test_the_direct_path_is_the_product_of_the_gates_that_keep():
    module = build("lstm")
    x = torch.randn(T, B, I, dtype=torch.float64)
    with torch.no_grad():
        gates = module(x, return_gates=True)[2]
    strand = strand_of(module, gates, 1, 0)
    samples = Samples(torch.tensor([0, 2]), torch.tensor([T - 1, 8]))
    direct = log_direct(strand, samples, 8).exp()
    forget = gates.forget[1, 0]
    for lag in range(9):
        assert direct[lag, 0] == pytest.approx(forget[T - lag : T, 0].prod(dim=0))
        assert direct[lag, 1] == pytest.approx(forget[9 - lag : 9, 2].prod(dim=0))


def test_without_recurrent_weights_the_total_is_the_direct_path_beyond_the_range_of_float64():
    """Forget gates of about e^-3 over 2,000 steps: a product of e^-6000."""
    module = gw.LSTM(I, H, dtype=torch.float64)
    with torch.no_grad():
        module.weight_hh_l0.zero_()
        module.bias_ih_l0[H : 2 * H] = -3.0
        gates = module(torch.randn(2000, 1, I, dtype=torch.float64), return_gates=True)[2]
    strand = Strand.of(spec_of(module), parameters_of(module, "_l0"), gates, layer=0, direction=0)
    samples = Samples(torch.tensor([0]), torch.tensor([1999]))
    rows, scale = state_jacobian(strand, 1999, 0)
    log_diagonal = rows.diagonal().log() + scale
    direct = log_direct(strand, samples, 1999)[-1, 0]
    assert direct.max() < -5000
    torch.testing.assert_close(log_diagonal, direct, rtol=1e-12, atol=0)
    assert torch.equal(rows, torch.diag(rows.diagonal()))


def test_a_growing_product_does_not_overflow():
    """h_t = 3 h_(t-1) by the rectifier: a Jacobian of 3^5000."""
    module = gw.RNN(1, 1, nonlinearity="relu", bias=False, dtype=torch.float64)
    torch.nn.init.constant_(module.weight_hh_l0, 3.0)
    ones = torch.ones(1, 1, 5001, 1, 1, dtype=torch.float64)
    gates = gw.nn.Gates({"hidden": ones}, torch.tensor([5001]))
    strand = Strand.of(spec_of(module), parameters_of(module, "_l0"), gates, 0, 0)
    rows, scale = state_jacobian(strand, 5000, 0)
    assert float(rows[0, 0].log() + scale[0]) == pytest.approx(5000 * torch.tensor(3.0).log())


def test_a_step_that_forgets_everything_is_zero_not_nan():
    module = gw.RNN(1, 2, nonlinearity="relu", dtype=torch.float64)
    hidden = torch.ones(1, 1, 6, 1, 2, dtype=torch.float64)
    hidden[0, 0, 3] = 0.0
    strand = Strand.of(
        spec_of(module),
        parameters_of(module, "_l0"),
        gw.nn.Gates({"hidden": hidden}, torch.tensor(6)),
        0,
        0,
    )
    rows, scale = state_jacobian(strand, 5, 0)
    assert torch.equal(rows, torch.zeros(2, 2, dtype=torch.float64))
    assert scale.isfinite().all()
    samples = Samples(torch.tensor([0]), torch.tensor([5]))
    assert len(list(adjoints(strand, samples, torch.eye(2).double()[None], 5))) == 6


def test_it_refuses_times_outside_the_row_and_a_cell_that_lacks_its_inputs():
    module = build("gru")
    with torch.no_grad():
        gates = module(torch.randn(T, B, I).double(), lengths=LENGTHS, return_gates=True)[2]
    strand = strand_of(module, gates, 0, 0)
    with pytest.raises(InputError, match=r"time < 9, the steps of row 1; got source=0, time=9"):
        state_jacobian(strand, 9, 0, row=1)
    with pytest.raises(InputError, match="source=5, time=4"):
        state_jacobian(strand, 4, 5)
    other = CellSpec("janet", ("forget",), ("hidden",), ("hidden",), spec_of(module).step)
    with pytest.raises(
        InputError, match=r"the cell 'janet' is no closed form .* the layer's inputs"
    ):
        state_jacobian(Strand.of(other, strand.parameters, gates, 0, 0), 3, 1)
