from pathlib import Path

import pytest

from sim2real_ad.doctor.disk import existing_part, judge_disk, recording_rate, write_speed
from sim2real_ad.doctor.finding import Status
from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.policy.checkpoint import read_spec


def test_raw_pictures_are_most_of_a_recording_and_jpeg_spares_them() -> None:
    camera, spec = load_camera("dashcam_1280x720"), read_spec()
    raw = recording_rate(camera, spec, "topic")
    assert raw > 1280 * 720 * 3 * 20.0
    assert recording_rate(camera, spec, "v4l2") == raw
    assert recording_rate(camera, spec, "compressed") < raw / 5


@pytest.mark.parametrize(
    ("speed", "free", "status"),
    [
        (120e6, 1e12, Status.ok),
        (119e6, 1e12, Status.warning),
        (59e6, 1e12, Status.failed),
        (500e6, 60e6 * 3599, Status.warning),
        (500e6, 60e6 * 3600, Status.ok),
    ],
)
def test_a_disk_must_write_twice_what_is_needed_and_hold_an_hour(speed: float, free: float, status: Status) -> None:
    assert judge_disk("/data", 60e6, speed, free).status is status


def test_the_disk_is_really_written_to_and_nothing_stays(tmp_path: Path) -> None:
    assert write_speed(tmp_path) > 0.0
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_still_to_be_made_is_judged_by_where_it_will_lie(tmp_path: Path) -> None:
    assert existing_part(tmp_path / "a" / "b") == tmp_path
    assert existing_part(Path("no-such-folder")) == Path.cwd()
