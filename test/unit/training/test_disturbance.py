import numpy as np
import pytest

from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.training.degrade import DegradedTruth
from sim2real_ad.training.disturbance import Disturbance
from sim2real_ad.types import Action

EXPERT, STUDENT = Action(7, 0.1, 0.2), Action(7, -0.3, -0.4)


def drive(share: float, rate: float, ticks: int = 4000) -> list[Action]:
    disturbance = Disturbance(share, rate, 0.05, np.random.default_rng(1))
    return [disturbance.choose(EXPERT, STUDENT, 8.0) for _ in range(ticks)]


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_teacher_drives_its_share_of_the_time(share):
    actions = drive(share, 0.0)
    assert np.mean([action == EXPERT for action in actions]) == pytest.approx(share, abs=0.12)
    assert all(action in (EXPERT, STUDENT) for action in actions)


def test_pushes_come_and_go_and_stay_in_bounds():
    pushed = [action for action in drive(1.0, 0.2) if action != EXPERT]
    assert 200 < len(pushed) < 2000
    assert all(abs(action.curvature) <= 1.0 and abs(action.acceleration) <= 1.0 for action in pushed)
    assert max(abs(action.curvature - EXPERT.curvature) for action in pushed) <= 1.0 / 8.0**2 / 0.2 + 1e-9


def test_without_a_student_the_teacher_drives():
    disturbance = Disturbance(0.0, 0.0, 0.05, np.random.default_rng(1))
    assert disturbance.choose(EXPERT, None, 8.0) == EXPERT


def test_a_degraded_bev_is_empty_where_unseen_and_blurs_with_distance():
    spec = BevSpec()
    validity = np.full(spec.shape[1:], 255, np.uint8)
    validity[-10:] = 0
    degraded = DegradedTruth(spec, validity, np.random.default_rng(0))
    bev = np.zeros(spec.shape, np.uint8)
    bev[3, 2:5, 30:33] = 255
    bev[3, 80:83, 30:33] = 255
    bev[3, 90:93, 30:33] = 255
    seen = degraded.step(bev)
    assert not seen[:, -10:].any()
    assert seen[3, 81, 31] > seen[3, 3, 31] > 0
    assert not seen[0].any()
