import math
from pathlib import Path
from typing import Any

import numpy as np
import polars
import pytest
import torch

import gatewise as gw
from gatewise.answers.drawing import draw
from gatewise.errors import DataError, FileError, NotFittedError, OptionError
from gatewise.estimators.language.estimator import LanguageModel
from gatewise.estimators.language.judging import judge
from gatewise.estimators.language.speaking import Speaker, _Calls, _Steps

TEXT = (
    "".join(
        f"the {a} of the {b} {verb} old.\n"
        for a, verb in (("keys", "are"), ("key", "is"), ("lids", "are"), ("lid", "is"))
        for b in ("cabinet", "boxes", "door", "chests", "houses")
    )
    * 8
)
OPTIONS: dict[str, Any] = {"hidden_size": 12, "embedding": 6, "epochs": 2, "window": 16}


def made(**options: Any) -> LanguageModel:
    return gw.LanguageModel(**{**OPTIONS, **options})


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return made(num_layers=2, members=2, epochs=1).fit(TEXT, progress=False)


@pytest.fixture(scope="module")
def words() -> LanguageModel:
    return made(tokens="words", epochs=20, learning_rate=0.02, hidden_size=24).fit(
        TEXT, progress=False
    )


def test_a_model_is_scored_beside_an_ngram_model_and_compressors(model: LanguageModel) -> None:
    scores = model.evaluation_
    assert scores is not None
    assert (scores.part, scores.unit, scores.decides) == ("test", "character", "bits_per_character")
    assert tuple(scores.models) == ("gatewise", "ngram")
    assert len(scores.members) == 2
    assert scores.tokens == scores.characters == model.fitted_.data["parts"]["test"]
    assert all(name in scores.notes[-1] for name in ("gzip", "bz2", "xz"))
    assert "added to the text before it" in scores.notes[-1]
    assert model.evaluate() is scores
    again = model.evaluate(TEXT, part="test")
    assert again.to_json() == scores.to_json()


def test_the_parts_follow_each_other_at_line_ends(model: LanguageModel) -> None:
    parts = model.fitted_.data["parts"]
    assert sum(parts.values()) == len(TEXT)
    for end in np.cumsum([parts["training"], parts["validation"]]):
        assert TEXT[end - 1] == "\n"
    assert parts["test"] == pytest.approx(len(TEXT) / 10, abs=40)


def test_a_score_is_the_sum_over_tokens_with_the_state_carried_through(
    model: LanguageModel,
) -> None:
    text = TEXT[:1200]  # longer than what is read at once
    score = model.score(text)
    assert len(score) == len(text) == len(score.likeliest) == score.characters
    assert score.unit == "character"
    fitted = model.fitted_
    codes = torch.from_numpy(fitted.tokens.encode(text))
    inputs = torch.cat([torch.zeros(1, dtype=torch.int64), codes[:-1]])[:, None]
    with torch.no_grad():
        each = [torch.softmax(network(inputs).double(), -1)[:, 0] for network in fitted.networks]
    expected = (each[0] + each[1]) / 2
    rows = torch.arange(len(codes))
    np.testing.assert_allclose(
        score.log_probabilities, expected[rows, codes].log().numpy(), rtol=1e-4
    )
    assert score.bits == pytest.approx(-score.log_probabilities.sum() / math.log(2))
    assert score.bits_per_character == pytest.approx(score.bits / 1200)
    assert score.perplexity == pytest.approx(2**score.bits_per_character)
    assert model.predict(text) == list(score.likeliest)
    frame = score.to_frame()
    assert isinstance(frame, polars.DataFrame)
    assert frame["token"].to_list() == list(text)


def test_a_score_on_the_text_of_the_fit_says_that_it_flatters(model: LanguageModel) -> None:
    for found in (model.evaluate(TEXT), model.evaluate(model.prepare(TEXT, like=model.fitted_))):
        assert found.part == "all"
        assert "which flatters every model" in found.notes[0]
        assert "which flatters every model" in str(found)
    assert "which flatters every model" in str(model.score(TEXT))
    assert "nothing about new data" in str(model.evaluate(TEXT, part="training"))
    for other in (model.evaluate(TEXT, part="test"), model.evaluate(TEXT[1:]), model.score("the")):
        assert "flatters" not in str(other)


def test_suggestions_are_the_next_tokens_by_probability(model: LanguageModel) -> None:
    found = model.suggest("the k", k=5)
    assert len(found) == 5
    assert list(found.values()) == sorted(found.values(), reverse=True)
    size = model.fitted_.tokens.vocabulary.size
    assert len(model.suggest(k=1000)) == size - 1
    probability = model.suggest("the k", k=1000)["e"]
    score = model.score("the ke")
    assert math.log(probability) == pytest.approx(score.log_probabilities[-1], rel=1e-4)


def test_a_sample_follows_from_its_seed_and_stays_within_its_bounds(model: LanguageModel) -> None:
    text = model.sample(40, "the ", seed=3)
    assert len(text) == 40
    assert text == model.sample(40, "the ", seed=3)
    assert text != model.sample(40, "the ", seed=4)
    assert text != model.sample(40, "key", seed=3)
    likeliest = model.sample(10, "the ", temperature=0)
    assert likeliest == model.sample(10, "the ", top_k=1, seed=9)
    assert likeliest == model.sample(10, "the ", top_p=1e-9, seed=9)
    assert likeliest[0] == next(iter(model.suggest("the ")))
    assert model.sample(0) == ""


def test_draws_are_as_likely_as_they_should_be() -> None:
    probabilities = np.array([0.4, 0.3, 0.2, 0.1])  # the first is "unknown"
    generator = np.random.default_rng(0)

    def shares(**how: Any) -> list[float]:
        given = {"temperature": 1.0, "top_k": None, "top_p": None, **how}
        drawn = [draw(probabilities, generator, **given) for _ in range(4000)]
        return (np.bincount(drawn, minlength=4) / 4000).tolist()

    assert shares() == pytest.approx([0, 1 / 2, 1 / 3, 1 / 6], abs=0.03)
    assert shares(temperature=0.5) == pytest.approx([0, 9 / 14, 4 / 14, 1 / 14], abs=0.03)
    assert shares(top_k=2) == pytest.approx([0, 3 / 5, 2 / 5, 0], abs=0.03)
    assert shares(top_p=0.6) == pytest.approx([0, 3 / 5, 2 / 5, 0], abs=0.03)
    assert shares(top_p=0.45) == [0, 1, 0, 0]


def test_steps_of_the_native_core_give_what_calls_of_the_network_give(words: LanguageModel) -> None:
    network = words.fitted_.networks[0]
    assert network.tied
    steps, calls = _Steps(network, "lstm"), _Calls(network)
    codes = np.array([0, 3, 1, 5, 2, 2, 4])
    for reader in (steps, calls):
        reader.read(codes[:3])
        reader.read(codes[3:])
    np.testing.assert_allclose(steps.logits(), calls.logits(), atol=1e-5)


def test_a_cell_that_the_core_does_not_have_is_sampled_by_calls() -> None:
    found = made(cell="mgu", epochs=1, hidden_size=4).fit(TEXT[:1500], progress=False)
    assert isinstance(Speaker(found.fitted_.networks, "mgu")._readers[0], _Calls)
    assert len(found.sample(5)) == 5


def test_words_are_suggested_and_written_with_their_gaps(words: LanguageModel) -> None:
    assert words.fitted_.settings.tied
    found = words.suggest("the keys of the", k=1000)
    nouns = ("cabinet", "boxes", "door", "chests", "houses")
    assert sum(found[noun] for noun in nouns) > 0.5
    assert words.evaluation_ is not None
    assert words.evaluation_.unit == "word"
    text = words.sample(6, "the keys", temperature=0)
    assert text.startswith((" ", "\n"))
    score = words.score("the keys of the Zanzibar are old.\n")
    assert score.unknown == 1
    assert score.spelled == 8 * len("Zanzibar")
    assert score.tokens[4] == "\N{REPLACEMENT CHARACTER}"
    scores = words.evaluate("the keys of the Zanzibar are old.\n")
    assert scores.unknown == 1
    assert scores.network["bits_per_character"] == pytest.approx(score.bits_per_character)
    assert scores.network["perplexity"] == pytest.approx(score.perplexity)
    assert any("1 word of 9 (11.1 %)" in note for note in scores.notes)


def test_several_texts_are_divided_between_texts(model: LanguageModel) -> None:
    texts = [TEXT[:1500], TEXT[1500:3000], TEXT[3000:3400], TEXT[3400:3800]]
    found = made(epochs=1).fit(texts, progress=False)
    assert found.fitted_.data["parts"] == {"training": 3000, "validation": 400, "test": 400}
    # each begins anew: the score of the last text does not depend on the one before it
    (log,) = [found.score(texts[3]).log_probabilities]
    assert found.evaluation_ is not None
    bits = -log.sum() / math.log(2) / 400
    assert found.evaluation_.network["bits_per_character"] == pytest.approx(bits)


def test_the_test_part_is_read_after_the_text_before_it() -> None:
    found = made(epochs=1).fit(TEXT[:2000], progress=False)
    assert found.evaluation_ is not None
    sizes = found.fitted_.data["parts"]
    whole = found.score(TEXT[:2000]).log_probabilities[-sizes["test"] :]
    bits = -whole.sum() / math.log(2) / sizes["test"]
    # after a run-in of 1,000 tokens in place of 1,800: what lies before has faded
    assert found.evaluation_.network["bits_per_character"] == pytest.approx(bits, rel=1e-3)
    assert np.array_equal(judge(found.fitted_.networks, found._stretch("the")).likeliest,
                          found.fitted_.tokens.encode("".join(found.predict("the"))))  # fmt: skip


def test_a_run_is_saved_loaded_and_gone_on_with(tmp_path: Path, model: LanguageModel) -> None:
    file = tmp_path / "text.txt"
    file.write_text(TEXT[:2000], encoding="utf-8")
    run = tmp_path / "run"
    found = made(epochs=1).fit(file, out=run, progress=False)
    loaded = gw.LanguageModel.load(run)
    assert loaded.sample(20, seed=1) == found.sample(20, seed=1)
    assert loaded.get_params() == found.get_params()
    with pytest.raises(NotFittedError, match="not at hand"):
        loaded.evaluate(part="training")
    resumed = gw.LanguageModel.resume(run)  # which is complete, and whose text is at hand
    assert resumed.evaluation_ is not None
    assert found.evaluation_ is not None
    assert resumed.evaluation_.to_json() == found.evaluation_.to_json()
    table = polars.read_csv(run / "predictions.csv")
    assert len(table) == found.fitted_.data["parts"]["test"]
    assert table.columns == ["text", "token", "log_probability", "likeliest"]
    copy = tmp_path / "model.safetensors"
    found.save(copy)
    again = gw.LanguageModel.load(copy)
    more = again.continue_on(TEXT[:3000], progress=False)
    assert more.fitted_.tokens.vocabulary.symbols == found.fitted_.tokens.vocabulary.symbols
    with pytest.raises(OptionError, match="hidden_size=13"):
        gw.LanguageModel.load(copy).set_params(hidden_size=13).continue_on(TEXT, progress=False)
    damaged = bytearray(copy.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    copy.write_bytes(damaged)
    with pytest.raises(FileError, match="damaged"):
        gw.LanguageModel.load(copy)


def test_restraints_averages_and_windows_that_vary_train_to_the_same_bits_again() -> None:
    options = {
        "weight_drop": 0.2, "embedding_dropout": 0.1, "activation_cost": 1.0, "slowness_cost": 1.0,
        "variational": False, "vary": True, "optimizer": "sgd", "average_after": 1,
    }  # fmt: skip
    one, other = (made(epochs=3, **options).fit(TEXT[:1500], progress=False) for _ in range(2))
    for (name, weight), same in zip(
        one.fitted_.networks[0].named_parameters(),
        other.fitted_.networks[0].parameters(),
        strict=True,
    ):
        assert torch.equal(weight, same), name
    free = made(epochs=3).fit(TEXT[:1500], progress=False)
    assert free.sample(30) != one.sample(30)


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ("", DataError, "the text is empty"),
        ([], DataError, "there are no texts"),
        (["a\n", ""], DataError, "text 2 of 2 is empty"),
        (7, DataError, "the text is of type int: give a string or a path"),
        ("x\n", DataError, "too short for a"),
        ("short text\n" * 2, DataError, "too short for a validation part"),
        (
            "a b " * 4 + "a ",
            DataError,
            "the training part has 14 characters, fewer than the window=16",
        ),
        ("missing.txt", FileError, "missing.txt"),
        (Path("nowhere"), FileError, "nowhere"),
        ("dataset:fulda", FileError, "no text"),
    ],
)
def test_bad_texts_are_refused_before_any_work(
    data: Any, error: type[Exception], message: str, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    with pytest.raises(error, match=message) as raised:
        made().fit(data, out=run, progress=False)
    assert "\n" not in str(raised.value)
    assert not run.exists()


def test_a_file_in_another_encoding_is_told_and_read_where_that_is_named(tmp_path: Path) -> None:
    file = tmp_path / "text.txt"
    file.write_bytes((TEXT[:800] + "é\n" + TEXT[:800]).encode("latin-1"))
    with pytest.raises(FileError, match="not UTF-8 text: line 26 has the byte e9"):
        made().fit(file, progress=False)
    found = made(encoding="latin-1", epochs=1).fit(file, progress=False)
    assert "é" in found.fitted_.tokens.vocabulary.symbols


def test_a_text_of_one_line_is_divided_between_words() -> None:
    line = TEXT[:1500].replace("\n", " ")
    found = made(epochs=1).fit(line, progress=False)
    assert found.fitted_.data["parts"]["training"] > 1000
    assert made(epochs=1).fit("ab" * 500, progress=False).suggest("a")


def test_unknown_tokens_are_taken_for_unknown_or_refused(model: LanguageModel) -> None:
    assert model.score("the X\n").unknown == 1
    assert model.suggest("X")
    assert len(model.sample(3, "X")) == 3
    strict = gw.LanguageModel(**{**model.get_params(), "unseen": "refuse"})
    strict.fitted_ = model.fitted_
    for ask in (strict.suggest, strict.score, strict.evaluate):
        with pytest.raises(DataError, match="1 character of the text, first 'X', number 5"):
            ask("the X")


def test_bad_questions_are_refused(model: LanguageModel) -> None:
    with pytest.raises(NotFittedError):
        made().suggest("the")
    for ask, message in (
        (lambda: model.suggest("a", k=0), "k must be"),
        (lambda: model.sample(-1), "n must be"),
        (lambda: model.sample(1, temperature=-1), "temperature must be"),
        (lambda: model.sample(1, top_p=0), "top_p must be"),
        (lambda: model.sample(1, top_k=0), "top_k must be"),
        (lambda: model.evaluate(TEXT, part="tset"), "Did you mean 'test'"),
    ):
        with pytest.raises(OptionError, match=message):
            ask()
    with pytest.raises(DataError, match="there are 2: score each"):
        model.score(["a\n", "b\n"])
    with pytest.raises(DataError, match="is of type int"):
        model.suggest(7)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tokens": "letters"}, "tokens must be one of"),
        ({"validation": 0.6, "test": 0.5}, "leave nothing to train on"),
        ({"noise": 0.1}, "noise=0.1 is for measured values"),
        ({"tokens": "bytes", "vocabulary": 10}, "there are 256"),
        ({"refit": True}, "refit=True"),
        ({"cell": "rnn", "write_cost": 1.0}, "write_cost is a cost on gates"),
        ({"cell": "slstm", "long_memory": 9}, "long_memory=9 starts the gate that keeps"),
        ({"weight_drop": 1.0}, "weight_drop must be"),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        made(**options).fit(TEXT, progress=False)


def test_an_interrupted_fit_is_resumed_to_the_same_bits(tmp_path: Path) -> None:
    options = {"steps": 40, "weight_drop": 0.2, "batch_size": 4}  # rounds end within a pass
    file, run = tmp_path / "text.txt", tmp_path / "run"
    file.write_text(TEXT[:2000], encoding="utf-8")
    whole = made(epochs=None, **options).fit(file, progress=False)

    def stop(status: Any) -> None:
        if status.epoch == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made(epochs=None, **options).fit(file, out=run, progress=stop)
    assert list((run / "checkpoints").glob("*"))
    again = gw.LanguageModel.resume(run, progress=False)
    for one, other in zip(
        whole.fitted_.networks[0].parameters(), again.fitted_.networks[0].parameters(), strict=True
    ):
        assert torch.equal(one, other)
