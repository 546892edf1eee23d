"""What counts as in the way, and how near it may be."""

import math
from dataclasses import replace

import numpy as np
import pytest
from gate_drive import BEV, LIMITS, MS, SALOON, TICK, limits_with, view

from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.safety.clearance import FREE, Clearance, ClearanceMonitor, rss_distance

FINE = BevSpec(x_max=24.0, y_min=-12.0, y_max=12.0, resolution=0.1)
ONE = limits_with(clearance={"cells": 1, "views": 1}).clearance


def monitor(limits=ONE, bev=BEV, **profile):
    return ClearanceMonitor(limits, bev, SALOON.model_copy(update=profile))


def shown(cells, stamp=0, channel="vehicle", value=255, bev=BEV):
    """Return a view that shows cells whose centres are nearest to points (x, y)."""
    seen = view(stamp, bev=bev)
    for row, column in np.round(bev.cells_from_base(np.array(cells, np.float64).reshape(-1, 2))).astype(int):
        seen.bev[bev.index(channel), row, column] = value
    return seen


def gap(cells, curvature=0.0, limits=ONE, bev=BEV, **profile):
    return monitor(limits, bev, **profile).step(shown(cells, bev=bev), curvature, 8.0).gap


def wall(x, stamp=0, bev=FINE):
    return view(stamp, wall=x, bev=bev)


# RSS


def test_the_distance_behind_what_stands_is_response_and_braking():
    assert rss_distance(8.0, 0.0, LIMITS.clearance, SALOON) == pytest.approx(8.0 * 0.3 + 0.09 + 8.6**2 / 10.0)


def test_what_drives_ahead_needs_room_to_brake_too():
    expected = 8.0 * 0.3 + 0.09 + 8.6**2 / 10.0 - 6.0**2 / 12.0
    assert rss_distance(8.0, 6.0, LIMITS.clearance, SALOON) == pytest.approx(expected)


def test_a_standing_car_needs_the_room_of_its_response():
    assert rss_distance(0.0, 0.0, LIMITS.clearance, SALOON) == pytest.approx(0.09 + 0.6**2 / 10.0)


def test_the_distance_is_never_negative():
    assert rss_distance(1.0, 30.0, LIMITS.clearance, SALOON) == 0.0


def test_the_distance_is_worked_out_for_the_car_and_the_limits():
    limits = limits_with(clearance={"response_time": 1.0, "other_braking": 8.0}).clearance
    profile = SALOON.model_copy(
        update={"limits": SALOON.limits.model_copy(update={"max_acceleration": 3.0, "max_deceleration": 4.0})}
    )
    assert rss_distance(10.0, 4.0, limits, profile) == pytest.approx(10.0 + 1.5 + 13.0**2 / 8.0 - 1.0)


# What is in the way


def test_an_empty_view_is_free():
    assert Clearance(math.inf, 0.0, 0.0, math.inf) == FREE
    assert monitor().step(view(), 0.0, 8.0) == FREE


def test_the_gap_reaches_from_the_bumper_to_the_near_edge_of_the_cell():
    assert gap([(20.25, 0.25)]) == pytest.approx(20.0 - 3.8)


def test_the_nearest_thing_counts():
    assert gap([(20.25, 0.25), (12.25, 0.25), (30.25, 0.25)]) == pytest.approx(12.0 - 3.8)


@pytest.mark.parametrize("channel", ["vehicle", "pedestrian", "obstacle"])
def test_what_is_solid_is_in_the_way(channel):
    assert monitor().step(shown([(20.25, 0.25)], channel=channel), 0.0, 8.0).gap == pytest.approx(16.2)


@pytest.mark.parametrize("channel", ["drivable", "lane_marking", "stop_line"])
def test_what_is_painted_is_not(channel):
    assert monitor().step(shown([(20.25, 0.25)], channel=channel), 0.0, 8.0) == FREE


def test_channels_that_a_view_lacks_are_not_missed():
    bev = BevSpec(channels=("drivable", "obstacle"))
    assert monitor(bev=bev).step(shown([(20.25, 0.25)], channel="obstacle", bev=bev), 0.0, 8.0).gap > 16.0


def test_a_view_without_anything_solid_has_nothing_in_the_way():
    bev = BevSpec(channels=("drivable",))
    assert monitor(bev=bev).step(shown([(20.25, 0.25)], channel="drivable", bev=bev), 0.0, 8.0) == FREE


@pytest.mark.parametrize(("value", "taken"), [(152, False), (153, True), (255, True)])
def test_a_cell_is_taken_from_a_probability_on(value, taken):
    clearance = monitor().step(shown([(20.25, 0.25)], value=value), 0.0, 8.0)
    assert math.isfinite(clearance.gap) == taken


def test_the_probabilities_of_two_channels_are_not_added():
    seen = shown([(20.25, 0.25)], value=100)
    seen.bev[BEV.index("pedestrian")] = seen.bev[BEV.index("vehicle")]
    assert monitor().step(seen, 0.0, 8.0) == FREE


@pytest.mark.parametrize(("width", "found"), [(1.5, True), (1.499, False), (1.86, True)])
@pytest.mark.parametrize("side", [0.75, -0.75])
def test_a_thing_is_in_the_way_up_to_the_side_of_the_car(width, side, found):
    assert math.isfinite(gap([(20.25, side)], width=width)) == found


@pytest.mark.parametrize(("margin", "found"), [(0.25, True), (0.249, False), (-0.5, False)])
def test_the_margin_beside_the_car_counts(margin, found):
    limits = ONE.model_copy(update={"side_margin": margin})
    assert math.isfinite(gap([(20.25, 1.25)], limits=limits, width=2.0)) == found


NARROW = ONE.model_copy(update={"side_margin": 0.0, "widened_by": 0.4})
"""With a car of 2.1 m the way reaches 1.05 m to each side, and 0.65 m for what is shown wider than it is."""


@pytest.mark.parametrize(
    ("channel", "side", "found"),
    [
        ("vehicle", 0.75, True),
        ("vehicle", 1.25, False),
        ("obstacle", 0.25, True),
        ("obstacle", 0.75, False),
        ("pedestrian", -0.25, True),
        ("pedestrian", -0.75, False),
    ],
)
def test_people_and_things_are_in_the_way_less_far_aside_since_they_are_shown_wider(channel, side, found):
    watched = monitor(NARROW, width=2.1)
    clearance = watched.step(shown([(20.25, side)], channel=channel), 0.0, 8.0)
    assert math.isfinite(clearance.gap) == found


def test_what_is_shown_as_both_counts_as_the_one_that_is_not_widened():
    seen = shown([(20.25, 0.75)], channel="obstacle")
    seen.bev[BEV.index("vehicle")] = seen.bev[BEV.index("obstacle")]
    assert math.isfinite(monitor(NARROW, width=2.1).step(seen, 0.0, 8.0).gap)


def test_a_vehicle_elsewhere_widens_no_way_for_things():
    seen = shown([(20.25, 0.75)], channel="obstacle")
    seen.bev[BEV.index("vehicle")] = shown([(30.25, 8.25)]).bev[BEV.index("vehicle")]
    assert monitor(NARROW, width=2.1).step(seen, 0.0, 8.0) == FREE


def test_a_cell_that_is_shown_as_two_things_is_one_cell():
    limits = NARROW.model_copy(update={"cells": 2})
    seen = shown([(20.25, 0.25)], channel="obstacle")
    seen.bev[BEV.index("vehicle")] = seen.bev[BEV.index("obstacle")]
    assert monitor(limits).step(seen, 0.0, 8.0) == FREE


@pytest.mark.parametrize("channel", ["pedestrian", "obstacle"])
@pytest.mark.parametrize("side", [0.25, -0.25])
def test_what_is_straight_ahead_is_in_the_way_however_much_it_is_widened(channel, side):
    limits = ONE.model_copy(update={"widened_by": 1.0})
    assert math.isfinite(monitor(limits).step(shown([(20.25, side)], channel=channel), 0.0, 8.0).gap)
    assert monitor(limits).step(shown([(20.25, 0.75)], channel=channel), 0.0, 8.0) == FREE


def test_the_cells_that_the_front_of_the_car_may_cover_are_not_in_the_way():
    assert gap([(3.25, 0.25)]) == math.inf
    assert gap([(3.75, 0.25)]) == 0.0
    assert gap([(3.25, 0.25)], front_overhang=3.75) == math.inf
    assert gap([(3.25, 0.25)], front_overhang=3.74) == 0.0
    assert gap([(4.25, 0.25)]) == pytest.approx(0.2)


@pytest.mark.parametrize(("cells", "found"), [(2, False), (3, True)])
def test_a_few_lone_cells_are_no_thing(cells, found):
    where = [(20.25 + 0.5 * i, 0.25) for i in range(cells)]
    assert math.isfinite(gap(where, limits=LIMITS.clearance.model_copy(update={"views": 1}))) == found


def test_taken_cells_beside_the_way_make_no_thing_of_the_few_in_it():
    beside = [(20.25, 5.25 + 0.5 * i) for i in range(5)]
    limits = LIMITS.clearance.model_copy(update={"views": 1})
    assert gap([(20.25, 0.25), (20.75, 0.25), *beside], limits=limits) == math.inf


def test_a_thing_begins_where_as_many_cells_as_it_takes_are_near():
    limits = LIMITS.clearance.model_copy(update={"views": 1})
    assert gap([(10.25, 0.25), (14.25, 0.25), (16.25, 0.25), (18.25, 0.25)], limits=limits) == pytest.approx(12.2)
    many = [(10.25 + 4.0 * n, 0.25) for n in range(6)]
    assert gap(many, limits=limits) == pytest.approx(14.2)


@pytest.mark.parametrize("shape", [(6, 96, 63), (5, 96, 64), (96, 64)])
def test_a_view_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"expected \(6, 96, 64\)"):
        monitor().step(replace(view(), bev=np.zeros(shape, np.uint8)), 0.0, 8.0)


# Along a curve


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("angle", [0.5, 1.0, 1.4])
def test_on_a_curve_the_gap_runs_along_it(sign, angle):
    radius = 10.0
    point = np.array([radius * math.sin(angle), sign * radius * (1.0 - math.cos(angle))])
    centre = FINE.cell_centres()[tuple(np.round(FINE.cells_from_base(point)).astype(int))]
    turned = math.atan2(centre[0], radius - sign * centre[1])
    assert gap([point], sign / radius, bev=FINE) == pytest.approx(max(0.0, radius * turned - 0.05 - 3.8))


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_curve_leads_past_what_is_straight_ahead_and_beside_it(sign):
    assert gap([(20.0, 0.05)], sign * 0.1, bev=FINE) == math.inf
    assert gap([(9.0, sign * -5.0)], sign * 0.1, bev=FINE) == math.inf
    assert math.isfinite(gap([(9.0, sign * 5.6)], sign * 0.1, bev=FINE))


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_on_a_curve_the_way_is_as_wide_as_the_car(sign, side):
    """At a right angle of a turn of 10 m the car is at (10, 10), so that it covers 9.07..10.93 m ahead."""
    for off, found in ((0.85, True), (1.05, False)):
        assert math.isfinite(gap([(10.0 + side * off, sign * 10.0)], sign * 0.1, bev=FINE)) == found


def test_a_curve_that_is_all_but_straight_is_continuous_with_the_straight():
    straight = gap([(40.25, 0.75)], 0.0)
    assert straight == pytest.approx(36.2)
    for curve in (9.9e-5, -9.9e-5):
        assert gap([(40.25, 0.25)], curve) == straight
    for curve in (1e-4, -1e-4):
        assert gap([(40.25, 0.25)], curve) != straight
    for curve in (1e-4, -1e-4, 1.1e-4, -1.1e-4):
        assert gap([(40.25, 0.25)], curve) == pytest.approx(straight, abs=0.01)


# How fast it comes nearer


def test_what_is_new_counts_as_standing():
    clearance = monitor().step(shown([(20.25, 0.25)]), 0.0, 8.0)
    assert clearance.gap == pytest.approx(16.2)
    assert clearance.closing == 8.0
    assert clearance.needed == pytest.approx(rss_distance(8.0, 0.0, ONE, SALOON))
    assert clearance.time_to_collision == pytest.approx(16.2 / 8.0)


def followed(gaps, stamps, speed, limits=ONE):
    """Return the clearance after views of a wall at gaps (m) at stamps (ms)."""
    watched = monitor(limits, FINE, front_overhang=4.0)
    for metres, stamp in zip(gaps, stamps, strict=True):
        clearance = watched.step(wall(4.0 + metres, stamp * MS), 0.0, speed)
    return clearance


def test_what_keeps_its_gap_drives_nearly_as_fast():
    clearance = followed([10.0] * 7, range(0, 350, 50), 8.0)
    assert clearance.closing == pytest.approx(1.5)
    assert clearance.needed == pytest.approx(rss_distance(8.0, 6.5, ONE, SALOON))
    assert clearance.time_to_collision == pytest.approx(10.0 / 1.5)


@pytest.mark.parametrize(("opening", "ahead"), [(2.0, 8.5), (-2.0, 4.5), (-6.0, 0.5), (-8.0, 0.0), (10.0, 16.5)])
def test_its_speed_is_told_by_how_the_gap_changes(opening, ahead):
    gaps = [10.0 + opening * 0.05 * i for i in range(9)]
    clearance = followed(gaps, range(0, 450, 50), 8.0)
    assert clearance.closing == pytest.approx(max(0.0, 8.0 - ahead), abs=1e-6)
    assert clearance.needed == pytest.approx(rss_distance(8.0, ahead, ONE, SALOON), abs=1e-6)


def test_a_gap_that_does_not_shrink_is_no_collision():
    clearance = followed([10.0 + 0.1 * i for i in range(9)], range(0, 450, 50), 8.0)
    assert (clearance.closing, clearance.time_to_collision) == (0.0, math.inf)


def test_the_speed_is_the_line_through_all_the_gaps():
    gaps = [10.9, 10.3, 10.4, 10.0]
    slope = np.polyfit([0.0, 0.1, 0.2, 0.3], gaps, 1)[0]
    assert slope == pytest.approx(-2.6)
    assert followed(gaps, (0, 100, 200, 300), 8.0).closing == pytest.approx(4.1, abs=1e-6)


@pytest.mark.parametrize(
    ("stamps", "known"),
    [
        ((0, 150, 300), True),
        ((0, 150, 299), False),
        ((0, 300), False),
        ((0, 100, 200), False),
        ((0, 1, 600), True),
        ((1000, 1100, 1200), False),
    ],
)
def test_it_takes_three_views_and_three_tenths_of_a_second_to_tell(stamps, known):
    assert followed([10.0] * len(stamps), stamps, 8.0).closing == pytest.approx(1.5 if known else 8.0)


@pytest.mark.parametrize(("jump", "closing"), [(2.5, False), (-2.5, False), (3.0, True), (-3.0, True)])
def test_a_gap_that_jumps_is_another_thing_s_and_counts_as_standing(jump, closing):
    """BEV cells are half a metre, so that a jump of 2.5 m is one to the bit."""
    watched = monitor(ONE, BEV, front_overhang=4.0)
    for tick in range(7):
        before = watched.step(wall(14.0, tick * TICK, BEV), 0.0, 8.0)
    after = watched.step(wall(14.0 + jump, 7 * TICK, BEV), 0.0, 8.0)
    assert before.closing == pytest.approx(1.5)
    assert (after.closing == 8.0) == closing


def test_views_older_than_six_tenths_of_a_second_are_forgotten():
    still = followed([9.0, 10.0, 10.0, 10.0], (0, 300, 450, 600), 8.0)
    assert still.closing != pytest.approx(1.5)
    assert followed([9.0, 10.0, 10.0, 10.0], (0, 300, 450, 601), 8.0).closing == pytest.approx(1.5)


def test_views_that_show_nothing_tell_no_speed():
    watched = monitor(ONE, FINE)
    for tick in range(9):
        seen = wall(14.0, tick * TICK) if tick in (0, 4, 8) else view(tick * TICK, bev=FINE)
        clearance = watched.step(seen, 0.0, 8.0)
    assert clearance.closing == pytest.approx(1.5)


def test_the_same_view_again_is_no_second_one():
    watched = monitor(limits_with(clearance={"cells": 1}).clearance)
    assert watched.step(shown([(20.25, 0.25)], 5), 0.0, 8.0) == FREE
    assert watched.step(shown([(20.25, 0.25)], 5), 0.0, 8.0) == FREE
    for _ in range(2):
        assert watched.step(shown([(20.25, 0.25)], 6), 0.0, 8.0).gap == pytest.approx(16.2)


def test_the_same_view_on_another_curve_is_judged_by_that_curve():
    watched = monitor()
    assert math.isfinite(watched.step(shown([(20.25, 0.25)], 5), 0.0, 8.0).gap)
    assert watched.step(shown([(20.25, 0.25)], 5), 0.1, 8.0) == FREE
    assert math.isfinite(watched.step(shown([(20.25, 0.25)], 5), 0.0, 8.0).gap)


def test_a_view_from_before_begins_anew():
    watched = monitor(limits_with(clearance={"cells": 1, "views": 3}).clearance)
    for stamp in (100, 101, 99, 100):
        assert watched.step(shown([(20.25, 0.25)], stamp), 0.0, 8.0) == FREE
    assert math.isfinite(watched.step(shown([(20.25, 0.25)], 101), 0.0, 8.0).gap)


def test_it_takes_as_many_views_in_a_row_as_the_limits_say():
    watched = monitor(limits_with(clearance={"cells": 1, "views": 3}).clearance)
    script = [True, True, False, True, True, True, True]
    seen = [
        math.isfinite(watched.step(shown([(20.25, 0.25)] if shows else [], tick), 0.0, 8.0).gap)
        for tick, shows in enumerate(script)
    ]
    assert seen == [False, False, False, False, False, True, True]


def test_a_view_that_is_free_is_free_at_once():
    watched = monitor()
    watched.step(shown([(20.25, 0.25)], 0), 0.0, 8.0)
    assert watched.step(shown([], 1), 0.0, 8.0) == FREE


def test_what_was_followed_is_forgotten():
    watched = monitor(limits_with(clearance={"cells": 1}).clearance)
    watched.step(shown([(20.25, 0.25)], 1), 0.0, 8.0)
    watched.forget()
    assert watched.step(shown([(20.25, 0.25)], 2), 0.0, 8.0) == FREE


def test_a_car_that_rolls_back_closes_in_on_nothing_ahead():
    clearance = monitor().step(shown([(20.25, 0.25)]), 0.0, -3.0)
    assert (clearance.closing, clearance.time_to_collision) == (0.0, math.inf)
    assert clearance.needed == rss_distance(0.0, 0.0, ONE, SALOON)


def test_a_car_that_touches_what_is_ahead_collides_now():
    assert monitor().step(shown([(3.75, 0.25)]), 0.0, 2.0).time_to_collision == 0.0


def test_the_stamps_of_a_real_clock_are_told_apart():
    watched, start = monitor(ONE, FINE), 1_700_000_000_000_000_000
    for tick in range(9):
        clearance = watched.step(wall(14.0 + 0.1 * tick, start + tick * TICK), 0.0, 8.0)
    assert clearance.closing == 0.0
    assert clearance.needed == pytest.approx(rss_distance(8.0, 8.5, ONE, SALOON), abs=1e-3)
