"""The forecaster, from its settings to its page."""
