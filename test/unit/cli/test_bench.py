"""`s2r bench`: how the figures are printed."""

import pytest

from sim2real_ad.cli import bench
from sim2real_ad.evaluation.benchmark import BenchmarkRun, Measurement, describe_machine

LONG = "camera frame to gated command, the world on the same two cores, recorded at once, and told at length"


def printed(capsys, *measurements: Measurement) -> list[str]:
    bench._print(BenchmarkRun(machine=describe_machine(), measurements=measurements, failures={}))
    return capsys.readouterr().out.splitlines()


def figure(**changes) -> Measurement:
    given = {"name": "a command", "unit": "ms", "better": "lower", "target": 1.0, "samples": (0.5,), "note": LONG}
    return Measurement.model_validate(given | changes)


def test_in_a_file_a_figure_stays_on_its_line(capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    (line,) = [line for line in printed(capsys, figure()) if "a command" in line]
    assert LONG in line
    assert "≤ 1 ms" in line


def test_a_width_that_is_asked_for_is_kept_to(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "90")
    assert max(map(len, printed(capsys, figure()))) <= 90


@pytest.mark.parametrize("samples", [(), (0.25,)])
def test_times_of_the_processor_have_a_column_where_there_are_any(capsys, samples):
    text = "\n".join(printed(capsys, figure(), figure(cpu_samples=samples)))
    assert ("by CPU time" in text) == bool(samples)
    assert ("0.25" in text) == bool(samples)
