from dataclasses import replace

import numpy as np

from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.policy.checkpoint import load_checkpoint
from sim2real_ad.policy.warm_up import AT_REST, STRAIGHT, warm_up_observation, warm_up_policy
from sim2real_ad.types import CameraFrame
from sim2real_ad.vehicle.profile import load_vehicle

CAMERA = load_camera("default")


class Counting:
    """A stage that counts its steps since it was reset."""

    def __init__(self, stage):
        self.stage, self.steps, self.resets = stage, 0, 0

    def step(self, *inputs):
        self.steps += 1
        return self.stage.step(*inputs)

    def reset(self):
        self.resets += 1
        self.stage.reset()


def stages():
    checkpoint = load_checkpoint()
    return checkpoint.observation_stage(CAMERA), checkpoint.policy_stage(load_vehicle("saloon")), checkpoint.spec


def test_every_stage_has_run_more_than_once_and_forgotten_it():
    observe, decide, spec = stages()
    counted = Counting(observe), Counting(decide)
    warm_up_observation(counted[0], CAMERA)
    warm_up_policy(counted[1], spec)
    assert all(stage.steps > 1 and stage.resets == 1 for stage in counted)


def test_a_drive_after_a_warm_up_is_the_same_as_without():
    rgb = np.random.default_rng(0).integers(0, 255, (CAMERA.height, CAMERA.width, 3), np.uint8)
    driven = []
    for warm in (False, True):
        observe, decide, spec = stages()
        if warm:
            warm_up_observation(observe, CAMERA)
            warm_up_policy(decide, spec)
        for tick in range(3):
            ego = replace(AT_REST, stamp_ns=tick * 50_000_000, speed=1.0)
            seen = observe.step(CameraFrame(ego.stamp_ns, rgb), ego, STRAIGHT)
            driven.append((seen.history.tobytes(), seen.ego.tobytes(), decide.step(seen)))
    assert driven[:3] == driven[3:]
