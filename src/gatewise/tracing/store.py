"""The trace: recordings that can be saved, loaded and turned into tables."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any

import torch

from gatewise.tracing._files import read, save
from gatewise.tracing._recordings import Recordings
from gatewise.tracing._xarrays import as_dataset


class Trace(Recordings):
    """The gates of each call of each recurrent module, by the module's name in the model.

    `trace["encoder.lstm"]` is the record of the last call, detached unless `with_grad` was asked
    for; `trace.calls(name)` all calls. A model that is a recurrent module itself has the name `""`.
    A module that the model holds under several names has one record, with the calls by all of them,
    and each name leads to it. The successive steps of a cell within one call of the model are one
    record `[1, 1, time, batch, hidden]`; it is split where the batch changes.

    It is a read-only mapping from the names of the modules that have been called (each by its first
    name) to the record of the last call; `names` are those of all modules that are recorded. Two traces
    are equal if they are the same object.

    A record is arrays alone: later changes of the model's weights do not touch it. What puts a record
    and weights together asks `check_unchanged` first.
    """

    def save(self, path: str | PathLike[str]) -> None:
        """Write everything to one safetensors file, whole or not at all.

        Precision, lengths, names, cells, calls and options are kept; gradients are not. Raises
        InputError for a trace without a call and FileError where it cannot be written.
        """
        save(self, path)

    @staticmethod
    def load(path: str | PathLike[str], device: torch.device | str = "cpu") -> Trace:
        """Return the trace that `save` wrote, its arrays on `device`.

        Raises FileError for a file that is missing, damaged, foreign, or from a newer version, and
        OptionError for a device that is not there.
        """
        return Trace(*read(path, device))

    def to_dataframe(
        self,
        names: str | Sequence[str] | None = None,
        *,
        quantities: str | Sequence[str] | None = None,
        form: str = "wide",
        backend: str = "polars",
        max_rows: int = 20_000_000,
    ) -> Any:
        """Return records as a table: a row for each module, call, layer, direction, step, row, unit.

        Args:
            names: The modules; None: all that are recorded.
            quantities: The gates and states; None: all.
            form: "wide": a column for each quantity; "long": columns `quantity` and `value`.
            backend: The library that the table comes from: "polars", "pandas", "pyarrow".
            max_rows: The largest table to build.

        Steps are in the call's own count, and those past a row's length are left out. With a
        projection, the values of `hidden` belong to no unit: they have rows of their own, in which
        `unit` counts them. What a row does not have is NaN. Raises InputError for unknown names, for
        nothing recorded, and for more than `max_rows` rows.
        """
        from gatewise.tracing._frames import as_dataframe  # noqa: PLC0415 - brings narwhals

        return as_dataframe(self, names, quantities, form=form, backend=backend, max_rows=max_rows)

    def to_xarray(self, name: str | None = None, call: int = -1) -> Any:
        """Return one call of a module (None: the only one) as an `xarray.Dataset`.

        Dimensions are `layer`, `direction`, `step`, `row`, `unit` (`value` for a projected `hidden`),
        with the call's own steps and units as coordinates and the kept `length` of each row. The
        arrays are shared where they can be; bfloat16, which NumPy does not have, becomes float32.
        Raises InputError for an unknown name or call, and where xarray is not installed.
        """
        return as_dataset(self, name, call)


def load_trace(path: str | PathLike[str], device: torch.device | str = "cpu") -> Trace:
    """Return the trace that `Trace.save` wrote to `path`, its arrays on `device`.

    Raises FileError for a file that is missing, damaged, foreign, or from a newer version, and
    OptionError for a device that is not there.
    """
    return Trace.load(path, device)
