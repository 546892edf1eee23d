from collections.abc import Callable

import pytest

from sim2real_ad.doctor.examine import CHECKS, chosen, is_well, one
from sim2real_ad.doctor.finding import Finding, Status, failed, not_here, ok, warning
from sim2real_ad.doctor.survey import Heard, Survey
from sim2real_ad.errors import ConfigError, DbwError


def silence(what: str, seconds: float) -> Heard:
    return Heard(0, seconds)


def raising(error: Exception) -> Callable[..., Finding]:
    def check(survey: Survey, listen: object) -> Finding:
        raise error

    return check


def test_without_names_every_check_is_made_and_names_keep_the_order_of_the_checks() -> None:
    assert chosen([]) == tuple(CHECKS)
    assert chosen(["gate", "python"]) == ("python", "gate")


def test_an_unknown_check_is_named_with_those_that_there_are() -> None:
    with pytest.raises(ConfigError, match="--only pulse: there are python, ros"):
        chosen(["python", "pulse"])


def test_a_check_that_cannot_be_made_has_failed_with_the_reason() -> None:
    for error in (DbwError("no program `ip`"), PermissionError(13, "no"), ModuleNotFoundError("x", name="rclpy")):
        finding = one("can", raising(error), Survey(), silence)
        assert finding.status is Status.failed
        assert finding.check == "can"
        assert ("rclpy" if isinstance(error, ModuleNotFoundError) else str(error)) in finding.found


def test_a_bug_in_a_check_is_not_taken_for_a_finding() -> None:
    with pytest.raises(ZeroDivisionError):
        one("can", raising(ZeroDivisionError()), Survey(), silence)


@pytest.mark.parametrize(
    "name", ["python", "checkpoint", "vehicle", "fit", "camera", "providers", "cpu", "memory", "clock"]
)
def test_every_check_reports_under_its_own_name(name: str) -> None:
    assert one(name, CHECKS[name], Survey(), silence).check == name


def test_warnings_do_not_count_and_failures_do() -> None:
    good = [ok("a", "x"), warning("b", "x", "y"), not_here("c", "x")]
    assert is_well(good, asked_by_name=False)
    assert not is_well([*good, failed("d", "x", "y")], asked_by_name=False)


def test_what_was_asked_for_by_name_must_be_here() -> None:
    assert is_well([ok("gate", "engaged")], asked_by_name=True)
    assert not is_well([not_here("gate", "no graph")], asked_by_name=True)
