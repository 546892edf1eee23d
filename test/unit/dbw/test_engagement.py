import pytest

from sim2real_ad.dbw.engagement import Engagement
from sim2real_ad.dbw.settings import WatchSettings
from sim2real_ad.dbw.traffic import MILLISECOND


class Story:
    """An engagement that is stepped every 20 ms."""

    def __init__(self):
        self.engagement, self.now_ms = Engagement(WatchSettings()), 0

    def step(self, request, problem="", obstacles=(), enabled=False, times=1):
        for _ in range(times):
            self.engagement.step(self.now_ms * MILLISECOND, request, problem, tuple(obstacles), enabled, "not_ready_x")
            self.now_ms += 20
        return self.engagement.phase

    def engaged(self):
        self.step(False)
        self.step(True)
        assert self.step(True, enabled=True) == "engaged"
        return self

    def stopping(self):
        self.engaged()
        assert self.step(True, problem="command_missing", enabled=True, times=6) == "stopping"
        return self


@pytest.fixture
def story():
    return Story()


def test_a_request_that_is_there_from_the_start_does_not_engage(story):
    assert story.step(True, times=5) == "disengaged"


def test_a_rising_edge_engages_once_the_car_follows(story):
    story.step(False)
    assert story.step(True) == "engaging"
    assert story.step(True, enabled=True) == "engaged"


def test_a_fault_lets_go_and_only_a_new_edge_engages_again(story):
    story.engaged()
    assert story.step(True, obstacles=["steer_fault"], enabled=True) == "disengaged"
    assert story.engagement.reasons == ("steer_fault",)
    assert story.engagement.let_go
    assert story.step(True, enabled=True, times=50) == "disengaged"
    story.step(False)
    assert story.step(True) == "engaging"
    assert story.engagement.reasons == ()


def test_an_obstacle_refuses_the_edge_and_uses_it_up(story):
    story.step(False)
    assert story.step(True, obstacles=["gear_not_forward"]) == "disengaged"
    assert story.engagement.reasons == ("gear_not_forward",)
    assert story.step(True) == "disengaged"


def test_a_car_that_does_not_follow_within_a_second_is_let_go_with_its_reason(story):
    story.step(False)
    story.step(True, times=51)
    assert story.engagement.phase == "engaging"
    assert story.step(True) == "disengaged"
    assert story.engagement.reasons == ("engaging_timeout", "not_ready_x")


def test_a_car_that_follows_no_longer_is_let_go_with_its_reason(story):
    story.engaged()
    assert story.step(True, enabled=False) == "disengaged"
    assert story.engagement.reasons == ("not_ready_x",)


def test_the_request_ends_an_engagement_without_a_reason(story):
    story.engaged()
    assert story.step(False, enabled=True) == "disengaged"
    assert story.engagement.reasons == ()
    assert not story.engagement.quiet


def test_a_missing_command_stops_at_once_and_for_good_after_100_ms(story):
    story.engaged()
    for _ in range(4):
        assert story.step(True, problem="command_missing", enabled=True) == "engaged"
        assert story.engagement.stops
    assert story.step(True, problem="command_missing", enabled=True) == "stopping"
    assert story.engagement.reasons == ("command_lost",)
    assert not story.engagement.let_go


def test_a_command_that_is_back_in_time_goes_on(story):
    story.engaged()
    story.step(True, problem="command_missing", enabled=True, times=4)
    assert story.step(True, enabled=True) == "engaged"
    assert not story.engagement.stops
    assert story.step(True, problem="command_missing", enabled=True, times=4) == "engaged"


@pytest.mark.parametrize("request_", [True, False])
@pytest.mark.parametrize("problem", ["", "command_missing"])
def test_a_stop_goes_on_whatever_the_gate_says(story, request_, problem):
    story.stopping()
    assert story.step(request_, problem=problem, enabled=True, times=100) == "stopping"
    assert story.engagement.stops


@pytest.mark.parametrize(
    ("told", "reason"),
    [({"obstacles": ["override_brake"], "enabled": True}, "override_brake"), ({"enabled": False}, "not_ready_x")],
)
def test_a_stop_ends_where_the_driver_or_the_car_ends_it_and_needs_a_new_edge(story, told, reason):
    story.stopping()
    assert story.step(True, **told) == "disengaged"
    assert story.engagement.reasons == ("command_lost", reason)
    assert story.engagement.let_go
    assert not story.engagement.stops
    assert story.step(True, enabled=True, times=50) == "disengaged"


def test_a_new_edge_takes_the_car_out_of_a_stop(story):
    story.stopping()
    story.step(False, enabled=True)
    assert story.step(True, enabled=True) == "engaging"
    assert story.step(True, enabled=True) == "engaged"
    assert not story.engagement.stops


def test_an_edge_without_a_command_leaves_the_stop(story):
    story.stopping()
    story.step(False, enabled=True)
    assert story.step(True, problem="command_missing", enabled=True) == "stopping"


def test_nothing_is_said_where_commands_cease_before_the_car_is_known_to_follow(story):
    story.step(False)
    story.step(True)
    story.step(True, problem="command_missing", times=50)
    assert story.engagement.phase == "disengaged"
    assert story.engagement.reasons == ("command_lost",)
    assert story.engagement.quiet
    story.step(True)
    assert not story.engagement.quiet


def test_silence_ends_when_nothing_is_wanted_any_more(story):
    story.step(False)
    story.step(True)
    story.step(True, problem="command_missing", times=50)
    story.step(False, problem="command_missing")
    assert not story.engagement.quiet


def test_engaging_needs_a_command(story):
    story.step(False)
    assert story.step(True, problem="command_invalid") == "disengaged"
    assert story.engagement.reasons == ("command_invalid",)
