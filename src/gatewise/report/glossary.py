"""The page's own words: what each of them means, and links to that from where it is used.

The docs' glossary has the same sentences: `docs/tables.py` takes them from here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Word:
    """A word of ours, what it means in one or two sentences, and how texts write it."""

    name: str
    meaning: str
    written: str = ""  # a regular expression; the name and its plural where empty

    @property
    def key(self) -> str:
        """Its place in the page's glossary, such as `word-idle-unit`."""
        return f"word-{self.name.replace(' ', '-')}"


WORDS = (
    Word(
        "memory horizon",
        "The largest lag at which another input would still change the answer, by at least 5 % of "
        "the largest effect: how far back the network remembers.",
    ),
    Word(
        "context need",
        "How many of the last steps the network has to see to lose less than 1 % of its score.",
    ),
    Word(
        "highway",
        "The way of a gradient back through the state: how much the state now would change with the "
        "state some steps earlier.",
        r"(?:gradient )?highways?",
    ),
    Word(
        "transplant",
        "A test of which state carries the memory: the state of one row is put into another in the "
        "middle of its run, to see whose answer comes out.",
        r"(?:state )?transplant(?:s|ed)?",
    ),
    Word(
        "ledger",
        "The account of what a unit holds: what each earlier step wrote into it, and how much of that "
        "is left.",
    ),
    Word(
        "idle unit",
        "A unit that can be held at its mean with hardly any loss of score.",
        r"idle units?|units? (?:(?:is|are) )?idle",
    ),
    Word(
        "permutation importance",
        "What a column is worth: how much of the score is lost when each row gets that column of "
        "another row, all its steps in their order.",
    ),
    Word(
        "integrated gradients",
        "What each input adds to the way from the answer at the mean input to the answer; the parts "
        "add up to that way.",
    ),
    Word(
        "gate timescale",
        "How slowly a unit would fade, to 37 %, by the gate that keeps its state alone.",
    ),
    Word(
        "gate reach",
        "How long content of a unit would last, until a twentieth is left, by its gates alone.",
    ),
    Word(
        "gradient reach",
        "How far back the gradient through the state reaches before it falls to a twentieth.",
    ),
    Word(
        "baseline",
        "A simple model that is scored on the same windows; a network that is no better is not worth "
        "its trouble.",
    ),
    Word(
        "MASE",
        "The mean absolute error in units of that of the seasonal naive forecast in training, of each "
        "series alone: above 1 the last season's values would have been the better forecast there.",
    ),
    Word(
        "CRPS",
        "How far a whole forecast distribution is from what came, in the target's units; of a point it "
        "is the absolute error.",
    ),
    Word(
        "KGE",
        "Kling-Gupta efficiency: correlation, spread and mean in one figure, of which 1 is perfect and "
        "-0.41 is what the mean of the truth reaches.",
    ),
    Word(
        "calibration",
        "Moving the levels of a band by the errors on the validation part, so that it holds the share "
        "of the truth that it promises.",
        "calibrat(?:ion|ed)",
    ),
    Word(
        "origin",
        "The last time that a forecast sees; its steps are counted from there.",
    ),
)
"""In the order of the glossary: what a memory is measured by, then the rest."""


class Glossary:
    """Links words to the glossary of one page, which lists those that were used."""

    def __init__(self) -> None:
        self.used: set[str] = set()

    def linked(self, text: str, seen: set[str] | None = None) -> str:
        """Return `text` as HTML with a link at the first mention of each word.

        Words in `seen`, which grows, have had their link already: pass one set for a list of texts.
        """
        seen = set() if seen is None else seen
        made, end = [], 0
        for found in _PATTERN.finditer(text):
            word = WORDS[int(str(found.lastgroup)[1:])]
            if word.name in seen:
                continue
            seen.add(word.name)
            made += [escape(text[end : found.start()]), self.link(word, found.group())]
            end = found.end()
        return "".join(made) + escape(text[end:])

    def link(self, word: Word, text: str) -> str:
        """Return a link to what a word means."""
        self.used.add(word.name)
        return f'<a class="term" href="#{word.key}">{escape(text)}</a>'

    def use(self, name: str) -> None:
        """List a word that scripts write into the page."""
        self.used.add(name)

    def html(self) -> str:
        """Return the list of the words that were used; "" where there was none."""
        rows = "".join(
            f'<div><dt id="{word.key}">{escape(word.name)}</dt><dd>{escape(word.meaning)}</dd></div>'
            for word in WORDS
            if word.name in self.used
        )
        return f'<dl class="facts words">{rows}</dl>' if rows else ""


_PATTERN = re.compile(
    "|".join(
        rf"(?P<w{place}>\b(?:{word.written or re.escape(word.name) + 's?'})\b)"
        for place, word in enumerate(WORDS)
    ),
    re.IGNORECASE,
)
