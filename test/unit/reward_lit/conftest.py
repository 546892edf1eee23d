"""Drives of the embedded world for the scorer's tests, driven once."""

from __future__ import annotations

import pytest

from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.reward.lit.drives import TRAINING_MAPS, UNSEEN_MAP, Moments, collect_moments, jobs, own_map_jobs
from sim2real_ad.training.seeds import SCORER_SEEDS, VALIDATION_SEEDS


@pytest.fixture(scope="session")
def unseen_moments() -> Moments:
    """Good and bad driving on the map that nothing was trained on."""
    maps = dict.fromkeys(TRAINING_MAPS, UNSEEN_MAP)
    return collect_moments(jobs(VALIDATION_SEEDS[200:228], maps), BevSpec())


@pytest.fixture(scope="session")
def own_moments() -> Moments:
    """Drives on the scenarios' own maps, as a teacher drives them."""
    return collect_moments(own_map_jobs(VALIDATION_SEEDS[300:320]), BevSpec())


@pytest.fixture(scope="session")
def few_moments() -> Moments:
    """Enough for a tiny training."""
    return collect_moments(jobs(SCORER_SEEDS[:16], TRAINING_MAPS), BevSpec())
