import math
from dataclasses import replace

import numpy as np
import pytest
from gate_drive import LIMITS, MS, SALOON, ego, view

from sim2real_ad.safety.findings import Finding, Severity
from sim2real_ad.safety.operational_domain import OperationalDomain


@pytest.fixture
def domain():
    return OperationalDomain(LIMITS.domain, SALOON)


def seeing(validity):
    return replace(view(), validity=np.asarray(validity, np.uint8))


def reasons(findings):
    return [finding.reason for finding in findings]


def stops(findings):
    return [finding.reason for finding in findings if finding.severity is Severity.STOP]


def finding(reason, severity, detail):
    return Finding("operational_domain", reason, severity, detail)


def lasting(domain, seen, ms=500):
    """Return what is found of a view that stays for a while."""
    domain.view(seen, 0)
    return domain.view(seen, ms * MS)


def test_a_familiar_view_of_the_route_at_a_usual_speed_is_where_the_car_was_made_to_drive(domain):
    assert domain.speed(ego()) == []
    assert lasting(domain, view()) == []


# Speed


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_car_may_exceed_its_greatest_speed_by_a_little(domain, sign):
    top = SALOON.limits.max_speed + 2.0
    assert domain.speed(ego(speed=sign * top)) == []
    assert reasons(domain.speed(ego(speed=sign * math.nextafter(top, math.inf)))) == ["overspeed"]


def test_overspeed_is_a_reason_to_stop_at_once(domain):
    detail = "-20.0 m/s, at most 18.7"
    assert domain.speed(ego(speed=-20.0)) == [finding("overspeed", Severity.STOP, detail)]


# What the camera sees


def test_a_view_of_one_cell_near_ahead_is_seen_whole_or_not_at_all():
    domain = OperationalDomain(LIMITS.domain.model_copy(update={"seen": 0.9}), SALOON)
    assert reasons(domain.view(seeing([[0], [255]]), 0)) == []
    assert reasons(domain.view(seeing([[255], [0]]), 0)) == ["camera_sees_too_little"]


def test_the_near_half_and_its_middle_are_the_ground_that_counts(domain):
    validity = np.zeros((10, 12), np.uint8)
    validity[5:, 3:9] = 1
    assert domain.view(seeing(validity), 0) == []
    validity = 255 - 255 * validity
    assert domain.view(seeing(validity), 0)[0].detail == "0.00 of the ground ahead, at least 0.4"


@pytest.mark.parametrize(("cells", "found"), [(11, ["camera_sees_too_little"]), (12, []), (30, [])])
def test_the_camera_must_see_enough_of_it(domain, cells, found):
    validity = np.zeros((10, 12), np.uint8)
    validity[5:, 3:9].flat[:cells] = 255
    block = np.zeros(30, np.uint8)
    block[:cells] = 1
    validity[5:, 3:9] = block.reshape(5, 6)
    assert reasons(domain.view(seeing(validity), 0)) == found


def test_an_odd_grid_is_halved_and_quartered_to_whole_cells(domain):
    validity = np.zeros((5, 7), np.uint8)
    validity[2:, 1:6] = 255
    assert domain.view(seeing(validity), 0) == []
    validity[2] = 0
    assert domain.view(seeing(validity), 0) == []
    validity[3] = 0
    assert domain.view(seeing(validity), 0)[0].detail.startswith("0.33 ")


def test_a_view_without_cells_shows_nothing(domain):
    assert reasons(domain.view(seeing(np.zeros((0, 0))), 0)) == ["camera_sees_too_little"]


def test_seeing_too_little_is_a_reason_to_stop_at_once(domain):
    detail = "0.00 of the ground ahead, at least 0.4"
    found = domain.view(view(validity=0), 0)
    assert found == [finding("camera_sees_too_little", Severity.STOP, detail)]


# Familiarity


def test_an_unfamiliar_view_is_a_reason_to_stop_once_it_lasts(domain):
    strange, detail = view(ood=0.9), "score 0.90, at most 0.5"
    for now, severity in ((10 * MS, Severity.LAPSE), (510 * MS - 1, Severity.LAPSE), (510 * MS, Severity.STOP)):
        assert domain.view(strange, now) == [finding("unfamiliar_view", severity, detail)]


def test_the_edge_of_the_familiar(domain):
    assert lasting(domain, view(ood=0.5)) == []
    assert reasons(lasting(domain, view(ood=math.nextafter(0.5, 1.0)))) == ["unfamiliar_view"]


def test_one_familiar_view_starts_the_time_anew(domain):
    domain.view(view(ood=0.9), 0)
    domain.view(view(ood=0.1), 400 * MS)
    domain.view(view(ood=0.9), 500 * MS)
    assert stops(domain.view(view(ood=0.9), 999 * MS)) == []
    assert stops(domain.view(view(ood=0.9), 1000 * MS)) == ["unfamiliar_view"]


# Route


@pytest.mark.parametrize("foot", [(4.0, 0.0), (0.0, -4.0), (2.8, 2.8), (-2.8, 2.8)])
def test_the_route_may_begin_a_lane_away(domain, foot):
    assert lasting(domain, view(route=(foot,))) == []


@pytest.mark.parametrize(
    "foot", [(4.001, 0.0), (-4.001, 0.0), (0.0, 4.001), (2.9, -2.9), (math.nan, 0.0), (0.0, math.inf)]
)
def test_a_route_that_begins_elsewhere_or_nowhere_is_left(domain, foot):
    assert reasons(lasting(domain, view(route=(foot,)))) == ["off_route"]


def test_only_where_the_route_begins_counts(domain):
    assert lasting(domain, view(route=((0.0, 0.0), (90.0, 90.0)))) == []


def test_no_route_at_all_is_off_it(domain):
    found = [finding("off_route", Severity.STOP, "inf m, at most 4.0")]
    assert lasting(domain, view(route=())) == found


def test_being_off_the_route_is_a_reason_to_stop_once_it_lasts(domain):
    away, detail = view(route=((6.0, 8.0),)), "10.0 m, at most 4.0"
    for now, severity in ((10 * MS, Severity.LAPSE), (510 * MS - 1, Severity.LAPSE), (510 * MS, Severity.STOP)):
        assert domain.view(away, now) == [finding("off_route", severity, detail)]


def test_a_moment_on_the_route_starts_the_time_anew(domain):
    domain.view(view(route=()), 0)
    domain.view(view(), 400 * MS)
    domain.view(view(route=()), 500 * MS)
    assert stops(domain.view(view(route=()), 999 * MS)) == []
    assert stops(domain.view(view(route=()), 1000 * MS)) == ["off_route"]


def test_the_two_holds_are_their_own():
    limits = LIMITS.domain.model_copy(update={"unfamiliar_hold": 0.2, "deviation_hold": 0.7})
    domain = OperationalDomain(limits, SALOON)
    strange = view(ood=0.9, route=())
    domain.view(strange, 0)
    assert stops(domain.view(strange, 200 * MS)) == ["unfamiliar_view"]
    assert stops(domain.view(strange, 700 * MS - 1)) == ["unfamiliar_view"]
    assert stops(domain.view(strange, 700 * MS)) == ["unfamiliar_view", "off_route"]


def test_all_that_is_wrong_is_named(domain):
    found = lasting(domain, view(ood=0.9, route=(), validity=0))
    assert reasons(found) == ["camera_sees_too_little", "unfamiliar_view", "off_route"]


def test_what_lasted_is_forgotten(domain):
    strange = view(ood=0.9, route=())
    domain.view(strange, 0)
    domain.forget()
    assert stops(domain.view(strange, 500 * MS)) == []
    assert stops(domain.view(strange, 1000 * MS)) == ["unfamiliar_view", "off_route"]
