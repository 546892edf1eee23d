"""A checkpoint: a folder with weights, pre-processing, spec fingerprint, training record and hashes.

checkpoint.yaml names every file with its SHA-256; adapter.onnx and student.onnx are the networks, record.json tells
how they were trained, MODEL_CARD.md what they are for. Whatever turns a picture into an action is rebuilt from the
folder, never from defaults in the code.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field

from sim2real_ad.config import StrictModel, check_config, read_yaml
from sim2real_ad.errors import CheckpointError, ConfigError
from sim2real_ad.geometry.camera import CameraModel
from sim2real_ad.observation.adapter import ADAPTER_INPUTS, Adapter, ImageSpec
from sim2real_ad.observation.spec import ObservationSpec
from sim2real_ad.observation.stage import LearnedObservationStage
from sim2real_ad.pipeline import ObservationStage, PolicyStage
from sim2real_ad.policy.corridor import Corridor, CorridorSpec
from sim2real_ad.policy.runtime import CPU, open_network
from sim2real_ad.policy.student import StudentPolicy
from sim2real_ad.vehicle.profile import ActionScale, VehicleProfile

FORMAT_VERSION = 7
CONFIG_FILE = "checkpoint.yaml"
ADAPTER_FILE = "adapter.onnx"
STUDENT_FILE = "student.onnx"
RECORD_FILE = "record.json"
CARD_FILE = "MODEL_CARD.md"
REQUIRED_FILES = (ADAPTER_FILE, STUDENT_FILE, RECORD_FILE, CARD_FILE)
SHIPPED = Path(__file__).parent / "shipped"


class CheckpointConfig(StrictModel):
    """What checkpoint.yaml holds.

    fingerprint: of the observation spec the networks were trained on; action: what +-1 meant in training; files:
    SHA-256 in hex by file name.
    """

    format_version: int
    fingerprint: str = Field(pattern="^[0-9a-f]{16}$")
    observation: ObservationSpec
    image: ImageSpec
    corridor: CorridorSpec
    action: ActionScale
    files: dict[str, str]


@dataclass(frozen=True)
class Checkpoint:
    """A verified checkpoint; its networks are loaded when a stage is made."""

    path: Path
    config: CheckpointConfig
    providers: tuple[str, ...]

    @property
    def spec(self) -> ObservationSpec:
        """The observation spec the networks were trained on."""
        return self.config.observation

    @property
    def name(self) -> str:
        """What results call it: shipped, or the folder."""
        return "shipped" if self.path == SHIPPED else str(self.path)

    @property
    def sha256(self) -> str:
        """SHA-256 of the configuration, which holds those of the files."""
        return sha256_of(self.path / CONFIG_FILE)

    def observation_stage(self, camera: CameraModel) -> ObservationStage:
        """Make the observation stage for one mounted camera. Raises CheckpointError where the network cannot load."""
        return LearnedObservationStage(self.adapter(camera), self.spec, camera)

    def adapter(self, camera: CameraModel) -> Adapter:
        """Make the adapter alone for one mounted camera. Raises CheckpointError where the network cannot load."""
        session = self._session(ADAPTER_FILE, set(ADAPTER_INPUTS))
        return Adapter(session, self.config.image, self.spec.bev, camera)

    def policy_stage(self, profile: VehicleProfile) -> PolicyStage:
        """Make the policy stage for the car that it drives. Raises CheckpointError where the network cannot load."""
        session = self._session(STUDENT_FILE, {"corridor", "features"})
        return StudentPolicy(session, Corridor(self.config.corridor, self.spec, profile.front_overhang))

    def _session(self, name: str, inputs: set[str]) -> Any:
        session = open_network(self.path / name, self.providers)
        found = {node.name for node in session.get_inputs()}
        if found != inputs:
            raise CheckpointError(f"{self.path / name}: inputs {sorted(found)}, expected {sorted(inputs)}")
        return session


def load_checkpoint(path: Path | None = None, providers: Sequence[str] = CPU) -> Checkpoint:
    """Open and verify a checkpoint; None means the shipped one. providers: see `runtime.open_network`.

    Raises CheckpointError, naming the file and the values, where anything is missing, altered or of another version.
    """
    folder = SHIPPED if path is None else Path(path)
    if not folder.is_dir():
        raise CheckpointError(f"no checkpoint folder at {folder}")
    config = _read_config(folder / CONFIG_FILE)
    for name in REQUIRED_FILES:
        _check_file(folder / name, config.files.get(name))
    return Checkpoint(folder, config, tuple(providers))


def identity_of_checkpoint(path: Path | None = None) -> str:
    """Return the SHA-256 of a checkpoint's configuration, which holds those of its files; the shipped one's for None.

    The files themselves need not be there: what was judged once stays judged. Raises CheckpointError.
    """
    file = (SHIPPED if path is None else Path(path)) / CONFIG_FILE
    _read_config(file)
    return sha256_of(file)


def read_spec(path: Path | None = None) -> ObservationSpec:
    """Read the observation spec alone of a checkpoint, the shipped one for None. Raises CheckpointError."""
    return _read_config((SHIPPED if path is None else Path(path)) / CONFIG_FILE).observation


def check_observation_spec(checkpoint: Checkpoint, spec: ObservationSpec) -> None:
    """Raise CheckpointError unless a checkpoint was trained on exactly this observation spec."""
    if spec.fingerprint != checkpoint.spec.fingerprint:
        raise CheckpointError(
            f"checkpoint {checkpoint.path} was trained on observation spec {checkpoint.spec.fingerprint}, "
            f"this drive uses {spec.fingerprint}"
        )


def seal_checkpoint(
    folder: Path, observation: ObservationSpec, image: ImageSpec, corridor: CorridorSpec, action: ActionScale
) -> CheckpointConfig:
    """Write checkpoint.yaml over the files that lie in a folder. Raises CheckpointError where one is missing."""
    missing = [name for name in REQUIRED_FILES if not (folder / name).is_file()]
    if missing:
        raise CheckpointError(f"checkpoint {folder} cannot be sealed without {', '.join(missing)}")
    config = CheckpointConfig(
        format_version=FORMAT_VERSION,
        fingerprint=observation.fingerprint,
        observation=observation,
        image=image,
        corridor=corridor,
        action=action,
        files={name: sha256_of(folder / name) for name in REQUIRED_FILES},
    )
    text = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
    (folder / CONFIG_FILE).write_text(text, encoding="utf-8")
    return config


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _read_config(path: Path) -> CheckpointConfig:
    """The version is looked at first: another version may well have other keys."""
    try:
        data = read_yaml(path)
        version = data.get("format_version")
        if version != FORMAT_VERSION:
            raise CheckpointError(f"{path}: format_version {version}, this release reads {FORMAT_VERSION}")
        config = check_config(data, CheckpointConfig, str(path))
    except ConfigError as error:
        raise CheckpointError(f"checkpoint: {error}") from error
    if config.fingerprint != config.observation.fingerprint:
        raise CheckpointError(
            f"{path}: fingerprint {config.fingerprint}, but its observation spec has {config.observation.fingerprint}"
        )
    return config


def _check_file(path: Path, expected: str | None) -> None:
    if expected is None:
        raise CheckpointError(f"{path.parent / CONFIG_FILE} names no hash for {path.name}")
    if not path.is_file():
        raise CheckpointError(f"checkpoint file {path} is missing")
    actual = sha256_of(path)
    if actual != expected:
        raise CheckpointError(f"{path}: SHA-256 {actual[:16]}..., {CONFIG_FILE} says {expected[:16]}...: file altered")
