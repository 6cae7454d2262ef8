"""A network one step at a time, with its state inside: NumPy in, NumPy out, no torch.

Sizes: B rows, I inputs, H hidden units, P projected units, G blocks, L layers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from gatewise.cells import CELLS, CellSpec
from gatewise.errors import EngineError, InputError, nearest
from gatewise.runtime._published import published, taken_in
from gatewise.typing import AnyArray

State = tuple[AnyArray, ...]
"""The states of all layers: h `[L, B, P]`, for the LSTM then c `[L, B, H]`; for the sLSTM c, n and m."""

TYPES = {"float32": "f32", "float64": "f64"}
MOST_ROWS = 2**31 - 1

NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")


class Stream:
    """A unidirectional stack of LSTM, GRU, RNN or sLSTM layers that advances one step per call.

    Built for one row or a few at a time: the weights are copied and packed once, and a step
    allocates nothing. A stream is not for two threads at once.

        stream = gw.Stream(lstm)          # any torch.nn or gatewise LSTM, GRU or RNN, or gw.SLSTM
        h = stream.step(x)                # x: float32 [1, I]

    Attributes:
        batch: B, the rows that advance together.
        dtype: The NumPy type of inputs, outputs and states: that of the weights.
    """

    def __init__(self, module: Any, batch: int = 1) -> None:
        """Take the weights of `module`, a torch.nn.RNNBase, as they are now, for `batch` rows.

        Raises InputError for a bidirectional module, for other types than float32 and float64 and for
        weights that are not there, and EngineError where the native core is not built or does not
        have the cell.
        """
        # Told by attributes, not by class: the runtime does without importing torch.
        if not hasattr(module, "mode") or not hasattr(module, "num_layers"):
            raise InputError(
                f"Stream: give an LSTM, GRU or RNN module of torch.nn or gatewise; got {module!r:.80}"
            )
        if getattr(module, "bidirectional", False):
            raise InputError(
                "Stream: the module is bidirectional, and its reverse direction begins with the last "
                "step; stream a unidirectional one"
            )
        layers = [
            {
                name: _array_of(tensor)
                for name in NAMES
                if (tensor := getattr(module, f"{name}_l{layer}", None)) is not None
            }
            for layer in range(module.num_layers)
        ]
        self._build(module.mode.lower(), layers, batch, getattr(module, "heads", 1))

    @classmethod
    def from_weights(
        cls, cell: str, layers: Sequence[Mapping[str, AnyArray]], batch: int = 1, *, heads: int = 1
    ) -> Stream:
        """Build a stream from plain arrays, without torch.

        Args:
            cell: The name of a cell that the native core has, such as `"lstm"`.
            layers: For each layer `weight_ih [G*H, I]` and `weight_hh [G*H, P]` in torch's order,
                and where there are such both `bias_ih` and `bias_hh [G*H]`, and `weight_hr [P, H]`.
                All float32 or all float64, of either byte order.
            batch: B.
            heads: How many groups the units are in that see the old state of their own group alone;
                `weight_hh` is then `[G*H, H / heads]`.

        Raises InputError, naming the array and what it has to be, and EngineError as for a module.
        """
        made = cls.__new__(cls)
        made._build(cell, [dict(layer) for layer in layers], batch, heads)
        return made

    def step(self, x: AnyArray, out: AnyArray | None = None) -> AnyArray:
        """Advance by `x [B, I]` and return the last layer's output `[B, P]`.

        Without `out` that is the stream's own array, which the next step overwrites: copy what is
        to be kept. Arrays are C-contiguous and of the stream's type; nothing is converted, and a
        wrong one raises TypeError, ValueError or BufferError.
        """
        if out is None:
            out = self._out
        self._step(x, out)
        return out

    def reset(self) -> None:
        """Set the states of all layers to what they begin with: zeros."""
        self._core.reset()

    @property
    def state(self) -> State:
        """Return copies of the states, each `[L, B, *]`.

        `(h,)`, for the LSTM `(h, c)`, for the sLSTM `(h, c, n, m)` as `gw.SLSTM` returns them.
        """
        states = tuple(np.empty(shape, self.dtype) for shape in self._core_shapes)
        for layer in range(self._layers):
            self._core.get_state(layer, *self._of_layer(states, layer))
        return published(*states) if self._is_published else states

    def set_state(self, *states: AnyArray) -> None:
        """Set the states of all layers: `set_state(h)`, for the LSTM `set_state(h, c)`.

        Shapes are those of `state`. Raises InputError for others, for the wrong number, and for an
        n of the sLSTM below 0.
        """
        shapes = [list(np.shape(state)) for state in states]
        wanted = [list(shape) for shape in self._state_shapes]
        if shapes != wanted:
            raise InputError(f"Stream: states must have the shapes {wanted}; got {shapes}")
        types = [np.asarray(state).dtype for state in states]
        if not all(np.can_cast(dtype, self.dtype, "same_kind") for dtype in types):
            raise InputError(
                f"Stream: states must be real numbers; got {', '.join(map(str, types))}"
            )
        arrays = tuple(np.ascontiguousarray(state, self.dtype) for state in states)
        if self._is_published:
            arrays = taken_in(*arrays)
        for layer in range(self._layers):
            self._core.set_state(layer, *self._of_layer(arrays, layer))

    def _build(self, cell: str, layers: list[dict[str, AnyArray]], batch: int, heads: int) -> None:
        native = native_core()
        spec = spec_of(cell)
        if isinstance(batch, bool) or not isinstance(batch, int) or batch < 1:
            raise InputError(f"Stream: batch must be a number of rows, at least 1; got {batch!r}")
        self.batch = batch
        self.dtype = _checked(spec, layers, heads)
        contiguous = [
            {name: np.ascontiguousarray(array, self.dtype) for name, array in layer.items()}
            for layer in layers
        ]
        sizes = []
        for weights in contiguous:
            hidden = len(weights["weight_ih"]) // len(spec.packing)
            projection = len(weights["weight_hr"]) if "weight_hr" in weights else 0
            sizes.append((weights["weight_ih"].shape[1], hidden, projection))
        if len({size[1:] for size in sizes}) > 1:
            units = [size[1] for size in sizes]
            raise InputError(
                f"Stream: all layers must have as many hidden units and outputs; got {units} units"
            )
        self._layers = len(contiguous)
        outputs = sizes[-1][2] or sizes[-1][1]
        if batch > MOST_ROWS:
            raise InputError(f"Stream: batch must be at most {MOST_ROWS} rows; got {batch}")
        try:
            self._core = native.Stream(
                [native.Layer(cell, TYPES[self.dtype.name], *size, heads) for size in sizes],
                [
                    native.Weights(*[weights[n].ctypes.data if n in weights else 0 for n in NAMES])
                    for weights in contiguous
                ],
                batch,
            )
            self._out = np.empty((batch, outputs), self.dtype)
        except (MemoryError, ValueError):  # the second for more than could ever be there
            raise InputError(
                f"Stream: batch={batch} rows of this network need more memory than there is; use fewer"
            ) from None
        self._step = self._core.step
        shape = (self._layers, batch)
        cells = len(spec.states) - 1
        self._core_shapes = [(*shape, outputs), *[(*shape, sizes[0][1])] * cells]
        self._is_published = cells == 2
        self._state_shapes = [*self._core_shapes, *self._core_shapes[1:2] * self._is_published]

    def _of_layer(self, states: State, layer: int) -> tuple[AnyArray | None, ...]:
        found = tuple(state[layer] for state in states)
        return found if len(found) > 1 else (*found, None)


def spec_of(cell: str) -> CellSpec:
    """Return the description of a cell that the native core has; EngineError for another."""
    known = [name for name, spec in CELLS.items() if spec.saved is not None]
    if cell not in known:
        raise EngineError(
            f"Stream: the native core does not have the cell {cell!r}; it has "
            f"{', '.join(known)}.{nearest(cell, known)}"
        )
    return CELLS[cell]


def native_core() -> Any:
    """Return the compiled core; EngineError where it is not built."""
    try:
        return import_module("gatewise._native")
    except ImportError as error:
        raise EngineError(f"Stream: the native core is not built: {error}") from error


def _array_of(tensor: Any) -> AnyArray:
    if tensor.device.type != "cpu":
        raise InputError(
            f"Stream: the weights are on {tensor.device.type!r}; move the module to the CPU first"
        )
    pairs = zip(tensor.shape, tensor.stride(), strict=True)
    last = tensor.storage_offset() + sum((size - 1) * stride for size, stride in pairs)
    if tensor.numel() and (last + 1) * tensor.itemsize > tensor.untyped_storage().nbytes():
        raise InputError(
            f"Stream: a weight {list(tensor.shape)} has no memory: its storage was freed; give it "
            "values again first"
        )
    try:
        array: AnyArray = tensor.detach().resolve_neg().numpy()
    except TypeError:  # NumPy has no bfloat16
        raise InputError(f"Stream: the weights are {tensor.dtype}; {_TO_FLOAT}") from None
    return array


_TO_FLOAT = "a stream runs float32 and float64: convert them first"


def _checked(spec: CellSpec, layers: list[dict[str, AnyArray]], heads: int) -> np.dtype[Any]:
    """Check the weights of all layers against each other and return their type."""
    if not layers:
        raise InputError("Stream: there must be at least one layer; got none")
    if isinstance(heads, bool) or not isinstance(heads, int) or heads < 1:
        raise InputError(f"Stream: heads must be a whole number of at least 1; got {heads!r}")
    dtype = None
    inputs = None
    for number, layer in enumerate(layers):
        missing = [name for name in ("weight_ih", "weight_hh") if name not in layer]
        unknown = [name for name in layer if name not in NAMES]
        if missing or unknown:
            raise InputError(
                f"Stream: layers[{number}] needs weight_ih and weight_hh, and may have bias_ih, bias_hh "
                f"and weight_hr; got {', '.join(layer) or 'nothing'}"
            )
        if ("bias_ih" in layer) != ("bias_hh" in layer):
            given = "bias_ih" if "bias_ih" in layer else "bias_hh"
            raise InputError(
                f"Stream: layers[{number}] has only {given} of bias_ih and bias_hh; give both (one may "
                "be zeros) or neither"
            )
        for name, array in layer.items():
            if not isinstance(array, np.ndarray):
                raise InputError(
                    f"Stream: {name} of layers[{number}] must be a NumPy array; got "
                    f"{type(array).__name__}"
                )
            kind = array.dtype.newbyteorder("=")  # either byte order: the weights are copied
            dtype = dtype or kind
            if kind != dtype or kind.name not in TYPES:
                raise InputError(
                    f"Stream: {name} of layers[{number}] is {array.dtype}; {_TO_FLOAT}, all to one"
                )
        inputs = _check_shapes(spec, number, layer, inputs, heads)
    assert dtype is not None
    return dtype


def _check_shapes(
    spec: CellSpec, number: int, layer: dict[str, AnyArray], inputs: int | None, heads: int
) -> int:
    """Check the shapes of one layer that takes `inputs` (None: any); return how many it gives."""
    for name in ("weight_ih", "weight_hh", "weight_hr"):
        if name in layer and (layer[name].ndim != 2 or 0 in layer[name].shape):
            raise InputError(
                f"Stream: {name} of layers[{number}] must have two dimensions, neither of them empty; "
                f"got {list(layer[name].shape)}"
            )
    rows = layer["weight_ih"].shape[0]
    # Rounded down: rows that are no multiple of the gates then miss the shape wanted below.
    hidden = rows // len(spec.packing)
    outputs = len(layer["weight_hr"]) if "weight_hr" in layer else hidden
    if heads > 1 and (hidden % heads or "weight_hr" in layer):
        raise InputError(
            f"Stream: {heads} heads are for layers without weight_hr whose units they divide; "
            f"layers[{number}] has {hidden} units"
        )
    wanted = {
        "weight_ih": (
            len(spec.packing) * hidden,
            layer["weight_ih"].shape[-1] if inputs is None else inputs,
        ),
        "weight_hh": (rows, outputs // heads),
        "bias_ih": (rows,),
        "bias_hh": (rows,),
        "weight_hr": (outputs, hidden),
    }
    for name, array in layer.items():
        if array.shape != wanted[name] or hidden == 0:
            raise InputError(
                f"Stream: {name} of layers[{number}] must have the shape {list(wanted[name])} beside "
                f"the others; got {list(array.shape)}"
            )
    if "weight_hr" in layer and not spec.projects:
        able = " and ".join(repr(name) for name, one in CELLS.items() if one.projects)
        raise InputError(f"Stream: layers[{number}] has a weight_hr, which is for cell {able} only")
    return outputs
