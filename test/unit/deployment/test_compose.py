"""The compose files: valid, and every command in them is one that the project understands."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from tree import COMPOSE_FILES, DOCKER, DOCKERFILES, ROOT, instructions

from sim2real_ad.cli.main import build_app

SERVICE_KEYS = {
    *("image", "build", "command", "depends_on", "deploy", "environment", "healthcheck", "ipc", "network_mode"),
    *("restart", "shm_size", "stop_grace_period", "stop_signal", "ulimits", "volumes"),
}
GRAPHS = ("world", "graph", "carla")


def load(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text())


def services() -> list[Any]:
    return [
        pytest.param(path, name, id=f"{path.stem}-{name}") for path in COMPOSE_FILES for name in load(path)["services"]
    ]


def plain(word: str) -> str:
    """Give variables their defaults."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", word)


def launch_arguments(name: str) -> set[str]:
    """Return the names that a launch file declares, read from its source: launch itself need not be here."""
    found: set[str] = set()
    for path in (ROOT / "launch" / name, ROOT / "src/sim2real_ad/ros/launch_actions.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "").endswith("ARGUMENTS"):
                assert isinstance(node.value, ast.Dict)
                found |= {key.value for key in node.value.keys if isinstance(key, ast.Constant)}
    return found


def check_s2r(words: list[str]) -> None:
    """Parse arguments as `s2r` does, without running the command. Raises click's usage errors."""
    group: Any = typer.main.get_command(build_app(words))
    command = group.commands[words[0]]
    command.make_context(words[0], list(words[1:]))


def test_there_is_one_for_each_way_of_use() -> None:
    assert {path.name for path in COMPOSE_FILES} == {
        "compose.embedded.yaml",
        "compose.carla.yaml",
        "compose.vehicle.yaml",
    }


@pytest.mark.parametrize("path", COMPOSE_FILES, ids=lambda path: path.stem)
def test_a_file_has_a_name_known_keys_and_declares_its_volumes(path: Path) -> None:
    data = load(path)
    assert set(data) - {"x-simulation"} == {"name", "services", "volumes"}
    for service in data["services"].values():
        assert set(service) <= SERVICE_KEYS
        for volume in service.get("volumes", ()):
            assert volume.partition(":")[0] in data["volumes"]
        for other, condition in service.get("depends_on", {}).items():
            assert condition == {"condition": "service_healthy"}
            assert "healthcheck" in data["services"][other]
        mode = service.get("network_mode", "host")
        assert mode == "host" or mode.removeprefix("service:") in data["services"]


@pytest.mark.parametrize(("path", "name"), services())
def test_an_image_of_ours_is_built_from_a_dockerfile_here_and_others_are_pinned(path: Path, name: str) -> None:
    service = load(path)["services"][name]
    if "build" not in service:
        assert service["image"] == "carlasim/carla:0.9.16"
        return
    build = service["build"]
    assert (path.parent / build["context"]).resolve() == ROOT
    dockerfile = ROOT / build["dockerfile"]
    assert dockerfile in DOCKERFILES
    arguments = {i.rest.partition("=")[0] for i in instructions(dockerfile) if i.name == "ARG"}
    assert set(build.get("args", {})) <= arguments


@pytest.mark.parametrize(("path", "name"), services())
def test_a_command_is_one_that_the_image_understands(path: Path, name: str) -> None:
    service = load(path)["services"][name]
    words = [plain(word) for word in service["command"]]
    if service["image"] == "sim2real-ad/simulation":
        check_s2r(words)
    elif service["image"] == "sim2real-ad/vehicle":
        assert words[:3] == ["ros2", "launch", "sim2real_ad"]
        assert {word.partition(":=")[0] for word in words[4:]} <= launch_arguments(words[3])
        assert (ROOT / "launch" / words[3]).is_file()


def test_an_option_that_does_not_exist_would_be_noticed() -> None:
    with pytest.raises(Exception, match="No such option: --wrold"):
        check_s2r(["drive", "--wrold", "carla"])


@pytest.mark.parametrize(("path", "name"), services())
def test_shared_memory_is_large_enough_for_the_graph(path: Path, name: str) -> None:
    service = load(path)["services"][name]
    assert name == "carla" or service.get("shm_size") == "1gb" or service.get("ipc") == "host"


def test_the_carla_server_gets_a_gpu_and_the_embedded_world_none() -> None:
    carla = load(DOCKER / "compose.carla.yaml")["services"]["carla"]
    (device,) = carla["deploy"]["resources"]["reservations"]["devices"]
    assert device["capabilities"] == ["gpu"]
    assert "deploy" not in load(DOCKER / "compose.embedded.yaml")["services"]["world"]


def test_the_world_is_reached_by_its_own_network_alone() -> None:
    for name, server in (("compose.embedded.yaml", "world"), ("compose.carla.yaml", "carla")):
        graph = load(DOCKER / name)["services"]["graph"]
        assert graph["network_mode"] == f"service:{server}"
        assert graph["command"][graph["command"].index("--host") + 1] == "127.0.0.1"
        assert not any("ports" in service for service in load(DOCKER / name)["services"].values())


def test_the_world_s_health_check_is_python_that_runs() -> None:
    (*_, code) = load(DOCKER / "compose.embedded.yaml")["services"]["world"]["healthcheck"]["test"]
    wanted, _, call = code.partition("; ")
    scope: dict[str, Any] = {}
    exec(wanted, scope)
    from sim2real_ad.errors import WorldError

    with pytest.raises(WorldError, match=r"no CARLA server at 127.0.0.1:1"):
        exec(call.replace("2000, 5.0", "1, 0.1"), scope)
