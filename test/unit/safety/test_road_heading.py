import math
from dataclasses import replace

import numpy as np
import pytest
from gate_drive import BEV, LIMITS, MS, Drive, limits_with, view
from hypothesis import given, settings
from hypothesis import strategies as st

from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.safety import road_heading
from sim2real_ad.safety.findings import Finding, Severity
from sim2real_ad.safety.road_heading import (
    AHEAD,
    ASIDE,
    LEAST_AHEAD,
    LEAST_EDGE,
    SHARPEST,
    RoadHeading,
    places_beside,
)

VIEWS = LIMITS.heading.views
FAST = 6.0
CENTRES = BEV.cell_centres()
ROAD = BEV.index("drivable")


def route_of(curvature=0.0, length=46):
    """A route that begins ahead along x, bent with a curvature, 1/m."""
    s = 2.0 * np.arange(length // 2)
    if abs(curvature) < 1e-4:
        return np.stack((s, np.zeros_like(s)), axis=1).astype(np.float32)
    return np.stack((np.sin(curvature * s), 1.0 - np.cos(curvature * s)), axis=1).astype(np.float32) / curvature


def road(turned_deg=0.0, curvature=0.0, right=1.75, left=5.25, stamp_ns=0, likely=255):
    """What a camera sees of a road of one lane to the route's right side and more to the left, turned by an angle."""
    turn = math.radians(turned_deg)
    x, y = CENTRES[..., 0], CENTRES[..., 1]
    x, y = x * math.cos(turn) + y * math.sin(turn), y * math.cos(turn) - x * math.sin(turn)
    if abs(curvature) < 1e-4:
        aside = y
    else:
        centre = 1.0 / curvature
        aside = math.copysign(1.0, curvature) * (abs(centre) - np.hypot(x, y - centre))
    bev = np.zeros(BEV.shape, np.uint8)
    bev[ROAD] = np.where((aside >= -right) & (aside <= left), likely, 0)
    seen = np.full(bev.shape[1:], 255, np.uint8)
    return replace(view(), stamp_ns=stamp_ns, bev=bev, validity=seen, route=route_of(curvature))


def heading(**changes):
    return RoadHeading(limits_with(heading=changes).heading, BEV)


def see(watch, seen, count=VIEWS, speed=FAST, begin=0):
    """Show a view so many times, each with a new stamp; return what is found last."""
    found = []
    for number in range(begin, begin + count):
        found = watch.step(replace(seen, stamp_ns=(number + 1) * 50 * MS), speed)
    return found


def reasons(found):
    return [finding.reason for finding in found]


@pytest.mark.parametrize("curvature", [0.0, 0.02, -0.02])
def test_a_road_that_leads_where_the_route_leads_is_no_finding(curvature):
    assert see(heading(), road(curvature=curvature), 3 * VIEWS) == []


@pytest.mark.parametrize("turned", [8.0, -8.0])
@pytest.mark.parametrize("curvature", [0.0, 0.02, -0.02])
def test_a_turned_camera_is_a_reason_to_stop(turned, curvature):
    found = see(heading(), road(turned, curvature))
    assert [(f.check, f.reason, f.severity) for f in found] == [
        ("operational_domain", "road_heads_elsewhere", Severity.STOP)
    ]


def test_the_angle_is_told_with_its_side_and_its_limit():
    (found,) = see(heading(), road(10.0))
    assert found == Finding("operational_domain", "road_heads_elsewhere", Severity.STOP, found.detail)
    usual = float(found.detail.split()[2])
    assert usual == pytest.approx(10.0, abs=1.5)
    assert found.detail.endswith(f"deg in {VIEWS} of {VIEWS} views, at most 4.0")
    (found,) = see(heading(), road(-10.0))
    assert float(found.detail.split()[2]) == pytest.approx(-10.0, abs=1.5)


@settings(max_examples=60, deadline=None)
@given(st.floats(-12.0, 12.0), st.floats(-0.01, 0.01), st.floats(1.5, 3.0), st.floats(3.0, 6.0))
def test_the_angle_is_read_to_within_what_half_a_metre_allows(turned, curvature, right, left):
    limits = limits_with(heading={"angle": 1e-6, "views": 1, "share": 1.0}).heading
    found = RoadHeading(limits, BEV).step(road(turned, curvature, right, left, stamp_ns=1), FAST)
    told = float(found[0].detail.split()[2]) if found else 0.0
    assert told == pytest.approx(turned, abs=3.5)


@pytest.mark.parametrize("turned", [3.8, -3.8])
def test_a_small_angle_is_allowed_on_either_side(turned):
    assert abs(reading_of(road(turned))) > math.radians(2.2)
    assert see(heading(), road(turned), 3 * VIEWS) == []


def test_an_edge_at_the_last_place_but_one_is_seen():
    assert reading_of(road(0.0, right=7.6, left=100.0)) == 0.0
    assert reading_of(road(0.0, right=100.0, left=7.6)) == 0.0


def test_only_the_newest_views_count():
    watch = heading()
    see(watch, road(0.0), 10 * VIEWS)
    assert reasons(see(watch, road(8.0), VIEWS, begin=10 * VIEWS)) == ["road_heads_elsewhere"]


def test_one_edge_is_enough():
    for right, left in ((1.75, 100.0), (100.0, 1.75)):
        assert reading_of(road(8.0, right=right, left=left)) == pytest.approx(math.radians(8.0), abs=math.radians(1.5))
    assert reasons(see(heading(), road(8.0, left=100.0))) == ["road_heads_elsewhere"]
    assert reasons(see(heading(), road(8.0, right=100.0, left=1.75))) == ["road_heads_elsewhere"]


@pytest.mark.parametrize(
    "seen",
    [
        road(8.0, right=100.0, left=100.0),
        road(8.0, likely=127),
        replace(road(8.0), validity=np.zeros(BEV.shape[1:], np.uint8)),
        replace(road(8.0), route=route_of(length=16)),
        replace(road(8.0), route=np.zeros((0, 2), np.float32)),
        replace(road(8.0), bev=road(8.0).bev[:, 1:]),
        replace(road(8.0), validity=np.zeros((0, 0), np.uint8)),
        replace(road(8.0), validity=road(8.0).validity[:, 1:]),
        replace(road(8.0), validity=road(8.0).validity[0]),
        replace(road(8.0), route=route_of()[:, :1]),
        replace(road(8.0), route=route_of()[0]),
        replace(road(8.0), route=np.where(route_of() > 40.0, 1000.0, route_of())),
        replace(road(8.0), route=np.full((20, 2), 3e38, np.float32)),
    ],
    ids=[
        "no edge",
        "hardly road",
        "not seen",
        "a short route",
        "no route",
        "another shape",
        "nothing known",
        "another shape of what is known",
        "no shape of what is known",
        "half a route",
        "a point for a route",
        "a route that jumps away",
        "a route out of the world",
    ],
)
def test_what_does_not_tell_is_no_finding(seen):
    assert see(heading(), seen) == []


def test_a_route_may_be_long():
    far = np.where(route_of() > 40.0, 999.0, route_of())
    assert reading_of(replace(road(8.0), route=far)) is not None


def test_whatever_is_seen_at_all_is_seen():
    seen = road(8.0)
    assert reading_of(replace(seen, validity=np.minimum(seen.validity, 1))) is not None


def test_cells_count_as_road_from_a_half_on():
    assert reasons(see(heading(), road(8.0, likely=128))) == ["road_heads_elsewhere"]


def test_edges_at_the_limit_of_what_is_seen_are_none():
    seen = road(8.0)
    hidden = np.where(seen.bev[ROAD] > 0, 255, 0).astype(np.uint8)
    assert see(heading(), replace(seen, validity=hidden)) == [], "beyond the edge nothing is known"
    beyond = np.where(seen.bev[ROAD] > 0, 0, 255).astype(np.uint8)
    assert see(heading(), replace(seen, validity=beyond)) == [], "of the road itself nothing is known"


def reading_of(seen, bev=BEV):
    """Return what one view tells, rad; None where it tells nothing."""
    watch = RoadHeading(limits_with(heading={"views": 1}).heading, bev)
    watch.step(replace(seen, stamp_ns=1), FAST)
    return watch._readings[0] if watch._readings else None


def with_right_edge(asides):
    """A view whose road has no left edge and a right one at asides[i] m where the route is AHEAD[i] m long."""
    bev = np.zeros(BEV.shape, np.uint8)
    for ahead, aside in zip(AHEAD, asides, strict=True):
        rows = np.abs(CENTRES[:, 0, 0] - ahead) < 1.0
        bev[ROAD, rows] = np.where(CENTRES[rows, :, 1] > aside, 255, 0)
    return replace(road(), bev=bev)


def test_a_ragged_edge_is_no_line():
    straight = -5.0 + 0.2 * np.arange(len(AHEAD))
    assert reading_of(with_right_edge(straight)) == pytest.approx(math.atan(0.1), abs=0.03)
    ragged = straight + np.where(np.arange(len(AHEAD)) % 2, 1.0, -1.0)
    assert reading_of(with_right_edge(ragged)) is None


def test_an_edge_must_be_seen_at_enough_places():
    def hidden_from(place):
        seen = road(8.0, left=100.0)
        validity = seen.validity.copy()
        validity[CENTRES[:, 0, 0] > AHEAD[place] - 1.0] = 0
        return replace(seen, validity=validity)

    assert reading_of(hidden_from(LEAST_EDGE)) is not None
    assert reading_of(hidden_from(LEAST_EDGE - 1)) is None


def test_a_route_must_reach_far_enough():
    def of_length(length):
        xs = np.append(np.arange(0.0, length, 2.0), length)
        return replace(road(8.0), route=np.stack((xs, np.zeros_like(xs)), axis=1).astype(np.float32))

    enough = AHEAD[LEAST_AHEAD - 1] + 1.0
    assert reading_of(of_length(enough)) is not None
    assert reading_of(of_length(enough - 0.1)) is None


def test_places_lie_beside_the_route_at_their_distances():
    along, places, headings = places_beside(np.array([[0.0, 0.0], [15.0, 0.0], [40.0, 0.0]]))
    assert headings.tolist() == [0.0] * len(AHEAD)
    assert along.tolist() == AHEAD.tolist()
    assert places.shape == (len(AHEAD), len(ASIDE), 2)
    assert np.allclose(places[..., 0], AHEAD[:, None])
    assert np.allclose(places[..., 1], ASIDE)
    to_the_left, places, _ = places_beside(np.array([[3.0, 0.0], [3.0, 40.0]]))
    assert np.allclose(places[..., 0], 3.0 - ASIDE)
    assert np.allclose(places[..., 1], AHEAD[:, None])
    assert len(to_the_left) == len(AHEAD)


def test_places_beside_a_bend_lie_on_circles_about_its_centre():
    s = np.linspace(0.0, 40.0, 400)
    circle = np.stack((20.0 * np.sin(s / 20.0), 20.0 - 20.0 * np.cos(s / 20.0)), axis=1)
    along, places, headings = places_beside(circle)
    assert np.allclose(headings, along / 20.0, atol=1e-3)
    from_centre = np.hypot(places[..., 0], places[..., 1] - 20.0)
    assert np.allclose(from_centre, 20.0 - ASIDE, atol=0.01)
    on_route = places[:, len(ASIDE) // 2]
    assert np.allclose(np.arctan2(on_route[:, 0], 20.0 - on_route[:, 1]), along / 20.0, atol=1e-3)


def test_places_end_a_metre_before_the_route():
    assert places_beside(np.array([[0.0, 0.0], [13.0, 0.0]]))[0].tolist() == [6.0, 8.0, 10.0, 12.0]
    assert places_beside(np.array([[0.0, 0.0], [12.9, 0.0]]))[0].tolist() == [6.0, 8.0, 10.0]


def test_a_route_that_leaves_the_grid_tells_nothing_and_one_that_keeps_within_tells():
    def on(**extent):
        bev = BevSpec(**({"x_min": 5.75, "x_max": 26.25, "y_min": -8.25, "y_max": 8.25} | extent))
        centres = bev.cell_centres()
        cells = np.zeros(bev.shape, np.uint8)
        turn = math.radians(8.0)
        aside = centres[..., 1] * math.cos(turn) - centres[..., 0] * math.sin(turn)
        cells[bev.index("drivable")] = np.where(np.abs(aside) < 1.75, 255, 0)
        seen = replace(road(), bev=cells, validity=np.full(bev.shape[1:], 255, np.uint8))
        return reading_of(seen, bev)

    assert on() == pytest.approx(math.radians(8.0), abs=0.04), "every place lies just within"
    assert on(x_min=6.25) is None
    assert on(x_max=25.75) is None
    assert on(y_min=-7.75) is None
    assert on(y_max=7.75) is None


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_route_that_turns_as_only_junctions_do_tells_nothing(side):
    ahead = AHEAD[-1] - AHEAD[0]
    assert reading_of(road(8.0, curvature=side * (SHARPEST - 0.02) / ahead)) is not None
    assert reading_of(road(8.0, curvature=side * (SHARPEST + 0.02) / ahead)) is None


def test_a_turn_at_the_limit_tells(monkeypatch):
    bend = road(8.0, curvature=0.02)
    monkeypatch.setattr(road_heading, "SHARPEST", float(np.ptp(places_beside(bend.route)[2])))
    assert reading_of(bend) is not None


def test_of_two_roads_the_one_at_the_route_counts():
    seen = road(0.0)
    both = seen.bev.copy()
    both[ROAD] = np.maximum(both[ROAD], np.where(CENTRES[..., 1] < -3.0 - 0.1 * CENTRES[..., 0], 255, 0))
    assert see(heading(), replace(seen, bev=both)) == []


def test_where_the_route_lies_beside_the_road_its_nearest_stretch_counts():
    assert reasons(see(heading(), road(8.0, right=-1.0, left=5.0))) == ["road_heads_elsewhere"]


def test_fewer_views_than_it_takes_are_no_finding():
    watch = heading()
    assert see(watch, road(8.0), VIEWS - 1) == []
    assert reasons(see(watch, road(8.0), 1, begin=VIEWS)) == ["road_heads_elsewhere"]


def test_a_share_of_the_views_may_say_otherwise():
    watch = heading(views=10, share=0.8)
    assert see(watch, road(0.0), 2) == []
    assert reasons(see(watch, road(8.0), 8, begin=2)) == ["road_heads_elsewhere"]
    watch = heading(views=10, share=0.8)
    see(watch, road(0.0), 3)
    assert see(watch, road(8.0), 7, begin=3) == []


def test_both_sides_do_not_add_up():
    watch = heading(views=10, share=0.6)
    see(watch, road(8.0), 5)
    assert see(watch, road(-8.0), 5, begin=5) == []


def test_an_angle_at_the_limit_is_allowed():
    seen = replace(road(6.0), stamp_ns=1)
    told = RoadHeading(limits_with(heading={"angle": 1e-6, "views": 1}).heading, BEV)
    angle = math.radians(6.0)
    assert told.step(seen, FAST)
    reading = told._readings[0]
    assert reading == pytest.approx(angle, abs=math.radians(1.5))
    assert RoadHeading(limits_with(heading={"angle": reading, "views": 1}).heading, BEV).step(seen, FAST) == []
    below = math.nextafter(reading, 0.0)
    assert RoadHeading(limits_with(heading={"angle": below, "views": 1}).heading, BEV).step(seen, FAST)


def test_a_car_that_hardly_moves_reads_nothing_and_forgets_nothing():
    watch = heading()
    assert see(watch, road(8.0), 3 * VIEWS, speed=1.49) == []
    see(watch, road(8.0), VIEWS, speed=1.5)
    assert reasons(see(watch, road(0.0), 3 * VIEWS, speed=0.0, begin=VIEWS)) == ["road_heads_elsewhere"]
    assert see(watch, road(0.0), VIEWS, begin=4 * VIEWS) == []


def test_a_view_that_was_seen_already_counts_once():
    watch = heading()
    seen = road(8.0, stamp_ns=50 * MS)
    for _ in range(3 * VIEWS):
        assert watch.step(seen, FAST) == []


def test_a_new_drive_begins_anew():
    watch = heading()
    assert see(watch, road(8.0))
    watch.forget()
    assert see(watch, road(8.0), VIEWS - 1) == []
    watch.forget()
    assert watch.step(road(8.0, stamp_ns=VIEWS * 50 * MS - 50 * MS), FAST) == []


def test_a_view_without_road_has_no_heading():
    bare = BevSpec(channels=("vehicle",))
    watch = RoadHeading(LIMITS.heading, bare)
    seen = replace(road(8.0), bev=np.full(bare.shape, 255, np.uint8))
    assert see(watch, seen) == []


def test_a_gate_whose_camera_is_turned_stops_and_engages_only_once_the_road_fits_again():
    drive = Drive(bev=BEV)
    decisions = drive.ticks(VIEWS, view=road(8.0))
    assert [d.state for d in decisions[:-1]] == ["engaged"] * (VIEWS - 1)
    assert decisions[-1].state == "minimal_risk_manoeuvre"
    assert decisions[-1].reasons == ("road_heads_elsewhere",)
    drive.gate.disengage()
    drive.tick(view=road(8.0))
    assert "road_heads_elsewhere" in drive.gate.engage(drive.now)
    drive.ticks(VIEWS, view=road(0.0))
    assert drive.gate.engage(drive.now) == ()


def test_a_gate_that_is_reset_forgets_where_the_road_led():
    drive = Drive(bev=BEV)
    drive.ticks(VIEWS, view=road(8.0))
    drive.gate.reset()
    assert "road_heads_elsewhere" not in drive.tick(view=road(8.0)).reasons


def test_a_gate_that_knows_nothing_of_views_judges_no_road():
    drive = Drive()
    assert drive.ticks(2 * VIEWS, view=road(8.0))[-1].state == "engaged"
