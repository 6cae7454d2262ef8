"""Coding regions and splice sites: what a recurrent network reads in sequences of bases."""
