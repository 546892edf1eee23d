import numpy as np
import pytest

pytest.importorskip("torch", reason="the benchmarks need the train extra")
pytest.importorskip("carla", reason="driving needs the sim extra")

from sim2real_ad.evaluation.corruptions import CORRUPTIONS
from sim2real_ad.evaluation.transfer import BevTally, Overlap
from sim2real_ad.observation.familiarity import FrozenPicture
from sim2real_ad.safety.limits import load_safety_limits
from sim2real_ad.training import adapter_benchmark, latency_benchmark
from sim2real_ad.training.adapter_benchmark import FROZEN, KNOCKED, TRAINING, WRONG_CALIBRATION, Seen
from sim2real_ad.training.seeds import EVALUATION_SEEDS
from sim2real_ad.types import CameraFrame, EgoState, Pose2
from sim2real_ad.world.target_domain import target_domain_names


def seen(drivable: int, vehicle: int, usual: float, bad: float) -> Seen:
    overlaps = {"drivable": Overlap(both=drivable, either=100), "vehicle": Overlap(both=vehicle, either=100)}
    found = Seen(near=BevTally(overlaps=overlaps), frames=4)
    found.scores[""] = [usual] * 4
    for kind in (*CORRUPTIONS, FROZEN, WRONG_CALIBRATION, KNOCKED):
        found.scores[kind] = [bad] * 4
    found.right, found.wrong = [[usual] * 3] * 2, [[usual, bad, bad], [usual, usual, bad]]
    return found


@pytest.fixture
def figures(monkeypatch):
    def measure(training: Seen, target: Seen) -> dict[str, object]:
        monkeypatch.setattr(adapter_benchmark, "look_at", lambda _loaded, domain: target if domain else training)
        return {m.name: m for m in adapter_benchmark.measure_adapter()}

    return measure


def test_each_domain_is_held_to_its_iou_and_the_worst_to_the_drop(figures):
    found = figures(seen(95, 70, 0.1, 0.9), seen(89, 58, 0.1, 0.9))
    assert found[f"drivable IoU within 30 m, {TRAINING}"].reached
    assert not found[f"drivable IoU within 30 m, {target_domain_names()[0]}"].reached
    assert found["drivable IoU, largest drop"].value == pytest.approx(0.06)
    assert found["drivable IoU, largest drop"].reached
    assert not found["vehicle IoU, largest drop"].reached


def test_the_score_is_judged_on_held_out_domains_alone(figures):
    found = figures(seen(95, 70, 1.0, 0.0), seen(95, 70, 0.1, 0.9))
    for kind in (*CORRUPTIONS, FROZEN, WRONG_CALIBRATION, KNOCKED):
        assert found[f"AUROC, {kind}"].value == 1.0
    normal = found["normal pictures beyond the gate's limit"]
    assert normal.value == 0.0
    assert f"{TRAINING} 100.0%" in normal.note


def test_each_kind_of_bad_picture_tells_how_many_the_gate_would_brake_for(figures):
    limit = load_safety_limits().domain.unfamiliar
    kept, passed = (figures(seen(95, 70, 0.1, limit), seen(95, 70, 0.1, s))["AUROC, blackout"] for s in (1.0, limit))
    assert kept.note.endswith("100.0% beyond the gate's limit")
    assert passed.note.endswith(" 0.0% beyond the gate's limit")


def test_whole_drives_are_judged_by_their_median_picture(figures):
    found = figures(seen(95, 70, 1.0, 1.0), seen(95, 70, 0.1, 1.0))
    told, called_wrong = (figure for name, figure in found.items() if name.startswith("drives under"))
    targets = len(target_domain_names())
    assert told.note == f"{targets} of {2 * targets}, by the median picture"
    assert called_wrong.note == f"0 of {2 * targets}, by the median picture"


def test_a_score_that_tells_nothing_misses_its_target(figures):
    assert not figures(seen(95, 70, 0.3, 0.3), seen(95, 70, 0.3, 0.3))["AUROC, blackout"].reached


def test_a_picture_that_stays_is_found_out():
    frame = CameraFrame(0, np.random.default_rng(0).integers(0, 256, (18, 32, 3), dtype=np.uint8))
    assert adapter_benchmark._when_it_stays(FrozenPicture(), frame, EgoState(0, Pose2(0, 0, 0), 4.0)) == 1.0


def test_the_adapters_figures_come_from_seeds_that_nothing_was_trained_on():
    assert set(adapter_benchmark.SEEDS) <= set(EVALUATION_SEEDS)


def test_latency_is_measured_in_both_runtimes_and_as_their_ratio(monkeypatch):
    monkeypatch.setattr(latency_benchmark, "STEPS", 1)
    runtime, eager, ratio, int8, size = latency_benchmark.measure_latency()
    assert runtime.samples
    for fast, slow, times in zip(runtime.samples, eager.samples, ratio.samples, strict=True):
        assert times == pytest.approx(slow / fast)
    assert 0.2 < int8.value < 5.0
    assert 1.0 < size.value < 20.0
