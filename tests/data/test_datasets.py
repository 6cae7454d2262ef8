"""The bundled sets are what their descriptions say."""

from __future__ import annotations

import datetime
import gzip
from collections import Counter
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from gatewise.data import datasets, read_frame, split_times
from gatewise.data.catalog import FOLDER, bundled_paths
from gatewise.data.sequences import read_labelled, split_of
from gatewise.data.sequences.texts import read_text
from gatewise.errors import DataError, FileError, OptionError

TABLES = ("fulda", "soil", "stocks")
SEQUENCES = (
    *("splice", "promoter", "arabidopsis_plastid", "tobacco_plastid", "plastids", "other_genomes"),
)
TEXTS = ("alice29", "asyoulik", "lcet10", "plrabn12")


def test_names():
    assert datasets.names() == TABLES + SEQUENCES + TEXTS


@pytest.mark.parametrize("name", datasets.names())
def test_descriptions_fit_their_files(name):
    about, held = datasets.describe(name), datasets.load(name)
    assert len(held) == about.rows
    assert about.terms
    assert about.citation
    licences = (FOLDER / "DATA-LICENSES.md").read_text()
    for path in bundled_paths(name):
        content = path.read_bytes()
        assert len(content) < 1_000_000
        assert path.name in licences
        assert content[4:8] == b"\0\0\0\0", (
            "the gzip header holds no time: the file is reproducible"
        )
        assert gzip.decompress(content).isascii()
    if bundled_paths(name)[0].name.endswith(".csv.gz"):
        assert read_frame(f"dataset:{name}").columns == list(about.columns)


def test_every_bundled_file_is_of_a_set():
    held = {path.name for name in datasets.names() for path in bundled_paths(name)}
    assert {path.name for path in FOLDER.iterdir()} - {"DATA-LICENSES.md"} == held
    new = sum(path.stat().st_size for name in SEQUENCES + TEXTS for path in bundled_paths(name))
    assert new < 2_000_000


def test_what_is_no_table_or_no_text_is_said():
    with pytest.raises(FileError, match=r"dataset:alice29 is no table \(text\): gw.datasets.load"):
        read_frame("dataset:alice29")
    with pytest.raises(FileError, match="'dataset:fulda' is no text but table"):
        read_text("dataset:fulda")
    assert read_labelled("dataset:alice29").sequences.steps == len(datasets.load("alice29"))


def test_splice_and_promoter_have_their_published_parts():
    splice, promoter = datasets.load("splice"), datasets.load("promoter")
    counts = [Counter(found.split) for found in (splice, promoter)]
    assert counts[0] == {"training": 18469, "validation": 5936, "test": 6078}
    assert counts[1] == {"training": 31324, "validation": 10315, "test": 10214}
    assert splice.sequences.vocabulary.symbols == ("A", "C", "G", "U")
    assert set(splice.sequences.lengths.tolist()) == {9}
    assert set(promoter.sequences.lengths.tolist()) == {75}
    assert promoter.classes == tuple(map(str, range(10)))
    parts = split_of(promoter)
    assert {part: len(picks) for part, picks in parts.items()} == counts[1]
    variants = [row.tobytes() for row in promoter.sequences.values.reshape(-1, 75)]
    assert len(set(variants)) == len(set(zip(variants, promoter.split, strict=True))) == 50518


def test_plastids_are_the_genomes_that_were_published():
    whole = read_labelled("dataset:arabidopsis_plastid", regions=())
    tobacco, others = datasets.load("tobacco_plastid"), datasets.load("other_genomes")
    steps = [whole.sequences.steps, tobacco.sequences.steps, *others.sequences.lengths.tolist()]
    assert steps == [154478, 155943, 86436, 154329, 9609]
    coding = [found.labels.mean() for found in (whole, tobacco)]
    coding += [row.mean() for row in np.split(others.labels, others.sequences.offsets[1:-1])]
    assert np.round(coding, 3).tolist() == [0.513, 0.531, 0.296, 0.176, 0.605]
    for found in (whole, tobacco, others):
        assert found.classes == ("other", "CDS")
        assert (found.sequences.values > 0).all()
    both = read_labelled("dataset:tobacco_plastid", features=["CDS", "tRNA", "rRNA"], strands=True)
    assert both.classes[1:3] == ("CDS+", "CDS-")


def test_the_plastids_are_one_to_train_on_and_one_to_test_on():
    both = datasets.load("plastids")
    one, other = datasets.load("arabidopsis_plastid"), datasets.load("tobacco_plastid")
    assert both.split == ("training", "validation", *["training"] * 4, "test")
    for picks, held in ((np.arange(6), one), (np.array([6]), other)):
        found = both.take(picks)
        np.testing.assert_array_equal(found.sequences.values, held.sequences.values)
        np.testing.assert_array_equal(found.labels, held.labels)
        assert found.sequences.names == held.sequences.names
    assert read_labelled("dataset:plastids", with_labels=False).labels is None
    with pytest.raises(OptionError, match="has labels of its own"):
        read_labelled("dataset:plastids", ["CDS"])


def test_regions_of_the_plastid_share_no_base_no_copy_and_no_gene():
    """The parts are apart, the repeats are copies on one side, and no gene is cut in two parts."""
    whole = read_labelled("dataset:arabidopsis_plastid", regions=())
    cut = datasets.load("arabidopsis_plastid")
    regions = datasets.describe("arabidopsis_plastid").reading["regions"]
    part_of = np.full(whole.sequences.steps, "", dtype="<U10")
    for region, name, part in zip(regions, cut.sequences.names, cut.split, strict=True):
        here = slice(region.start - 1, region.end)
        assert (part_of[here] == "").all()
        part_of[here] = part
        row = cut.sequences.names.index(name)
        np.testing.assert_array_equal(cut.sequences.row(row), whole.sequences.values[here])
    one, other = (row for row, region in enumerate(regions) if region.group)
    flipped = 5 - cut.sequences.row(other)[::-1]
    np.testing.assert_array_equal(cut.sequences.row(one), flipped)
    for start, end in coding_stretches(whole.labels):
        assert len(set(part_of[start:end]) - {""}) <= 1, (start, end)
    bounds = sorted((region.start, region.end) for region in regions)
    assert min(later[0] - earlier[1] for earlier, later in pairwise(bounds)) > 500
    assert not shared_words(cut, "training", "test", 25)
    assert not shared_words(cut, "training", "validation", 25)
    assert shared_words(cut, "training", "test", 12)  # as chance has it


def coding_stretches(labels):
    edges = np.flatnonzero(np.diff(np.concatenate([[0], labels, [0]])))
    return edges.reshape(-1, 2).tolist()


def shared_words(cut, one, other, size):
    """Return the words of `size` bases that two parts share, on either strand."""
    words = {part: set() for part in (one, other)}
    for letters, part in zip(map(cut.sequences.row, range(len(cut))), cut.split, strict=True):
        for text in (letters, 5 - letters[::-1]):
            code = text.astype(np.uint8).tobytes()
            words.setdefault(part, set()).update(
                code[place : place + size] for place in range(len(code) - size)
            )
    return words[one] & words[other]


def test_unknown_set_names_the_nearest():
    with pytest.raises(FileError, match=r"'fluda'\. Did you mean 'fulda'\? There are: fulda, soil"):
        read_frame("dataset:fluda")
    with pytest.raises(FileError, match="'Soil'"):
        datasets.describe("Soil")


def test_fulda(read):
    frame = datasets.load("fulda")
    table = read(frame, target="discharge", inputs=["rain", "tmax", "tmin"])
    assert table.step.text == "1 day"
    assert frame["ds"][0] == datetime.date(1979, 1, 1)
    assert frame["ds"][-1] == datetime.date(1988, 12, 31)
    assert frame.row(0) == (datetime.date(1979, 1, 1), 1.0, -12.9, -20.1, 143.0)
    assert (frame["tmin"] <= frame["tmax"]).all()
    split = split_times(table, "1985-01-01", "1986-01-01")
    counts = [split.part_rows(table, part).sum() for part in ("training", "validation", "test")]
    assert counts == [2192, 365, 1096]


def test_soil_keeps_its_gaps_and_its_odd_rain(read):
    frame = datasets.load("soil")
    assert frame["groundwater"].null_count() == 3012
    assert frame["rain"].max() == pytest.approx(2056.548871)
    target = ["moisture_10cm", "moisture_25cm", "moisture_40cm"]
    with pytest.raises(
        DataError,
        match=r"'groundwater' has 3012 missing values, the first in row 6040 \(2014-09-09",
    ):
        read(frame, target=target, inputs="groundwater")
    assert read(frame, target=target, inputs="groundwater", missing="mask").step.text == "1 hour"


def test_the_dates_of_soil_are_in_their_right_order():
    """The publisher's file swaps day and month; level and pressure then jump at every midnight."""
    frame = datasets.load("soil")
    midnight = np.flatnonzero(frame["ds"].dt.hour().to_numpy() == 0)[1:]
    for column, largest in (("groundwater", 0.005), ("pressure", 0.6), ("temperature", 1.0)):
        values = frame[column].to_numpy()
        jump = np.nanmean(np.abs(values[midnight] - values[midnight - 1]))
        assert jump < largest, column


def test_stocks_are_a_panel_of_trading_days(read):
    frame = datasets.load("stocks")
    inputs = ["open", "high", "low", "volume"]
    table = read(frame, target="close", inputs=inputs, frequency="rows")
    assert table.series == ("AAPL", "FB", "GOOG", "IBM", "MSFT")
    assert np.diff(table.starts).tolist() == [3270, 196, 2148, 3270, 3270]
    assert (frame["low"] <= frame["high"]).all()
    with pytest.raises(
        DataError, match=r"'ds' is irregular: row 4 \(2000-03-06\) of series 'AAPL'"
    ):
        read(frame, target="close", inputs=inputs)


def test_loading_twice_gives_equal_frames():
    assert datasets.load("fulda").equals(datasets.load("fulda"))
    assert isinstance(datasets.load("fulda"), pl.DataFrame)
