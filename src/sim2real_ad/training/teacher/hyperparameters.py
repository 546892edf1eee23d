"""What each algorithm can be told. The defaults are for two CPU cores and a compact state vector.

On such a state a world steps in well under a millisecond and a gradient step of these networks takes several, so the
off-policy algorithms gather a few dozen transitions and then take fewer gradient steps than they gathered.
"""

from __future__ import annotations

from pydantic import Field, model_validator

from sim2real_ad.config import StrictModel


class Hyperparameters(StrictModel):
    """What all algorithms share. hidden: widths of actor and critic; gamma: a step's discount."""

    learning_rate: float = Field(default=3e-4, gt=0.0)
    gamma: float = Field(default=0.96, gt=0.0, lt=1.0)
    hidden: tuple[int, ...] = Field(default=(256, 256), min_length=1)
    batch_size: int = Field(default=256, ge=2)


class OffPolicyHyperparameters(Hyperparameters):
    """Learners from a replay buffer. train_freq: steps of every world between updates; tau: of the target networks."""

    buffer_size: int = Field(default=200_000, ge=64, description="transitions of all worlds together")
    learning_starts: int = Field(default=5_000, ge=0, description="transitions of random actions before learning")
    train_freq: int = Field(default=8, ge=1)
    gradient_steps: int = Field(default=16, ge=1, description="after every train_freq steps of every world")
    tau: float = Field(default=0.005, gt=0.0, le=1.0)


class SacHyperparameters(OffPolicyHyperparameters):
    """Soft actor-critic. ent_coef: "auto", "auto_<first value>" or a number."""

    ent_coef: float | str = "auto_0.1"

    @model_validator(mode="after")
    def _entropy_is_readable(self) -> SacHyperparameters:
        if isinstance(self.ent_coef, str):
            word, _, first = self.ent_coef.partition("_")
            if word != "auto" or (first and not _is_positive(first)):
                raise ValueError(f"ent_coef must be 'auto', 'auto_<number>' or a number, got '{self.ent_coef}'")
        elif self.ent_coef < 0.0:
            raise ValueError(f"ent_coef must not be negative, got {self.ent_coef}")
        return self


class TqcHyperparameters(SacHyperparameters):
    """Truncated quantile critics: SAC with quantiles, the top ones of each critic dropped."""

    n_critics: int = Field(default=2, ge=1)
    n_quantiles: int = Field(default=25, ge=2)
    top_quantiles_to_drop: int = Field(default=2, ge=0)

    @model_validator(mode="after")
    def _something_is_left(self) -> TqcHyperparameters:
        if self.top_quantiles_to_drop >= self.n_quantiles:
            raise ValueError(f"top_quantiles_to_drop {self.top_quantiles_to_drop} leaves none of {self.n_quantiles}")
        return self


class Td3Hyperparameters(OffPolicyHyperparameters):
    """Twin delayed DDPG. Noises are standard deviations of actions in [-1, 1]."""

    action_noise: float = Field(default=0.1, ge=0.0, le=1.0)
    policy_delay: int = Field(default=2, ge=1)
    target_policy_noise: float = Field(default=0.2, ge=0.0)
    target_noise_clip: float = Field(default=0.5, ge=0.0)


class PpoHyperparameters(Hyperparameters):
    """Proximal policy optimisation. n_steps: of every world in one rollout; log_std: of the first actions' noise."""

    n_steps: int = Field(default=256, ge=2)
    n_epochs: int = Field(default=6, ge=1)
    gae_lambda: float = Field(default=0.95, ge=0.0, le=1.0)
    clip_range: float = Field(default=0.2, gt=0.0)
    ent_coef: float = Field(default=0.0, ge=0.0)
    vf_coef: float = Field(default=0.5, ge=0.0)
    max_grad_norm: float = Field(default=0.5, gt=0.0)
    target_kl: float | None = Field(default=0.03, gt=0.0)
    log_std: float = Field(default=-1.0, ge=-5.0, le=1.0)


def _is_positive(text: str) -> bool:
    try:
        return float(text) > 0.0
    except ValueError:
        return False
