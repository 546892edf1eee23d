import time

import pytest

from sim2real_ad.evaluation import benchmark_bus
from sim2real_ad.evaluation.benchmark import BenchmarkRun, Measurement, describe_machine, time_each, time_in_turn
from sim2real_ad.evaluation.benchmark_age import _ages, _of_step
from sim2real_ad.evaluation.benchmark_gate import measure_gate
from sim2real_ad.evaluation.benchmark_pipeline import measure_pipeline
from sim2real_ad.evaluation.results import Latency
from sim2real_ad.evaluation.waterfall import Step


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


def test_what_is_compared_takes_turns() -> None:
    order: list[str] = []
    slow, fast = time_in_turn([lambda: order.append("slow"), lambda: order.append("fast")], 2, repeats=3, warm_up=1)
    assert len(slow) == len(fast) == 3
    assert order == ["slow", "fast"] + 3 * ["slow", "slow", "fast", "fast"]


def test_figures_survive_the_way_through_json() -> None:
    run = BenchmarkRun(machine=describe_machine(), measurements=(measurement("lower", 1.0, 0.5),), failures={})
    assert '"verdict":"reached"' in run.model_dump_json()
    assert run.machine.cores >= 1


def test_the_pipeline_is_measured_with_the_shipped_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim2real_ad.evaluation.benchmark_pipeline.STEPS", 2)
    observe, decide, both, whole = measure_pipeline()
    assert both.cpu_value == pytest.approx(observe.cpu_value + decide.cpu_value, rel=0.5)
    assert both.target == 50.0
    assert whole.cpu_value > 0.5 * both.cpu_value


def test_the_gate_is_measured_while_it_drives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim2real_ad.evaluation.benchmark_gate.STEPS", 5)
    (figure,) = measure_gate()
    assert figure.target == 1.0
    assert 0.0 < figure.value < 50.0


def test_what_a_frame_may_take_is_told_with_what_it_takes() -> None:
    step = Step("adapter", start=1.0, p50=20.0, p99=30.0, max=44.0, budget=35.0, over=2)
    assert _of_step(step).note == "p99 30.0, max 44.0 ms; budget 35 ms, 2 frames over it"


def test_the_graph_is_judged_by_the_age_of_its_commands_and_by_the_bare_pipeline() -> None:
    bare = measurement("lower", None, 20.0)
    median, oldest, ratio = _ages(Latency(p50=30.0, p99=45.0, max=60.0), bare, "")
    assert (median.target, oldest.verdict) == (None, "missed by 15 ms")
    assert (ratio.value, ratio.verdict) == (1.5, "reached")


@pytest.mark.parametrize("protocol", ["dataspeed", "pacmod"])
def test_a_command_of_each_protocol_is_measured_both_ways(monkeypatch: pytest.MonkeyPatch, protocol: str) -> None:
    pytest.importorskip("cantools", reason="needs the can extra")
    monkeypatch.setattr(benchmark_bus, "FRAMES", 5)
    encode, decode = benchmark_bus.frame_figures(protocol)
    assert (encode.unit, decode.unit) == ("us", "us")
    assert 0.0 < decode.value < 1e4
    assert encode.cpu_samples
    assert (encode.target, decode.target) == (20.0, 10.0)


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
