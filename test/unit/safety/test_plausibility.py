import math
from dataclasses import replace

import numpy as np
import pytest
from gate_drive import driver, ego, localization, request, vehicle, view

from sim2real_ad.safety.inputs import SOURCES, GateInputs
from sim2real_ad.safety.plausibility import implausible
from sim2real_ad.types import Pose2

NOT_FINITE = (math.nan, math.inf, -math.inf)
HEALTHY = {
    "request": request(),
    "ego": ego(),
    "localization": localization(),
    "view": view(),
    "vehicle": vehicle(),
    "driver": driver(),
}


def judge(source, value):
    return implausible(GateInputs(**{source: value}), source)


def above(value):
    return math.nextafter(value, math.inf)


@pytest.mark.parametrize("source", SOURCES)
def test_healthy_values_are_plausible_and_nothing_is_no_fault(source):
    assert judge(source, HEALTHY[source]) is None
    assert judge(source, None) is None


@pytest.mark.parametrize("source", SOURCES)
def test_each_input_is_judged_by_itself(source):
    broken = {
        "request": request(angle=math.nan),
        "ego": ego(speed=math.nan),
        "localization": localization(speed=math.nan),
        "view": view(ood=math.nan),
        "driver": driver(torque=math.nan),
    }
    assert implausible(GateInputs(**{**broken, source: HEALTHY[source]}), source) is None


@pytest.mark.parametrize("value", NOT_FINITE)
@pytest.mark.parametrize(
    ("source", "field"),
    [
        *(("request", f) for f in ("steering_tire_angle", "acceleration", "velocity", "steering_tire_rotation_rate")),
        *(("ego", f) for f in ("speed", "acceleration", "yaw_rate", "steering_tire_angle")),
        ("localization", "speed"),
        ("view", "ood"),
        ("view", "speed_limit"),
        *(("driver", f) for f in ("brake_pedal", "accelerator_pedal", "steering_torque")),
    ],
)
def test_a_number_that_is_none_is_named_by_its_input(source, field, value):
    assert judge(source, replace(HEALTHY[source], **{field: value})) == f"{source}_not_finite"


@pytest.mark.parametrize("value", NOT_FINITE)
@pytest.mark.parametrize("axis", ["x", "y", "yaw"])
def test_a_pose_must_be_finite(axis, value):
    pose = replace(Pose2(0.0, 0.0, 0.0), **{axis: value})
    assert judge("ego", ego(pose=pose)) == "ego_not_finite"


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize(
    ("field", "most", "too_much"),
    [
        ("speed", 100.0, above(100.0)),
        ("acceleration", 30.0, above(30.0)),
        ("steering_tire_angle", math.nextafter(math.pi / 2, 0.0), math.pi / 2),
    ],
)
def test_the_edges_of_what_a_car_can_report(field, most, too_much, sign):
    assert judge("ego", replace(ego(), **{field: sign * most})) is None
    assert judge("ego", replace(ego(), **{field: sign * too_much})) == "ego_implausible"


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("axis", ["x", "y"])
def test_a_car_is_on_the_map(axis, sign):
    for metres, fault in ((1e7, None), (above(1e7), "ego_implausible")):
        pose = replace(Pose2(0.0, 0.0, 0.0), **{axis: sign * metres})
        assert judge("ego", ego(pose=pose)) == fault


def test_a_finite_heading_or_yaw_rate_of_any_size_is_plausible():
    assert judge("ego", ego(yaw_rate=1e6, pose=Pose2(0.0, 0.0, 1e6))) is None


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_edges_of_what_localization_can_report(sign):
    assert judge("localization", localization(speed=sign * 100.0)) is None
    assert judge("localization", localization(speed=sign * above(100.0))) == "localization_implausible"


def test_a_request_may_ask_for_anything_finite():
    assert judge("request", request(angle=1e308, acceleration=-1e308, velocity=1e308, rate=-1e308)) is None


@pytest.mark.parametrize(
    "broken", [{"bev": None}, {"validity": np.zeros(5, np.uint8)}, {"route": np.zeros((4, 3), np.float32)}]
)
def test_a_view_of_another_form_is_unreadable_and_no_error(broken):
    assert implausible(GateInputs(view=replace(view(), **broken)), "view") == "view_unreadable"
