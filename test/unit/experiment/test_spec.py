import pytest
import yaml

from sim2real_ad.config import share_path
from sim2real_ad.errors import ConfigError
from sim2real_ad.evaluation.documents import require_markers
from sim2real_ad.training.experiment.spec import NOTHING, ExperimentSpec, load_experiment
from sim2real_ad.training.seeds import EVALUATION_SEEDS

ROW = {"algorithms": ["sac"], "rewards": ["vlm"], "start": "imitated", "seeds": [1, 2]}
SPEC = {"steps": 500, "scenarios": ["stop_sign"], "judging": {"episodes": 4}, "rows": [ROW]}


def write(tmp_path, **changes):
    path = tmp_path / "experiment.yaml"
    path.write_text(yaml.safe_dump({**SPEC, **changes}))
    return path


def test_a_row_means_every_algorithm_with_every_reward_and_seed(tmp_path):
    row = {"algorithms": ["sac", "ppo"], "rewards": ["vlm", "hand-crafted"], "start": "scratch", "seeds": [1, 2]}
    runs = load_experiment(write(tmp_path, rows=[row])).runs()
    assert [run.id for run in runs] == [
        "sac-vlm-scratch-s1",
        "sac-hand-crafted-scratch-s1",
        "ppo-vlm-scratch-s1",
        "ppo-hand-crafted-scratch-s1",
        "sac-vlm-scratch-s2",
        "sac-hand-crafted-scratch-s2",
        "ppo-vlm-scratch-s2",
        "ppo-hand-crafted-scratch-s2",
    ]
    assert {run.steps for run in runs} == {500}


def test_the_start_that_others_train_on_is_judged_as_it_is(tmp_path):
    first, *others = load_experiment(write(tmp_path)).runs()
    assert (first.id, first.steps, first.trains, first.algorithm) == ("start-imitated", 0, False, NOTHING)
    assert all(run.trains for run in others)


def test_every_run_is_judged_on_the_same_drives(tmp_path):
    spec = load_experiment(write(tmp_path, judging={"episodes": 2, "first_seed": 7}, scenarios=["a", "b"]))
    assert {tuple(run.trials) for run in spec.runs()} == {(("a", 7), ("b", 7), ("a", 8), ("b", 8))}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"rows": [ROW, {**ROW, "seeds": [2]}]}, "sac-vlm-imitated-s2"),
        ({"judging": {"episodes": 20, "first_seed": 990}}, "990 to 1009"),
        ({"judging": {"episodes": 0}}, "judging.episodes"),
        ({"steps": 0}, "steps"),
        ({"rows": []}, "rows"),
        ({"rows": [{**ROW, "start": "asleep"}]}, "asleep"),
        ({"rows": [{**ROW, "rewards": ["Bad Name"]}]}, "Bad Name"),
        ({"rows": [{**ROW, "seeds": [-1]}]}, "-1"),
        ({"settings": {"steps": 3, "worlds": 2}}, "steps"),
        ({"settings": {"drives": {"scenarios": ["x"]}}}, "drives.scenarios"),
        ({"epochs": 3}, "epochs"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(tmp_path, changes, named):
    with pytest.raises(ConfigError, match=named):
        load_experiment(write(tmp_path, **changes))


def test_an_unknown_experiment_names_those_there_are():
    with pytest.raises(ConfigError, match="rewards_and_algorithms"):
        load_experiment("nothing_like_it")


def test_the_shipped_experiment_holds_what_its_claim_needs():
    """The grid from one start, three seeds where the claim rests, and the same start without guidance, equal steps."""
    runs = load_experiment("rewards_and_algorithms").runs()
    (start,) = {run.start for run in runs if run.reward == "vlm" and run.seed == 3}
    grid = {(r.algorithm, r.reward) for r in runs if r.start == start and r.trains}
    algorithms, rewards = ("sac", "ppo", "tqc"), ("vlm", "surrogate", "hand-crafted", "sparse")
    assert grid == {(a, r) for a in algorithms for r in rewards}
    for algorithm in algorithms:
        assert len([r for r in runs if (r.algorithm, r.reward, r.start) == (algorithm, "vlm", start)]) >= 3
    assert f"start-{start}" in [r.id for r in runs]
    assert len({r.steps for r in runs if r.trains}) == 1
    assert all(seed in EVALUATION_SEEDS for run in runs for _, seed in run.trials)


def test_every_shipped_experiment_has_a_section_in_the_documentation():
    page = share_path() / "docs" / "experiments.md"
    for path in (share_path() / "config" / "experiments").glob("*.yaml"):
        require_markers(page, path.stem)


def test_shipped_experiments_can_all_be_trained():
    from sim2real_ad.training.experiment.teacher_run import check_training

    for path in (share_path() / "config" / "experiments").glob("*.yaml"):
        for run in load_experiment(path).runs():
            check_training(run)


def test_ids_of_a_spec_do_not_depend_on_anything_but_what_they_name():
    spec = ExperimentSpec.model_validate(SPEC)
    other = ExperimentSpec.model_validate({**SPEC, "steps": 9, "judging": {"episodes": 1}, "settings": {"worlds": 3}})
    assert [run.id for run in spec.runs()] == [run.id for run in other.runs()]


def test_the_shipped_teacher_is_trained_as_the_experiment_trains_it():
    from sim2real_ad.training.experiment.teacher_run import teacher_training
    from sim2real_ad.training.teacher.settings import load_teacher_training

    (run,) = [r for r in load_experiment("from_imitation").runs() if r.id == "ppo-vlm-imitated-s1"]
    assert teacher_training(run) == load_teacher_training("from_imitation")
