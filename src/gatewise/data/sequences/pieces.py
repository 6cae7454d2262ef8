"""Pieces of words, as the library sentencepiece learns and finds them (Kudo and Richardson 2018).

It is asked to change nothing: no normalisation, no space in front, line ends as they are, and bytes for
a character that it never saw. So a text comes back as it was, but for U+2581, which becomes a space.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from gatewise.data.sequences.vocabulary import UNKNOWN
from gatewise.errors import EngineError, FileError, OptionError, how_to_install

LINE_ENDS = ["\n", "\r"]
_AT_ONCE = 1000
"""Characters that are learnt from at once, of a line; the library passes over what is much longer."""


def learn_pieces(texts: Sequence[str], most: int) -> tuple[tuple[str, ...], bytes]:
    """Return the pieces that have the numbers 1, 2, ..., at most `most`, and the library's model.

    Raises OptionError where so few cannot hold every byte and character.
    """
    library, written = _library(), io.BytesIO()
    try:
        library.SentencePieceTrainer.train(
            sentence_iterator=_stretches(texts),
            model_writer=written,
            vocab_size=most + 1,
            hard_vocab_limit=False,
            character_coverage=1.0,
            normalization_rule_name="identity",
            add_dummy_prefix=False,
            remove_extra_whitespaces=False,
            byte_fallback=True,
            user_defined_symbols=LINE_ENDS,
            unk_id=0,
            bos_id=-1,
            eos_id=-1,
            num_threads=1,  # several may settle ties in another order
            minloglevel=2,
        )
    except (RuntimeError, OSError) as error:
        reason = " ".join(str(error).split())
        needed = re.search(r"required_chars\D*\d+ vs (\d+)", reason)
        if needed is not None:
            reason = (
                f"its bytes and characters alone are {int(needed[1]) - 1}, give as many or more"
            )
        raise OptionError(
            f"sentencepiece cannot learn vocabulary={most} from this text: {reason}"
        ) from None
    model = written.getvalue()
    processor = _processor(model)
    return tuple(processor.id_to_piece(number) for number in range(1, len(processor))), model


def encode_pieces(model: bytes, text: str) -> list[int]:
    """Return the numbers of the pieces of a text; 0 for what has none."""
    numbers: list[int] = _processor(model).encode(text)
    return numbers


def join_pieces(model: bytes, numbers: Sequence[int]) -> str:
    """Return the text of pieces; 0 becomes U+FFFD."""
    runs: list[list[int]] = [[]]
    for number in numbers:
        if number == 0:
            runs.append([])
        else:
            runs[-1].append(number)
    processor = _processor(model)
    return UNKNOWN.join(processor.decode(run) if run else "" for run in runs)


def _stretches(texts: Sequence[str]) -> Iterator[str]:
    for text in texts:
        for line in text.replace(UNKNOWN, "").splitlines(keepends=True):
            for start in range(0, len(line), _AT_ONCE):
                yield line[start : start + _AT_ONCE]


@lru_cache(maxsize=8)
def _processor(model: bytes) -> Any:
    try:
        return _library().SentencePieceProcessor(model_proto=model)
    except RuntimeError:
        raise FileError("the file's sentencepiece model is damaged: fit it again") from None


def _library() -> Any:
    try:
        import sentencepiece  # noqa: PLC0415 - an extra, and not needed for other tokens
    except ImportError:
        raise EngineError(
            f"tokens='sentencepiece' needs the package sentencepiece: {how_to_install('language')}, "
            "or use tokens='words'"
        ) from None
    return sentencepiece
