from pathlib import Path

import cv2
import numpy as np
import pytest

from sim2real_ad.bag import images
from sim2real_ad.errors import SourceError
from sim2real_ad.evaluation import keyframes
from sim2real_ad.evaluation.mcap_stream import RawMessage
from sim2real_ad.evaluation.recording import Recording, read_recording
from sim2real_ad.evaluation.results import RECORDING_FILE, Infraction


def read(run: Path) -> Recording:
    return read_recording([run / RECORDING_FILE])


def test_each_episode_gets_its_own_messages_whole(run_maker, drive) -> None:
    run = run_maker.write([drive(), drive(scenario="car_following", seed=8, seconds=2.0, start_ns=90 * 10**9)])
    first, second = read(run).episodes
    assert (first.scenario, first.seed, second.scenario, second.seed) == ("stop_sign", 7, "car_following", 8)
    assert [len(s.rows) for s in first.signals.values()] == [60] * 4
    assert [len(s.rows) for s in second.signals.values()] == [40] * 4
    assert len(first.gate) == 60
    assert len(first.timings) == 300
    assert first.end_ns == first.start_ns + 3 * 10**9
    assert first.result is not None
    assert first.result.success


def test_a_clock_that_starts_again_does_not_mix_episodes(run_maker, drive) -> None:
    run = run_maker.write([drive(seconds=3.0), drive(seconds=1.0, seed=8)])
    first, second = read(run).episodes
    assert (len(first.signals["ego"].rows), len(second.signals["ego"].rows)) == (60, 20)


def test_messages_of_another_time_belong_to_no_episode(run_maker, drive) -> None:
    first = drive(start_ns=50 * 10**9, strays=(49 * 10**9,))  # of a time before this episode
    second = drive(start_ns=2 * 10**9, seed=8)  # the clock has started again: 49 s is past its start, too
    logs = read(run_maker.write([first, second])).episodes
    assert [len(log.signals["ego"].rows) for log in logs] == [60, 60]


def test_signals_carry_what_was_written(run_maker, drive) -> None:
    log = read(run_maker.write([drive()])).episodes[0]
    ego = log.signals["ego"]
    np.testing.assert_allclose(ego.seconds(log.start_ns), np.arange(60) * 0.05, atol=1e-9)
    x, y, yaw = (ego.column(name) for name in ("x", "y", "yaw"))
    np.testing.assert_allclose(np.hypot(x, y - 60.0), 60.0)
    np.testing.assert_allclose(yaw, np.arctan2(x, 60.0 - y), atol=1e-9)
    commanded = log.signals["command"].column("steering_tire_angle")
    np.testing.assert_allclose(log.signals["steering"].column("steering_tire_angle"), commanded * 0.97, rtol=1e-6)
    assert log.route.shape == (60, 2)


def test_gate_interventions_keep_their_reasons(run_maker, drive) -> None:
    log = read(run_maker.write([drive(gate_at=(10, 11))])).episodes[0]
    changed = [event for event in log.gate if event.reasons]
    assert [event.reasons for event in changed] == [("steering_rate",)] * 2
    assert changed[0].stamp_ns == log.start_ns + 10 * 50_000_000


def test_a_picture_shows_the_infraction(run_maker, drive) -> None:
    collision = Infraction(kind="collision", time_s=1.45)
    log = read(run_maker.write([drive(success=False, infractions=(collision,))])).episodes[0]
    nearest = min(abs(p.stamp_ns - log.start_ns - 1.45e9) for p in log.pictures)
    assert nearest <= 0.25e9


def test_pictures_are_camera_and_observation_of_the_same_moment(run_maker, drive) -> None:
    log = read(run_maker.write([drive()])).episodes[0]
    assert 3 <= len(log.pictures) <= 6
    for picture in log.pictures:
        assert cv2.imdecode(np.frombuffer(picture.camera, np.uint8), cv2.IMREAD_COLOR).shape == (180, 320, 3)
        assert picture.observation is not None
        assert picture.observation.stamp_ns == picture.stamp_ns
        assert picture.observation.bev.shape == (6, 96, 64)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_recording_cut_short_is_read_as_far_as_it_goes(run_maker, drive, share: float) -> None:
    run = run_maker.write([drive(), drive(seed=8, start_ns=90 * 10**9)])
    path = run / RECORDING_FILE
    whole = len(read(run).episodes[0].signals["ego"].rows)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    recording = read(run)
    rows = sum(len(log.signals["ego"].rows) for log in recording.episodes)
    assert share * 2 * whole - 8 <= rows < 2 * whole
    assert any("ends in the middle" in problem for problem in recording.problems)
    assert recording.episodes[-1].end_ns is None


def test_a_recording_without_its_end_mark_is_read_to_the_last_chunk(run_maker, drive) -> None:
    recording = read(run_maker.write([drive()], finish=False))
    assert len(recording.episodes[0].signals["ego"].rows) > 50
    assert len(recording.problems) == 1


def test_a_drive_without_episodes_is_one(run_maker, drive) -> None:
    log = read(run_maker.write([drive(seconds=4.0)], announce=False)).episodes
    assert len(log) == 1
    assert (log[0].scenario, log[0].seed, len(log[0].signals["ego"].rows)) == ("", None, 80)
    assert log[0].pictures


def test_unwanted_episodes_keep_their_result_only(run_maker, drive) -> None:
    run = run_maker.write([drive(), drive(seed=8, start_ns=90 * 10**9)])
    first, second = read_recording([run / RECORDING_FILE], wanted=lambda _, seed: seed == 8).episodes
    assert first.result is not None
    assert not first.signals
    assert second.signals


def test_a_missing_recording_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none\.mcap"):
        read_recording([tmp_path / "none.mcap"])


@pytest.mark.parametrize("content", [b"", b"not a recording at all"])
def test_another_kind_of_file_is_a_clear_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.mcap").write_bytes(content)
    with pytest.raises(SourceError, match="no MCAP file"):
        read_recording([tmp_path / "x.mcap"])


def test_an_image_of_unknown_encoding_is_reported_once_and_the_rest_is_read(run_maker, drive, monkeypatch) -> None:
    monkeypatch.delitem(images.BYTES_OF_PIXEL, "rgb8")
    recording = read(run_maker.write([drive()]))
    assert [p for p in recording.problems if "'rgb8'" in p] == recording.problems
    assert len(recording.problems) == 1
    assert len(recording.episodes[0].signals["ego"].rows) == 60


def test_long_drives_keep_a_bounded_number_of_pictures() -> None:
    thinned = keyframes.Thinned(lambda m: m.log_time_ns)
    for frame in range(20 * 600):
        stamp = frame * 50_000_000
        thinned.add(stamp, RawMessage("/image", "", "", stamp, b""))
    stamps = [stamp for stamp, _ in thinned.items()]
    assert 50 <= len(stamps) <= keyframes.MAX_CANDIDATES + 1
    assert (stamps[0], stamps[-1]) == (0, (20 * 600 - 1) * 50_000_000)
    assert max(np.diff(stamps)) <= 16e9
