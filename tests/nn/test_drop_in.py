"""gatewise's modules stand where torch's stood: types, state dicts, copies, files, loops, wrappers."""

from __future__ import annotations

import copy
import io
import itertools

import pytest
import torch
from tests.nn.recurrent import STOCK, B, H, I, T, as_states, build, inputs, stock_of
from torch.func import functional_call
from torch.nn.utils import parametrize
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pack_sequence

import gatewise.nn
from gatewise.engines import ENGINES
from gatewise.errors import OptionError

CELLS = pytest.mark.parametrize("cell", STOCK)
PAIRS = pytest.mark.parametrize(
    ("stock", "ours"),
    [
        (getattr(torch.nn, name), getattr(gatewise.nn, name))
        for name in ("LSTM", "GRU", "RNN", "LSTMCell", "GRUCell", "RNNCell")
    ],
    ids=lambda kind: kind.__name__,
)


@PAIRS
def test_type_repr_parameters_and_seeded_start_are_torchs(stock, ours) -> None:
    torch.manual_seed(3)
    theirs = stock(I, H)
    torch.manual_seed(3)
    mine = ours(I, H)
    assert isinstance(mine, stock)
    assert repr(mine) == repr(theirs)
    assert list(mine.state_dict()) == list(theirs.state_dict())
    for name, value in theirs.state_dict().items():
        assert torch.equal(mine.state_dict()[name], value)


@PAIRS
def test_state_dict_goes_both_ways(stock, ours) -> None:
    mine, theirs = ours(I, H), stock(I, H)
    theirs.load_state_dict(mine.state_dict())
    again = ours(I, H)
    again.load_state_dict(theirs.state_dict())
    for name, value in mine.state_dict().items():
        assert torch.equal(again.state_dict()[name], value)


def _chosen(kind: type) -> str:
    """Return what `auto` picks on the CPU: a single step is faster in torch's own cell."""
    return "torch" if issubclass(kind, torch.nn.RNNCellBase) else "native"


@PAIRS
def test_engine_shows_only_where_it_is_named(stock, ours) -> None:
    assert "engine" not in repr(ours(I, H))
    assert repr(ours(I, H, engine="reference")).endswith(", engine='reference')")
    assert ours(I, H).engine_choice().name == _chosen(ours)
    assert ours(I, H, engine="reference").engine_choice().name == "reference"


@PAIRS
def test_a_wrong_engine_is_refused_at_construction(stock, ours) -> None:
    with pytest.raises(OptionError, match="engine must be one of"):
        ours(I, H, engine="fast")


def test_positional_arguments_are_torchs() -> None:
    lstm = gatewise.nn.LSTM(3, 5, 2, False, True, 0.25, True, 2, "cpu", torch.float64)
    assert repr(lstm) == repr(torch.nn.LSTM(3, 5, 2, False, True, 0.25, True, 2))
    assert lstm.weight_ih_l0.dtype == torch.float64
    rnn = gatewise.nn.RNN(3, 5, 2, "relu", False, True, 0.25, True)
    assert rnn.nonlinearity == "relu"
    assert repr(rnn) == repr(torch.nn.RNN(3, 5, 2, "relu", False, True, 0.25, True))
    assert gatewise.nn.GRU(3, 5, device="meta").weight_ih_l0.is_meta
    assert gatewise.nn.LSTMCell(3, 5, False, "cpu", torch.float64).bias_ih is None
    assert gatewise.nn.RNNCell(3, 5, True, "relu").nonlinearity == "relu"


@pytest.mark.parametrize(
    ("kind", "arguments", "options"),
    [
        ("GRU", (3, 5), {"proj_size": 2}),
        ("RNN", (3, 5), {"nonlinearity": "sine"}),
        ("LSTM", (3, 5), {"proj_size": 5}),
        ("LSTM", (0, 5), {}),
        ("LSTM", (3, 5), {"dropout": 2.0}),
        ("LSTM", (3, 5.0), {}),
        ("LSTM", (3, 5), {"unknown": 1}),
    ],
)
def test_constructors_refuse_what_torchs_refuse(kind, arguments, options) -> None:
    with pytest.raises((ValueError, TypeError)) as theirs:
        getattr(torch.nn, kind)(*arguments, **options)
    with pytest.raises(theirs.type) as ours:
        getattr(gatewise.nn, kind)(*arguments, **options)
    assert str(ours.value) == str(theirs.value)


@PAIRS
@pytest.mark.parametrize("engine", ["auto", "reference"])
def test_deepcopy_and_whole_module_files(stock, ours, engine) -> None:
    module = ours(I, H, engine=engine)
    file = io.BytesIO()
    torch.save(module, file)
    file.seek(0)
    x = inputs(B, I, dtype=torch.float32)
    for other in (copy.deepcopy(module), torch.load(file, weights_only=False)):
        assert type(other) is ours
        assert other.engine == engine
        for mine, its in zip(as_states(module(x)[0]), as_states(other(x)[0]), strict=True):
            assert torch.equal(mine, its)


@PAIRS
def test_a_module_unpickled_without_an_engine_chooses_one(stock, ours) -> None:
    module = ours(I, H)
    del module.__dict__["engine"]
    assert module.engine == "auto"
    assert module.engine_choice().name == _chosen(ours)
    assert "engine" not in repr(module)


@CELLS
@pytest.mark.parametrize("engine", list(ENGINES))
def test_weights_replaced_or_changed_are_seen(cell: str, engine: str) -> None:
    module = build(cell, engine=engine)
    x = inputs(T, B, I)
    for parameter in module.parameters():  # a usual loop of initialisation
        if parameter.dim() > 1:
            torch.nn.init.orthogonal_(parameter)
    module.weight_hh_l0 = torch.nn.Parameter(2 * module.weight_hh_l0.detach())
    output, _, gates = module(x, return_gates=True)
    theirs, _ = stock_of(module)(x)
    assert torch.allclose(output, theirs, rtol=0, atol=1e-14)
    assert torch.allclose(gates.hidden[0, 0], theirs, rtol=0, atol=1e-14)


@CELLS
@pytest.mark.parametrize("engine", list(ENGINES))
def test_functional_call_with_weights_of_another_type(cell: str, engine: str) -> None:
    module = build(cell, dtype=torch.float32, engine=engine)
    doubled = {name: value.double() for name, value in module.state_dict().items()}
    output, _, gates = functional_call(module, doubled, (inputs(T, B, I),), {"return_gates": True})
    assert output.dtype == gates.hidden.dtype == torch.float64
    assert module(inputs(T, B, I, dtype=torch.float32))[0].dtype == torch.float32


@CELLS
def test_parametrized_weights_work(cell: str) -> None:
    class Double(torch.nn.Module):
        def forward(self, weight: torch.Tensor) -> torch.Tensor:
            return 2 * weight

    plain = build(cell)
    module = copy.deepcopy(plain)
    parametrize.register_parametrization(module, "weight_hh_l0", Double())
    with torch.no_grad():
        plain.weight_hh_l0.mul_(2)
    x = inputs(T, B, I)
    for engine in ENGINES:
        module.engine = plain.engine = engine
        one, _, gates = module(x, return_gates=True)
        other, _, own = plain(x, return_gates=True)
        assert torch.equal(one, other)
        assert all(torch.equal(gates[name], own[name]) for name in own)


@CELLS
def test_moving_casting_and_flattening(cell: str) -> None:
    module = build(cell).float()
    module.flatten_parameters()
    assert module(inputs(T, B, I, dtype=torch.float32))[0].dtype == torch.float32
    assert module.to("meta").weight_ih_l0.is_meta


@CELLS
@pytest.mark.parametrize("engine", list(ENGINES))
def test_packed_in_packed_out(cell: str, engine: str) -> None:
    module = build(cell, engine=engine)
    x = inputs(T, B, I)
    for packed in (
        pack_padded_sequence(x, torch.tensor([5, 4, 4])),
        pack_padded_sequence(x, torch.tensor([2, 5, 1]), enforce_sorted=False),
        pack_sequence([x[:2, 0], x[:4, 1]], enforce_sorted=False),
    ):
        theirs, _ = stock_of(module)(packed)
        output, _, gates = module(packed, return_gates=True)
        assert isinstance(output, PackedSequence)
        assert torch.equal(output.batch_sizes, theirs.batch_sizes)
        assert output.sorted_indices is packed.sorted_indices
        assert output.unsorted_indices is packed.unsorted_indices
        assert torch.allclose(output.data, theirs.data, rtol=0, atol=1e-14)
        _, lengths = torch.nn.utils.rnn.pad_packed_sequence(packed)
        assert torch.equal(gates.lengths, lengths)


@CELLS
@pytest.mark.parametrize("engine", list(ENGINES))
def test_unbatched_gates_have_no_batch_dimension(cell: str, engine: str) -> None:
    module = build(cell, num_layers=2, bidirectional=True, batch_first=True, engine=engine)
    _, _, gates = module(inputs(T, I), return_gates=True)
    assert all(value.shape == (2, 2, T, H) for value in gates.values())
    assert gates.lengths.tolist() == T


@CELLS
def test_time_is_the_third_dimension_whatever_batch_first_says(cell: str) -> None:
    module = build(cell)
    x = inputs(T, B, I)
    _, _, gates = module(x, return_gates=True)
    module.batch_first = True
    _, _, same = module(x.transpose(0, 1), return_gates=True)
    assert all(torch.equal(gates[name], same[name]) for name in gates)


@CELLS
@pytest.mark.parametrize("engine", list(ENGINES))
def test_an_empty_batch(cell: str, engine: str) -> None:
    module = build(cell, engine=engine)
    output, _ = module(inputs(T, 0, I))
    assert output.shape == (T, 0, H)


@CELLS
@pytest.mark.parametrize(
    ("engine", "dtype"),
    [
        *itertools.product(list(ENGINES), (torch.bfloat16,)),
        *itertools.product(("reference", "torch"), (torch.float16,)),  # the core has no float16
    ],
)
def test_short_types(cell: str, engine: str, dtype: torch.dtype) -> None:
    module = build(cell, num_layers=2, dtype=dtype, engine=engine)
    output, hx, gates = module(inputs(T, B, I, dtype=dtype), return_gates=True)
    exact, _, exact_gates = module.double()(
        inputs(T, B, I, dtype=dtype).double(), return_gates=True
    )
    assert output.dtype == dtype
    assert all(state.dtype == dtype for state in as_states(hx))
    for name, value in gates.items():
        assert value.dtype == dtype
        assert torch.allclose(value.double(), exact_gates[name], rtol=0, atol=4e-2)
    assert torch.allclose(output.double(), exact, rtol=0, atol=4e-2)
