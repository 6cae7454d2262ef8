"""Bad sequences, labels and texts, typed and in Python: one line that names them, nothing written."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import gatewise as gw
from gatewise.errors import GatewiseError
from tests.cli.sequences import FITS as FITS_OF
from tests.cli.sequences import QUICK
from tests.cli.tables import Outcome, files_under

Call = Callable[..., Outcome]
ESTIMATORS: dict[str, Any] = {
    "classify": gw.Classifier,
    "regress": gw.Regressor,
    "tag": gw.Tagger,
    "language": gw.LanguageModel,
}
OF_SEQUENCES = ("classify", "regress")
OF_LETTERS = (*OF_SEQUENCES, "tag")
DNA = [("ACGT" * 4)[k % 5 : k % 5 + 8] for k in range(30)]


def fasta(*texts: str) -> str:
    return "".join(f">s{k}\n{text}\n" for k, text in enumerate(texts or DNA))


def labels(count: int = 30, task: str = "classify", **others: str) -> str:
    """Return a table of labels, numbers or features of `count` sequences, and of `others`."""
    every = {**{f"s{k}": str(k % 2) for k in range(count)}, **others}
    if task == "tag":
        rows = [f"{name}\t1\t{3 if value.isdigit() else value}\ta" for name, value in every.items()]
        return "\n".join(rows) + "\n"
    point = "" if task == "classify" else ".5"
    return "\n".join(["name,label", *(f"{name},{value}{point}" for name, value in every.items())])


def steps(state: Callable[[int, int], object], **cells: str) -> str:
    """Return a table with 4 steps of each of 30 sequences; `cells` are x of the first step."""
    rows = [f"g{k},{t},{k % 3 + t / 10},{state(k, t)}" for k in range(30) for t in range(4)]
    if cells:
        rows[0] = f"g0,0,{cells['x']},a"
    return "\n".join(["unique_id,ds,x,label", *rows])


class Bad(NamedTuple):
    """What is wrong, for which tasks, how it is said, and the files: text, or bytes."""

    what: str
    tasks: tuple[str, ...]
    said: str
    data: Callable[[str], str | bytes]
    labels: Callable[[str], str | bytes] | None = None
    kind: str = ".fa"
    options: tuple[str, ...] = ()


FITS = [
    Bad("unknown letter", OF_LETTERS, "'!' .*letter 9 of sequence 's0'.*line 2",
        lambda _: fasta(DNA[0] + "!", *DNA[1:]), lambda task: labels(task=task),
        options=("--alphabet", "dna")),
    Bad("no letters", OF_LETTERS, "line 3.*no letters|'s1'",
        lambda _: fasta(DNA[0], "", *DNA[2:]), lambda task: labels(task=task)),
    Bad("empty cell", OF_SEQUENCES, "'sequence' is empty in row 1",
        lambda _: "sequence,label\n,1\n" + "".join(f"{text},{k % 2}\n" for k, text in enumerate(DNA)),
        kind=".csv"),
    Bad("no label", OF_SEQUENCES, "1 sequence without a label \\('s29'\\)",
        lambda _: fasta(), lambda task: labels(29, task)),
    Bad("no sequence", OF_LETTERS, "'other'.*unmatched",
        lambda _: fasta(), lambda task: labels(30, task, other="1")),
    Bad("no names in common", OF_LETTERS, "no name of a sequence is among|'z0'.*none of those that are",
        lambda _: fasta(), lambda task: labels(0, task, z0="1", z1="0")),
    Bad("no labels at all", OF_LETTERS, "no labels: pass .*labels", lambda _: fasta()),
    Bad("one class", ("classify",), "all sequences are of one class, '0'",
        lambda _: fasta(), lambda _: labels(0, **{f"s{k}": "0" for k in range(30)})),
    Bad("one class of steps", ("tag",), "all steps are of one class, 'a'",
        lambda _: steps(lambda k, t: "a"), kind=".csv"),
    Bad("one number", ("regress",), "all numbers of target 1 .* are one",
        lambda _: fasta(), lambda _: labels(0, "regress", **{f"s{k}": "0" for k in range(30)})),
    Bad("a class of one", ("classify",), "one member only, such as 'lonely'",
        lambda _: fasta(), lambda _: labels(29, s29="lonely")),
    Bad("a class that is only scored", ("tag",), "the training part has no step of the class 'z'",
        lambda _: steps(lambda k, t: "z" if k == 29 else "ab"[t % 2]), kind=".csv",
        options=("--split", "part")),
    Bad("classes for numbers", ("regress",), "labels are to be numbers, and one is 'weak'",
        lambda _: fasta(), lambda _: labels(0, **{f"s{k}": "weak" for k in range(30)})
        .replace("weak.5", "weak")),
    Bad("numbers for classes", ("classify",), "they are decimals: numbers are for a regressor",
        lambda _: fasta(), lambda _: labels(30, "regress")),
    Bad("missing value", ("classify", "tag"), "missing.*'g0', step 1 .*column 'x'",
        lambda _: steps(lambda k, t: "ab"[t % 2], x=""), kind=".csv",
        options=("--inputs", "x")),
    Bad("infinite value", ("classify", "tag"), "infinite.*'g0'|inf",
        lambda _: steps(lambda k, t: "ab"[t % 2], x="inf"), kind=".csv"),
    Bad("another encoding", OF_SEQUENCES, "UTF-8",
        lambda _: ("sequence,label\n" + "ACGT,ä\n" * 30).encode("latin-1"), kind=".csv"),
    Bad("a byte in letters", OF_LETTERS, "byte 228|'\\\\xe4'|ä|UTF-8",
        lambda _: fasta(DNA[0] + "ä", *DNA[1:]).encode("latin-1"), lambda task: labels(task=task)),
    Bad("a text in another encoding", ("language",), "not UTF-8 text: line 1 has the byte e4",
        lambda _: ("ä" * 900).encode("latin-1"), kind=".txt"),
    Bad("a wrong encoding", ("language",), "not ASCII text",
        lambda _: "ä" * 900, kind=".txt", options=("--encoding", "ascii")),
    Bad("one line", OF_LETTERS, "s0|no letters", lambda _: ">s0\n", lambda task: labels(1, task)),
    Bad("one sequence", OF_LETTERS, "leaves none|part|one",
        lambda _: fasta("ACGTACGT"), lambda task: labels(1, task)),
    Bad("a header alone", OF_SEQUENCES, "no rows|empty", lambda _: "sequence,label\n", kind=".csv"),
    Bad("one short line", ("language",), "too short for a|fewer than the window",
        lambda _: "The end.\n", kind=".txt"),
    Bad("labels in another encoding", OF_SEQUENCES, "UTF-8",
        lambda _: fasta(), lambda task: labels(29, task, s29="ä").encode("latin-1")),
    Bad("labels that are a header alone", OF_SEQUENCES, "no rows", lambda _: fasta(),
        lambda _: "name,label\n"),
    Bad("a label that is there twice", OF_SEQUENCES, "'s3'.*(twice|two|repeat)|(twice|two|repeat).*'s3'",
        lambda _: fasta(), lambda task: labels(task=task) + "\ns3,1"),
    Bad("a sequence that is there twice", OF_LETTERS, "lines 1 and 61: two sequences are called 's0'",
        lambda _: fasta() + f">s0\n{DNA[0]}\n", lambda task: labels(task=task)),
    Bad("a vocabulary too small", ("language",), "vocabulary.3 .* its bytes and characters alone are 26",
        lambda _: "the cat sat on the mat\n" * 40, kind=".txt",
        options=("--tokens", "sentencepiece", "--vocabulary", "3")),
    Bad("a vocabulary of bytes", ("language",), "there are 256, leave it out",
        lambda _: "the cat sat on the mat\n" * 40, kind=".txt",
        options=("--tokens", "bytes", "--vocabulary", "10")),
    Bad("no word twice", ("language",), "no word of the text occurs 2 times",
        lambda _: " ".join(f"w{k}" for k in range(900)), kind=".txt", options=("--tokens", "words")),
    Bad("an empty file", (*OF_LETTERS, "language"), "is empty", lambda _: ""),
    Bad("a feature past the end", ("tag",), "s1",
        lambda _: fasta(), lambda _: labels(0, "tag", s0="3", s1="999x").replace("999x", "999")),
    Bad("not FASTA", OF_LETTERS, "'>'|FASTA", lambda _: "ACGT\nACGT\n", lambda task: labels(task=task)),
]  # fmt: skip
EACH = [pytest.param(bad, task, id=f"{bad.what}, {task}") for bad in FITS for task in bad.tasks]


@pytest.mark.parametrize(("bad", "task"), EACH)
def test_what_cannot_be_learnt_from_is_refused_in_a_line(
    here: Path, call: Call, bad: Bad, task: str
) -> None:
    kind = ".txt" if task == "language" else bad.kind
    told = bad.labels and ("genes.bed" if task == "tag" else "labels.csv")
    for name, content in ((f"data{kind}", bad.data), (told, bad.labels)):
        if content is not None:
            found = content(task)
            Path(str(name)).write_bytes(found if isinstance(found, bytes) else found.encode())
    words = zip(bad.options[::2], bad.options[1::2], strict=True)
    options = {name: int(value) if value.isdigit() else value for name, value in words}
    if "--split" in options:
        rows = Path("data.csv").read_text().splitlines()
        parts = ["part", *("test" if row.startswith("g29") else "training" for row in rows[1:])]
        Path("data.csv").write_text(
            "\n".join(f"{row},{part}" for row, part in zip(rows, parts, strict=True))
        )
    before = files_under(here)
    given = ["--labels", told] if told else []
    done = call("fit", f"data{kind}", *given, "--task", task, *bad.options, "--out", "new")
    assert (done.code, done.err.count("\n")) == (2, 1), done.err
    assert re.search(bad.said, done.err), done.err
    model = ESTIMATORS[task](**{name.removeprefix("--"): value for name, value in options.items()})
    with pytest.raises(GatewiseError, match=bad.said) as caught:
        model.fit(Path(f"data{kind}"), *([told] if told else []), out=Path("new"), progress=False)
    assert "\n" not in str(caught.value)
    assert files_under(here) == before


AGAIN = [
    ("an unseen label", "evaluate classify new.fa --labels new.csv", "not trained on: 'odd'"),
    ("an unseen label", "continue classify new.fa --labels new.csv --out new", "not trained on: 'odd'"),
    ("an unseen state", "evaluate tag odd.csv", "not trained on: 'odd'"),
    ("text for numbers", "evaluate regress odd_wide.csv", "labels are to be numbers, and one is"),
    ("another alphabet", "predict classify protein.fa", "outside the alphabet 'ACGT'"),
    ("another alphabet", "evaluate regress protein.csv", "outside the alphabet 'ACGT'"),
    ("letters for values", "predict tag new.fa", "the model reads"),
    ("values for letters", "predict classify states.csv", "'?sequence'?|the model reads|column"),
    ("other columns", "predict tag narrow.csv", "'ax'"),
    ("no labels", "evaluate classify new.fa", "no labels to score by: name their file with --labels"),
    ("no numbers", "evaluate regress letters.csv", "'strength'|no labels"),
    ("no texts", "evaluate language sites.fa", "no text"),
    ("an empty text", "predict language empty.txt", "is empty"),
    ("another encoding", "predict language latin.txt", "not UTF-8 text"),
    ("other tokens", "evaluate language --against language_of_words", "cuts texts into other tokens"),
    ("another task", "evaluate classify --against regress", "of a regressor|a regressor"),
    ("other classes", "evaluate tag --against classify", "of a classifier|a classifier"),
    ("tokens of its choice", "continue language story.txt --tokens words --out new", "--tokens"),
    ("nothing there", "predict tag nowhere.csv", "nowhere.csv"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"), [pytest.param(*rest, id=f"{what}: {rest[0]}") for what, *rest in AGAIN]
)
def test_what_does_not_fit_a_model_is_refused_in_a_line(
    there: Path, call: Call, words: str, said: str
) -> None:
    files: dict[str, str | bytes] = {
        "new.fa": ">a\nACGTA\n>b\nTTGT\n",
        "new.csv": "name,label\na,strong\nb,odd\n",
        "odd.csv": "unique_id,ds,ax,state\nh,0,.1,on\nh,1,.2,odd\n",
        "odd_wide.csv": "sequence,strength\nACGT,much\nACG,more\n",
        "protein.fa": ">a\nMKVLW\n",
        "protein.csv": "sequence,strength\nMKVLW,.5\nACGT,.1\n",
        "narrow.csv": "unique_id,ds,other\nh,0,.1\nh,1,.2\n",
        "letters.csv": "sequence\nACGT\nACG\n",
        "empty.txt": "",
        "latin.txt": "ä".encode("latin-1"),
    }
    for name, content in files.items():
        (there / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    if "language_of_words" in words and not Path("language_of_words").exists():
        more = ("--tokens", "words", *FITS_OF["language"][1:], *QUICK)
        assert call("fit", "story.txt", *more, "--out", "language_of_words", "--quiet").code == 0
    before = files_under(there)
    done = call(*words.split())
    assert (done.code, done.err.count("\n")) == (2, 1), done.err
    assert re.search(said, done.err), done.err
    assert files_under(there) == before


ROWS = [np.full((k % 4 + 1, 2), k, dtype=np.float32) for k in range(40)]


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([[0] * len(row) for row in ROWS[:-1]], "39 labels|sequence|fit neither"),
        ([*[[k % 2] * len(row) for k, row in enumerate(ROWS[:-1])], [0]], "'39' has 4 steps and 1"),
        (np.zeros((40, 3), dtype=int), "shorter than the longest sequence"),
        ([k % 2 for k in range(40)], "labels fit neither|label for each step"),
    ],
)
def test_labels_of_steps_that_do_not_fit_are_refused(
    labels: Any, said: str, tmp_path: Path
) -> None:
    with pytest.raises(GatewiseError, match=said) as caught:
        gw.Tagger().fit(ROWS, labels, out=tmp_path / "run", progress=False)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", [gw.Classifier, gw.Regressor, gw.Tagger])
@pytest.mark.parametrize(
    ("lengths", "said"),
    [([1, 2], "lengths of the shape"), ([9] * 40, "is to have 9 steps"), ([0] * 40, "are empty")],
)
def test_lengths_that_do_not_fit_are_refused(
    kind: Any, lengths: list[int], said: str, tmp_path: Path
) -> None:
    padded = np.ones((40, 4, 2))
    with pytest.raises(GatewiseError, match=said):
        kind().fit(padded, [k % 2 for k in range(40)], lengths=lengths, out=tmp_path / "run")
    assert list(tmp_path.iterdir()) == []
