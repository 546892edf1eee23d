"""Where the files of a deployment lie, and Dockerfiles read into instructions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
DOCKER, DEPLOY = ROOT / "docker", ROOT / "deploy"
DOCKERFILES = sorted(DOCKER.glob("*.Dockerfile"))
COMPOSE_FILES = sorted(DOCKER.glob("compose.*.yaml"))


@dataclass(frozen=True)
class Instruction:
    """One instruction of a Dockerfile, its lines joined. stage: number of the FROM that it belongs to, from 0."""

    name: str
    rest: str
    stage: int


def instructions(path: Path) -> list[Instruction]:
    """Read a Dockerfile."""
    lines = [line for line in path.read_text().splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines()
    found: list[Instruction] = []
    stage = -1
    for line in joined:
        name, _, rest = line.strip().partition(" ")
        stage += name == "FROM"
        found.append(Instruction(name, rest.strip(), stage))
    return found


def apt_packages(path: Path) -> set[str]:
    """Return the packages that a Dockerfile names to apt-get install."""
    found: set[str] = set()
    for instruction in instructions(path):
        for command in instruction.rest.split("&&"):
            if instruction.name == "RUN" and "apt-get install" in command:
                words = command.partition("install")[2].split()
                found |= {word for word in words if not word.startswith("-")}
    return found
