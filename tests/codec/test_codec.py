"""The event codec: the bound on every sample, streams, files, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from tests.damage import about_of, damaged_bytes, damaged_json, damaged_tensors, refusal, with_about

import gatewise as gw
from gatewise.codec.coding import Decoder, Encoder, Event, Side
from gatewise.codec.forecast import Forecast, advance
from gatewise.codec.learning import Net
from gatewise.codec.messages import unpack
from gatewise.codec.sight import OTHERS, rises_of
from gatewise.errors import DataError, FileError, InputError, NotFittedError, OptionError
from gatewise.typing import Array

SEASON = 12


def waves(samples: int, seed: int) -> Array:
    """Return a wave of changing height with a walk and jumps, in its own unit."""
    draws = np.random.default_rng(seed)
    t = np.arange(samples)
    walk = draws.normal(0, 0.2, samples).cumsum()
    jumps = np.where(draws.random(samples) < 0.02, draws.normal(0, 8, samples), 0).cumsum()
    return 300 + 5 * np.sin(2 * np.pi * t / SEASON) + walk + jumps


@pytest.fixture(scope="module")
def codec() -> gw.EventCodec:
    return gw.EventCodec(seasons=[SEASON], hidden_size=5, updates=12).fit(waves(400, 0))


@pytest.fixture(scope="module")
def series() -> Array:
    return waves(157, 1)


@pytest.mark.parametrize("wait", [0, 1, 7, 1000])
@pytest.mark.parametrize("bound", [0.01, 0.5, 3.0, 40.0])
def test_no_sample_comes_back_off_by_more_than_the_bound(
    codec: gw.EventCodec, series: Array, bound: float, wait: int
) -> None:
    found = codec.decode(codec.encode(series, bound, wait=wait))
    assert found.shape == series.shape
    assert np.abs(found - series).max() <= bound


@pytest.mark.parametrize("steps", [1, 64])
def test_coarse_and_fine_corrections_keep_the_bound(
    codec: gw.EventCodec, series: Array, steps: int
) -> None:
    for wait in (0, 9):
        message = codec.encode(series, 0.7, wait=wait, steps=steps)
        assert unpack(message).step == 0.7 / steps
        assert np.abs(codec.decode(message) - series).max() <= 0.7
    encoder = codec.encoder(0.7, wait=9, steps=steps)
    events = [event for value in series.tolist() for event in encoder.step(value)]
    assert codec.message([*events, *encoder.finish()], len(series), 0.7, steps=steps) == message


def test_the_bound_holds_far_outside_what_was_learnt_from(codec: gw.EventCodec) -> None:
    wild = np.array([300.0, -1e5, 1e5, 0.0, 1e5, 300.0, 300.0])
    for wait in (0, 3):
        found = codec.decode(codec.encode(wild, 0.25, wait=wait))
        assert np.abs(found - wild).max() <= 0.25


def test_a_value_is_sent_only_where_the_forecast_misses(
    codec: gw.EventCodec, series: Array
) -> None:
    """A decoder that is told nothing at an event, and all before it, is off by more than the bound."""
    events = unpack(codec.encode(series, 0.8)).events
    assert 0 < len(events) < len(series)
    told = dict(events)
    for event in events[:10]:
        decoder = codec.decoder(0.8)
        values = [
            decoder.step(told[t] if t in told and t < event.at else None)
            for t in range(event.at + 1)
        ]
        assert abs(values[-1] - series[event.at]) > 0.8


@pytest.mark.parametrize("wait", [0, 5])
def test_a_stream_gives_what_the_whole_series_gives(
    codec: gw.EventCodec, series: Array, wait: int
) -> None:
    encoder = codec.encoder(0.5, wait=wait)
    events: list[Event] = []
    for at, value in enumerate(series):
        new = encoder.step(float(value))
        assert all(at - wait <= event.at <= at for event in new)
        events += new
    events += encoder.finish()
    assert encoder.finish() == []
    whole = codec.encode(series, 0.5, wait=wait)
    assert codec.message(events, len(series), 0.5) == whole
    decoder, told = codec.decoder(0.5), dict(events)
    values = np.array([decoder.step(told.get(at)) for at in range(len(series))])
    np.testing.assert_array_equal(values, codec.decode(whole))


def test_waiting_takes_fewer_messages(codec: gw.EventCodec, series: Array) -> None:
    sent = [len(unpack(codec.encode(series, 0.5, wait=wait)).events) for wait in (0, 30)]
    assert sent[1] < sent[0]


def test_the_network_without_torch_is_the_one_that_was_trained() -> None:
    """One step after the other in NumPy, all steps at once in torch."""
    import torch  # noqa: PLC0415

    torch.manual_seed(3)
    net = Net(rises_of((4,)), 6).double()
    torch.nn.init.normal_(net.head.weight)
    x, rises = torch.randn(9, 2, rises_of((4,)) + OTHERS).double(), torch.randn(9, 2, 5).double()
    arrays, h = net.arrays(), np.zeros((2, 6))
    with torch.no_grad():
        wanted = net(x, rises).numpy()
    for t in range(9):
        found, h = advance(arrays, x[t].numpy(), rises[t].numpy(), h)
        np.testing.assert_allclose(found, wanted[t], rtol=1e-12, atol=1e-12)


def test_arithmetic_that_differs_in_the_last_bits_decodes_the_same(
    codec: gw.EventCodec, series: Array
) -> None:
    message = codec.encode(series, 0.5)
    held, forecast = unpack(message), codec._forecast
    assert forecast is not None
    other = replace(forecast, arrays={k: a * (1 + 4e-16) for k, a in forecast.arrays.items()})
    assert any((other.arrays[name] != array).any() for name, array in forecast.arrays.items())
    decoder, told = Decoder(Side(other, held.bound, held.step)), dict(held.events)
    values = [decoder.step(told.get(at)) for at in range(len(series))]
    np.testing.assert_array_equal(values, codec.decode(message))


def holding() -> Forecast:
    """Return a forecast that says the last value again, of a series of mean 0 and deviation 1."""
    shapes = {"gru.weight_ih_l0": (3, 8), "gru.weight_hh_l0": (3, 1), "gru.bias_ih_l0": (3,)}
    shapes |= {"gru.bias_hh_l0": (3,), "head.weight": (4, 1), "head.bias": (4,)}
    return Forecast({name: np.zeros(shape) for name, shape in shapes.items()}, 0.0, 1.0, 1.0, ())


def test_with_a_forecast_that_holds_it_is_send_on_delta() -> None:
    series = [0.0, 0.5, 1.1, 1.2, 0.2, 0.0, -0.95, -1.0]
    encoder = Encoder(Side(holding(), 1.0, 0.25), 0)
    sent = [event for value in series for event in encoder.step(value)]
    # 1.1 is further than 1 from 0, and 4 quarters off; then 0 from 1.0 is not, -0.95 is, by 8 quarters
    assert sent == [Event(2, 4), Event(6, -8)]


def test_a_waiting_encoder_sends_the_middle() -> None:
    series = [2.2, 3.0, 3.9, 2.1, 3.7, 3.0]
    encoder = Encoder(Side(holding(), 1.0, 0.25), 10)
    sent = [event for value in series for event in encoder.step(value)] + encoder.finish()
    assert sent == [Event(0, 12)]  # 3.0, from which none of them is further than 1
    decoder = Decoder(Side(holding(), 1.0, 0.25))
    assert [decoder.step(12), *(decoder.step() for _ in range(5))] == [3.0] * 6


def test_equal_fits_give_equal_codecs_and_files_keep_every_bit(
    codec: gw.EventCodec, series: Array, tmp_path: Path
) -> None:
    again = gw.EventCodec(seasons=[SEASON], hidden_size=5, updates=12).fit(waves(400, 0))
    codec.save(tmp_path / "a")
    again.save(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    loaded = gw.EventCodec.load(tmp_path / "a")
    assert loaded.options == codec.options
    message = codec.encode(series, 0.5, wait=4)
    assert loaded.encode(series, 0.5, wait=4) == message
    np.testing.assert_array_equal(loaded.decode(message), codec.decode(message))


def test_to_load_encode_and_decode_takes_no_torch(
    codec: gw.EventCodec, series: Array, tmp_path: Path
) -> None:
    codec.save(tmp_path / "codec")
    np.save(tmp_path / "series.npy", series)
    code = (
        "import sys, numpy as np, gatewise as gw\n"
        "codec, series = gw.EventCodec.load('codec'), np.load('series.npy')\n"
        "message = codec.encode(series, 0.5)\n"
        "assert np.abs(codec.decode(message) - series).max() <= .5\n"
        "assert not {'torch', 'polars', 'cyclopts'} & set(sys.modules)\n"
        "sys.stdout.buffer.write(message)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=120, stdout=subprocess.PIPE
    )
    assert done.stdout == codec.encode(series, 0.5)


def test_the_curve_tells_what_the_messages_hold(codec: gw.EventCodec, series: Array) -> None:
    rates = codec.curve(series, [0.5, 2.0], wait=3)
    message = codec.encode(series, 2.0, wait=3)
    off = codec.decode(message) - series
    assert rates.bits[1] == 8 * len(message) / len(series)
    assert rates.messages[1] == len(unpack(message).events) / len(series)
    assert rates.rmse[1] == pytest.approx(np.sqrt(np.mean(off**2)))
    assert rates.largest[1] == np.abs(off).max() <= 2.0
    assert len(str(rates).splitlines()) == 3
    assert rates.as_curve().lines[1].y[0] == rates.held_bits[0]
    default = codec.curve(series[:20]).bounds
    assert len(default) == 5


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([1.0, np.nan, 2.0], "sample 1 is nan"),
        ([[1.0], [2.0]], r"got shape \[2, 1\]: make a codec for each column"),
        ([], "the series is empty"),
        (1.0, "got a single number"),
        (["a"], "one row of numbers; got a list with 'a' at 0"),
        ([1.0, "2"], "got a list with '2' at 1"),
        ([1.0, None], "got a list with None at 1"),
        ("abc", "got str 'abc'"),
        (None, "got NoneType"),
        ([300.0, 1e300], "sample 1 is 1e\\+300, too far"),
    ],
)
def test_a_series_that_cannot_be_coded_is_refused(
    codec: gw.EventCodec, given: list[object], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        codec.encode(given, 0.5)


def test_a_stream_goes_on_after_a_refused_sample(codec: gw.EventCodec, series: Array) -> None:
    encoder, other = codec.encoder(0.5), codec.encoder(0.5)
    for value in series.tolist():
        for wrong in (np.nan, 1e300, "x", "3", None, [1.0]):
            with pytest.raises(DataError, match=f"sample {encoder._side.at} "):
                encoder.step(wrong)
        assert encoder.step(value) == other.step(value)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"seasons": [1]}, "seasons must be a list of at most 8"),
        ({"seasons": 24}, "seasons must be a list"),
        ({"hidden_size": 0}, "hidden_size must be"),
        ({"updates": 1.5}, "updates must be"),
    ],
)
def test_options_are_checked(options: dict[str, object], told: str) -> None:
    with pytest.raises(OptionError, match=told):
        gw.EventCodec(**options)  # type: ignore[arg-type]


def test_a_series_that_cannot_be_learnt_from_is_refused() -> None:
    with pytest.raises(DataError, match=r"needs 186 samples or more with these seasons; got 185"):
        gw.EventCodec(seasons=[24]).fit(np.arange(185.0))
    with pytest.raises(DataError, match="the series is constant"):
        gw.EventCodec().fit(np.full(500, 3.0))
    with pytest.raises(NotFittedError, match="call fit, or load one"):
        gw.EventCodec().encode([1.0], 0.5)


@pytest.mark.parametrize(
    ("events", "samples", "told"),
    [
        ("abc", 3, "message: give the events that an encoder returned; got str"),
        (None, 3, "got NoneType"),
        (["abc"], 3, "event 0 must be a sample and a whole number of steps"),
        ([Event(0, 1), (1,)], 3, "event 1 must be a sample"),
        ([(0, 1.5)], 3, "event 0 must be a sample"),
        ([(-1, 1)], 3, "event 0 must be a sample"),
        ([(1, 1), (1, 2)], 3, "event 1 is for sample 1: events come one after the other"),
        ([(3, 1)], 3, "event 0 is for sample 3"),
        ([], -1, "samples must be a whole number"),
        ([], "3", "samples must be a whole number"),
        ([], 2**32, "samples must be a whole number"),
    ],
)
def test_events_that_are_none_make_no_message(
    codec: gw.EventCodec, events: object, samples: object, told: str
) -> None:
    with pytest.raises(InputError, match=told):
        codec.message(events, samples, 0.5)  # type: ignore[arg-type]
    assert codec.decode(codec.message([(0, 1)], 2, 0.5)).shape == (2,)  # type: ignore[list-item]


def test_what_is_no_message_is_refused(codec: gw.EventCodec) -> None:
    for wrong in ("gwev", None, 3, [1]):
        with pytest.raises(InputError, match="decode: give the bytes of a message"):
            codec.decode(wrong)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="fit: give one row of numbers; got str"):
        gw.EventCodec().fit("abc")


def test_bounds_and_waits_are_checked(codec: gw.EventCodec, series: Array) -> None:
    for bound in (0, -1, np.nan, np.inf, "1", None, True):
        with pytest.raises(OptionError, match="bound must be a number above 0"):
            codec.encode(series, bound)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="a billionth"):
        codec.encode(series, 1e-12)
    with pytest.raises(OptionError, match="wait must be a whole number"):
        codec.encode(series, 0.5, wait=-1)
    with pytest.raises(OptionError, match="steps must be a whole number"):
        codec.encode(series, 0.5, steps=0)
    with pytest.raises(OptionError, match="rising"):
        codec.curve(series, [2.0, 1.0])
    with pytest.raises(OptionError, match=r"bounds must be a list of rising numbers; got 0\.5"):
        codec.curve(series, 0.5)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=r"bounds must be a list of rising numbers; got 'abc'"):
        codec.curve(series, "abc")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="steps must be a whole number"):
        codec.decoder(0.5).step(1.5)  # type: ignore[arg-type]


def test_damaged_files_are_refused_in_one_line(codec: gw.EventCodec, tmp_path: Path) -> None:
    path = tmp_path / "codec"
    codec.save(path)
    content = path.read_bytes()
    about = about_of(content)
    cases = [*damaged_bytes(content, 60, 0), *damaged_tensors(content, 40, 1)]
    cases += [(what, with_about(content, changed)) for what, changed in damaged_json(about, 60, 2)]
    refused = 0
    for what, changed in cases:
        path.write_bytes(changed)
        refused += refusal(lambda: gw.EventCodec.load(path), what) is not None
    assert refused > 100
    newer = {**about, "format_version": 3}
    path.write_bytes(with_about(content, newer))
    with pytest.raises(FileError, match="newer gatewise"):
        gw.EventCodec.load(path)


NAMES = [
    "none",
    "no/such",
    "folder",
    "text/under",
    "loop",
    "n" * 300,
    "nul\0",
    None,
    3,
    b"a",
    ["a"],
]


@pytest.mark.parametrize("name", NAMES)
def test_names_that_hold_no_codec_are_refused_in_one_line(
    codec: gw.EventCodec, name: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither read nor written, and nothing is left beside."""
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("text").write_text("no codec\n")
    Path("loop").symlink_to("loop")
    before = sorted(tmp_path.rglob("*"))
    wanted = (FileError, "is (a folder, and )?no file of an event codec: name one that save wrote")
    unwritable = (FileError, "cannot write")
    if not isinstance(name, str):
        wanted = unwritable = (InputError, "path must be the name of a file; got ")
    with pytest.raises(wanted[0], match=wanted[1]) as caught:
        gw.EventCodec.load(name)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    if name != "none":  # which is a name to write
        with pytest.raises(unwritable[0], match=unwritable[1]) as caught:
            codec.save(name)  # type: ignore[arg-type]
        assert "\n" not in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_what_is_no_codec_is_refused_and_may_be_replaced(
    codec: gw.EventCodec, tmp_path: Path
) -> None:
    path, other = tmp_path / "codec", tmp_path / "other"
    codec.save(path)
    content = path.read_bytes()
    save_file({"head.bias": np.zeros(4)}, other)
    foreign = [
        b"",
        b"hello\n",
        b"\x00" * 99,
        content[:-1],
        content[: len(content) // 2],
        other.read_bytes(),
    ]
    for wrong in foreign:
        path.write_bytes(wrong)
        with pytest.raises(FileError, match=r"codec: |is not a gatewise event codec") as caught:
            gw.EventCodec.load(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
        codec.save(path)
        assert path.read_bytes() == content
    with pytest.raises(NotFittedError):
        gw.EventCodec().save(path)
    assert path.read_bytes() == content
