"""A device that is not the CPU, made up on the CPU: what mixes devices fails there as on a GPU.

Its tensors hold a tensor of the CPU that only operators reach. An operator that is given tensors of both
devices fails, and so does whoever reads one of them as an array; what would make a GPU's host wait is
counted. It stands on torch's switch for other people's devices, which is there once for a process: tests
run in one of their own (`test_pretend.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from traceback import extract_stack
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.backend_registration import (
    _DummyBackendModule,
    _setup_privateuseone_for_python_backend,
)

NAME = "pretend"
WHERE = torch.device("privateuseone", 0)
aten = torch.ops.aten
MOVES = (aten._to_copy.default, aten.copy_.default)
FROM_DATA = (torch.tensor, torch.as_tensor, torch.asarray)
"""What reads numbers of Python's and NumPy's, out of sight of operators."""
WITH_LENGTHS = (
    aten._pack_padded_sequence.default,
    aten._pack_padded_sequence_backward.default,
    aten._pad_packed_sequence.default,
)
"""What takes lengths or sizes of batches, which a GPU's host holds too."""
READS = (aten._local_scalar_dense.default, aten.nonzero.default, aten.equal.default)

waits: list[str] = []
"""The operators for which a GPU's host would have waited, and the lines of ours they come from."""


class There(Tensor):
    """A tensor on the device."""

    inner: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor) -> There:
        made = Tensor._make_wrapper_subclass(
            cls,
            inner.size(),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            device=WHERE,
        )
        made.inner = inner
        return made

    def __repr__(self, **_: Any) -> str:
        return f"There({self.inner})"

    def numpy(self, *, force: bool = False) -> Any:
        """Fail as a GPU's tensor does, unless it is forced."""
        if not force:
            raise TypeError(f"can't convert {NAME}:0 device type tensor to numpy: use Tensor.cpu()")
        return self.detach().resolve_conj().resolve_neg().cpu().numpy()

    def __getitem__(self, at: Any) -> Any:
        return super().__getitem__(_places(at))

    def __setitem__(self, at: Any, value: Any) -> None:
        super().__setitem__(_places(at), value)

    def new_tensor(self, data: Any, **options: Any) -> Tensor:
        """Return numbers on the device."""
        return torch.tensor(data, **{"dtype": self.dtype, **options}).to(WHERE)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        made: Tensor = There(self.inner.detach().clone())
        if isinstance(self, torch.nn.Parameter):
            made = torch.nn.Parameter(made, self.requires_grad)
        memo[id(self)] = made
        return made

    def untyped_storage(self) -> Any:
        """Return the memory that it lies in."""
        return self.inner.untyped_storage()

    def data_ptr(self) -> int:
        """Return where its memory begins."""
        return self.inner.data_ptr()

    def __array__(self, *_: Any, **__: Any) -> Any:
        return self.numpy()

    def tolist(self) -> Any:
        """Return the values, for which a GPU's host waits."""
        return self.detach().cpu().tolist()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, dict(kwargs or {}))


def _places(at: Any) -> Any:
    """Return places in a tensor, lists of Python's among them as tensors on the device."""
    every = at if isinstance(at, tuple) else (at,)
    return tuple(torch.tensor(one).to(WHERE) if isinstance(one, list) else one for one in every)


def _lstm_cell(wx: Tensor, rh: Tensor, c: Tensor, *biases: Tensor | None) -> Any:
    """Do what a GPU's kernel does, of which the CPU has none."""
    gates = wx + rh + sum(bias for bias in biases if bias is not None)
    first, forget, candidate, output = gates.chunk(4, -1)
    i, f, g, o = first.sigmoid(), forget.sigmoid(), candidate.tanh(), output.sigmoid()
    after = f * c + i * g
    return o * after.tanh(), after, torch.cat((i, f, g, o), -1)


def _lstm_cell_backward(
    dh: Tensor | None, dc: Tensor | None, c: Tensor, after: Tensor, *others: Any
) -> Any:
    kept, has_bias = others
    i, f, g, o = kept.chunk(4, -1)
    dh = torch.zeros_like(after) if dh is None else dh
    shown = after.tanh()
    into = dh * o * (1 - shown * shown) + (0 if dc is None else dc)
    first, forget = into * g * i * (1 - i), into * c * f * (1 - f)
    candidate, output = into * i * (1 - g * g), dh * shown * o * (1 - o)
    gates = torch.cat((first, forget, candidate, output), -1)
    return gates, into * f, gates.sum(0) if has_bias else gates.new_zeros(0)


def _gru_cell(
    wx: Tensor, rh: Tensor, h: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Any:
    wx, rh = (wx if b_ih is None else wx + b_ih), (rh if b_hh is None else rh + b_hh)
    (xr, xz, xn), (hr, hz, hn) = wx.chunk(3, -1), rh.chunk(3, -1)
    r, z = (xr + hr).sigmoid(), (xz + hz).sigmoid()
    n = (xn + r * hn).tanh()
    return n + z * (h - n), torch.cat((r, z, n, h, hn), -1)


def _gru_cell_backward(dh: Tensor, kept: Tensor, has_bias: bool) -> Any:
    r, z, n, h, hn = kept.chunk(5, -1)
    dn = dh * (1 - z) * (1 - n * n)
    dr, dz = dn * hn * r * (1 - r), dh * (h - n) * z * (1 - z)
    wx, rh = torch.cat((dr, dz, dn), -1), torch.cat((dr, dz, dn * r), -1)
    none = wx.new_zeros(0)
    return wx, rh, dh * z, *((wx.sum(0), rh.sum(0)) if has_bias else (none, none))


KERNELS: dict[Any, Callable[..., Any]] = {
    aten._thnn_fused_lstm_cell.default: _lstm_cell,
    aten._thnn_fused_lstm_cell_backward_impl.default: _lstm_cell_backward,
    aten._thnn_fused_gru_cell.default: _gru_cell,
    aten._thnn_fused_gru_cell_backward.default: _gru_cell_backward,
}


def _run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    tensors = [each for each in tree_leaves((args, kwargs)) if isinstance(each, Tensor)]
    there = [each for each in tensors if isinstance(each, There)]
    here = [each for each in tensors if not isinstance(each, There)]
    asked = kwargs.get("device")
    ends_there = bool(there) if asked is None else torch.device(asked).type == WHERE.type
    if func not in (*MOVES, *WITH_LENGTHS) and there and any(each.dim() for each in here):
        raise RuntimeError(
            f"Expected all tensors to be on the same device, but found at least two devices, {NAME}:0 "
            f"and cpu! ({func})"
        )
    moves = func in MOVES and bool(here if ends_there else there)
    if func in READS or (moves and not kwargs.get("non_blocking")):
        ours = [frame for frame in extract_stack() if "/src/gatewise/" in frame.filename]
        waits.append(f"{func} at {ours[-1].filename}:{ours[-1].lineno}" if ours else str(func))
    if asked is not None:
        kwargs["device"] = torch.device("cpu")
    kwargs.pop("pin_memory", None)
    own, named = tree_map(_inner, (args, kwargs))
    found = KERNELS.get(func, func)(*own, **named)
    if func is aten.copy_.default:
        return args[0]
    if not ends_there:
        return found
    if func in WITH_LENGTHS and isinstance(found, tuple):
        return _outer(found[0]), *found[1:]
    found = tree_map(_outer, found)
    return return_and_correct_aliasing(func, args, kwargs, found) if there else found


def _inner(value: Any) -> Any:
    return value.inner if isinstance(value, There) else value


def _outer(value: Any) -> Any:
    return There(value) if isinstance(value, Tensor) and not isinstance(value, There) else value


class _Backend(_DummyBackendModule):
    """What torch asks of a device's module."""

    def get_rng_state(self, device: Any = None) -> Tensor:
        """Return the state of the numbers drawn there: those of the CPU."""
        return torch.get_rng_state()

    def set_rng_state(self, state: Tensor, device: Any = None) -> None:
        """Go on from a state."""
        torch.set_rng_state(state)

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        """Return what autocast may cast to."""
        return [torch.float16, torch.bfloat16]


class _Dispatching(TorchDispatchMode):
    """Takes what makes a tensor on the device out of none."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        asked = kwargs.get("device")
        if any(issubclass(kind, There) for kind in types) or (
            asked is not None and torch.device(asked).type == WHERE.type
        ):
            return _run(func, args, kwargs)
        return func(*args, **kwargs)


class Generator(torch.Generator):
    """A generator that says where it draws."""

    where: torch.device

    def __new__(cls, device: Any = "cpu") -> Generator:
        made = super().__new__(cls)
        made.where = torch.device(device)
        return made

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        """Where it draws."""
        return self.where


class _Drawing(TorchFunctionMode):
    """Refuses a generator of one device for a tensor of the other, and moves what is read from data."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        drawn = kwargs.get("generator")
        if drawn is not None:
            like = args[0].device if args and isinstance(args[0], Tensor) else kwargs.get("device")
            kind = torch.device("cpu" if like is None else like).type
            if kind != drawn.device.type:
                raise RuntimeError(
                    f"Expected a {kind!r} generator, but found {drawn.device.type!r}"
                )
        asked = kwargs.get("device")
        if func in FROM_DATA and asked is not None and torch.device(asked).type == WHERE.type:
            return func(*args, **{**kwargs, "device": "cpu"}).to(asked)
        return func(*args, **kwargs)


@contextmanager
def pretended() -> Iterator[str]:
    """Let the device be there; gives its name."""
    if not hasattr(torch, NAME):
        _setup_privateuseone_for_python_backend(NAME, _Backend())
    real, torch.Generator = torch.Generator, Generator  # type: ignore[misc]
    waits.clear()
    try:
        with _Dispatching(), _Drawing():
            yield NAME
    finally:
        torch.Generator = real  # type: ignore[misc]


def pytest_addoption(parser: Any) -> None:
    """Let pytest, which loads this as a plugin, take `--pretend`."""
    parser.addoption("--pretend", action="store_true", help="run on the made-up device")
