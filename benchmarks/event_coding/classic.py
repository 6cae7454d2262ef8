"""The coders of industry and of the textbooks.

Each has the bound D on the error and the step s of its whole numbers: a value that is sent is off by
s / 2 at most, which comes out of the bound.

- periodic sampling, held or joined by lines: every n-th value; it has no bound.
- send-on-delta (Miskowicz 2006, "Send-on-delta concept: an event-based data reporting strategy"): a
  value is sent when it is further than D from the last one sent, which the decoder holds.
- levels (the midrange of the longest run within the bound; Lazaridis and Mehrotra 2003, "Capturing
  sensor-generated time series with quality guarantees"): known at its end only.
- swinging door (Bristol 1990): lines between values that were measured.
- connected lines (the swing filter of Elmeleegy et al. 2009, "Online piece-wise linear approximation
  of numerical streams with precision guarantees"): each line as long as any from the last one's end, its
  end as near to the value there as can be.
- lines (O'Rourke 1981): each as long as any line can be, which is the fewest there are; two values each.
"""

from __future__ import annotations

import math

import numpy as np

from benchmarks.event_coding.messages import Coded, beyond, changes, signed
from gatewise.typing import Array, Indices


def periodic(x: Array, every: int, step: float, *, lines: bool) -> Coded:
    """Return every n-th value, held or joined by lines; the last value is always sent with lines."""
    at = np.arange(0, len(x), every)
    if lines and at[-1] != len(x) - 1:
        at = np.append(at, len(x) - 1)
    sent = np.round(x[at] / step).astype(np.int64)
    fields = (signed(changes(sent)),)
    told = (sent * step).astype(np.float64)
    if lines:
        joined = np.interp(np.arange(len(x)), at, told).astype(np.float64)
        return Coded(joined, at, fields, clocked=True, wait=every / 2)
    return Coded(told[np.arange(len(x)) // every], at, fields, clocked=True)


def send_on_delta(x: Array, bound: float, step: float) -> Coded:
    """Return the values that are further than the bound from the last one sent."""
    at, sent, held = [], [], 0
    values = np.empty(len(x))
    for t, value in enumerate(x.tolist()):
        if abs(value - held * step) > bound:
            held = round(value / step)
            at.append(t)
            sent.append(held)
        values[t] = held * step
    return Coded(values, np.array(at, np.int64), (beyond(changes(sent), nearest(bound, step)),))


def nearest(bound: float, step: float) -> int:
    """Return the least change in steps that is sent when an error exceeds the bound."""
    return max(1, math.ceil(bound / step - 0.5))


def levels(x: Array, bound: float, step: float) -> Coded:
    """Return the levels of the longest runs that one level describes."""
    ends, sent, waits = [], [], []
    begin, low, high = 0, -math.inf, math.inf

    def close(end: int) -> None:
        middle = round((low + high) / 2 / step)
        sent.append(min(max(middle, math.ceil(low / step)), math.floor(high / step)))
        ends.append(end)
        waits.append((end - begin) * (end - begin + 1) / 2)

    for t, value in enumerate(x.tolist()):
        lower, upper = max(low, value - bound), min(high, value + bound)
        if math.ceil(lower / step) > math.floor(upper / step):
            close(t)
            begin, lower, upper = t, value - bound, value + bound
        low, high = lower, upper
    close(len(x))
    at, kept = np.array(ends, np.int64), np.array(sent, np.int64)
    values = np.repeat(kept * step, np.diff(at, prepend=0))
    fields = (signed(changes(kept)),)
    return Coded(values, at - 1, fields, wait=sum(waits) / len(x))


def connected(x: Array, bound: float, step: float, *, measured: bool = False) -> Coded:
    """Return the ends of connected lines, each as long as can be.

    `measured`: an end is a value of the series, which makes it the swinging door.
    """
    inner = bound - step / 2
    numbers, values = x.tolist(), np.empty(len(x))
    at, sent = [0], [round(numbers[0] / step)]
    t, waited = 1, 0.0
    values[0] = sent[0] * step
    while t < len(numbers):
        begin, pivot = at[-1], sent[-1] * step
        low, high, end, slope = -math.inf, math.inf, begin, 0.0
        while t < len(numbers):
            run = t - begin
            lower = max(low, (numbers[t] - inner - pivot) / run)
            upper = min(high, (numbers[t] + inner - pivot) / run)
            direct = (numbers[t] - pivot) / run
            if lower > upper:
                break
            low, high = lower, upper
            if not measured or low <= direct <= high:
                end, slope = t, min(max(direct, low), high)
            t += 1
        t = end + 1
        run = end - begin
        at.append(end)
        sent.append(round((pivot + slope * run) / step))
        values[begin + 1 : t] = pivot + (sent[-1] * step - pivot) / run * np.arange(1, run + 1)
        waited += run * (run + 1) / 2
    return Coded(values, np.array(at, np.int64), (signed(changes(sent)),), wait=waited / len(x))


def lines(x: Array, bound: float, step: float) -> Coded:
    """Return the fewest lines within the bound, each by its value at both of its ends."""
    inner = bound - step / 2
    values = np.empty(len(x))
    at: list[int] = []
    ends: list[tuple[int, int]] = []
    begin, waited = 0, 0.0
    while begin < len(x):
        first, last, end = _longest(x, begin, inner)
        pair = round(first / step), round(last / step)
        run = end - begin
        values[begin:end] = np.linspace(pair[0] * step, pair[1] * step, run)
        at.append(end - 1)
        ends.append(pair)
        waited += run * (run + 1) / 2
        begin = end
    kept = np.array(ends, np.int64)
    before = np.append(0, kept[:-1, 1])
    fields = (signed(kept[:, 0] - before), signed(kept[:, 1] - kept[:, 0]))
    return Coded(values, np.array(at, np.int64), fields, wait=waited / len(x))


def _longest(x: Array, begin: int, inner: float) -> tuple[float, float, int]:
    """Return both ends' values of the longest line from a step, and the step after it.

    A line of slope b passes within the tolerance of all values if, and only if, it does of any two: b
    lies between all (low_j - high_i) / (j - i) and (high_j - low_i) / (j - i).
    """
    low, high, end = -math.inf, math.inf, begin + 1
    while end < len(x):
        runs = end - np.arange(begin, end)
        rise = x[end] - x[begin:end]
        lower = max(low, float(((rise - 2 * inner) / runs).max()))
        upper = min(high, float(((rise + 2 * inner) / runs).min()))
        if lower > upper:
            break
        low, high, end = lower, upper, end + 1
    slope = (low + high) / 2 if end > begin + 1 else 0.0
    rest: Indices | Array = x[begin:end] - slope * np.arange(end - begin)
    first = float(rest.max() + rest.min()) / 2
    return first, first + slope * (end - begin - 1), end
