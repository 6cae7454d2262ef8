"""The command that answers lines as they come: `gatewise stream`."""

from __future__ import annotations

import csv
import io
import json
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Literal

from cyclopts import Parameter

from gatewise.cli.as_typed import as_typed
from gatewise.cli.opening import Model, check_new_file
from gatewise.cli.options import Config
from gatewise.errors import DataError, GatewiseError, OptionError
from gatewise.wording import joined

if TYPE_CHECKING:
    from gatewise.runtime.forecaster import ForecasterModel
    from gatewise.runtime.streaming import ForecastStream

LONGEST_LINE = 1 << 20
"""Bytes of a line; a longer one is answered by what is wrong with it, and not kept."""
AHEAD = "ahead"
"""The name, in a line of JSON, of the rows of what is known ahead."""


def stream(
    run: Model,
    /,
    *,
    mode: Annotated[
        Literal["window", "carry"],
        Parameter(help="From the last window, or with the network's state carried on."),
    ] = "window",
    history: Annotated[
        str | None,
        Parameter(help="A table before the first line. [default: the data of the fit]"),
    ] = None,
    state: Annotated[
        str | None,
        Parameter(help="File to go on from, if it is there, and to leave the state in at the end."),
    ] = None,
    config: Config = None,
) -> None:
    """Answer each line of stdin with a prediction on stdout, without torch.

    Lines are JSON objects, or CSV under a header; answers are the same. Try:

      tail -f gauge.csv | gatewise stream runs/river
      gatewise stream runs/river --mode carry --history last-year.csv --state river.state < new.jsonl

    A line that cannot be used is answered by what is wrong with it, and the stream goes on. With
    forecasts that know columns ahead, a line is JSON and has their rows under "ahead". Ends with stdin,
    with Ctrl-C or SIGTERM.
    """
    from gatewise import runtime  # noqa: PLC0415 - brings NumPy

    model = runtime.load(run)
    opened = _opened(model, mode, history, state)
    if opened.told():
        print(opened.told(), file=sys.stderr, flush=True)
    with _Ends() as ends:
        lines = ends.lines(sys.stdin.buffer)
        for answer in answers(model, opened, lines):
            sys.stdout.write(answer)
            sys.stdout.flush()
            if ends.asked or getattr(sys.stdout, "failure", None) is not None:
                break
    if state is not None:
        opened.save(state)


def _opened(
    model: ForecasterModel, mode: Literal["window", "carry"], history: str | None, state: str | None
) -> ForecastStream:
    """Return the stream, from a state that is there or from its beginning."""
    if state is not None:
        check_new_file(Path(state), overwrite=True)
        if Path(state).exists():
            opened = model.stream(history, state=state)
            if opened.mode != mode:
                raise OptionError(
                    f"{state} is the state of a stream with --mode {opened.mode}, and this is "
                    f"--mode {mode}: name another file, or that mode"
                )
            return opened
    return model.stream(history, mode=mode)


def answers(
    model: ForecasterModel, opened: ForecastStream, lines: Iterator[bytes]
) -> Iterator[str]:
    """Yield the answer to each line: text that ends with a newline, "" where there is none."""
    number, form = 0, None
    for line in lines:
        number += 1
        if not line.strip():
            continue
        if form is None:
            form = _Json() if line.lstrip().startswith(b"{") else _Csv(model, line)
            if isinstance(form, _Csv):
                continue
        try:
            if len(line) > LONGEST_LINE:
                raise DataError(f"the line is longer than {LONGEST_LINE:,} bytes")
            row = form.read(_decoded(line))
            ahead = row.get(AHEAD, ()) if model.ahead else ()
            yield form.answer(number, opened.step(row, ahead))
        except GatewiseError as error:
            yield form.complaint(number, as_typed(" ".join(str(error).split())))


def _decoded(line: bytes) -> str:
    try:
        return line.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError("the line is not UTF-8") from None


class _Json:
    """Lines of JSON, each answered by one of JSON."""

    def read(self, line: str) -> Mapping[str, Any]:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"the line is not JSON: {error}") from None
        if not isinstance(row, dict):
            raise DataError("the line must be a JSON object: {...}")
        return row

    def answer(self, number: int, rows: list[dict[str, Any]]) -> str:
        return json.dumps({"line": number, "predictions": rows}, ensure_ascii=False) + "\n"

    def complaint(self, number: int, text: str) -> str:
        return json.dumps({"line": number, "error": text}, ensure_ascii=False) + "\n"


class _Csv:
    """Lines of CSV under a header, answered under one with the line's number and what is wrong."""

    def __init__(self, model: ForecasterModel, header: bytes) -> None:
        if model.ahead:
            raise OptionError(
                f"the run knows {joined(model.ahead)} ahead, which lines of CSV have no place for: give "
                'JSON lines, with those rows under "ahead"'
            )
        self.sep = model.sep
        self.names = self._cells(_decoded(header))
        self.columns: list[str] | None = None
        self.known = ["line", *model.output_columns, "error"]
        self.begun = False

    def read(self, line: str) -> Mapping[str, Any]:
        cells = self._cells(line)
        if len(cells) != len(self.names):
            raise DataError(f"the line has {len(cells)} cells, and the header {len(self.names)}")
        return dict(zip(self.names, cells, strict=True))

    def answer(self, number: int, rows: list[dict[str, Any]]) -> str:
        return "".join(self._line({"line": number, **row}) for row in rows)

    def complaint(self, number: int, text: str) -> str:
        return self._line({"line": number, "error": text})

    def _cells(self, line: str) -> list[str]:
        try:
            return next(csv.reader([line.rstrip("\r\n")], delimiter=self.sep, strict=True))
        except (csv.Error, StopIteration) as error:
            raise DataError(f"the line is not CSV: {error}") from None

    def _line(self, row: Mapping[str, Any]) -> str:
        text = io.StringIO()
        writer = csv.DictWriter(text, self.known, delimiter=self.sep, lineterminator="\n")
        if not self.begun:
            writer.writeheader()
            self.begun = True
        writer.writerow(row)
        return text.getvalue()


class _EndedError(Exception):
    """A signal came while a line was waited for."""


class _Ends:
    """Ends by SIGINT and SIGTERM: at once while a line is waited for, else after its answer."""

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.asked = self._waits = False
        self._before: list[Any] = []

    def __enter__(self) -> _Ends:
        self._before = [signal.signal(each, self._end) for each in self.SIGNALS]
        return self

    def __exit__(self, *_: object) -> None:
        for each, before in zip(self.SIGNALS, self._before, strict=True):
            signal.signal(each, before)

    def lines(self, source: BinaryIO) -> Iterator[bytes]:
        """Yield lines until there are no more, or the end is asked for."""
        try:
            while not self.asked:
                self._waits = True
                line = source.readline(LONGEST_LINE + 2)
                self._waits = False
                if not line:
                    return
                part = line
                while part and len(line) > LONGEST_LINE and not part.endswith(b"\n"):
                    part = source.readline(LONGEST_LINE)  # the rest of a line that nobody will use
                yield line
        except _EndedError:
            return
        finally:
            self._waits = False

    def _end(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        if self._waits:
            self._waits = False
            raise _EndedError
