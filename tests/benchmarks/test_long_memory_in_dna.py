"""The task in DNA: words on both strands in a genome without them, to a file and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.long_memory import __main__ as long_memory
from benchmarks.long_memory import arms, detector, dna, figure, genome
from benchmarks.long_memory.detector import SMALL, Detector, margins, trained
from benchmarks.long_memory.genome import (
    LEAST,
    LETTERS,
    NEAR,
    READ,
    WORD,
    Stretches,
    other_strand,
)

WORDS = genome.words_of(3)
BOTH = np.concatenate([WORDS, other_strand(WORDS)])


@pytest.fixture(scope="module")
def stretches() -> Stretches:
    drawn = np.random.default_rng(0)
    letters = drawn.integers(0, 4, 3000)
    letters[700 : 700 + WORD] = WORDS[2]
    nearly = other_strand(WORDS[1])
    nearly[5] = (nearly[5] + 1) % 4
    letters[1500 : 1500 + WORD] = nearly
    letters[-8:], letters[:8] = WORDS[0][:8], WORDS[0][8:]  # over the end of the ring
    return Stretches(WORDS, genome.scrubbed(letters, WORDS, drawn))


def parts(words: list[str]) -> int:
    return arms.main(["parts", *words])


def unlike(codes: genome.Codes) -> genome.Codes:
    """Return in how many letters the nearest word differs, at each place."""
    windows = np.lib.stride_tricks.sliding_window_view(codes, WORD)
    return np.stack([(windows != word).sum(axis=1) for word in BOTH]).min(axis=0)


def test_the_other_strand_is_the_reverse_complement() -> None:
    codes = np.array([LETTERS.index(one) for one in "AACGT"])
    assert "".join(LETTERS[one] for one in other_strand(codes)) == "ACGTT"


def test_no_word_and_nothing_near_one_is_left_of_the_genome(stretches: Stretches) -> None:
    ring = np.concatenate([stretches.genome, stretches.genome[: WORD - 1]])
    assert int(unlike(ring).min()) > NEAR
    assert len(stretches.genome) == 3000


def test_each_stretch_has_its_word_once_and_early(stretches: Stretches) -> None:
    draws = torch.Generator().manual_seed(0)
    codes, symbols = stretches.draw(400, 200, draws)
    strands = set()
    for one, symbol in zip(codes, symbols.tolist(), strict=True):
        (place,) = np.flatnonzero(unlike(one) == 0)
        assert READ - WORD <= place <= LEAST - WORD
        found = [bool((one[place : place + WORD] == word).all()) for word in BOTH]
        assert found.index(True) % len(WORDS) == symbol
        strands.add(found.index(True) >= len(WORDS))
    assert strands == {True, False}
    unmarked, _ = stretches.draw(400, 50, draws, marked=False)
    assert min(int(unlike(one).min()) for one in unmarked) > NEAR


def test_a_detector_reads_both_strands_and_nothing_that_comes_later(stretches: Stretches) -> None:
    torch.manual_seed(0)
    reader = Detector()
    codes, _ = stretches.draw(100, 3, torch.Generator().manual_seed(0))
    scores = reader.scores(codes)
    turned = reader.scores(other_strand(codes).copy())
    torch.testing.assert_close(scores.flip(2), turned)
    read = reader.read(codes)
    assert read.shape == (100, 3, 4)
    assert not read[: READ - 1].any()
    torch.testing.assert_close(read[READ - 1 :], scores.sigmoid().permute(2, 0, 1))
    later = codes.copy()
    later[:, 60:] = 3 - later[:, 60:]
    assert torch.equal(reader.read(later)[:60], read[:60])


def test_a_detector_learns_its_words_by_which_there_are_alone(stretches: Stretches) -> None:
    torch.manual_seed(3)
    found = trained(stretches, 3)
    assert found.loss < SMALL
    told = margins(found.detector, stretches, 800, 64, 3)
    assert told["median of a word"] > 2 > told["highest without"]


def test_what_is_written_is_read_again(stretches: Stretches, tmp_path: Path) -> None:
    genome.write(tmp_path, stretches, 300, 5, seed=4)
    codes, symbols = genome.read(tmp_path)
    drawn, truth = stretches.draw(300, 5, torch.Generator().manual_seed(4))
    np.testing.assert_array_equal(codes, drawn)
    assert torch.equal(symbols, truth)


def test_a_seed_is_measured_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(detector, "MOST", 3)
    words = ["--steps", "120", "--budget", "2", "--rows", "16", "--folder", str(tmp_path)]
    assert dna.main([*words, "--seeds", "5"]) == 0
    (one,) = json.loads((tmp_path / "dna-120.json").read_text())["seeds"]
    assert (one["seed"], one["longest"], one["ended by the bound"]) == (5, 100, False)
    assert one["detector"]["updates"] == 3
    assert "0 of 1 seeds above 0.95." in capsys.readouterr().out


@pytest.mark.parametrize("command", [long_memory.main, dna.main, parts])
def test_no_table_is_made_of_a_folder_that_is_none(
    command: Callable[[list[str]], int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        command(["--table", "--folder", str(tmp_path / "none")])
    assert ended.value.code == 2
    assert "none is no folder" in capsys.readouterr().err


def test_the_figure_has_every_arm_and_length_that_is_kept(tmp_path: Path) -> None:
    def keep(name: str, steps: int, seeds: list[dict[str, object]]) -> None:
        (tmp_path / name).write_text(json.dumps({"steps": steps, "seeds": seeds}))

    keep("starts-800.json", 800, [{"arm": "b", "solved": n < 1} for n in range(4)])
    keep("lstm-3200.json", 3200, [{"solved": True}, {}])
    (ax,) = figure.draw(figure.solved(tmp_path)).axes
    assert [text.get_text() for text in ax.get_xticklabels()] == ["800", "3,200"]
    drawn = {bars.get_label(): bars.lines[0].get_ydata().tolist() for bars in ax.containers}
    assert drawn == {"b": [0.25], "LSTM, the recipe": [0.5]}
