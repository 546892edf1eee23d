"""What `s2r train` can be told: one YAML, every value with a default that makes the shipped checkpoint."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from sim2real_ad.config import StrictModel, load_config
from sim2real_ad.observation.adapter import ImageSpec
from sim2real_ad.observation.spec import ObservationSpec
from sim2real_ad.policy.corridor import CorridorSpec
from sim2real_ad.vehicle.profile import load_vehicle


class AdapterTraining(StrictModel):
    """Camera adapter. minutes bounds the optimisation alone; frames are collected before."""

    episodes: int = Field(default=2600, ge=2)
    frames_per_episode: int = Field(default=6, ge=1)
    held_out_episodes: int = Field(default=60, ge=1)
    misfit_episodes: int = Field(default=2000, ge=2, description="with a grossly wrong calibration, to be doubted")
    misfit_frames: int = Field(default=2, ge=1)
    epochs: int = Field(default=24, ge=1)
    minutes: float = Field(default=45.0, gt=0.0)
    batch_size: int = Field(default=16, ge=2)
    learning_rate: float = Field(default=3e-3, gt=0.0)
    tune_from: float = Field(
        default=0.6, ge=0.0, le=1.0, description="share of the run from which the backbone's deep part learns"
    )
    tune_rate: float = Field(default=0.1, gt=0.0, le=1.0, description="its learning rate, of the others'")
    doubt_minutes: float = Field(default=8.0, gt=0.0, description="of training for the out-of-distribution score")
    positive_weights: tuple[float, ...] = (1.0, 2.0, 6.0, 2.0, 6.0, 6.0)


class StudentTraining(StrictModel):
    """Student by DAgger. Rounds on the degraded true BEV come first, then rounds through the camera adapter."""

    practice: tuple[str, ...] = Field(
        default=(
            "car_following",
            "obstacle_avoidance",
            "stop_sign",
            "obstacle_avoidance",
            "stop_sign",
            "queue_at_stop_line",
        ),
        min_length=1,
        description="scenarios or config/practice, taken in turn by training episodes; named twice, driven twice",
    )
    truth_rounds: int = Field(default=4, ge=0)
    truth_episodes: int = Field(default=60, ge=1, description="episodes a round, all scenarios together")
    camera_rounds: int = Field(default=4, ge=0)
    camera_episodes: int = Field(default=60, ge=1)
    epochs: int = Field(default=3, ge=1, description="passes over all samples after each round")
    final_epochs: int = Field(default=14, ge=1, description="the same after the last round")
    batch_size: int = Field(default=128, ge=2)
    learning_rate: float = Field(default=1e-3, gt=0.0)
    acceleration_weight: float = Field(default=1.0, gt=0.0)
    curvature_weight: float = Field(default=4.0, gt=0.0)
    validated_rounds: int = Field(default=2, ge=1, description="camera rounds, the last ones, that are judged")
    validation_episodes: int = Field(
        default=8, ge=1, description="a scenario, after each of these, under all of the randomization"
    )


class TrainingConfig(StrictModel):
    """Everything."""

    seed: int = 1
    randomization: float = Field(
        default=1.0, ge=0.0, le=1.0, description="strength of all of it; 0: nominal worlds, cameras and pictures"
    )
    scenarios: tuple[str, ...] = ("car_following", "obstacle_avoidance", "stop_sign")
    teacher: str = Field(
        default="trained",
        description="whom the student learns from: trained (first, in OUT/teacher), shipped, expert, or a .npz",
    )
    teacher_training: str = Field(default="from_imitation", description="name in config/training, or a path")
    vehicle: str = "saloon"
    camera: str = "default"
    maps: tuple[str, ...] = ("curved_road", "urban_block", "proving_ground")
    observation: ObservationSpec = ObservationSpec()
    image: ImageSpec = ImageSpec()
    corridor: CorridorSpec = CorridorSpec()
    adapter: AdapterTraining = AdapterTraining()
    student: StudentTraining = StudentTraining()

    @model_validator(mode="after")
    def _overhang_is_the_vehicles(self) -> TrainingConfig:
        driven, told = load_vehicle(self.vehicle).front_overhang, self.corridor.trained_front_overhang
        if driven != told:
            raise ValueError(
                f"corridor.trained_front_overhang is {told} m, the front_overhang of vehicle {self.vehicle} {driven} m"
            )
        return self


def load_training(path: Path | None) -> TrainingConfig:
    """Read a training configuration; None means the defaults. Raises ConfigError."""
    return TrainingConfig() if path is None else load_config(path, TrainingConfig)
