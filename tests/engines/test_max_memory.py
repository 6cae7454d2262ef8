"""`max_memory`: gates recomputed in segments, with the same bits in every gradient."""

from __future__ import annotations

import pytest
import torch
from tests.nn.recurrent import STOCK, as_hx, as_states, build, inputs, states_for
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from gatewise.engines.segments import Costs, segment_for
from gatewise.errors import EngineError, InputError, OptionError

T, B, I, H = 500, 3, 2, 6  # noqa: E741
LENGTHS = torch.tensor([300, 500, 7])


def results(module, form: str) -> list[Tensor]:
    x = inputs(T, B, I).requires_grad_()
    states = [state.requires_grad_() for state in states_for(module, B)]
    given = {"lengths": [300, 500, 0]} if form == "lengths" else {}
    own = pack_padded_sequence(x, LENGTHS, enforce_sorted=False) if form == "packed" else x
    output, after = module(own, as_hx(tuple(states)), **given)
    values = [output.data if isinstance(output, PackedSequence) else output, *as_states(after)]
    loss = sum((value * value.detach().cos()).sum() for value in values)
    return [*values, *torch.autograd.grad(loss, [x, *states, *module.parameters()])]


@pytest.mark.parametrize("form", ["dense", "lengths", "packed"])
@pytest.mark.parametrize(
    ("cell", "options"),
    [
        *((cell, {}) for cell in STOCK),
        *((cell, {"num_layers": 2, "bidirectional": True}) for cell in STOCK),
        ("lstm", {"proj_size": 3}),
        ("gru", {"bias": False}),
    ],
)
def test_the_gradient_is_the_same_bit_for_bit(cell, options, form) -> None:
    torch.manual_seed(0)
    module = build(cell, I, H, engine="native", **options)
    whole = results(module, form)
    for bound in ("sqrt", 250_000, 500_000):
        module.max_memory = bound
        assert all(map(torch.equal, results(module, form), whole)), bound


def test_dropout_between_layers() -> None:
    module = build("lstm", I, H, num_layers=3, dropout=0.3, engine="native")
    every = []
    for bound in (None, "sqrt"):
        module.max_memory = bound
        torch.manual_seed(0)
        every.append(results(module, "dense"))
    assert all(map(torch.equal, *every))


def test_less_is_kept() -> None:
    module = build("lstm", 1, 16, engine="native")
    kept: list[int] = []

    def pack(tensor: Tensor) -> Tensor:
        kept.append(tensor.numel() * tensor.element_size())
        return tensor

    sums = []
    for bound in (None, "sqrt"):
        module.max_memory = bound
        kept.clear()
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            module(inputs(5000, 1, 1).requires_grad_())
        sums.append(sum(kept))
    assert sums[1] < sums[0] / 3  # what is left is the input, the output and the weights


def test_in_inference_nothing_is_kept_or_refused() -> None:
    module = build("lstm", I, H, engine="native", max_memory=1)
    with torch.no_grad():
        assert module(inputs(T, B, I))[0].shape == (T, B, H)


def test_a_bound_that_is_too_small_says_what_is_needed() -> None:
    module = build("lstm", I, H, engine="native", max_memory=1000)
    with pytest.raises(
        InputError, match="max_memory=1000 bytes is too little for 500 steps"
    ) as error:
        module(inputs(T, B, I))
    module.max_memory = int(str(error.value).split("at least ")[1].split()[0])
    module(inputs(T, B, I))
    module.max_memory -= 1
    with pytest.raises(InputError, match="too little"):
        module(inputs(T, B, I))


def test_a_record_of_gates_cannot_be_bounded() -> None:
    module = build("lstm", I, H, engine="native", max_memory="sqrt")
    with pytest.raises(InputError, match="a record of gates keeps every gate"):
        module(inputs(T, B, I), return_gates=True)


@pytest.mark.parametrize("engine", ["torch", "reference"])
def test_other_engines_cannot_bound_it(engine) -> None:
    module = build("lstm", I, H, engine=engine, max_memory="sqrt")
    with pytest.raises(EngineError, match=f"needs the native engine, and '{engine}' runs"):
        module(inputs(T, B, I))


@pytest.mark.parametrize("bad", [0, -1, 1.5, "cbrt", True])
def test_bad_bounds(bad) -> None:
    with pytest.raises(
        OptionError, match="max_memory must be a positive number of bytes, 'sqrt' or"
    ):
        build("lstm", max_memory=bad)
    module = build("lstm", engine="native")
    module.max_memory = bad
    with pytest.raises(OptionError, match="max_memory must be"):
        module(inputs(T, B, 3))


def test_it_shows_where_it_is_set() -> None:
    assert "max_memory" not in repr(build("lstm"))
    assert repr(build("lstm", max_memory="sqrt")).endswith(", max_memory='sqrt')")


@pytest.mark.parametrize("steps", [1, 10, 1000, 100_000])
@pytest.mark.parametrize("chunk", [1, 16, 128])
def test_segments_are_the_longest_that_fit(steps, chunk) -> None:
    costs = Costs(steps=steps, chunk=chunk, start=100, step=700, gates=1300)
    assert segment_for(costs.of(0), costs) == 0
    least = min(costs.of(segment) for segment in range(chunk, steps + chunk, chunk))
    if least >= costs.of(0):
        return
    assert costs.of(segment_for("sqrt", costs)) <= 1.1 * least
    for budget in (2 * least, 5 * least):
        segment = segment_for(budget, costs)
        assert costs.of(segment) <= budget
        assert segment % chunk == 0
        if segment:  # a segment that is a little longer would not fit, by the bound on their number
            longer = segment + 2 * chunk
            assert 100 * (steps / longer + 1) + 700 * longer > budget
