"""Backends of the scorer interface; `registry.load_scorer` opens one by its name on the command line."""
