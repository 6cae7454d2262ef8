"""What a trace keeps: quantities, units, steps, modules, precision, place, budget."""

from __future__ import annotations

import pytest
import torch
from tests.nn.recurrent import LENGTHS, B, H, I, P, T, build, inputs, stock_of
from torch.nn.utils.rnn import pack_padded_sequence

import gatewise as gw
from gatewise.engines import recover
from gatewise.errors import InputError, OptionError
from gatewise.tracing import _recovery as recovery

FORMS = ["dense", "batch_first", "packed", "lengths", "unbatched"]
CELLS = ["lstm", "gru", "rnn_relu"]


def called(module, form: str, **options):
    """Return the trace of one call of a module."""
    x = inputs(T, I) if form == "unbatched" else inputs(T, B, I)
    with torch.no_grad(), gw.trace(module, **options) as trace:
        if form == "packed":
            module(pack_padded_sequence(x, torch.tensor(LENGTHS), enforce_sorted=False))
        elif form == "lengths":
            module(x, lengths=LENGTHS)
        else:
            module(x.transpose(0, 1) if form == "batch_first" else x)
    return trace


@pytest.mark.parametrize(
    "chosen",
    [
        (slice(1, 4), slice(1, 4)),
        ([4, 0], slice(-2, None)),
        (2, range(1, 5, 2)),
        (torch.tensor([3]), slice(None, None, 3)),
    ],
)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("engine", ["stock", "native", "native over the budget", "torch"])
def test_a_part_of_the_record_is_that_part_of_the_whole(
    cell, engine, form, chosen, monkeypatch
) -> None:
    units, steps = chosen
    module = build(
        cell, num_layers=2, bidirectional=True, batch_first=form == "batch_first",
        engine="native" if engine != "torch" else "torch",
    )  # fmt: skip
    if engine == "stock":
        if form == "lengths":
            pytest.skip("torch's own modules have no lengths")
        module = stock_of(module)
    whole = called(module, form)[""]
    # Gates are recovered some steps at a time where a whole call exceeds the budget.
    monkeypatch.setattr(recovery, "CHUNK", 2 * B * H)
    monkeypatch.setattr(recover, "CHUNK", 2 * B * H)
    quantities = [name for name in whole if name not in ("input", "reset")]
    budget = 2 * 2 * T * B * H * 8 * len(quantities) - 1 if "budget" in engine else None
    trace = called(module, form, quantities=quantities, units=units, steps=steps, max_bytes=budget)
    part = trace[""]
    assert list(part) == quantities
    kept = range(T)[steps] if isinstance(steps, slice) else steps
    own = range(H)[units] if isinstance(units, slice) else units
    index = [own] if isinstance(own, int) else list(own)
    for name in quantities:
        wanted = whole[name][:, :, list(kept)][..., index]
        assert torch.equal(part[name].isnan(), wanted.isnan())
        assert torch.allclose(part[name].nan_to_num(), wanted.nan_to_num(), rtol=0, atol=1e-12)
        assert part[name].untyped_storage().nbytes() == part[name].numel() * 8
    assert trace.steps("") == kept
    assert list(trace.units("")) == index
    inside = [sum(t < int(length) for t in kept) for length in whole.lengths.reshape(-1)]
    assert part.lengths.reshape(-1).tolist() == inside
    assert trace.nbytes == sum(value.numel() * 8 for value in part.values())


@pytest.mark.parametrize("engine", ["native", "torch"])
def test_the_values_of_a_projection_are_kept_whole(engine) -> None:
    lstm = build("lstm", proj_size=P, engine=engine)
    whole, part = called(lstm, "dense")[""], called(lstm, "dense", units=[1, 3])[""]
    assert torch.equal(part.cell, whole.cell[..., [1, 3]])
    assert torch.equal(part.hidden, whole.hidden)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("engine", ["native", "torch"])
def test_precision_is_that_of_rounding(engine, dtype) -> None:
    lstm = build("lstm", engine=engine, dtype=torch.float32)
    x = inputs(T, B, I, dtype=torch.float32)
    with torch.no_grad():
        with gw.trace(lstm) as exact:
            lstm(x)
        with gw.trace(lstm, dtype=dtype, device="cpu") as rounded:
            lstm(x)
    for name, value in exact[""].items():
        assert torch.equal(rounded[""][name], value.to(dtype))


class Mixed(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.gru = torch.nn.LSTM(I, H), torch.nn.GRU(H, H)
        self.cell = torch.nn.LSTMCell(H, H)
        self.again = self.gru

    def forward(self, x):
        y = self.gru(self.lstm(x)[0])[0]
        hx = None
        for step in y:
            hx = self.cell(step, hx)
        return hx[0]


def test_modules_and_quantities_choose_what_is_recorded() -> None:
    model, x = Mixed(), torch.randn(T, B, I)
    with gw.trace(model, quantities="forget") as trace:
        model(x)
    assert trace.names == ("lstm", "cell")
    with pytest.raises(InputError, match="'gru' was left out by modules= or quantities="):
        trace["gru"]
    with gw.trace(model, modules=["again", "cell"], units={"again": [0, 1]}) as trace:
        model(x)
    assert trace.names == ("gru", "cell")
    assert trace["again"].update.shape[-1] == 2
    assert trace["cell"].forget.shape[-1] == H
    assert trace.cell("gru") == "gru"
    assert trace.quantities("cell") == ("forget", "input", "candidate", "output", "cell", "hidden")


@pytest.mark.parametrize("steps", [slice(1, 4), range(1, 5, 2), slice(2, None)])
def test_steps_of_a_cell(steps) -> None:
    model, x = Mixed(), torch.randn(T, B, I)
    with torch.no_grad(), gw.trace(model, modules="cell") as whole:
        model(x)
    with torch.no_grad(), gw.trace(model, modules="cell", steps=steps, units=[1]) as part:
        model(x)
        model(x[:3])
    kept = range(T)[steps] if isinstance(steps, slice) else steps
    assert part.steps("cell", 0) == kept
    first = part.calls("cell")[0]
    assert torch.equal(first.cell, whole["cell"].cell[:, :, list(kept)][..., [1]])
    assert first.lengths.tolist() == [len(kept)] * B
    assert part.steps("cell", 1) == range(kept.start, 3, kept.step)


def test_a_cell_that_ended_before_the_first_step_kept() -> None:
    model = Mixed()
    with gw.trace(model, modules="cell", steps=slice(3, None)) as trace:
        model(torch.randn(2, B, I))
    with pytest.raises(InputError, match="the call had 2 steps, and none of them is kept"):
        trace["cell"]


@pytest.mark.parametrize("kind", ["stock", "native"])
def test_the_budget_is_asked_before_the_call_and_says_what_fits(kind) -> None:
    lstm = torch.nn.LSTM(I, H) if kind == "stock" else gw.LSTM(I, H)
    x = torch.randn(T, B, I)
    needed = 6 * T * B * H * 4
    ran = []
    lstm.register_forward_hook(lambda *_: ran.append(1))
    with gw.trace(lstm, max_bytes=2 * needed) as trace:
        lstm(x)
        lstm(x)
        assert trace.nbytes == 2 * needed
        with pytest.raises(InputError, match=rf"needs {needed:,} bytes .*max_bytes leaves 0;"):
            lstm(x)
    assert len(ran) == 2
    with gw.trace(lstm, max_bytes=needed // 2) as trace, pytest.raises(InputError) as error:
        lstm(x)
    for way in (
        "dtype=torch.float16",
        "quantities=('forget', 'input', 'candidate')",
        f"steps=slice(0, {T // 2})",
        f"units=slice({H // 2})",
    ):
        assert way in str(error.value)
        name, value = way.split("=", 1)
        options = {name: eval(value, {"torch": torch})}
        with gw.trace(lstm, max_bytes=needed // 2, **options) as trace:
            lstm(x)
        assert 0 < trace.nbytes <= needed // 2
    with gw.trace(lstm, max_bytes=3), pytest.raises(InputError, match="no single option is enough"):
        lstm(x)
    assert f"raise max_bytes by {needed - needed // 2:,}" in str(error.value)


def test_the_budget_of_a_cell() -> None:
    cell = torch.nn.GRUCell(I, H)
    with gw.trace(cell, max_bytes=2 * 4 * B * H * 4) as trace:
        cell(torch.randn(B, I))
        cell(torch.randn(B, I))
        with pytest.raises(InputError, match="max_bytes leaves 0"):
            cell(torch.randn(B, I))
    assert trace[""].update.shape == (1, 1, 2, B, H)


def test_a_call_that_fails_leaves_its_bytes_to_the_next() -> None:
    module = gw.GRU(I, H)
    with gw.trace(module, max_bytes=4 * T * B * H * 4) as trace:
        for _ in range(2):
            with pytest.raises(RuntimeError, match="input"):
                module(torch.randn(T, B, I + 1))
        module(torch.randn(T, B, I))
        with pytest.raises(InputError, match="max_bytes leaves 0"):
            module(torch.randn(T, B, I))
    assert trace.count("") == 1


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"quantities": "forgot"}, InputError, r"no quantity 'forgot'; there are .* mean 'forget'"),
        ({"quantities": []}, OptionError, "quantities must be a name or names"),
        ({"quantities": 3}, OptionError, "quantities must be a name or names"),
        ({"modules": 3}, OptionError, "modules must be a name or names"),
        ({"modules": "lstn"}, InputError, r"no recurrent module 'lstn'.*Did you mean 'lstm'"),
        ({"units": [H]}, InputError, rf"'lstm' has {H} units, 0 to {H - 1}; there is no unit {H}"),
        ({"units": [-1]}, InputError, "no unit -1"),
        ({"units": [1, 1]}, InputError, "different whole numbers"),
        ({"units": slice(H, None)}, InputError, "at least one"),
        ({"units": [0.5]}, InputError, "whole numbers"),
        ({"units": [True, False]}, InputError, "whole numbers"),
        ({"units": {"head": [0]}}, InputError, "units are given for 'head', which is not recorded"),
        ({"steps": [0, 1]}, OptionError, "a slice or a range that goes forward"),
        ({"steps": slice(None, None, -1)}, OptionError, "goes forward"),
        ({"steps": range(0)}, OptionError, "goes forward"),
        ({"steps": slice(-5, None)}, OptionError, r"steps=slice\(-5, None\).*'cell' is a cell"),
        ({"dtype": torch.uint8}, OptionError, "dtype must be one of torch.float16"),
        ({"device": "nowhere"}, OptionError, "device='nowhere'"),
        ({"device": "cuda:77"}, OptionError, "device='cuda:77' cannot be used here"),
        ({"max_bytes": 0}, OptionError, "max_bytes must be a positive integer"),
        ({"with_grad": 1}, OptionError, "with_grad must be True or False"),
    ],
)
def test_options_are_checked_before_anything_runs(options, error, message) -> None:
    with pytest.raises(error, match=message), gw.trace(Mixed(), **options):
        raise AssertionError("the block must not be entered")


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (range(2, 50), rf"has {T} steps, and steps=range\(2, 50\) goes past its end"),
        (slice(50, 60), rf"has {T} steps, and steps=slice\(50, 60\) leaves nothing of it"),
    ],
)
def test_steps_that_a_call_does_not_have(steps, message) -> None:
    lstm, ran = torch.nn.LSTM(I, H), []
    lstm.register_forward_hook(lambda *_: ran.append(1))
    with gw.trace(lstm, steps=steps), pytest.raises(InputError, match=message):
        lstm(torch.randn(T, B, I))
    assert not ran
