"""Figures made from gradients through time."""
