"""A codec in one safetensors file: weights, scales, options. No pickle, no torch."""

from __future__ import annotations

import io
import os
import zlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from safetensors.numpy import load as from_bytes
from safetensors.numpy import save as to_bytes

from gatewise.codec.forecast import Forecast
from gatewise.codec.options import CodecOptions
from gatewise.codec.sight import OTHERS, rises_of
from gatewise.errors import FileError
from gatewise.files import Envelope, atomic_write_bytes, path_of, sealed
from gatewise.typing import Arrays

ENVELOPE = Envelope("gatewise-event-codec", 2, "event codec", "copy it anew, or fit again")
_SCALES = ("level", "deviation", "change")


def write(path: str | os.PathLike[str], options: CodecOptions, forecast: Forecast) -> None:
    """Write a codec, whole or not at all. Equal codecs give equal bytes.

    Raises FileError where it cannot be written, InputError for what is no name of a file.
    """
    path = path_of(path, "save")
    about = {"options": asdict(options), **{name: getattr(forecast, name) for name in _SCALES}}
    arrays = {name: np.ascontiguousarray(array) for name, array in forecast.arrays.items()}
    atomic_write_bytes(path, sealed(to_bytes(arrays, ENVELOPE.metadata(about))))


def read(path: str | os.PathLike[str]) -> tuple[CodecOptions, Forecast]:
    """Return what `write` wrote. Raises FileError for a file that is missing, damaged or foreign.

    Raises InputError for what is no name of a file.
    """
    path = path_of(path, "load")
    if not os.path.isfile(
        path
    ):  # unlike the path's method it raises nothing of a name that cannot be
        told = "is a folder, and no" if os.path.isdir(path) else "is no"
        raise FileError(f"{str(path)!r} {told} file of an event codec: name one that save wrote")
    with ENVELOPE.reading(path):
        content = path.read_bytes()
        about, arrays = ENVELOPE.about(io.BytesIO(content), path), from_bytes(content)
    with ENVELOPE.unpacking(path):
        return _unpacked(about, arrays)


def fingerprint(forecast: Forecast) -> int:
    """Return the number by which messages tell their codec."""
    scales = [getattr(forecast, name) for name in _SCALES]
    found = zlib.crc32(repr((scales, forecast.seasons)).encode())
    for name in sorted(forecast.arrays):
        found = zlib.crc32(np.ascontiguousarray(forecast.arrays[name], "<f8").tobytes(), found)
    return found


def _unpacked(about: Mapping[str, Any], arrays: Arrays) -> tuple[CodecOptions, Forecast]:
    """Check everything against everything; any error becomes the reader's FileError."""
    given = about["options"]
    options = CodecOptions(**{**given, "seasons": tuple(given["seasons"])})
    scales = [about[name] for name in _SCALES]
    if not all(type(scale) is float and np.isfinite(scale) for scale in scales):
        raise ValueError("its scales are no numbers")
    if min(scales[1:]) <= 0:
        raise ValueError("its scales are not above 0")
    units, rises = options.hidden_size, rises_of(tuple(options.seasons))
    shapes = {
        "gru.weight_ih_l0": (3 * units, rises + OTHERS),
        "gru.weight_hh_l0": (3 * units, units),
        "gru.bias_ih_l0": (3 * units,),
        "gru.bias_hh_l0": (3 * units,),
        "head.weight": (1 + rises, units),
        "head.bias": (1 + rises,),
    }
    if {name: array.shape for name, array in arrays.items()} != shapes:
        raise ValueError("its weights do not have the shapes that its options ask for")
    for name, array in arrays.items():
        if array.dtype != np.float64 or not np.isfinite(array).all():
            raise ValueError(f"{name} is not made of finite numbers in float64")
    level, deviation, change = scales
    return options, Forecast(arrays, level, deviation, change, tuple(options.seasons))
