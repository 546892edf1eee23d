"""What the adapter sees in each domain, and whether its out-of-distribution score tells bad pictures from good ones.

The teacher drives, on seeds that nothing was trained on; every few ticks the adapter looks at the camera's picture, at
the same picture spoilt, at the same picture under a wrong calibration, at one that stays although the car drives, and
at one that is turned against the picture before. Whether a calibration is wrong is also asked of whole drives, as the
car asks it: by the median of what their pictures say.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from sim2real_ad.control.action_mapping import ActionMapping
from sim2real_ad.evaluation.benchmark import Measurement
from sim2real_ad.evaluation.corruptions import CORRUPTIONS, miscalibrated, turned_aside
from sim2real_ad.evaluation.rank_statistics import auroc
from sim2real_ad.evaluation.transfer import BevTally, compare_bevs
from sim2real_ad.evaluation.transfer_report import TRAINING
from sim2real_ad.geometry.camera import CameraModel
from sim2real_ad.observation.adapter import Adapter
from sim2real_ad.observation.familiarity import DRIVING_SPEED, FROZEN_AFTER_S, FrozenPicture
from sim2real_ad.observation.knock import KnockedCamera
from sim2real_ad.policy.checkpoint import Checkpoint, load_checkpoint
from sim2real_ad.safety.gate import Gate, GateConfig
from sim2real_ad.safety.inputs import GateInputs
from sim2real_ad.safety.limits import load_safety_limits
from sim2real_ad.training.domain_world import open_domain
from sim2real_ad.training.seeds import EVALUATION_SEEDS
from sim2real_ad.training.teacher.driver import SHIPPED, make_driver
from sim2real_ad.training.transfer_residual import NEAR_M
from sim2real_ad.types import CameraFrame, EgoState, UInt8Array
from sim2real_ad.world.episode import Episode
from sim2real_ad.world.protocol import World
from sim2real_ad.world.scenarios import load_scenario, scenario_names
from sim2real_ad.world.target_domain import target_domain_names

SEEDS = EVALUATION_SEEDS[200:202]
"""Of every scenario: unseen ones, and others than those that the published success rates are of."""
EVERY_TICKS = 15
LEAST_IOU = {"drivable": 0.90, "vehicle": 0.60}
LARGEST_DROP = 0.10
LEAST_AUROC = 0.95
CORRUPTION_STREAM, WRONG_DRIVE_STREAM = 0xC0_44, 0xC0_45
WRONG_EACH_DRIVE = 4
"""Wrong calibrations that every drive is looked at with as a whole."""
WRONG_CALIBRATION, FROZEN, KNOCKED = "wrong calibration", "frozen frame", "camera knocked aside"


@dataclass
class Seen:
    """What was seen in one domain.

    scores: of the out-of-distribution score, by kind of picture; "" as it should be; right, wrong: of each drive, what
    its pictures say of a misfit, under its calibration and under wrong ones.
    """

    near: BevTally = field(default_factory=BevTally)
    frames: int = 0
    scores: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    right: list[list[float]] = field(default_factory=list)
    wrong: list[list[float]] = field(default_factory=list)


def measure_adapter(checkpoint: Path | None = None) -> list[Measurement]:
    """Measure IoU and AUROC in every domain. Raises CheckpointError, ConfigError or WorldError."""
    loaded = load_checkpoint(checkpoint)
    seen = {name: look_at(loaded, "" if name == TRAINING else name) for name in (TRAINING, *target_domain_names())}
    return [*_overlaps(seen), *_aurocs(seen)]


def look_at(checkpoint: Checkpoint, domain: str) -> Seen:
    """Let the teacher drive in a domain and look at what the camera shows, good and bad."""
    world, spec = open_domain(domain), checkpoint.spec.bev
    camera, adapter = _camera_of(world), checkpoint.adapter(_camera_of(world))
    close_by = spec.cell_centres()[..., 0] <= NEAR_M
    seen, frozen = Seen(), FrozenPicture()
    wrong_all_along: list[Adapter] = []
    for number, (is_first, before, frame, ego, truth) in enumerate(_frames(world, checkpoint)):
        random = np.random.default_rng([CORRUPTION_STREAM, number])
        if is_first:
            of_drive = np.random.default_rng([WRONG_DRIVE_STREAM, number])
            wrong_all_along = [checkpoint.adapter(miscalibrated(camera, of_drive)) for _ in range(WRONG_EACH_DRIVE)]
            seen.right.append([])
            seen.wrong += [[] for _ in wrong_all_along]
        bev, doubts = adapter.infer(frame)
        seen.right[-1].append(doubts.misfit)
        for kept, other in zip(seen.wrong[-WRONG_EACH_DRIVE:], wrong_all_along, strict=True):
            kept.append(other.infer(frame)[1].misfit)
        ood = max(doubts.ood, _after(before, frame, ego, camera))
        valid = adapter.validity > 0
        seen.near += compare_bevs(bev, (truth * valid).astype(np.uint8), valid & close_by, spec.channels)
        seen.frames += 1
        seen.scores[""].append(ood)
        for name, corrupt in CORRUPTIONS.items():
            seen.scores[name].append(_ood(adapter, replace(frame, rgb=corrupt(frame.rgb, random))))
        wrong = checkpoint.adapter(miscalibrated(camera, random))
        seen.scores[WRONG_CALIBRATION].append(_ood(wrong, frame))
        knocked = replace(frame, rgb=turned_aside(frame.rgb, camera, random))
        seen.scores[KNOCKED].append(max(_ood(adapter, knocked), _after(before, knocked, ego, camera)))
        if ego.speed >= DRIVING_SPEED:
            seen.scores[FROZEN].append(max(ood, _when_it_stays(frozen, frame, ego)))
    return seen


def _ood(adapter: Adapter, frame: CameraFrame) -> float:
    """Return the score of a picture by itself."""
    return adapter.infer(frame)[1].ood


def _camera_of(world: World) -> CameraModel:
    camera: CameraModel = world.camera
    return camera


def _frames(
    world: World, checkpoint: Checkpoint
) -> Iterator[tuple[bool, CameraFrame, CameraFrame, EgoState, UInt8Array]]:
    """Yield every EVERY_TICKS-th frame of the teacher's drives after the one before it, with whether it is a drive's
    first, the ego's state and the true BEV."""
    mapping = ActionMapping(world.profile)
    for scenario in scenario_names():
        for seed in SEEDS:
            episode = Episode(world, load_scenario(scenario), seed)
            tick = episode.start()
            teacher = make_driver(SHIPPED, world.plan, world.profile)
            gate, ticks, before = Gate(world.profile, GateConfig(auto_engage=True)), 0, tick.frame
            while not episode.verdict.done:
                if ticks % EVERY_TICKS == 0 and before is not None and tick.frame is not None:
                    yield ticks == 0, before, tick.frame, tick.ego, world.truth_bev(checkpoint.spec.bev)
                before = tick.frame
                action = teacher.act(world.truth())
                teacher.acted(action)
                tick = episode.step(
                    gate.step(GateInputs(mapping.step(action, tick.ego), tick.ego), tick.ego.stamp_ns).command
                )
                ticks += 1


def _when_it_stays(frozen: FrozenPicture, frame: CameraFrame, ego: EgoState) -> float:
    """Return the score when the picture stays as it is for twice as long as is waited for."""
    later = frame.stamp_ns + round(2e9 * FROZEN_AFTER_S)
    frozen.reset()
    frozen.step(frame.stamp_ns, frame.rgb, ego)
    return frozen.step(later, frame.rgb.copy(), ego)


def _after(before: CameraFrame, frame: CameraFrame, ego: EgoState, camera: CameraModel) -> float:
    """Return the score of a frame for having been turned against the one before it."""
    watch = KnockedCamera(camera)
    watch.step(before.stamp_ns, before.rgb, ego)
    return watch.step(frame.stamp_ns, frame.rgb, ego)


def _overlaps(seen: dict[str, Seen]) -> list[Measurement]:
    figures = []
    for channel, least in LEAST_IOU.items():
        known = _iou(seen[TRAINING], channel)
        for domain, found in seen.items():
            iou, held_out = _iou(found, channel), domain != TRAINING
            note = f"{found.frames} frames" + (f", drop {100.0 * (known - iou):.1f} points" if held_out else "")
            figures.append(_share(f"{channel} IoU within {NEAR_M:g} m, {domain}", iou, least, note))
        drop = known - min(_iou(s, channel) for s in seen.values())
        figures.append(
            Measurement(
                name=f"{channel} IoU, largest drop", unit="IoU", better="lower", target=LARGEST_DROP, samples=(drop,)
            )
        )
    return figures


def _aurocs(seen: dict[str, Seen]) -> list[Measurement]:
    """Return how well the score tells each kind of bad picture from normal driving, over all held-out domains."""
    held_out = [found for domain, found in seen.items() if domain != TRAINING]
    usual = np.array([score for found in held_out for score in found.scores[""]])
    figures, limit = [], load_safety_limits().domain.unfamiliar
    for kind in (*CORRUPTIONS, FROZEN, WRONG_CALIBRATION, KNOCKED):
        bad = np.array([score for found in held_out for score in found.scores[kind]])
        note = f"{len(bad)} pictures, {(bad > limit).mean():.1%} beyond the gate's limit"
        figures.append(_share(f"AUROC, {kind}", auroc(bad, usual) or 0.0, LEAST_AUROC, note))
    beyond = [f"{name} {np.mean(np.array(found.scores['']) > limit):.1%}" for name, found in seen.items()]
    share = float((usual > limit).mean())
    figures.append(_share("normal pictures beyond the gate's limit", share, None, ", ".join(beyond)))
    return [*figures, *_of_drives(seen, limit)]


def _of_drives(seen: dict[str, Seen], limit: float) -> list[Measurement]:
    """Return how many drives are told to be under a wrong calibration, of those that are and those that are not."""
    held_out = [found for domain, found in seen.items() if domain != TRAINING]
    figures = []
    for name, drives in (
        ("drives under a wrong calibration that are told", [d for found in held_out for d in found.wrong]),
        ("drives under the right calibration that are called wrong", [d for found in held_out for d in found.right]),
    ):
        told = [float(np.median(drive)) > limit for drive in drives]
        figures.append(_share(name, float(np.mean(told)), None, f"{sum(told)} of {len(told)}, by the median picture"))
    return figures


def _iou(seen: Seen, channel: str) -> float:
    return seen.near.overlaps[channel].iou or 0.0


def _share(name: str, value: float, target: float | None, note: str) -> Measurement:
    return Measurement(name=name, unit="", better="higher", target=target, samples=(value,), note=note)
