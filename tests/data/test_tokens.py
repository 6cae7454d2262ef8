import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewise.data.sequences.tokens import UNITS, Tokens, learn_tokens
from gatewise.data.sequences.vocabulary import UNKNOWN
from gatewise.data.sequences.words import NO_GAP, join_words, split_words
from gatewise.errors import DataError, OptionError

TEXT = (
    '"Hello," said Alice--so, so.  Don\'t do it!\r\n\r\n   (What? 3.5 % of well-known_things)\n'
    "the keys to the cabinet are here; the keys are old. é—ß 「漢字」 x\u2060y <> \tend "
)
WRITTEN = st.text(alphabet="ab'-—.,\"( \n\r\té漢_<>", max_size=30)


@pytest.mark.parametrize("kind", ["characters", "bytes", "words"])
def test_a_text_comes_back_as_it_was(kind: str) -> None:
    tokens = learn_tokens([TEXT], kind, 10_000)
    again = Tokens.from_json(tokens.to_json())
    codes = again.encode(TEXT, "refuse")
    assert codes.min() > 0
    assert codes.max() < tokens.vocabulary.size
    assert again.decode(codes) == TEXT
    assert again.unit == UNITS[tokens.kind]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(WRITTEN)
def test_any_text_comes_back_from_its_words(text: str) -> None:
    assert join_words(split_words(text)) == text


def test_gaps_that_go_without_saying_are_no_tokens() -> None:
    assert split_words("The keys, to the cabinet.") == [
        "The",
        "keys",
        ",",
        "to",
        "the",
        "cabinet",
        ".",
    ]
    assert split_words("so,so") == ["so", ",", NO_GAP, "so"]
    assert split_words("don't--well-known\n") == ["don't", "--", "well-known", "\n"]
    assert split_words("<> a") == ["<", NO_GAP, ">", "a"]  # never the token that stands for no gap
    assert split_words("") == []


def test_a_vocabulary_has_the_most_frequent_tokens_in_a_fixed_order() -> None:
    assert learn_tokens(["abcabca"], "characters").vocabulary.symbols == ("a", "b", "c")
    assert learn_tokens(["cbcbaab"], "characters", 2).vocabulary.symbols == ("b", "a")
    words = ["b a b c", "a d e e"]
    assert learn_tokens(words, "words").vocabulary.symbols == ("a", "b", "e")
    assert learn_tokens(words, "words", 100).vocabulary.symbols == ("a", "b", "e", "c", "d")


def test_what_the_vocabulary_lacks_is_unknown_or_refused() -> None:
    tokens = learn_tokens(["abab"], "characters")
    assert tokens.encode("axb").tolist() == [1, 0, 2]
    assert tokens.decode([1, 0, 2]) == f"a{UNKNOWN}b"
    with pytest.raises(DataError, match="2 characters of the text, first 'x', number 2"):
        tokens.encode("axbz", "refuse")
    words = learn_tokens(["so so so"], "words")
    with pytest.raises(DataError, match="1 word of the text, first 'what', number 3"):
        words.encode("so so what", "refuse")


def test_bytes_are_never_unknown_and_a_cut_character_is_told() -> None:
    tokens = learn_tokens(["a"], "bytes")
    codes = tokens.encode("é漢", "refuse")
    assert len(codes) == 5
    assert tokens.decode(codes[1:]) == f"{UNKNOWN}漢"
    assert tokens.decode([0, *codes]) == f"{UNKNOWN}é漢"
    assert tokens.decode(tokens.encode("\ud800")) != ""  # half of a pair: no UTF-8, and no crash


def test_texts_without_a_vocabulary_are_refused() -> None:
    for kind in ("characters", "bytes", "words", "sentencepiece"):
        with pytest.raises(DataError, match="empty"):
            learn_tokens(["", ""], kind)
    with pytest.raises(DataError, match="no word of the text occurs 2 times"):
        learn_tokens(["one two three"], "words")


def test_pieces_come_back_and_are_the_same_each_time() -> None:
    pytest.importorskip("sentencepiece")
    tokens = learn_tokens([TEXT * 20], "sentencepiece", 340)
    same = learn_tokens([TEXT * 20], "sentencepiece", 340)
    assert tokens.model == same.model
    assert tokens.vocabulary.size <= 341
    text = TEXT + "never seen: Ω\n"
    codes = Tokens.from_json(tokens.to_json()).encode(text, "refuse")
    assert tokens.decode(codes) == text
    assert tokens.decode(np.array([0, *codes[:1], 0])) == f'{UNKNOWN}"{UNKNOWN}'
    assert tokens.vocabulary.decode(codes[:1]) == ['"']
    with pytest.raises(OptionError, match="cannot learn vocabulary=20"):
        learn_tokens([TEXT], "sentencepiece", 20)
