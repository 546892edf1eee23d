"""Each kind of fault in a bag is found, named by topic and time; a good bag has none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from sim2real_ad.bag.check import BagCheck, check_bag
from sim2real_ad.bag.messages import blank
from sim2real_ad.bag.source import open_bag
from sim2real_ad.evaluation.mcap_stream import RawMessage

from .making import MS, START_NS, BagMaker, autoware_drive, carla_drive, image, raw, stamped

ODOMETRY, CAMERA = "/localization/kinematic_state", "/sensing/camera/front/image_raw/compressed"
HOUR_NS = 3600 * 10**9
Check = Callable[..., BagCheck]


@pytest.fixture
def check(bags: BagMaker) -> Check:
    """Return what writes messages in order of log time, and checks the bag."""

    def written_and_checked(messages: list[RawMessage], expected: dict[str, float] | None = None) -> BagCheck:
        path = bags.rosbag2(sorted(messages, key=lambda m: m.log_time_ns))
        with open_bag(path) as source:
            return check_bag(source, expected)

    return written_and_checked


def found(checked: BagCheck) -> list[tuple[str, str, str]]:
    return [(f.severity, f.kind, f.topic) for f in checked.findings]


def odometry(count: int = 40, step_ns: int = 50 * MS, start_ns: int = START_NS) -> list[RawMessage]:
    return [stamped(ODOMETRY, "nav_msgs/msg/Odometry", start_ns + n * step_ns) for n in range(count)]


@pytest.mark.parametrize("drive", [autoware_drive, carla_drive])
def test_a_good_bag_has_no_findings(check: Check, drive) -> None:
    checked = check(drive())
    assert checked.findings == ()
    assert checked.fit


def test_figures_are_those_of_the_recording(check: Check) -> None:
    checked = check(autoware_drive())
    topic = next(t for t in checked.topics if t.name == ODOMETRY)
    assert (topic.count, topic.clock) == (40, "stamp")
    assert topic.median_period_s == pytest.approx(0.05)
    assert topic.rate_hz == pytest.approx(20.0)
    assert topic.jitter_s == pytest.approx(0.0)
    assert topic.longest_period_s == pytest.approx(0.05)
    assert checked.messages == 201
    assert checked.duration_s == pytest.approx(1.954)
    route = next(t for t in checked.topics if t.name == "/planning/route")
    assert (route.count, route.median_period_s, route.rate_hz) == (1, None, None)


def test_jitter_is_seen(check: Check) -> None:
    late = np.random.default_rng(0).uniform(-10 * MS, 10 * MS, 200).astype(int)
    messages = [stamped(ODOMETRY, "nav_msgs/msg/Odometry", START_NS + n * 50 * MS + int(late[n])) for n in range(200)]
    (topic,) = check(messages).topics
    assert 0.01 < topic.jitter_s < 0.02


def test_a_gap_is_found_at_its_end(check: Check) -> None:
    messages = [m for n, m in enumerate(odometry(60)) if not 20 <= n < 30]
    checked = check(messages)
    assert found(checked) == [("error", "gap", ODOMETRY)]
    assert checked.findings[0].time_s == pytest.approx(1.5)
    assert "a gap of 0.550 s; its period is 0.050 s" in checked.findings[0].text
    assert not checked.fit


def test_several_gaps_are_one_finding_at_the_longest(check: Check) -> None:
    checked = check([m for n, m in enumerate(odometry(100)) if not 20 <= n < 30 and not 50 <= n < 70])
    assert found(checked) == [("error", "gap", ODOMETRY)]
    assert "2 gaps, the longest of 1.050 s" in checked.findings[0].text
    assert checked.findings[0].time_s == pytest.approx(3.5)


@pytest.mark.parametrize(("missing", "step_ms"), [(1, 50), (3, 50), (1, 500)])
def test_a_few_missing_messages_are_no_gap(check: Check, missing: int, step_ms: int) -> None:
    messages = [m for n, m in enumerate(odometry(60, step_ms * MS)) if not 20 <= n < 20 + missing]
    assert check(messages).findings == ()


def test_a_topic_that_keeps_no_period_has_no_gaps(check: Check) -> None:
    moments = np.cumsum(np.random.default_rng(3).exponential(0.3, 60))
    messages = [stamped(ODOMETRY, "nav_msgs/msg/Odometry", START_NS + int(s * 1e9)) for s in moments]
    assert check(messages).findings == ()


def test_a_topic_without_stamps_is_measured_by_log_time(check: Check) -> None:
    speed = blank("std_msgs/msg/Float32")
    messages = [raw("/speed", "std_msgs/msg/Float32", START_NS + n * 50 * MS, speed) for n in range(60)]
    checked = check([m for n, m in enumerate(messages) if not 20 <= n < 30])
    assert found(checked) == [("error", "gap", "/speed")]
    assert checked.topics[0].clock == "log"


def test_a_topic_that_falls_silent_is_found(check: Check) -> None:
    camera = [image(CAMERA, START_NS + n * 50 * MS) for n in range(20)]
    infos = [stamped("/sensing/camera/front/camera_info", "sensor_msgs/msg/CameraInfo", m.log_time_ns) for m in camera]
    checked = check([*odometry(60), *camera, *infos])
    assert ("error", "gap", CAMERA) in found(checked)
    finding = next(f for f in checked.findings if f.topic == CAMERA)
    assert finding.time_s == pytest.approx(0.95)
    assert "nothing in the last 2.000 s" in finding.text


def test_late_delivery_is_no_gap_where_the_stamps_are_even(check: Check) -> None:
    messages = odometry(60)
    messages[30] = replace(messages[30], log_time_ns=messages[30].log_time_ns + 40 * MS)
    assert check(messages).findings == ()


def test_a_rate_as_expected_is_no_finding(check: Check) -> None:
    assert check(odometry(), {ODOMETRY: 20.0}).findings == ()


def test_other_rates_than_expected_and_missing_topics_are_found(check: Check) -> None:
    checked = check(odometry(), {ODOMETRY: 25.0, "/lost": 10.0})
    assert found(checked) == [("error", "wrong_rate", ODOMETRY), ("error", "missing_topic", "/lost")]
    assert "20 Hz, expected 25 Hz" in checked.findings[0].text


def test_lost_messages_lower_the_rate_where_the_period_stays(check: Check) -> None:
    messages = [m for n, m in enumerate(odometry(100)) if n % 5]
    checked = check(messages, {ODOMETRY: 20.0})
    assert found(checked) == [("error", "wrong_rate", ODOMETRY)]
    assert "16" in checked.findings[0].text


def test_a_stamp_that_goes_back_is_found(check: Check) -> None:
    messages = odometry()
    messages[20] = stamped(ODOMETRY, "nav_msgs/msg/Odometry", messages[20].log_time_ns, messages[18].log_time_ns - MS)
    checked = check(messages)
    assert found(checked) == [("error", "stamps_back", ODOMETRY)]
    assert checked.findings[0].time_s == pytest.approx(1.0)
    assert "stamps go back by up to 0.051 s, in 1 of 40 messages" in checked.findings[0].text


def test_a_clock_that_begins_anew_is_one_warning(check: Check) -> None:
    messages = []
    for episode in range(3):
        for n in range(40):
            log_ns = START_NS + (episode * 40 + n) * 50 * MS
            messages.append(stamped(ODOMETRY, "nav_msgs/msg/Odometry", log_ns, 10**9 + n * 50 * MS))
            messages.append(
                stamped("/velocity", "autoware_vehicle_msgs/msg/VelocityReport", log_ns, 10**9 + n * 50 * MS)
            )
    checked = check(messages)
    assert found(checked) == [("warning", "clock_restart", "")]
    assert checked.findings[0].time_s == pytest.approx(2.0)
    assert "as often as 2 times" in checked.findings[0].text
    assert checked.fit


def test_one_topic_alone_that_leaps_back_is_no_clock(check: Check) -> None:
    messages = odometry()
    lone = [stamped("/v", "autoware_vehicle_msgs/msg/VelocityReport", m.log_time_ns) for m in messages]
    lone[30:] = [
        stamped("/v", "autoware_vehicle_msgs/msg/VelocityReport", m.log_time_ns, m.log_time_ns - 5 * 10**9)
        for m in lone[30:]
    ]
    assert found(check([*messages, *lone])) == [("error", "stamps_back", "/v")]


def test_stamps_of_another_epoch_are_found_where_others_are_right(check: Check) -> None:
    wrong = [
        stamped("/v", "autoware_vehicle_msgs/msg/VelocityReport", START_NS + n * 50 * MS, 10**9 + n * 50 * MS)
        for n in range(40)
    ]
    checked = check([*odometry(), *wrong])
    assert found(checked) == [("error", "other_epoch", "/v")]
    assert "behind the time of recording" in checked.findings[0].text


def test_a_clock_of_its_own_for_all_topics_is_a_simulation(check: Check) -> None:
    messages = []
    for n in range(40):
        log_ns, stamp_ns = START_NS + n * 50 * MS, 10**9 + n * 50 * MS
        messages.append(stamped(ODOMETRY, "nav_msgs/msg/Odometry", log_ns, stamp_ns))
        messages.append(stamped("/v", "autoware_vehicle_msgs/msg/VelocityReport", log_ns, stamp_ns))
    assert check(messages).findings == ()


def test_a_difference_below_an_hour_is_no_other_epoch(check: Check) -> None:
    behind = [
        stamped(
            "/v", "autoware_vehicle_msgs/msg/VelocityReport", START_NS + n * 50 * MS, START_NS - HOUR_NS + n * 50 * MS
        )
        for n in range(40)
    ]
    assert check([*odometry(), *behind]).findings == ()


def test_stamps_of_zero_are_found(check: Check) -> None:
    none = [stamped("/v", "autoware_vehicle_msgs/msg/VelocityReport", m.log_time_ns, 0) for m in odometry()]
    assert found(check([*odometry(), *none])) == [("error", "no_stamp", "/v")]


def test_a_single_stamp_of_zero_is_a_warning(check: Check) -> None:
    messages = odometry()
    messages[0] = stamped(ODOMETRY, "nav_msgs/msg/Odometry", START_NS, 0)
    assert ("warning", "no_stamp", ODOMETRY) in found(check(messages))


def test_repeated_stamps_are_a_warning(check: Check) -> None:
    messages = odometry()
    messages[20] = replace(messages[20], data=messages[19].data)
    checked = check(messages)
    assert found(checked) == [("warning", "repeated_stamps", ODOMETRY)]
    assert checked.findings[0].time_s == pytest.approx(1.0)


def test_topics_that_several_nodes_share_may_repeat_and_mix_stamps(check: Check) -> None:
    kind = "sim2real_ad_msgs/msg/FrameTiming"
    stamps = [START_NS + (n - n % 3) * 50 * MS - (n % 3) * MS for n in range(60)]
    assert check([stamped("/timing", kind, START_NS + n * 50 * MS, s) for n, s in enumerate(stamps)]).findings == ()


def test_pictures_without_calibration_are_a_warning(check: Check) -> None:
    checked = check([image(CAMERA, START_NS + n * 50 * MS) for n in range(40)])
    assert found(checked) == [("warning", "no_calibration", CAMERA)]
    assert "/sensing/camera/front/camera_info" in checked.findings[0].text


def test_a_second_camera_is_a_warning_and_another_view_of_the_first_is_not(check: Check) -> None:
    front = autoware_drive(1.0)
    pixels = {"encoding": "rgb8", "width": 2, "height": 2, "step": 6, "data": np.zeros(12, np.uint8)}
    same = [stamped("/sensing/camera/front/image_raw", "sensor_msgs/msg/Image", START_NS, **pixels)]
    passed_on = [stamped("/sim2real_ad/camera/image", "sensor_msgs/msg/Image", START_NS, **pixels)]
    pixels |= {"encoding": "32FC1", "width": 1, "height": 1, "step": 4, "data": np.zeros(4, np.uint8)}
    depth = [stamped("/carla/ego_vehicle/depth/image", "sensor_msgs/msg/Image", START_NS, **pixels)]
    assert check([*front, *same, *passed_on, *depth]).findings == ()


def test_two_cameras_are_named(check: Check) -> None:
    rear = [image("/sensing/camera/rear/image_raw/compressed", START_NS + n * 50 * MS) for n in range(40)]
    infos = [stamped("/sensing/camera/rear/camera_info", "sensor_msgs/msg/CameraInfo", m.log_time_ns) for m in rear]
    checked = check([*autoware_drive(), *rear, *infos])
    assert found(checked) == [("warning", "several_cameras", "")]
    assert "/sensing/camera/front, /sensing/camera/rear" in checked.findings[0].text


def test_unknown_types_are_a_warning(bags: BagMaker, carla) -> None:
    with open_bag(bags.humble_database(carla)) as source:
        checked = check_bag(source)
    assert found(checked) == [("warning", "unknown_type", "/carla/ego_vehicle/vehicle_status")]
    assert "carla_msgs/msg/CarlaVehicleStatus" in checked.findings[0].text


def test_messages_that_are_not_of_their_type_are_found(check: Check) -> None:
    messages = odometry()
    messages[7] = replace(messages[7], data=messages[7].data[:9])
    checked = check(messages)
    assert found(checked) == [("error", "undecodable", ODOMETRY)]
    assert checked.findings[0].time_s == pytest.approx(0.35)
    assert "no nav_msgs/msg/Odometry in 1 of 40 messages; the first: 9 bytes hold no header" in checked.findings[0].text


def test_the_first_message_of_a_topic_is_read_as_a_whole(check: Check) -> None:
    messages = odometry()
    messages[0] = replace(messages[0], data=messages[0].data[:-20])
    checked = check(messages)
    assert found(checked) == [("error", "undecodable", ODOMETRY)]
    assert "in 1 of 40 messages; the first: /localization/kinematic_state: not a readable" in checked.findings[0].text


def test_damage_is_found_with_its_time(bags: BagMaker, drive) -> None:
    path = bags.mcap(drive)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with open_bag(path) as source:
        checked = check_bag(source)
        assert [f.kind for f in checked.findings] == ["damaged"]
        assert checked.findings[0].time_s == pytest.approx(source.seconds(source.end_ns))
        assert "drive.mcap ends in the middle" in checked.findings[0].text
    assert not checked.fit


def test_an_empty_bag_is_an_error(check: Check) -> None:
    checked = check([])
    assert found(checked) == [("error", "empty", "")]
    assert checked.duration_s == 0.0
