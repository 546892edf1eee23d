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


def test_a_missing_command_silences_at_once_and_lets_go_after_100_ms(story):
    story.engaged()
    for _ in range(4):
        assert story.step(True, problem="command_missing", enabled=True) == "engaged"
        assert story.engagement.quiet
    assert story.step(True, problem="command_missing", enabled=True) == "disengaged"
    assert story.engagement.reasons == ("command_lost",)


def test_a_command_that_is_back_in_time_goes_on(story):
    story.engaged()
    story.step(True, problem="command_missing", enabled=True, times=4)
    assert story.step(True, enabled=True) == "engaged"
    assert not story.engagement.quiet
    assert story.step(True, problem="command_missing", enabled=True, times=4) == "engaged"


def test_silence_lasts_until_commands_are_back(story):
    story.engaged()
    story.step(True, problem="command_missing", enabled=True, times=50)
    assert story.engagement.quiet
    story.step(True)
    assert not story.engagement.quiet


def test_silence_ends_when_nothing_is_wanted_any_more(story):
    story.engaged()
    story.step(True, problem="command_missing", enabled=True, times=50)
    story.step(False, problem="command_missing")
    assert not story.engagement.quiet


def test_engaging_needs_a_command(story):
    story.step(False)
    assert story.step(True, problem="command_invalid") == "disengaged"
    assert story.engagement.reasons == ("command_invalid",)
