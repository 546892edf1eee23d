import itertools
import time
from dataclasses import replace

import numpy as np
import pytest

from sim2real_ad.doctor.finding import Finding, Status
from sim2real_ad.doctor.pictures import PictureLimits, check_pictures, judge_pictures, limits_in_force, look
from sim2real_ad.doctor.survey import DriverCalibration, Heard, Picture, Survey
from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.types import CameraFrame

CAMERA = load_camera("default")
LIMITS = PictureLimits(silence_s=0.07, age_s=0.5)
MS = 1_000_000


def pictures(period_ms: float = 50.0, count: int = 60, age_ms: float = 20.0, size: tuple[int, int] = (320, 180)):
    received = [round(1e18 + n * period_ms * MS) for n in range(count)]
    return tuple(Picture(at - round(age_ms * MS), at, *size) for at in received)


def judged(*given: Picture, calibrations: tuple[DriverCalibration, ...] = ()) -> Finding:
    return judge_pictures(Heard(0, 3.0, given, calibrations), CAMERA, LIMITS, "look at it")


def test_a_camera_that_delivers_is_ok_with_rate_size_and_age() -> None:
    finding = judged(*pictures())
    assert finding.status is Status.ok
    assert "320x180 at 20.0 Hz" in finding.found
    assert "20 ms old" in finding.found


@pytest.mark.parametrize("count", [0, 1])
def test_a_silent_camera_has_failed(count: int) -> None:
    finding = judged(*pictures(count=count))
    assert finding.status is Status.failed
    assert f"{count} pictures in 3 s" in finding.found


@pytest.mark.parametrize(("period_ms", "status"), [(69.0, Status.ok), (71.0, Status.failed)])
def test_a_camera_slower_than_the_gate_s_patience_has_failed(period_ms: float, status: Status) -> None:
    assert judged(*pictures(period_ms)).status is status


def test_one_long_gap_is_a_warning_for_the_gate_would_brake() -> None:
    early, late = pictures()[:30], pictures()[32:]
    finding = judged(*early, *late)
    assert finding.status is Status.warning
    assert "longest gap 150 ms, the gate brakes from 70" in finding.found


def test_another_size_of_the_same_shape_is_taken_and_another_shape_is_not() -> None:
    assert judged(*pictures(size=(1280, 720))).status is Status.ok
    wrong = judged(*pictures(size=(640, 480)))
    assert wrong.status is Status.failed
    assert "640x480" in wrong.found


def test_a_driver_with_another_lens_than_the_calibration_has_failed() -> None:
    said = DriverCalibration((250.0, 0.0, 160.0, 0.0, 250.0, 90.0, 0.0, 0.0, 1.0), 320, 180)
    finding = judged(*pictures(), calibrations=(said,))
    assert finding.status is Status.failed
    assert "250.0" in finding.found


def test_frames_that_the_camera_node_would_drop_are_counted() -> None:
    assert judged(*pictures(age_ms=501.0)).status is Status.failed
    several = list(pictures())
    several[7] = replace(several[7], stamp_ns=several[6].stamp_ns)
    finding = judged(*several)
    assert finding.status is Status.warning
    assert "drops 1 of 60" in finding.found


def test_without_a_named_camera_there_is_nothing_to_look_at() -> None:
    finding = check_pictures(Survey(), lambda what, seconds: pytest.fail("nobody asked"))
    assert finding.status is Status.not_here


def test_a_topic_is_listened_to_and_a_missing_device_told() -> None:
    heard = check_pictures(Survey(source="compressed"), lambda what, seconds: Heard(0, seconds, pictures()))
    assert heard.status is Status.ok
    missing = check_pictures(Survey(source="v4l2", source_path="/dev/no-such"), lambda what, seconds: Heard(0, seconds))
    assert missing.status is Status.failed
    assert "/dev/no-such" in missing.found


class StandIn:
    """A V4L2 device for a machine without one: it delivers at 50 Hz what was asked for."""

    closed = False

    def __init__(self, device: str, width: int, height: int) -> None:
        self.size = (height, width, 3)

    def frames(self):
        for sequence in itertools.count():
            time.sleep(0.02)
            yield CameraFrame(time.time_ns(), np.zeros(self.size, np.uint8), sequence)

    def close(self) -> None:
        StandIn.closed = True


def test_a_device_is_looked_at_for_a_while_and_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim2real_ad.doctor.pictures.Device", StandIn)
    heard = look("/dev/video0", CAMERA, 0.3)
    assert 3 <= len(heard.pictures) <= 16
    assert (heard.pictures[0].width, heard.pictures[0].height) == (320, 180)
    assert StandIn.closed


def test_the_limits_are_those_of_the_gate_and_the_camera_node() -> None:
    assert limits_in_force() == LIMITS
