from __future__ import annotations

import hashlib
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sim2real_ad.errors import WorldError
from sim2real_ad.geometry.camera import CameraModel, CameraMount
from sim2real_ad.types import Pose2
from sim2real_ad.world.protocol import ActorState, SceneGeometry
from sim2real_ad.world.randomization import sample_domain

pytest.importorskip("panda3d", reason="the embedded world's camera needs the sim extra")

from sim2real_ad.world.embedded.renderer import PandaRenderer
from sim2real_ad.world.embedded.rendering import context

pytestmark = pytest.mark.render

CAMERA = CameraModel.from_fov(160, 90, 90.0, CameraMount(x=1.6, z=1.45, pitch_deg=4.0))
LEAK_LIMIT_MB = 48.0
ACTORS = (
    ActorState(1, "vehicle", "vehicle.audi.a2", Pose2(24.0, -1.7, 0.1), (3.7, 1.8, 1.5), 3.0, (180, 30, 30)),
    ActorState(2, "pedestrian", "walker.pedestrian.0003", Pose2(14.0, -4.2, 1.4), (0.5, 0.5, 1.7), 1.1, (30, 90, 180)),
    ActorState(3, "obstacle", "static.prop.streetbarrier", Pose2(18.0, 1.2, 3.0), (0.5, 2.0, 1.1)),
)


def crossing() -> SceneGeometry:
    """Two roads that cross, one with pavements, and sites in every corner."""

    def strip(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
        return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])

    return SceneGeometry(
        drivable=(strip(-50, -3.5, 100, 3.5), strip(40, -60, 47, -3.5), strip(40, 3.5, 47, 60)),
        pavement=(strip(-50, -5.5, 38, -3.5), strip(49, -5.5, 100, -3.5)),
        marking_lines=((np.array([(-50.0, 0.0), (38.0, 0.0)]), 0.15, True, False),),
        stop_lines=(strip(37, -3.5, 37.4, 0),),
        stop_signs=(Pose2(38.0, -4.6, 0.0),),
        building_sites=tuple(Pose2(float(x), y, 0.0) for x in (-30, -10, 10, 65, 85) for y in (-18.0, 18.0)),
        bounds=(-50.0, -60.0, 100.0, 60.0),
    )


def picture_hash(seed: int) -> str:
    """Draw one picture from nothing and return the hash of its bytes."""
    renderer = PandaRenderer(CAMERA.width, CAMERA.height)
    renderer.load_scene(crossing(), sample_domain(seed))
    view = renderer.render(CAMERA, Pose2(5.0, -1.75, 0.02), ACTORS, semantic=True, ego_bank=(0.01, -0.005))
    renderer.close()
    assert view.semantic is not None
    return hashlib.sha256(view.rgb.tobytes() + view.semantic.tobytes()).hexdigest()


@pytest.mark.parametrize("threads", ["0", "2"])
def test_another_process_draws_the_same_bytes(threads: str) -> None:
    program = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import {Path(__file__).stem} as t; "
    environment = {**os.environ, "LP_NUM_THREADS": threads}
    done = subprocess.run(
        [sys.executable, "-c", program + "print(t.picture_hash(11))"],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    assert done.stdout.split()[-1] == picture_hash(11)


def test_a_picture_does_not_depend_on_what_was_drawn_before() -> None:
    fresh = picture_hash(11)
    renderer = PandaRenderer(CAMERA.width, CAMERA.height)
    other = PandaRenderer(96, 54)
    for seed in (3, 11):
        renderer.load_scene(crossing(), sample_domain(seed))
        other.load_scene(crossing(), sample_domain(seed + 1))
        other.render(CameraModel.from_fov(96, 54, 70.0, CAMERA.mount), Pose2(0.0, 0.0, 1.0), ACTORS)
        renderer.render(CAMERA, Pose2(-20.0, 1.75, math.pi), ACTORS[::-1])
        renderer.render(CAMERA, Pose2(-10.0, 1.75, 0.0), ())
    view = renderer.render(CAMERA, Pose2(5.0, -1.75, 0.02), ACTORS[::-1], semantic=True, ego_bank=(0.01, -0.005))
    renderer.close()
    other.close()
    assert view.semantic is not None
    assert hashlib.sha256(view.rgb.tobytes() + view.semantic.tobytes()).hexdigest() == fresh


def test_another_seed_or_weather_gives_other_bytes() -> None:
    assert len({picture_hash(seed) for seed in range(3)}) == 3


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads the process's memory from /proc")
def test_thirty_scenes_leave_the_memory_as_it_was() -> None:
    renderer = PandaRenderer(CAMERA.width, CAMERA.height)
    scene = crossing()
    used = []
    for episode in range(30):
        renderer.load_scene(scene, sample_domain(episode % 5))
        for step in range(3):
            actors = tuple(ActorState(100 * episode + a.actor_id, *_rest(a)) for a in ACTORS)
            renderer.render(CAMERA, Pose2(5.0 + step, -1.75, 0.0), actors, semantic=True)
        used.append(resident_mb())
    renderer.close()
    assert used[-1] - used[9] < LEAK_LIMIT_MB


def _rest(actor: ActorState) -> tuple[object, ...]:
    return actor.kind, actor.blueprint, actor.pose, actor.size, actor.speed, actor.colour


def test_a_missing_graphics_module_is_named_with_its_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "PIPE", "p3nothing")
    with pytest.raises(WorldError, match="libegl1 libgl1"):
        context.graphics_context.__wrapped__()


def test_a_machine_without_a_driver_gets_one_clear_error(tmp_path: Path) -> None:
    program = (
        "from sim2real_ad.errors import WorldError\n"
        "from sim2real_ad.world.embedded.renderer import PandaRenderer\n"
        "try:\n    PandaRenderer(64, 36)\n"
        "except WorldError as error:\n    print('WorldError:', error)\n"
    )
    environment = {**os.environ, "__EGL_VENDOR_LIBRARY_DIRS": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    assert "WorldError: camera renderer: " in done.stdout
    assert "apt-get install libegl1 libgl1" in done.stdout
