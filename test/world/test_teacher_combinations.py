"""Every scorer with every algorithm in every world trains: the three are independent names on one line.

The networks are tiny and random and the chat model is a stub: this is about the plumbing, not about what is learned.
"""

import sys
from pathlib import Path

import pytest
import yaml
from rich.console import Console

pytest.importorskip("torch", reason="training needs the train extra")
sys.path.append(str(Path(__file__).parents[1] / "unit" / "reward"))

import torch
from chat_stub import ChatStub
from tiny_models import make_onnx_folder, make_transformers_folder

from sim2real_ad.config import share_path
from sim2real_ad.reward.goal_guidance import load_guidance
from sim2real_ad.reward.scorers.lit import HEAD_FILE, SHIPPED
from sim2real_ad.training.progress import Progress
from sim2real_ad.training.teacher.hyperparameters import OffPolicyHyperparameters
from sim2real_ad.training.teacher.policy import TeacherPolicy
from sim2real_ad.training.teacher.run import train_teacher
from sim2real_ad.training.teacher.settings import ALGORITHMS, AlgorithmSettings, load_teacher_training
from sim2real_ad.world.carla.launch import running_world_server

SCORERS = ("lit-minilm", "clip", "onnx", "chat")
STEPS, STRIDE = 200, 20
SMALL = {"hidden": [16], "batch_size": 16, "learning_rate": 1e-5}
"""It learns so slowly that no network drives off the road at once: on a CARLA server an episode is slow to begin."""
OFF_POLICY = {**SMALL, "learning_starts": 40, "train_freq": 20, "gradient_steps": 2, "buffer_size": 1000}


@pytest.fixture(scope="module")
def server():
    with running_world_server() as running:
        yield running


@pytest.fixture(scope="module")
def short_scenario(tmp_path_factory):
    """A stop at a stop sign that has three seconds' time: every training sees time limits and new episodes."""
    scenario = yaml.safe_load((share_path() / "config" / "scenarios" / "stop_sign.yaml").read_text())
    path = tmp_path_factory.mktemp("scenarios") / "hurried.yaml"
    path.write_text(yaml.safe_dump({**scenario, "name": "hurried", "criteria": {"time_limit_s": 3.0}}))
    return str(path)


@pytest.fixture(scope="module")
def small_camera(tmp_path_factory):
    camera = {"width": 64, "height": 36, "fx": 32.0, "fy": 32.0, "cx": 32.0, "cy": 18.0}
    path = tmp_path_factory.mktemp("cameras") / "small.yaml"
    path.write_text(yaml.safe_dump({**camera, "mount": {"x": 1.6, "y": 0.0, "z": 1.45, "pitch_deg": 4.0}}))
    return str(path)


@pytest.fixture(scope="module")
def chat_stub():
    stub = ChatStub()
    yield stub
    stub.close()


@pytest.fixture(scope="module")
def scorer_names(tmp_path_factory, chat_stub):
    """What stands behind --scorer for each backend."""
    chat = tmp_path_factory.mktemp("chat")
    settings = {
        "base_url": chat_stub.url,
        "model": "stub",
        "api_key_env": None,
        "folder": str(chat / "answers"),
        "picture": "a road",
        "prices": {"prompt_per_million": 1.0, "completion_per_million": 1.0},
        "budget": {"calls": None, "money": None},
    }
    (chat / "chat.yaml").write_text(yaml.safe_dump(settings))
    names = {
        "onnx": f"onnx:{make_onnx_folder(tmp_path_factory.mktemp('onnx'))}",
        "chat": f"chat:{chat / 'chat.yaml'}",
        "lit-minilm": "lit-minilm",
    }
    try:
        import transformers  # noqa: F401
    except ModuleNotFoundError:
        return names
    return {**names, "clip": f"clip:{make_transformers_folder(tmp_path_factory.mktemp('clip'), 'clip')}"}


@pytest.fixture(scope="module")
def opened():
    """Each scorer is loaded once; which run it guides makes no difference to it."""
    return {}


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def guidance_of(scorer, names, opened):
    if scorer not in names:
        pytest.skip("transformers is not installed")
    if scorer == "lit-minilm" and not (SHIPPED / HEAD_FILE).is_file():
        pytest.skip("the shipped head is not in this tree")
    if scorer not in opened:
        opened[scorer] = load_guidance(names[scorer], "driving")
    return opened[scorer]


def settings_of(algorithm):
    kind = type(getattr(AlgorithmSettings(), algorithm))
    return (
        OFF_POLICY
        if issubclass(kind, OffPolicyHyperparameters)
        else {**SMALL, "batch_size": 25, "n_steps": 50, "n_epochs": 1}
    )


@pytest.mark.torch
@pytest.mark.render
@pytest.mark.parametrize("world", ["embedded", "carla"])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("scorer", SCORERS)
def test_it_trains(scorer, algorithm, world, tmp_path, scorer_names, opened, short_scenario, small_camera, request):
    torch.set_num_threads(1)
    guidance = guidance_of(scorer, scorer_names, opened)
    drives = {"world": world, "scenarios": [short_scenario], "camera": small_camera}
    drives |= {"action_repeat": 1, "guidance_stride": STRIDE}
    if world == "carla":
        server = request.getfixturevalue("server")
        drives |= {"host": server.host, "port": server.port}
    changes = {
        "algorithm": algorithm,
        "scorer": scorer_names[scorer],
        "steps": STEPS,
        "worlds": 1,
        "drives": drives,
        "algorithms": {algorithm: settings_of(algorithm)},
        "evaluation": {"every": STEPS, "episodes": 1, "final_episodes": 1},
    }
    before = guidance.record()
    progress = Progress(Console(quiet=True))
    result = train_teacher(load_teacher_training(None, changes), tmp_path, progress, guidance=guidance)

    assert result["steps"] == STEPS
    assert result["evaluations"]["final"]["scenarios"][short_scenario]["n"] == 1
    assert TeacherPolicy.load(tmp_path / "teacher.npz").hidden == (16,)
    scored = guidance.record()["scored"] - before["scored"]
    assert STEPS / STRIDE <= scored <= 3 * STEPS / STRIDE
    assert guidance.record()["failures"] == before["failures"]
    assert result["audit"]["figures"]["asked"] <= scored
