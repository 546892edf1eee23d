"""The account of an episode's frames: sent, lost, how fast, which stage was silent."""

from __future__ import annotations

from sim2real_ad.ros.frame_account import FrameAccount
from sim2real_ad.ros.topics import CHAIN
from sim2real_ad.safety.limits import load_safety_limits

MS = 1_000_000


def answered(account: FrameAccount, stamp: int, received: int, published: int) -> None:
    for stage in CHAIN:
        account.add_timing(stamp, stage, received, published)


def test_latency_is_from_the_camera_nodes_receipt_to_the_gates_command() -> None:
    account = FrameAccount()
    account.send(1)
    account.add_timing(1, "safety_gate", 90 * MS, 105 * MS)  # the gate's word may arrive before the camera's
    account.add_timing(1, "camera", 80 * MS, 81 * MS)
    assert account.latencies_ms == (25.0,)
    assert account.complete


def test_a_frame_without_a_command_is_lost() -> None:
    account = FrameAccount()
    for stamp in (1, 2, 3):
        account.send(stamp)
    answered(account, 1, 0, MS)
    answered(account, 3, 0, MS)
    assert (account.frames_sent, account.frames_lost, account.complete) == (3, 1, False)


def test_the_first_silent_stage_is_named() -> None:
    account = FrameAccount()
    account.send(1)
    for done, silent in enumerate([*CHAIN, None]):
        assert account.silent_stage(1) == silent
        if done < len(CHAIN):
            account.add_timing(1, CHAIN[done], 0, 0)


def test_another_episodes_timings_do_not_count() -> None:
    account = FrameAccount()
    account.send(1)
    answered(account, 99, 0, MS)
    account.add_decision(99, ["speed_limit"])
    assert account.latencies_ms == ()
    assert not account.interventions


def test_interventions_are_counted_by_reason() -> None:
    account = FrameAccount()
    account.send(1)
    account.send(2)
    account.add_decision(1, ["speed_limit", "steering_rate"])
    account.add_decision(2, ["speed_limit"])
    assert dict(account.interventions) == {"speed_limit": 2, "steering_rate": 1}


def test_a_frame_counts_as_intervened_once_whatever_the_reasons_and_however_often_the_gate_decided() -> None:
    account = FrameAccount()
    for stamp in (1, 2, 3):
        account.send(stamp)
    account.add_decision(1, ["speed_limit", "steering_rate"])
    account.add_decision(1, ["speed_limit"])
    account.add_decision(2, [])
    account.add_decision(99, ["speed_limit"])
    assert account.frames_intervened == 1


def test_a_stage_that_is_too_slow_in_more_than_one_of_a_hundred_frames_commits_an_infraction() -> None:
    budgets = load_safety_limits().budgets.model_copy(update={"policy": 10.0, "age": 1000.0})
    account = FrameAccount()
    for stamp in range(200):
        account.send(stamp)
        for stage in CHAIN:
            slow = stage == "policy" and stamp < 4
            account.add_timing(stamp, stage, 0, 12 * MS if slow else MS)
    (found,) = account.over_budget(budgets, 7.5)
    assert (found.kind, found.time_s) == ("frame_budget", 7.5)
    assert found.detail == "policy took more than 10 ms for 4 of 200 frames, at most 12.0"


def test_one_slow_frame_in_two_hundred_is_none_and_the_whole_way_has_a_budget_of_its_own() -> None:
    budgets = load_safety_limits().budgets.model_copy(update={"age": 50.0})
    account = FrameAccount()
    for stamp in range(200):
        account.send(stamp)
        account.add_timing(stamp, "camera", 0, MS)
        account.add_timing(stamp, "safety_gate", 0, 99 * MS if stamp < 1 else MS)
    assert account.over_budget(budgets, 0.0) == ()
    for stamp in range(200, 203):
        account.send(stamp)
        account.add_timing(stamp, "camera", 0, MS)
        account.add_timing(stamp, "safety_gate", 58 * MS, 60 * MS)
    assert [infraction.detail.split()[0] for infraction in account.over_budget(budgets, 0.0)] == ["age"]
