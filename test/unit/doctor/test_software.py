import pytest

from sim2real_ad.doctor.finding import Status
from sim2real_ad.doctor.software import judge_messages, judge_python, judge_ros
from sim2real_ad.doctor.transport import PROCESSES, judge_segment, judge_shared_memory, judge_shell
from sim2real_ad.ros.transport import MIN_SEGMENT_BYTES, PROFILE, PROFILE_VARIABLE, transport_environment


@pytest.mark.parametrize(
    ("version", "status"),
    [((3, 9), Status.failed), ((3, 10), Status.ok), ((3, 12), Status.ok), ((3, 13), Status.failed)],
)
def test_pythons_that_the_project_runs_on(version: tuple[int, int], status: Status) -> None:
    assert judge_python(version, "Python").status is status


@pytest.mark.parametrize(
    ("distribution", "rclpy", "status", "told"),
    [
        ("jazzy", True, Status.ok, "distribution jazzy"),
        ("", True, Status.ok, "wheels, rclpy 7.1"),
        ("humble", True, Status.failed, "must be jazzy"),
        ("jazzy", False, Status.failed, "rclpy cannot be imported"),
    ],
)
def test_ros_is_jazzy_by_distribution_or_by_wheels(distribution: str, rclpy: bool, status: Status, told: str) -> None:
    finding = judge_ros({"ROS_DISTRO": distribution}, rclpy=rclpy, wheels="7.1", launch=False)
    assert finding.status is status
    assert told in finding.found


def test_message_packages_must_be_there_and_of_these_sources() -> None:
    assert judge_messages([], []).status is Status.ok
    assert "not built: sim2real_ad_msgs" in judge_messages(["sim2real_ad_msgs"], []).found
    assert judge_messages([], ["sim2real_ad_msgs"]).status is Status.failed


def test_too_small_a_segment_has_failed() -> None:
    assert judge_segment(MIN_SEGMENT_BYTES, {}).status is Status.ok
    assert judge_segment(MIN_SEGMENT_BYTES - 1, {}).status is Status.failed


def test_a_shell_without_the_transport_is_told_what_to_export() -> None:
    assert judge_shell(transport_environment({})).status is Status.ok
    finding = judge_shell({})
    assert finding.status is Status.warning
    assert f"export {PROFILE_VARIABLE}={PROFILE}" in finding.remedy


def test_a_container_s_64_mib_of_shared_memory_do_not_do() -> None:
    assert judge_shared_memory(64 * 2**20, 64 * 2**20).status is Status.failed
    assert judge_shared_memory(2**31, PROCESSES * MIN_SEGMENT_BYTES).status is Status.ok
