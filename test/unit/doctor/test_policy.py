import shutil
from pathlib import Path

import pytest

from sim2real_ad.doctor import providers
from sim2real_ad.doctor.finding import Status
from sim2real_ad.doctor.policy import check_checkpoint, check_fit
from sim2real_ad.doctor.profile import check_camera, check_vehicle, judge_notes
from sim2real_ad.doctor.providers import asked_providers, check_providers, judge_gpu
from sim2real_ad.doctor.speed import check_speed, judge_speed
from sim2real_ad.doctor.survey import Heard, Survey
from sim2real_ad.policy.checkpoint import SHIPPED
from sim2real_ad.vehicle.profile import load_vehicle

CPU = "CPUExecutionProvider"


def silence(what: str, seconds: float) -> Heard:
    return Heard(0, seconds)


def test_the_shipped_checkpoint_is_whole() -> None:
    finding = check_checkpoint(Survey(), silence)
    assert finding.status is Status.ok
    assert "4 hashes agree" in finding.found


def test_one_changed_byte_in_the_weights_is_told(tmp_path: Path) -> None:
    copy = shutil.copytree(SHIPPED, tmp_path / "checkpoint")
    data = bytearray((copy / "student.onnx").read_bytes())
    data[1000] ^= 1
    (copy / "student.onnx").write_bytes(data)
    finding = check_checkpoint(Survey(checkpoint=copy), silence)
    assert finding.status is Status.failed
    assert "student.onnx: SHA-256" in finding.found


def test_a_car_on_which_an_action_means_something_else_is_told(tmp_path: Path) -> None:
    assert check_fit(Survey(vehicle="saloon"), silence).status is Status.ok
    text = (Path("config/vehicles/saloon.yaml")).read_text().replace("max_curvature: 0.20", "max_curvature: 0.18")
    (tmp_path / "narrow.yaml").write_text(text)
    finding = check_fit(Survey(vehicle=str(tmp_path / "narrow.yaml")), silence)
    assert finding.status is Status.failed
    assert "max_curvature 0.18, trained with 0.2" in finding.found


def test_the_transit_is_told_how_many_values_are_guesses() -> None:
    finding = check_vehicle(Survey(vehicle="e_transit"), silence)
    assert finding.status is Status.warning
    assert "values are marked 'calibrate'" in finding.found
    assert load_vehicle("e_transit").name in finding.found


def test_a_profile_or_calibration_that_does_not_load_has_failed(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("name: wrong\n")
    assert check_vehicle(Survey(vehicle=str(wrong)), silence).status is Status.failed
    assert check_camera(Survey(camera=str(wrong)), silence).status is Status.failed
    assert check_camera(Survey(camera="default"), silence).status is Status.ok


def test_a_few_keys_are_named_and_the_rest_counted() -> None:
    assert judge_notes("vehicle", "van", [], "do").status is Status.ok
    assert "1 value is marked 'calibrate': mass" in judge_notes("vehicle", "van", ["mass"], "do").found
    assert "a, b, c, d and 2 more" in judge_notes("vehicle", "van", list("abcdef"), "do").found


def test_both_networks_run_where_the_configuration_asks_for() -> None:
    assert asked_providers("adapter") == (CPU,)
    finding = check_providers(Survey(), silence)
    assert finding.status is Status.ok
    assert f"adapter asks for {CPU} and runs on {CPU}" in finding.found


def test_a_provider_that_is_asked_for_and_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(providers, "asked_providers", lambda node: ("TensorrtExecutionProvider", CPU))
    finding = check_providers(Survey(), silence)
    assert finding.status is Status.warning
    assert f"asks for TensorrtExecutionProvider, {CPU} and runs on {CPU}" in finding.found
    assert "TensorrtExecutionProvider" in finding.remedy


@pytest.mark.parametrize(
    ("available", "is_there", "status"),
    [
        (["CUDAExecutionProvider", CPU], True, Status.ok),
        (["CUDAExecutionProvider", CPU], False, Status.warning),
        ([CPU], True, Status.warning),
        ([CPU], False, Status.not_here),
    ],
)
def test_a_gpu_and_its_provider_belong_together(available: list[str], is_there: bool, status: Status) -> None:
    assert judge_gpu(available, is_there=is_there).status is status


def test_the_networks_are_really_timed() -> None:
    finding = check_speed(Survey(), silence)
    assert finding.status in (Status.ok, Status.warning)
    assert "adapter" in finding.found
    assert "budget 35" in finding.found


@pytest.mark.parametrize(("took", "status"), [(35.0, Status.ok), (35.1, Status.warning)])
def test_a_stage_over_its_budget_is_a_warning(took: float, status: Status) -> None:
    assert judge_speed({"adapter": took, "policy": 1.0}, {"adapter": 35.0, "policy": 10.0}, 0.5).status is status
