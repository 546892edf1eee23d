"""What `make mutation` makes of what the mutation tester leaves behind."""

import importlib.util
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[3] / "tools" / "mutation.py"
spec = importlib.util.spec_from_file_location("mutation_tool", TOOL)
assert spec is not None
assert spec.loader is not None
mutation = importlib.util.module_from_spec(spec)
import sys  # noqa: E402

sys.modules[spec.name] = mutation
spec.loader.exec_module(mutation)

DIFF = """# sim2real_ad.safety.stop.x_stop_command__mutmut_3: survived
--- src/sim2real_ad/safety/stop.py
+++ src/sim2real_ad/safety/stop.py
@@ -1,4 +1,4 @@
 def stop_command(speed):
-    return min(speed, 1.0)
+    return max(speed, 1.0)
"""


def test_a_mutant_is_known_by_the_lines_that_it_changes():
    assert mutation.changed_lines(DIFF) == ("return min(speed, 1.0)", "return max(speed, 1.0)")


def test_every_module_of_the_gate_and_the_limits_of_the_command_are_watched():
    watched = mutation.watched_modules()
    assert "sim2real_ad.safety.gate" in watched
    assert "sim2real_ad.control.limits" in watched
    assert not any(module.endswith("__init__") for module in watched)


def test_mutants_that_failed_a_test_or_never_ended_are_killed_and_the_others_survive():
    codes = {"killed": 1, "hung": 36, "alive": 0, "untested": 33, "not tried": None}
    assert mutation.surviving(codes) == ["alive", "untested"]


def test_explanations_are_found_by_module_function_and_lines(tmp_path):
    page = tmp_path / "explained.yaml"
    page.write_text(
        "- {module: a.b, function: C.d, before: 'x < 1', after: 'x <= 1', why: both are the same at 1}\n",
        encoding="utf-8",
    )
    assert mutation.read_explained(page) == {
        mutation.Survivor("a.b", "C.d", "x < 1", "x <= 1"): "both are the same at 1"
    }
    assert mutation.read_explained(tmp_path / "none.yaml") == {}


def test_the_report_counts_what_survives_with_and_without_an_explanation():
    known = mutation.Survivor("sim2real_ad.safety.gate", "Gate.step", "a", "b")
    codes = {"sim2real_ad.safety.gate": {"one": 0, "two": 0, "three": 1}, "sim2real_ad.safety.empty": {}}
    survivors = {"one": known, "two": mutation.Survivor("sim2real_ad.safety.gate", "Gate.step", "a", "c")}
    page = mutation.report(codes, survivors, {known: "equal"})
    assert "| `safety.gate` | 3 | 1 | 1 | 1 |" in page
    assert "| all | 3 | 1 | 1 | 1 |" in page
    assert "empty" not in page


@pytest.mark.parametrize("base", ["no-such-commit"])
def test_without_an_earlier_commit_nothing_has_changed(base, capsys):
    assert mutation.changed_modules(base) == []
    assert "no earlier commit" in capsys.readouterr().out


def test_survivors_that_a_full_run_left_open_are_read_back_as_they_were_written(tmp_path, monkeypatch):
    monkeypatch.setattr(mutation, "OPEN", tmp_path / "mutation" / "open.yaml")
    found = [
        mutation.Survivor("a.b", "C.d", 'x = "1: y"', "x = None"),
        mutation.Survivor("a.b", "C.d", "é < 1", "é <= 1"),
    ]
    mutation.write_open([*found, found[0]])
    assert mutation.read_listed(tmp_path / "mutation" / "open.yaml") == set(found)
