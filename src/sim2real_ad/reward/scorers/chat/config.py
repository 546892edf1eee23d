"""Settings of a chat scorer, as `config/scorers/*.yaml` holds them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from sim2real_ad.config import StrictModel
from sim2real_ad.errors import ScorerError


class Prices(StrictModel):
    """Money for a million tokens, in whatever currency the bill comes."""

    prompt_per_million: float = Field(ge=0.0)
    completion_per_million: float = Field(ge=0.0)

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """Return what these tokens cost."""
        return (prompt_tokens * self.prompt_per_million + completion_tokens * self.completion_per_million) / 1e6


class BudgetLimits(StrictModel):
    """Limits on all that the ledger in the folder holds, over all runs; null for none."""

    calls: int | None = Field(default=None, ge=0)
    money: float | None = Field(default=None, ge=0.0)


class ChatConfig(StrictModel):
    """One endpoint and model.

    api_key_env: the environment variable with the key, null where the endpoint asks for none; folder: of the cache and
    the ledger, from the working directory; timeout_s: of one call; retries: further calls for one picture;
    retry_wait_s: before the first of them, doubling; parallel: calls under way at once; failures_to_pause: in a row,
    after which nothing is asked for pause_s, doubling up to eightfold; reserve_prompt_tokens: what a call is reckoned
    to take until its usage is known; enlarge: whole-number scale of the picture, whose details are small; picture:
    what it shows.
    """

    base_url: str = Field(pattern=r"^https?://[^\s/]+")
    model: str = Field(min_length=1)
    api_key_env: str | None = Field(default="OPENAI_API_KEY", min_length=1)
    folder: Path
    picture: str = Field(min_length=1)
    response_format: Literal["json_schema", "json_object", "text"] = "json_schema"
    timeout_s: float = Field(default=20.0, gt=0.0)
    retries: int = Field(default=1, ge=0, le=5)
    retry_wait_s: float = Field(default=1.0, ge=0.0, le=60.0)
    parallel: int = Field(default=4, ge=1, le=64)
    failures_to_pause: int = Field(default=5, ge=1)
    pause_s: float = Field(default=60.0, gt=0.0)
    max_completion_tokens: int = Field(default=500, ge=16)
    reserve_prompt_tokens: int = Field(default=4000, ge=1)
    enlarge: int = Field(default=3, ge=1, le=8)
    prices: Prices
    budget: BudgetLimits

    @model_validator(mode="after")
    def _money_is_counted(self) -> ChatConfig:
        if self.budget.money is not None and self.reserve <= 0.0:
            raise ValueError("a budget of money needs prices above 0")
        return self

    @property
    def reserve(self) -> float:
        """The money that one call is reckoned to cost until its usage is known."""
        return self.prices.of(self.reserve_prompt_tokens, self.max_completion_tokens)

    def api_key(self) -> str:
        """Return the key from the environment. Raises ScorerError naming the variable that holds none."""
        if self.api_key_env is None:
            return "none"
        key = os.environ.get(self.api_key_env, "").strip()
        if not key:
            raise ScorerError(f"environment variable {self.api_key_env} holds no key for {self.base_url}")
        return key
