"""The Dockerfiles, as far as they can be checked without Docker."""

import importlib.util
import json
import re
import shlex
from pathlib import Path

import pytest
from tree import DOCKERFILES, ROOT, Instruction, apt_packages, instructions

pytestmark = pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.stem)
KNOWN = {"ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "FROM", "HEALTHCHECK", "RUN", "USER", "VOLUME", "WORKDIR"}


def system_packages(table: str) -> set[str]:
    """Return the packages of a table of tools/check_system.py."""
    spec = importlib.util.spec_from_file_location("check_system", ROOT / "tools" / "check_system.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {package for package, _ in getattr(module, table).values()}


def last(path: Path, name: str) -> Instruction:
    return [i for i in instructions(path) if i.name == name][-1]


def test_only_known_instructions_stand_in_it(path: Path) -> None:
    assert {i.name for i in instructions(path)} <= KNOWN
    assert last(path, "CMD").stage == instructions(path)[-1].stage


def test_every_base_is_pinned_to_a_release(path: Path) -> None:
    given = dict(i.rest.split("=", 1) for i in instructions(path) if i.name == "ARG" and "=" in i.rest)
    for base in (i.rest.split()[0] for i in instructions(path) if i.name == "FROM"):
        image = re.sub(r"\$\{(\w+)\}", lambda found: given[found[1]], base)
        assert re.fullmatch(r"[a-z]+:[a-z0-9.-]*(jazzy|\d)[a-z0-9.-]*", image), image
        assert not image.endswith("latest")


def test_every_file_that_is_copied_exists_and_is_not_ignored(path: Path) -> None:
    ignored = {line.strip() for line in (ROOT / ".dockerignore").read_text().splitlines()}
    stages = {i.rest.split()[-1] for i in instructions(path) if i.name == "FROM" and " AS " in i.rest}
    for copy in (i for i in instructions(path) if i.name == "COPY"):
        *sources, _ = [word for word in copy.rest.split() if not word.startswith("--")]
        origin = re.search(r"--from=(\S+)", copy.rest)
        if origin:
            assert origin[1] in stages
            continue
        for source in sources:
            assert (ROOT / source).exists(), source
            assert source not in ignored


def test_it_does_not_run_as_root(path: Path) -> None:
    user = last(path, "USER")
    assert user.stage == instructions(path)[-1].stage
    assert user.rest not in ("root", "0")
    made = [i for i in instructions(path) if i.name == "RUN" and "useradd --create-home --uid 1001" in i.rest]
    assert any(user.rest in i.rest.split() for i in made)


def test_what_is_built_belongs_to_the_user_who_runs_it(path: Path) -> None:
    listed = instructions(path)
    after = listed[listed.index(last(path, "USER")) :]
    assert not [i for i in after if i.name == "RUN" and "apt-get" in i.rest]
    assert all("--chown" in i.rest for i in after if i.name == "COPY")


def test_the_system_packages_are_those_of_check_system(path: Path) -> None:
    runs = " ".join(i.rest for i in instructions(path) if i.name == "RUN")
    if "tools/check_system.py --install" not in runs:  # no embedded world here: programs alone
        assert system_packages("PROGRAMS") <= apt_packages(path)
        assert "world" not in last(path, "CMD").rest


def test_package_lists_are_not_left_in_the_image(path: Path) -> None:
    for run in (i for i in instructions(path) if i.name == "RUN"):
        if "apt-get update" in run.rest or "check_system.py --install" in run.rest:
            assert run.rest.endswith("rm -rf /var/lib/apt/lists/*")
        if "apt-get install" in run.rest:
            assert "--no-install-recommends" in run.rest


def test_the_project_s_own_commands_build_it(path: Path) -> None:
    runs = [i.rest for i in instructions(path) if i.name == "RUN"]
    makes = [shlex.split(run)[1] for run in runs if run.startswith("make ")]
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(makes) <= set(targets)
    builds = [shlex.split(run)[0] for run in runs if run.startswith("deploy/")]
    assert makes or builds
    for script in builds:
        assert (ROOT / script).stat().st_mode & 0o111


def test_commands_are_lists_so_that_signals_reach_them(path: Path) -> None:
    for instruction in instructions(path):
        if instruction.name in ("CMD", "ENTRYPOINT"):
            assert all(isinstance(word, str) for word in json.loads(instruction.rest))


def test_its_health_is_the_gate_s_word_or_it_has_none(path: Path) -> None:
    health = last(path, "HEALTHCHECK").rest
    if health == "NONE":
        assert json.loads(last(path, "CMD").rest) == ["make", "test"]
    else:
        command = json.loads(health.partition("CMD")[2])
        assert command[-4:] == ["s2r", "doctor", "--only", "gate"]
