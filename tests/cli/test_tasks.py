"""Tasks on the command line: what is guessed, what is refused; every verb serves each of them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from gatewise.cli.choosing import choose
from gatewise.cli.sequences import demo
from gatewise.cli.sequences.kinds import KINDS
from gatewise.cli.tasks import TASKS
from gatewise.errors import OptionError
from tests.cli.sequences import FITS, QUICK
from tests.cli.tables import Outcome, files_under

Call = Callable[..., Outcome]


@pytest.mark.parametrize(
    ("words", "task"),
    [
        ("sites.fa --labels labels.csv", "classify"),
        ("wide.csv", "classify"),
        ("wide.csv --target label", "classify"),
        ("steps.csv --target gesture", "classify"),
        ("wide.csv --target strength", "regress"),
        ("dataset:splice", "regress"),
        ("dataset:promoter", "classify"),
        ("states.csv --target state", "tag"),
        ("dataset:tobacco_plastid", "tag"),
        ("tobacco.gb", "tag"),
        ("sites.fa --labels genes.gff3", "tag"),
        ("story.txt", "language"),
        ("dataset:alice29", "language"),
        ("steps.csv --target ax", "forecast"),
        ("river.csv --target flow --inputs rain", "forecast"),
        ("river.csv --horizon 3", "forecast"),
        ("nowhere.csv --target flow", "forecast"),
        ("dataset:fulda --target discharge", "forecast"),
        ("river.csv --task classify", "classify"),
    ],
)
def test_a_task_is_guessed_where_that_is_safe(there: Path, words: str, task: str) -> None:
    found = choose(["fit", *words.split(), "--out", "new"])
    assert found.task is TASKS[task]
    said = task != "forecast" and "--task" not in words
    assert found.note.startswith(f"Task: {task}, {TASKS[task].learns} (") == said


def test_a_task_that_nothing_tells_is_asked_for(there: Path) -> None:
    with pytest.raises(OptionError, match=r"sites.fa: FASTA has no labels.*--task classify"):
        choose(["fit", "sites.fa", "--out", "new"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "fit river.csv --task classfy --out new",
            "--task must be one of .*Did you mean 'classify'",
        ),
        (
            "fit sites.fa --labels labels.csv --task classify --horizon 3 --out new",
            "--horizon is an option of --task forecast, and this is --task classify",
        ),
        (
            "fit river.csv --task forecast --alphabet dna --out new",
            "--alphabet is an option of --task classify.*, and this is --task forecast",
        ),
        (
            "fit --config other.toml --out new",
            "--horizon is an option of --task forecast, and this",
        ),
        (
            "tune sites.fa --labels labels.csv --out new",
            "tune is for forecasts alone, and this is --task classify",
        ),
        ("backtest river.csv --task classify", "backtest is for forecasts alone"),
        ("fit nowhere --task language --out new", "nowhere"),
        ("predict language nowhere", "nowhere"),
        ("evaluate language nowhere", "nowhere"),
        ("predict language", "name one of these: --suggest TEXT.*--sample N.*DATA"),
        ("predict language --suggest a --sample 3", "name one of these"),
        ("predict language --suggest a --count 0", "0"),
        ("predict language --sample 3 --temperature -1", "-1"),
        ("predict classify --suggest a", "--suggest is an option of --task language, and this is"),
        ("evaluate language --labels labels.csv", "--labels is an option of --task classify or"),
        (
            "fit story.txt --labels labels.csv --out new",
            "say what to learn with --task classify or",
        ),
        ("evaluate classify --task forecast", "classify is that of a classifier"),
        ("predict classify sites.fa --out new.bed", "the ending must be .csv or .parquet"),
        ("fit sites.fa --labels labels.csv --read lst --out new", "lst"),
        ("fit nowhere.fa --labels labels.csv --out new", "nowhere.fa"),
        ("fit sites.fa --labels wide.csv --out new", "s0"),
        (
            "fit story.txt --task classify --out new",
            "story.txt' is a text, .*name their file with",
        ),
        (
            "fit sites.fa --labels labels.csv --time ds --out new",
            "--time ds is for a table with a row for each step, and sites.fa is FASTA with labels in a",
        ),
        (
            "fit states.csv --target state --features CDS --out new",
            "--features CDS is for BED, GFF3 and GenBank files, and states.csv is a table with a row",
        ),
        (
            "fit wide.csv --target strength --inputs label --out new",
            "--inputs label is for arrays and",
        ),
        ("fit sites.fa --task language --out new", "sites.fa' is FASTA, by its name, and no text"),
        ("predict language sites.fa", "sites.fa' is FASTA, by its name, and no text"),
        (
            "predict language --suggest a --top-k 2",
            "--top-k is for --sample N, which is not asked for",
        ),
        (
            "predict language --sample 3 --count 2",
            "--count is for --suggest TEXT, which is not asked",
        ),
        (
            "predict language story.txt --prompt a",
            "--prompt is for --sample N, which is not asked for",
        ),
        (
            "predict tag states.csv --min-length 3",
            "--min-length is for features, which --out FILE.bed",
        ),
        ("predict tag states.csv --out told.csv --min-length 3", "--min-length is for features"),
        ("predict tag states.csv --out told.bed --min-length 0", "--min-length must be .*got 0"),
        (
            "predict classify --min-length 3",
            "--min-length is an option of --task tag, and this is --task classify",
        ),
        ("inspect classify --part training", "page about --part training with --out PAGE.html"),
    ],
)
def test_what_does_not_fit_a_task_is_refused_in_a_line(
    there: Path, call: Call, words: str, message: str
) -> None:
    (there / "other.toml").write_text(
        'data = "sites.fa"\nlabels = "labels.csv"\ntask = "classify"\nhorizon = 3\n'
    )
    before = files_under(there)
    done = call(*words.split())
    assert (done.code, done.err.count("\n")) == (2, 1), done.err
    assert re.search(message, done.err), done.err
    assert files_under(there) == before


@pytest.mark.parametrize("task", list(FITS))
def test_the_help_of_a_task_shows_its_options_alone(call: Call, task: str) -> None:
    done = call("fit", "--task", task, "--help")
    assert done.code == 0
    assert "--horizon" not in done.out
    own = "--window" if task == "language" else "--bidirectional"
    assert own in done.out
    assert own not in call("fit", "--help").out


@pytest.mark.parametrize("task", list(FITS))
def test_every_verb_serves_a_run_of_the_task(
    there: Path, call: Call, task: str, tmp_path: Path
) -> None:
    data, *labels = FITS[task]
    config = json.loads((there / task / "config.json").read_text())
    assert (config["status"], config["estimator"]) == ("complete", TASKS[task].kind)
    assert call("predict", task, data, "--out", tmp_path / "new.csv").code == 0
    assert len(pl.read_csv(tmp_path / "new.csv")) >= 60
    assert "rows" in call("predict", task, data).out
    told = json.loads(call("evaluate", task, "--json").out)
    kept = json.loads((there / task / "metrics.json").read_text())
    assert told["scores"] == kept["scores"]
    assert len(told["scores"]) > 1  # baselines beside
    others = ("--against", task, "--predictions", f"{task}/predictions.csv")
    beside = json.loads(call("evaluate", task, *others, "--json").out)
    for other in (task, "predictions.csv"):
        gain = beside["gains"][other][beside["decides"]]["value"]
        assert gain == pytest.approx(0, abs=1e-6)
    printed = call("evaluate", task, *others).out
    assert f"{task} reaches" in printed
    assert (there / task / "report.png").exists()
    asked = ("--out", tmp_path / "page.html", "--json", tmp_path / "page.json")
    done = call("inspect", task, *asked, "--picture", tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").exists()
    assert done.code == 0, done.err
    assert "gatewise" in done.out
    page = (tmp_path / "page.html").read_text()
    assert '<div class="pictures">' in page
    for verb in ("continue", "retrain"):
        new = ("--epochs", "1", "--out", tmp_path / verb, "--quiet")
        theirs = labels if "--labels" in labels else []
        assert call(verb, task, data, *theirs, *new) == Outcome(0, "", "")
    copied = shutil.copytree(there / task, tmp_path / "copied")
    assert "complete already" in call("resume", copied).out


@pytest.mark.parametrize("task", list(FITS))
def test_an_interrupted_fit_is_resumed_by_what_its_run_says(
    there: Path, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    data, *labels = FITS[task]
    with monkeypatch.context() as patch:

        def interrupted(*args: object, **named: object) -> object:
            raise KeyboardInterrupt

        patch.setattr("gatewise.estimators.base.train", interrupted)
        done = call("fit", data, *labels, *QUICK, "--out", tmp_path / "run")
    assert done.code == 130
    assert f"gatewise resume {tmp_path / 'run'}" in done.err
    done = call("resume", tmp_path / "run", "--quiet")
    assert done == Outcome(0, "", "")
    models = [each / "model.safetensors" for each in (tmp_path / "run", there / task)]
    assert models[0].read_bytes() == models[1].read_bytes()


def test_a_run_can_be_the_config_file_of_another(there: Path, call: Call, tmp_path: Path) -> None:
    config = there / "classify/config.json"
    words = ("fit", "sites.fa", "--labels", "labels.csv", "--config", config, "--epochs", "1")
    done = call(*words, "--out", tmp_path / "again", "--quiet")
    assert done == Outcome(0, "", "")
    settings = json.loads((tmp_path / "again/config.json").read_text())["settings"]
    assert (settings["hidden_size"], settings["epochs"]) == (4, 1)


def test_two_new_sequences_are_scored_and_predicted(
    there: Path, call: Call, tmp_path: Path
) -> None:
    (tmp_path / "new.fa").write_text(">a\nACGTA\n>b\nTTGT\n")
    (tmp_path / "new.csv").write_text("name,label\na,strong\nb,weak\n")
    words = (tmp_path / "new.fa", "--labels", tmp_path / "new.csv")
    done = call("evaluate", "classify", *words, "--json")
    assert (done.code, json.loads(done.out)["count"]) == (0, 2)
    page = tmp_path / "new.html"
    assert call("inspect", "classify", *words, "--out", page).code == 0
    assert page.exists()


def test_labels_are_those_of_the_fit_where_the_data_is(
    there: Path, call: Call, tmp_path: Path
) -> None:
    done = call("evaluate", "classify", "sites.fa", "--json")
    assert (done.code, json.loads(done.out)["count"]) == (0, 60)
    assert "flatters" in json.loads(done.out)["notes"][0]
    new = ("--epochs", "1", "--out", tmp_path / "more", "--quiet")
    assert call("continue", "classify", "sites.fa", *new) == Outcome(0, "", "")
    (tmp_path / "new.fa").write_text(">a\nACGTA\n>b\nTTGT\n")
    done = call("evaluate", "classify", tmp_path / "new.fa")
    assert done.code == 2
    assert "--labels FILE; those of the fit are in" in done.err
    assert "labels.csv" in done.err


def test_a_score_on_the_text_of_the_fit_says_that_it_flatters(there: Path, call: Call) -> None:
    for words in (("evaluate", "language", "story.txt"), ("predict", "language", "story.txt")):
        assert "which flatters every model that was fitted on it" in call(*words).out


@pytest.mark.parametrize(
    ("task", "source", "words"),
    [
        ("tag", "states.csv", "NEW.csv --out LABELS.csv"),
        ("tag", "here/genome.gb", "NEW.fa --out GENES.gff3"),
        ("tag", "dataset:tobacco_plastid", "NEW.fa --out GENES.gff3"),
        ("classify", "sites.fasta.gz", "NEW.fasta --out PREDICTED.csv"),
        ("regress", "dataset:splice", "NEW.csv --out PREDICTED.csv"),
        ("language", "story.txt", '--suggest "TEXT"'),
    ],
)
def test_what_to_type_next_is_like_the_data_of_the_fit(task: str, source: str, words: str) -> None:
    assert KINDS[task].then(source)[0] == words


def test_a_language_model_suggests_and_goes_on(there: Path, call: Call) -> None:
    done = call("predict", "language", "--suggest", "the ke", "--count", "3")
    assert (done.code, len(done.out.splitlines())) == (0, 4)
    told = [call("predict", "language", "--sample", "9", "--prompt", "the ") for _ in range(2)]
    assert told[0] == told[1]
    assert told[0].out.startswith("the ")
    assert len(told[0].out) == 4 + 9 + 1


def test_a_tagger_writes_features(there: Path, call: Call, tmp_path: Path) -> None:
    for ending in ("bed", "gff3"):
        done = call("predict", "tag", "states.csv", "--out", tmp_path / f"states.{ending}")
        assert done.code == 0, done.err
        assert "g0" in (tmp_path / f"states.{ending}").read_text()


def test_short_features_of_a_tagger_are_left_out(there: Path, call: Call, tmp_path: Path) -> None:
    def lengths(*options: object) -> list[int]:
        path = tmp_path / f"states{len(options)}.bed"
        assert call("predict", "tag", "states.csv", "--out", path, *options).code == 0
        rows = [line.split("\t") for line in path.read_text().splitlines()]
        return [int(row[2]) - int(row[1]) for row in rows]

    every = lengths()
    least = max(every)
    assert min(every) < least
    assert lengths("--min-length", least) == [one for one in every if one >= least]


def test_a_demo_of_a_task_replaces_its_own_run_alone_and_resumes_it(
    there: Path, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"target": "strength", "hidden_size": 2, "epochs": 1}
    made = demo.Demo(str(there / "wide.csv"), "A title", "How strong is it?", settings)
    monkeypatch.setitem(demo.DEMOS, "regress", made)
    words = ("demo", "--task", "regress", "--out", tmp_path / "demo")
    first = call(*words)
    assert first.code == 0, first.err
    assert first.out.startswith("How strong is it?")
    model = (tmp_path / "demo/model.safetensors").read_bytes()
    config = tmp_path / "demo/config.json"
    config.write_text(config.read_text().replace('"complete"', '"training"'))
    (tmp_path / "demo/checkpoints").mkdir()
    assert "going on with it" in call(*words).out
    assert call(*words).code == 0
    assert (tmp_path / "demo/model.safetensors").read_bytes() == model
    done = call(*words[:-1], there / "classify")
    assert (done.code, "not the demo's" in done.err) == (2, True)
