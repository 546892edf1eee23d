import base64

import cv2
import numpy as np
import pytest
import yaml
from chat_stub import questions

from sim2real_ad.errors import ScorerError
from sim2real_ad.reward.calibration import load_calibration
from sim2real_ad.reward.goal_guidance import load_guidance

pytest.importorskip("carla")
from sim2real_ad.reward.calibration_run import calibrate_scorer

GOALS = {
    "goals": [
        {"name": "road", "positive": ["on the road", "road ahead"], "negative": ["on grass", "grass ahead"]},
    ]
}


@pytest.fixture
def goals(tmp_path):
    path = tmp_path / "goals.yaml"
    path.write_text(yaml.safe_dump(GOALS))
    return path


def sees_road(request):
    """A model with eyes: how much of what lies before the car is road or drawn on it, and not green."""
    url = request["messages"][1]["content"][1]["image_url"]["url"]
    png = np.frombuffer(base64.b64decode(url.partition(",")[2]), np.uint8)
    ahead = cv2.imdecode(png, cv2.IMREAD_COLOR)[60:160, 50:78, ::-1].astype(int)
    road = 1.0 - float((ahead[..., 1] > 1.5 * np.maximum(ahead[..., 0], ahead[..., 2])).mean())
    return [road if a in GOALS["goals"][0]["positive"] else 1.0 - road for a, _ in questions(request)]


def test_a_scorer_is_fitted_on_labelled_drives_and_its_curves_lie_where_guidance_looks(chat_yaml, stub, goals):
    stub.behave = sees_road
    name = f"chat:{chat_yaml(parallel=4)}"
    path, (fit,) = calibrate_scorer(name, goals, drives=3, most_moments=60)
    assert fit.goal == "road"
    assert 0.6 < fit.auroc < 1.0  # grass is one danger of three
    assert fit.unsafe + fit.safe <= 60
    assert fit.abstained == 0.0
    calibration = load_calibration(path)
    assert calibration.scorer == name
    guidance = load_guidance(name, goals)
    assert guidance.calibration == calibration
    guidance.scorer.backend.close()


def test_a_scorer_that_knows_nothing_gets_no_calibration(chat_yaml, stub, goals):
    stub.behave = lambda request: [0.75 if k % 2 == 0 else 0.25 for k in range(len(questions(request)))]
    path = chat_yaml(parallel=4)
    with pytest.raises(ScorerError, match="margins are no higher in safe examples"):
        calibrate_scorer(f"chat:{path}", goals, drives=3, most_moments=60)
    assert not path.with_suffix(".calibration.yaml").exists()


def test_goals_that_look_at_the_camera_cannot_be_calibrated_on_drawn_views(goals):
    goals.write_text(yaml.safe_dump(GOALS | {"view": "camera"}))
    with pytest.raises(ScorerError, match="look at the camera"):
        calibrate_scorer("lit-minilm", goals)
