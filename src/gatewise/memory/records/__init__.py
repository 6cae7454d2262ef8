"""Figures made from recorded arrays alone."""
