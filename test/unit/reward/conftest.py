import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))

from chat_stub import ChatStub
from tiny_models import make_onnx_folder, make_transformers_folder


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory):
    return make_transformers_folder(tmp_path_factory.mktemp("clip"), "clip")


@pytest.fixture(scope="session")
def siglip_folder(tmp_path_factory):
    return make_transformers_folder(tmp_path_factory.mktemp("siglip"), "siglip")


@pytest.fixture(scope="session")
def onnx_folder(tmp_path_factory):
    return make_onnx_folder(tmp_path_factory.mktemp("onnx"))


@pytest.fixture
def stub(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = ChatStub()
    yield server
    server.close()


@pytest.fixture
def chat_yaml(stub, tmp_path):
    """Return a function that writes a chat scorer's YAML: short waits, one call at a time, changed by keywords."""

    def write(**changes):
        settings = {
            "base_url": stub.url,
            "model": "stub",
            "api_key_env": None,
            "folder": str(tmp_path / "chat"),
            "picture": "a road",
            "timeout_s": 5.0,
            "retries": 0,
            "retry_wait_s": 0.0,
            "parallel": 1,
            "enlarge": 1,
            "prices": {"prompt_per_million": 1.0, "completion_per_million": 10.0},
            "budget": {"calls": None, "money": None},
        }
        path = tmp_path / "chat.yaml"
        path.write_text(yaml.safe_dump(settings | changes))
        return path

    return write


@pytest.fixture
def open_chat(chat_yaml):
    """Return a function that opens a chat scorer with changed settings; it is closed after the test."""
    from sim2real_ad.reward.scorers.chat.scorer import open_chat_scorer

    opened = []

    def open_one(**changes):
        opened.append(open_chat_scorer(chat_yaml(**changes)))
        return opened[-1]

    yield open_one
    for scorer in opened:
        scorer.close()
