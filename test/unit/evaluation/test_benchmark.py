import time

import pytest

from sim2real_ad.evaluation.benchmark import BenchmarkRun, Measurement, describe_machine, time_each
from sim2real_ad.evaluation.benchmark_pipeline import measure_pipeline


def measurement(better: str, target: float | None, *samples: float) -> Measurement:
    return Measurement.model_validate(
        {"name": "steps", "unit": "1/s", "better": better, "target": target, "samples": samples}
    )


@pytest.mark.parametrize(
    ("better", "target", "value", "verdict"),
    [
        ("higher", 100.0, 100.0, "reached"),
        ("higher", 100.0, 90.0, "missed by 10 1/s"),
        ("lower", 1.0, 0.9, "reached"),
        ("lower", 1.0, 1.5, "missed by 0.5 1/s"),
        ("lower", None, 1.5, "no target"),
    ],
)
def test_a_figure_is_judged_in_the_direction_of_its_target(better, target, value, verdict) -> None:
    assert measurement(better, target, value).verdict == verdict
    assert measurement(better, target, value).reached == (not verdict.startswith("missed"))


def test_one_hiccup_does_not_move_the_figure_but_is_told() -> None:
    figure = measurement("higher", 100.0, 120.0, 121.0, 30.0)
    assert figure.value == 120.0
    assert figure.verdict == "reached, noisy: 30 to 121"


def test_time_each_measures_every_repeat_by_both_clocks() -> None:
    watches = time_each(lambda: time.sleep(0.002), count=3, repeats=2, warm_up=1)
    assert len(watches) == 2
    assert all(0.006 <= watch.wall_s < 0.6 for watch in watches)
    assert all(watch.cpu_s < watch.wall_s for watch in watches)


def test_warm_up_is_not_counted() -> None:
    delays = iter([0.2, 0.0, 0.0])
    (watch,) = time_each(lambda: time.sleep(next(delays)), count=2, repeats=1, warm_up=1)
    assert watch.wall_s < 0.15


def test_figures_survive_the_way_through_json() -> None:
    run = BenchmarkRun(machine=describe_machine(), measurements=(measurement("lower", 1.0, 0.5),), failures={})
    assert '"verdict":"reached"' in run.model_dump_json()
    assert run.machine.cores >= 1


def test_the_pipeline_is_measured_with_the_shipped_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim2real_ad.evaluation.benchmark_pipeline.STEPS", 2)
    observe, decide, both = measure_pipeline()
    assert both.value == pytest.approx(observe.value + decide.value, rel=0.5)
    assert both.target == 50.0


@pytest.mark.render
def test_the_world_is_measured_with_and_without_its_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    world = pytest.importorskip("sim2real_ad.evaluation.benchmark_world")
    for name in ("STEPS_WITHOUT_CAMERA", "STEPS_WITH_CAMERA", "REPEATS", "WARM_UP"):
        monkeypatch.setattr(world, name, 1)
    blind, seeing = world.measure_world()
    assert (blind.target, seeing.target) == (3000.0, 140.0)
    assert blind.value > seeing.value > 0.0


@pytest.mark.render
def test_the_wire_is_measured_under_the_real_client(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = pytest.importorskip("sim2real_ad.evaluation.benchmark_wire")
    monkeypatch.setattr(wire, "TICKS", 6)
    monkeypatch.setattr(wire, "REPEATS", 1)
    bare, drawn = wire.measure_wire()
    assert 0.0 < bare.value < drawn.value
