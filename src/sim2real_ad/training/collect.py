"""Collects pictures with their true BEV, one file an episode; what is already on disk is not rendered again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sim2real_ad.geometry.camera import CameraModel, CameraMount
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.training.frames import EpisodeFrames, save_episode
from sim2real_ad.training.picture_labels import level_of, segments_of
from sim2real_ad.training.scenes import SceneSampler
from sim2real_ad.training.seeds import check_training_seed
from sim2real_ad.world.embedded.bev import TruthBev
from sim2real_ad.world.embedded.roads import RoadNetwork
from sim2real_ad.world.protocol import Renderer
from sim2real_ad.world.randomization import sample_domain

CAMERA_STREAM, SCENE_STREAM = 0xCA3E4A, 0x5CE4E
"""Keep the camera's and the scenes' random numbers apart; both are drawn from the episode's seed."""


@dataclass(frozen=True)
class Collection:
    """What to collect. jitter: share of episodes seen by another camera than the nominal one."""

    maps: tuple[str, ...]
    camera: CameraModel
    spec: BevSpec
    frames: int
    jitter: float


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
    """Render one domain's frames: the camera sits where the domain's jitter puts it, the calibration does not know."""
    random = np.random.default_rng([SCENE_STREAM, check_training_seed(seed)])
    camera = camera_of_episode(collection.camera, seed, collection.jitter)
    domain = sample_domain(seed)
    renderer.load_scene(network.scene_geometry(), domain)
    sampler = SceneSampler(network, random)
    truth = TruthBev(network, collection.spec)
    mounted = domain.jittered(camera)
    rgb, bev, segments, level = [], [], [], []
    for _ in range(collection.frames):
        base, actors = sampler.sample()
        bank = float(random.normal(0.0, 0.008)), float(random.normal(0.0, 0.008))
        view = renderer.render(mounted, base, actors, semantic=True, ego_bank=bank)
        assert view.semantic is not None
        rgb.append(view.rgb)
        bev.append(truth.render(base, actors))
        segments.append(segments_of(view.semantic))
        level.append(level_of(camera, mounted, bank))
    return EpisodeFrames(seed, camera, np.stack(rgb), np.stack(bev), np.stack(segments), np.stack(level))


def camera_of_episode(nominal: CameraModel, seed: int, jitter: float) -> CameraModel:
    """Return the nominal camera, or, with probability jitter, one of another mount and field of view."""
    random = np.random.default_rng([CAMERA_STREAM, seed])
    if random.random() >= jitter:
        return nominal
    mount = CameraMount(
        x=float(random.uniform(0.8, 2.2)),
        y=float(random.uniform(-0.4, 0.4)),
        z=float(random.uniform(1.2, 2.0)),
        pitch_deg=float(random.uniform(0.0, 9.0)),
        yaw_deg=float(random.uniform(-4.0, 4.0)),
        roll_deg=float(random.uniform(-1.5, 1.5)),
    )
    return CameraModel.from_fov(nominal.width, nominal.height, float(random.uniform(65.0, 105.0)), mount)
