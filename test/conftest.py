"""Settings for every test."""

from hypothesis import settings

# A busy machine is no failure: examples are bounded in number, not in time.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
