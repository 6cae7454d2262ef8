"""Figures made by intervening on a running model."""
