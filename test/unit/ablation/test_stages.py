import numpy as np
import pytest

pytest.importorskip("torch", reason="ablations need the train extra")

from sim2real_ad.control.action_mapping import ActionMapping
from sim2real_ad.control.pedal_map import PedalMap, pedals_from_command
from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.policy.checkpoint import load_checkpoint
from sim2real_ad.training.ablation.stages import (
    NO_ACTION_MAPPING,
    PROJECTION_ONLY,
    Projection,
    mapping_without,
    observation_without,
)
from sim2real_ad.types import Action, CameraFrame, EgoState, Pose2, Route
from sim2real_ad.vehicle.profile import load_vehicle
from sim2real_ad.world.target_domain import load_target_domain

ROUTE = Route(1, np.column_stack((np.arange(100.0), np.zeros(100))), 8.0)


def ego(speed: float) -> EgoState:
    return EgoState(0, Pose2(0.0, 0.0, 0.0), speed)


@pytest.mark.parametrize("speed", [0.5, 3.0, 8.0])
@pytest.mark.parametrize("action", [Action(0, 0.3, 0.4), Action(0, -0.5, -0.3), Action(0, 0.0, 0.0)])
def test_without_action_mapping_any_car_gets_the_trained_cars_pedals(speed, action):
    trained, driven = load_vehicle("saloon"), load_target_domain("another_body").load_vehicle()
    raw = mapping_without(NO_ACTION_MAPPING, driven).step(action, ego(speed))
    wanted = pedals_from_command(
        ActionMapping(trained).step(action, ego(speed)), speed, trained, PedalMap.load(trained)
    )
    found = pedals_from_command(raw, speed, driven, PedalMap.load(driven))
    assert (found.throttle, found.brake, found.steer) == pytest.approx(
        (wanted.throttle, wanted.brake, wanted.steer), abs=0.02
    )


def test_in_the_trained_car_itself_nothing_is_lost_without_action_mapping():
    trained = load_vehicle("saloon")
    raw = mapping_without(NO_ACTION_MAPPING, trained).step(Action(0, 0.2, 0.3), ego(5.0))
    usual = mapping_without("", trained).step(Action(0, 0.2, 0.3), ego(5.0))
    assert raw.steering_tire_angle == pytest.approx(usual.steering_tire_angle, abs=1e-4)
    assert raw.acceleration == pytest.approx(usual.acceleration, abs=0.02)


def test_the_projection_keeps_what_the_picture_shows_and_smears_what_stands():
    camera, checkpoint = load_camera("default"), load_checkpoint()
    adapter, spec = checkpoint.adapter(camera), checkpoint.spec.bev
    frame = CameraFrame(0, np.random.default_rng(0).integers(0, 256, (180, 320, 3), dtype=np.uint8))
    bev, doubts = Projection(adapter, spec).infer(frame)
    assert bev.shape == spec.shape
    assert bev.dtype == np.uint8
    assert doubts.ood == 0.0
    assert not bev[:, adapter.validity == 0].any()
    shown = adapter.look(frame).segments.max()
    assert 0 < bev.max() <= round(255.0 * float(shown)) + 255


def test_only_the_projection_changes_the_observation():
    camera, checkpoint = load_camera("default"), load_checkpoint()
    frame = CameraFrame(0, np.random.default_rng(0).integers(0, 256, (180, 320, 3), dtype=np.uint8))
    seen = {w: observation_without(w, checkpoint, camera).step(frame, ego(3.0), ROUTE) for w in ("", NO_ACTION_MAPPING)}
    assert np.array_equal(seen[""].bev, seen[NO_ACTION_MAPPING].bev)
    projected = observation_without(PROJECTION_ONLY, checkpoint, camera).step(frame, ego(3.0), ROUTE)
    assert not np.array_equal(projected.bev, seen[""].bev)
