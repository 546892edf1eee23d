import numpy as np

from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.training.circumstances import IDEAL_SENSOR, Circumstances, FrameFate, draw_circumstances
from sim2real_ad.world.randomization_ranges import load_ranges

NOMINAL = load_camera("default")


def test_the_same_seed_meets_the_same_circumstances():
    assert draw_circumstances(NOMINAL, 7, 1.0) == draw_circumstances(NOMINAL, 7, 1.0)
    assert len({draw_circumstances(NOMINAL, seed, 1.0).dropped for seed in range(20)}) == 20


def test_circumstances_lie_within_the_ranges():
    ranges = load_ranges()
    drawn = [draw_circumstances(NOMINAL, seed, 1.0) for seed in range(200)]
    spoilt = [c.sensor for c in drawn if c.sensor != IDEAL_SENSOR]
    assert abs(len(spoilt) / 200 - ranges.sensor.share) < 0.12
    for name in ("blur_px", "noise", "vignetting", "jpeg_quality"):
        low, high = getattr(ranges.sensor, name)
        assert all(low <= getattr(sensor, name) <= high for sensor in spoilt)
    assert max(c.dropped for c in drawn) <= ranges.timing.dropped[1]
    assert max(c.late for c in drawn) <= ranges.timing.late[1]


def test_without_strength_nothing_is_spoilt_lost_or_late():
    for seed in range(20):
        calm = draw_circumstances(NOMINAL, seed, 0.0)
        assert calm.sensor == IDEAL_SENSOR
        assert (calm.dropped, calm.late) == (0.0, 0.0)


def test_frames_are_lost_and_late_at_their_rates():
    fate = FrameFate(Circumstances(NOMINAL, IDEAL_SENSOR, dropped=0.1, late=0.2), 3)
    met = [fate.next() for _ in range(3000)]
    np.testing.assert_allclose([met.count(w) / 3000 for w in ("lost", "late", "comes")], [0.1, 0.2, 0.7], atol=0.03)


def test_nominal_circumstances_lose_nothing():
    fate = FrameFate(Circumstances(NOMINAL), 3)
    assert {fate.next() for _ in range(500)} == {"comes"}
