"""A small experiment for the tests of this folder."""

from sim2real_ad.training.experiment.spec import ExperimentSpec


def small_spec(**settings):
    return ExperimentSpec.model_validate(
        {
            "steps": 400,
            "scenarios": ["stop_sign", "car_following"],
            "judging": {"episodes": 5},
            "settings": settings,
            "rows": [
                {"algorithms": ["sac"], "rewards": ["vlm"], "start": "imitated", "seeds": [1, 2]},
                {"algorithms": ["sac"], "rewards": ["hand-crafted"], "start": "imitated", "seeds": [1]},
                {"algorithms": ["ppo"], "rewards": ["vlm"], "start": "scratch", "seeds": [1]},
            ],
        }
    )


IDS = [
    "start-imitated",
    "sac-vlm-imitated-s1",
    "sac-hand-crafted-imitated-s1",
    "ppo-vlm-scratch-s1",
    "sac-vlm-imitated-s2",
]
