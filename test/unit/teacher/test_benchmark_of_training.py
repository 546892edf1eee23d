"""`s2r bench train` times whole trainings, whatever the reward; here short ones."""

from sim2real_ad.cli import main
from sim2real_ad.evaluation.benchmark import BenchmarkRun
from sim2real_ad.training.teacher import benchmark


def test_every_algorithm_is_timed_all_in_and_held_against_its_target(monkeypatch, tmp_path):
    monkeypatch.setattr(benchmark, "STEPS", 64)
    monkeypatch.setattr(benchmark, "REPEATS", 2)
    monkeypatch.setattr(benchmark, "TARGETS", {"hand-crafted": 1.0})
    assert main.run(["bench", "train", "--out", str(tmp_path / "figures.json")]) == 0
    run = BenchmarkRun.model_validate(
        {**parsed(tmp_path / "figures.json"), "measurements": measurements(tmp_path / "figures.json")}
    )
    sac, ppo, shipped = run.measurements
    assert "SAC" in sac.name
    assert "PPO" in ppo.name
    assert (sac.target, ppo.target, shipped.target) == (1.0, 1.0, None)
    assert all(len(m.samples) == len(m.cpu_samples) == 2 for m in run.measurements)
    assert all(m.reached for m in run.measurements)
    assert sac.note.startswith("1 ticks a step, a score every 4 ticks, 8 worlds")
    assert shipped.note.startswith("4 ticks a step, a score every 4 ticks")


def parsed(path):
    import json

    return json.loads(path.read_text())


def measurements(path):
    computed = {"value", "cpu_value", "verdict"}
    return [{k: v for k, v in m.items() if k not in computed} for m in parsed(path)["measurements"]]
