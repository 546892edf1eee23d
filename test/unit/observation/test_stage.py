"""What the observation stage makes of the doubts: spoilt pictures count at once, a wrong calibration over a stretch."""

import numpy as np
import pytest

from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.observation.doubts import Doubts
from sim2real_ad.observation.spec import ObservationSpec
from sim2real_ad.observation.stage import LearnedObservationStage
from sim2real_ad.types import CameraFrame, EgoState, Pose2, Route

SPEC, CAMERA = ObservationSpec(), load_camera("default")
ROUTE = Route(0, np.stack((np.arange(2000.0), np.zeros(2000)), axis=-1), 8.33)
TICK_NS, SPEED = 50_000_000, 8.0


class Told:
    """A source of empty BEVs that doubts as it is told."""

    def __init__(self):
        self.validity = np.full(SPEC.bev.shape[1:], 255, np.uint8)
        self.doubts = Doubts()

    def infer(self, frame):
        return np.zeros(SPEC.bev.shape, np.uint8), self.doubts


class Drive:
    def __init__(self):
        self.source, self.n = Told(), 0
        self.stage = LearnedObservationStage(self.source, SPEC, CAMERA)
        self.scene = np.random.default_rng(0).integers(0, 256, (CAMERA.height, CAMERA.width, 3), dtype=np.uint8)

    def look(self, *, speed=SPEED, aside=0, times=1, **doubts):
        """Return the score after some more frames; aside: columns by which the picture lies elsewhere."""
        self.source.doubts = Doubts(**doubts)
        for _ in range(times):
            self.n += 1
            rgb = np.roll(self.scene, aside, axis=1)
            rgb[0, 0] = self.n % 256  # no two pictures are the same
            ego = EgoState(self.n * TICK_NS, Pose2(0.0, 0.0, 0.0), speed)
            score = self.stage.step(CameraFrame(self.n * TICK_NS, rgb), ego, ROUTE).ood
        return score


@pytest.fixture
def drive():
    made = Drive()
    made.look(times=200)
    return made


def test_a_spoilt_picture_counts_at_once(drive):
    assert drive.look(spoilt=1.0) == 1.0
    assert drive.look() == 0.0


def test_a_single_picture_that_does_not_fit_its_calibration_counts_little(drive):
    assert drive.look(misfit=1.0, times=5) == 0.0
    assert drive.look(misfit=1.0, times=200) == 1.0


def test_after_a_knock_what_was_seen_before_no_longer_speaks_for_the_calibration(drive):
    aside = CAMERA.width // 8
    assert drive.look(aside=aside, misfit=1.0) == 1.0
    drive.look(aside=aside, misfit=1.0, times=60, speed=0.0)
    assert drive.look(aside=aside, misfit=1.0, speed=0.0) == 1.0


def test_after_a_reset_nothing_of_the_drive_is_left(drive):
    drive.look(misfit=1.0, times=200)
    drive.stage.reset()
    assert drive.look() == 0.0
