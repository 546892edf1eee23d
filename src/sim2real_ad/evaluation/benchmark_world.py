"""How many steps a second the embedded world makes, with and without its camera."""

from __future__ import annotations

from contextlib import closing

from sim2real_ad.evaluation.benchmark import REPEATS, Measurement, Stopwatch
from sim2real_ad.geometry.camera import CameraModel, load_camera
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.types import ControlCommand
from sim2real_ad.vehicle.profile import load_vehicle
from sim2real_ad.world.embedded.world import EmbeddedWorld
from sim2real_ad.world.scenarios import load_scenario, scenario_names

STEPS_WITHOUT_CAMERA, STEPS_WITH_CAMERA = 400, 60
WARM_UP = 5
TARGET_WITHOUT_CAMERA, TARGET_WITH_CAMERA = 3000.0, 140.0
COMMAND = ControlCommand(0, 0.0, 0.2)


def measure_world() -> list[Measurement]:
    """Measure ticks with the exact BEV, without camera and with RGB and semantics, over every shipped scenario.

    Raises WorldError where the machine lacks EGL or OpenGL.
    """
    camera = load_camera("default")
    size = f"{camera.width}x{camera.height}"
    return [
        _steps("world, BEV, no camera", camera, False, STEPS_WITHOUT_CAMERA, TARGET_WITHOUT_CAMERA, "BEV 96x64x6"),
        _steps(
            f"world, RGB + semantics {size} + BEV", camera, True, STEPS_WITH_CAMERA, TARGET_WITH_CAMERA, "one thread"
        ),
    ]


def _steps(name: str, camera: CameraModel, rendered: bool, count: int, target: float, note: str) -> Measurement:
    """Measure count steps of every scenario a repeat; laying out an episode is not counted."""
    with closing(EmbeddedWorld(load_vehicle("saloon"), camera, cameras=rendered, semantic=rendered)) as world:
        watches = [_drive_every_scenario(world, count, repeat) for repeat in range(REPEATS)]
    steps = count * len(scenario_names())
    return Measurement(
        name=name,
        unit="steps/s",
        better="higher",
        target=target,
        samples=tuple(steps / watch.wall_s for watch in watches),
        cpu_samples=tuple(steps / watch.cpu_s for watch in watches),
        note=f"{note}, {len(scenario_names())} scenarios",
    )


def _drive_every_scenario(world: EmbeddedWorld, count: int, seed: int) -> Stopwatch:
    spec, watch = BevSpec(), Stopwatch()

    def step() -> None:
        world.apply(COMMAND)
        world.tick()
        world.truth()
        world.truth_bev(spec)

    for name in scenario_names():
        world.reset(load_scenario(name), seed)
        for _ in range(WARM_UP):
            step()
        with watch:
            for _ in range(count):
                step()
    return watch
