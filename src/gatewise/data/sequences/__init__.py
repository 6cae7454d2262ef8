"""Sequences of letters, words or measured values with their labels: reading, splits, vocabularies."""

from gatewise.data.sequences.labelled import Labelled
from gatewise.data.sequences.readers import read_labelled
from gatewise.data.sequences.reading import Reading
from gatewise.data.sequences.sequences import Sequences
from gatewise.data.sequences.split import split_of
from gatewise.data.sequences.vocabulary import Vocabulary

__all__ = ["Labelled", "Reading", "Sequences", "Vocabulary", "read_labelled", "split_of"]
