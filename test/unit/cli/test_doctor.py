"""`s2r doctor` as a user types it."""

import json
from pathlib import Path

import pytest

from sim2real_ad.cli import main
from sim2real_ad.doctor.report import Report


def test_the_findings_are_printed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "doctor.json"
    assert main.run(["doctor", "--only", "python", "--only", "checkpoint", "--json", str(file)]) == 0
    printed = capsys.readouterr().out
    assert "2 ok" in printed
    report = Report.model_validate(json.loads(file.read_text()))
    assert [finding.check for finding in report.findings] == ["python", "checkpoint"]
    assert report.is_well


def test_what_failed_is_status_1_with_the_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "doctor.json"
    arguments = ["doctor", "--checkpoint", str(tmp_path / "none"), "--only", "checkpoint", "--json", str(file)]
    assert main.run(arguments) == 1
    assert "no checkpoint folder" in capsys.readouterr().out.replace("\n", " ")
    assert not Report.model_validate(json.loads(file.read_text())).is_well


def test_an_unknown_check_is_one_line_and_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["doctor", "--only", "pulse"]) == 2
    assert "--only pulse: there are python" in capsys.readouterr().err


def test_what_is_not_here_passes_unless_it_was_asked_for_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["doctor", "--only", "pictures"]) == 1
    assert "no camera named" in capsys.readouterr().out
