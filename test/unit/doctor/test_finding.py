import pytest
from pydantic import ValidationError

from sim2real_ad.doctor.finding import Finding, Status, graded
from sim2real_ad.doctor.report import make_report, summary


@pytest.mark.parametrize("status", [Status.warning, Status.failed])
def test_what_is_wrong_says_what_to_do_about_it(status: Status) -> None:
    with pytest.raises(ValidationError, match=r"check disk: .* without a remedy"):
        Finding(check="disk", status=status, found="full")


@pytest.mark.parametrize(
    ("fails", "warns", "status"),
    [
        (False, False, Status.ok),
        (False, True, Status.warning),
        (True, False, Status.failed),
        (True, True, Status.failed),
    ],
)
def test_a_failure_outweighs_a_warning_and_a_good_finding_has_no_remedy(
    fails: bool, warns: bool, status: Status
) -> None:
    finding = graded("disk", "full", "rm", fails=fails, warns=warns)
    assert finding.status is status
    assert finding.remedy == ("" if status is Status.ok else "rm")


def test_the_report_counts_what_came_out_how_and_survives_the_way_through_json() -> None:
    findings = [graded("a", "x", "do", fails=False, warns=w) for w in (False, True, True)]
    assert summary(findings) == "1 ok, 2 warning"
    report = make_report(findings, is_well=True)
    assert type(report).model_validate_json(report.model_dump_json()) == report
    assert report.versions["sim2real_ad"]
