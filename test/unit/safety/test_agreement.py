import math

import pytest
from gate_drive import LIMITS, MS

from sim2real_ad.safety.agreement import SpeedAgreement
from sim2real_ad.safety.findings import Finding, Severity


def found(wheels, localization):
    """Return what is found once the two speeds have differed for as long as it takes."""
    agreement = SpeedAgreement(LIMITS.agreement)
    agreement.step(wheels, localization, 0)
    return agreement.step(wheels, localization, 300 * MS)


def below(value):
    return math.nextafter(value, -math.inf)


@pytest.mark.parametrize(
    ("wheels", "localization"),
    [(0.0, 1.0), (1.0, 0.0), (3.0, 2.0), (-0.5, 0.5), (20.0, 17.0), (17.0, 20.0), (-20.0, -17.0), (-17.0, -20.0)],
)
def test_speeds_that_differ_by_no_more_than_allowed_agree(wheels, localization):
    assert found(wheels, localization) is None


@pytest.mark.parametrize(
    ("wheels", "localization"),
    [
        (0.0, 1.0 + 1e-9),
        (1.0 + 1e-9, 0.0),
        (-0.5, 0.5 + 1e-9),
        (20.0, below(17.0)),
        (below(17.0), 20.0),
        (-20.0, -below(17.0)),
        (5.0, 3.9),
        (10.0, 0.0),
        (8.0, -8.0),
    ],
)
def test_speeds_that_differ_by_more_disagree(wheels, localization):
    assert found(wheels, localization).reason == "speeds_disagree"


def test_a_disagreement_is_a_reason_to_stop_with_both_speeds_in_the_detail():
    detail = "wheels 20.00 m/s, localization 10.00 m/s, allowed apart 3.00"
    assert found(20.0, 10.0) == Finding("speed_agreement", "speeds_disagree", Severity.STOP, detail)


def test_a_disagreement_is_a_lapse_until_it_has_lasted():
    agreement = SpeedAgreement(LIMITS.agreement)
    severities = [agreement.step(8.0, 4.0, now).severity for now in (10 * MS, 310 * MS - 1, 310 * MS)]
    assert severities == [Severity.LAPSE, Severity.LAPSE, Severity.STOP]


def test_a_moment_of_agreement_starts_the_time_anew():
    agreement = SpeedAgreement(LIMITS.agreement)
    agreement.step(8.0, 4.0, 0)
    assert agreement.step(8.0, 8.0, 299 * MS) is None
    assert agreement.step(8.0, 4.0, 300 * MS).severity is Severity.LAPSE
    assert agreement.step(8.0, 4.0, 600 * MS).severity is Severity.STOP


def test_a_disagreement_is_forgotten():
    agreement = SpeedAgreement(LIMITS.agreement)
    agreement.step(8.0, 4.0, 0)
    agreement.forget()
    assert agreement.step(8.0, 4.0, 300 * MS).severity is Severity.LAPSE
