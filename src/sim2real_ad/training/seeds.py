"""Which seeds are for what. Evaluation seeds are never trained on, nor is any choice made by them."""

from __future__ import annotations

from sim2real_ad.errors import ConfigError

EVALUATION_SEEDS = range(0, 1_000)
"""For `s2r drive` and the published figures only."""
VALIDATION_SEEDS = range(5_000, 6_000)
"""For choosing between checkpoints in training."""
ADAPTER_SEEDS = range(10_000, 20_000)
STUDENT_SEEDS = range(20_000, 100_000)
TEACHER_SEEDS = range(100_000, 1_000_000)
SCORER_SEEDS = range(1_000_000, 1_010_000)
"""For the default scorer's head."""
SURROGATE_SEEDS = range(1_010_000, 1_020_000)


def evaluation_seeds(first: int, count: int) -> range:
    """Return so many seeds for judging. Raises ConfigError where some of them are trained or chosen with."""
    seeds = range(first, first + count)
    if seeds.start not in EVALUATION_SEEDS or seeds.stop > EVALUATION_SEEDS.stop:
        raise ConfigError(
            f"seeds {first} to {first + count - 1}: only {EVALUATION_SEEDS.start} to {EVALUATION_SEEDS.stop - 1} are "
            "for judging; the others are trained and chosen with"
        )
    return seeds


def check_training_seed(seed: int) -> int:
    """Return a seed that may be trained on. Raises ValueError for one kept for validation or evaluation."""
    if not any(seed in seeds for seeds in (ADAPTER_SEEDS, STUDENT_SEEDS, TEACHER_SEEDS)):
        raise ValueError(f"seed {seed} is kept for evaluation or validation; training takes seeds from 10,000 on")
    return seed
