import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import fake_tasks
import pytest

from sim2real_ad.errors import TrainingError
from sim2real_ad.training.experiment.engine import Outcome, make_engine
from sim2real_ad.training.experiment.local_engine import LocalEngine

HERE = str(Path(__file__).parent)


def test_every_task_gives_its_own_result(engine):
    outcomes = {o.item: o.value for o in engine.map(fake_tasks.double, [1, 2, 3, 4, 5])}
    assert outcomes == {1: 2, 2: 4, 3: 6, 4: 8, 5: 10}


def test_what_fails_is_reported_after_a_second_try_and_the_others_finish(engine):
    outcomes = {o.item: o for o in engine.map(fake_tasks.misbehave, ["a", "killed", "defect", "user", "b"])}
    assert [outcomes[name].value for name in "ab"] == ["a", "b"]
    assert [outcomes[name].attempts for name in ("killed", "defect", "user")] == [2, 2, 2]
    assert "ended" in outcomes["killed"].error
    assert "ZeroDivisionError: no such thing" in outcomes["defect"].error
    assert "fake_tasks.py" in outcomes["defect"].error
    assert outcomes["user"].error == "the server at port 2000 is gone"


def test_a_killed_task_gets_its_second_chance(engine, tmp_path):
    (outcome,) = engine.map(fake_tasks.fail_once, [str(tmp_path / "marker")])
    assert outcome == Outcome(str(tmp_path / "marker"), "done", "", 2)


def test_a_process_has_one_thread(engine):
    assert [o.value for o in engine.map(fake_tasks.threads, [0])] == ["1"]


def test_the_caller_is_called_while_it_waits(engine):
    called = []
    list(engine.map(fake_tasks.double, [1], lambda: called.append(1)))
    assert called


def test_a_result_that_failed_is_refused_with_its_reason():
    with pytest.raises(TrainingError, match="ppo-1: the world died"):
        _ = Outcome("ppo-1", None, "the world died", 2).value


def test_whoever_stops_iterating_ends_what_runs(local, tmp_path):
    marker = tmp_path / "pid"
    outcomes = local.map(fake_tasks.sleep_long, [str(marker)], _stop_once_there(marker))
    with pytest.raises(KeyboardInterrupt):
        next(outcomes)
    assert _gone(int(marker.read_text()), within_s=10)


def test_closing_the_iterator_cancels_what_runs_on_ray(ray, tmp_path):
    marker = tmp_path / "pid"
    with pytest.raises(KeyboardInterrupt):
        list(ray.map(fake_tasks.sleep_long, [str(marker)], _stop_once_there(marker)))
    assert _gone(int(marker.read_text()), within_s=20)


def test_a_worker_ends_with_its_parent_even_where_that_is_killed(tmp_path):
    marker, script = tmp_path / "pid", tmp_path / "parent.py"
    script.write_text(
        "import sys, fake_tasks\n"
        "from sim2real_ad.training.experiment.local_engine import LocalEngine\n"
        "if __name__ == '__main__':\n"
        "    list(LocalEngine(1).map(fake_tasks.sleep_long, [sys.argv[1]]))\n"
    )
    parent = subprocess.Popen([sys.executable, str(script), str(marker)], env={**os.environ, "PYTHONPATH": HERE})
    try:
        assert _soon(lambda: marker.is_file() and marker.read_text() != "", 20)
    finally:
        parent.kill()
        parent.wait()
    assert _gone(int(marker.read_text()), within_s=15)


def test_workers_are_used_again_and_never_more_than_asked_for(tmp_path):
    engine = LocalEngine(2)
    seen = {o.value for o in engine.map(fake_tasks.process, range(6))}
    engine.close()
    assert 1 <= len(seen) <= 2
    assert all(_gone(pid, within_s=10) for pid in seen)


def test_a_missing_package_names_the_extra_that_holds_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(TrainingError, match=r"sim2real_ad\[cluster\]"):
        make_engine("ray", 2)


def _stop_once_there(marker: Path):
    def stop():
        if marker.is_file() and marker.read_text():
            raise KeyboardInterrupt

    return stop


def _soon(condition, within_s: float) -> bool:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.05)
    return False


def _gone(pid: int, within_s: float) -> bool:
    return _soon(lambda: not _runs(pid), within_s)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIG_DFL)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.is_file() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
