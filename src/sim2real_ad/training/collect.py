"""Collects level views with their true BEV, one file an episode; what is already on disk is not rendered again."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sim2real_ad.geometry.camera import CameraModel
from sim2real_ad.geometry.level_view import level_camera
from sim2real_ad.observation.adapter import ImageSpec
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.training.frames import EpisodeFrames, save_episode
from sim2real_ad.training.picture_labels import level_of, segments_of
from sim2real_ad.training.scenes import SceneSampler
from sim2real_ad.training.seeds import check_training_seed
from sim2real_ad.world.embedded.bev import TruthBev
from sim2real_ad.world.embedded.roads import RoadNetwork
from sim2real_ad.world.protocol import Renderer
from sim2real_ad.world.randomization import sample_camera, sample_domain

SCENE_STREAM, MISFIT_STREAM = 0x5CE4E, 0x315F17
"""Keep the scenes' and the wrong calibrations' random numbers apart; both are drawn from the episode's seed."""

ANGLES = ("roll", "pitch", "yaw")


@dataclass(frozen=True)
class Collection:
    """What to collect. camera: the nominal one; misfit: every episode's calibration is grossly wrong; strength: of the
    randomization, 0..1."""

    maps: tuple[str, ...]
    camera: CameraModel
    image: ImageSpec
    spec: BevSpec
    frames: int
    misfit: bool = False
    strength: float = 1.0


def collect_episodes(
    renderer: Renderer, collection: Collection, seeds: range, folder: Path, report: Callable[[str, float], None]
) -> list[Path]:
    """Render the episodes that are not yet on disk, maps in turn. Returns the files of all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, seed in enumerate(seeds):
        path = folder / f"frames_{seed}.npz"
        if not path.is_file():
            network = RoadNetwork.load(collection.maps[seed % len(collection.maps)])
            save_episode(path, render_episode(renderer, collection, network, seed))
        paths.append(path)
        report(f"{(number + 1) * collection.frames} pictures", (number + 1) / len(seeds))
    return paths


def render_episode(renderer: Renderer, collection: Collection, network: RoadNetwork, seed: int) -> EpisodeFrames:
    """Render one domain's frames: the camera sits where the domain's jitter puts it, the calibration does not know;
    nor, in a misfit, what camera it is.

    The level view is drawn directly, as sharp as it can be; what a real lens and sensor take away is augmentation.
    """
    random = np.random.default_rng([SCENE_STREAM, check_training_seed(seed)])
    actual = sample_camera(collection.camera, seed, collection.strength)
    camera = misfit(actual, np.random.default_rng([MISFIT_STREAM, seed])) if collection.misfit else actual
    level = level_camera(camera, collection.image)
    domain = sample_domain(seed, collection.strength)
    renderer.load_scene(network.scene_geometry(), domain)
    sampler = SceneSampler(network, random)
    truth = TruthBev(network, collection.spec)
    mounted = domain.jittered(seen_through(camera, actual, collection.image))
    rgb, bev, segments, levels = [], [], [], []
    for _ in range(collection.frames):
        base, actors = sampler.sample()
        bank = float(random.normal(0.0, 0.008)), float(random.normal(0.0, 0.008))
        view = renderer.render(mounted, base, actors, semantic=True, ego_bank=bank)
        assert view.semantic is not None
        rgb.append(view.rgb)
        bev.append(truth.render(base, actors))
        segments.append(segments_of(view.semantic))
        levels.append(level_of(level, mounted, bank))
    return EpisodeFrames(seed, camera, np.stack(rgb), np.stack(bev), np.stack(segments), np.stack(levels))


def misfit(camera: CameraModel, random: np.random.Generator) -> CameraModel:
    """Return a grossly wrong calibration of a camera: turned, zoomed, or both.

    By 3 to 9 degrees of pitch, 4 to 10 of roll, or a focal length that is off by a fifth to two thirds.
    """
    kind = str(random.choice(np.array(["pitch", "roll", "zoom", "pitch and zoom"])))
    side = float(random.choice(np.array([-1.0, 1.0])))
    pitch = side * random.uniform(3.0, 9.0) if "pitch" in kind else 0.0
    roll = side * random.uniform(4.0, 10.0) if kind == "roll" else 0.0
    zoom = random.uniform(1.25, 1.67) ** side if "zoom" in kind else 1.0
    return camera.off_by(pitch, roll, zoom)


def seen_through(calibration: CameraModel, actual: CameraModel, image: ImageSpec) -> CameraModel:
    """Return the ideal camera that takes what the level view, made by a calibration, shows of a camera's pictures.

    For a right calibration that is the level camera. An error turns the view and zooms it about the optical axis; that
    a roll is about this axis is neglected.
    """
    level, zoom = level_camera(calibration, image), actual.fx / calibration.fx
    axis = level.fx * math.tan(math.radians(calibration.mount.pitch_deg))
    turned = {f"{a}_deg": getattr(actual.mount, f"{a}_deg") - getattr(calibration.mount, f"{a}_deg") for a in ANGLES}
    focal = level.fx * zoom
    return level.model_copy(
        update={
            "mount": level.mount.model_copy(update=turned),
            "fx": focal,
            "fy": focal,
            "cy": level.cy + (1.0 - zoom) * axis,
        }
    )
