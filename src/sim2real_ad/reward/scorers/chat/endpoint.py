"""One call to an OpenAI-compatible endpoint, and what can go wrong with it."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Annotated, Any

import cv2
import numpy as np
import openai
from pydantic import BaseModel, Field, ValidationError

from sim2real_ad.reward.scorers.chat.config import ChatConfig
from sim2real_ad.reward.scorers.chat.prompt import SYSTEM, Prompt, response_format
from sim2real_ad.types import UInt8Array

BUSY_STATUSES = (408, 409, 425, 429)
"""HTTP statuses that are worth another try, as are those from 500 on."""


@dataclass(frozen=True)
class Reply:
    """The model's words; tokens are None where the endpoint does not say."""

    text: str
    prompt_tokens: int | None
    completion_tokens: int | None


class CallFailedError(Exception):
    """A call without a reply. outcome: as in the ledger; again: whether another try may help; billed: whether it may
    have cost money all the same."""

    def __init__(self, outcome: str, message: str, again: bool, billed: bool) -> None:
        super().__init__(f"{outcome}: {message}")
        self.outcome = outcome
        self.again = again
        self.billed = billed


class _Message(BaseModel):
    content: str


class _Choice(BaseModel):
    message: _Message


class _Usage(BaseModel):
    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(ge=0)


class _Body(BaseModel):
    choices: Annotated[list[_Choice], Field(min_length=1)]
    usage: _Usage | None = None


class Endpoint:
    """Asks one model. Safe for threads."""

    def __init__(self, config: ChatConfig) -> None:
        """Raises ScorerError where the key is missing."""
        self._config = config
        # Retries are the caller's: each is a line in the ledger.
        self._client = openai.OpenAI(
            base_url=config.base_url, api_key=config.api_key(), timeout=config.timeout_s, max_retries=0
        )

    def ask(self, image: UInt8Array, prompt: Prompt) -> Reply:
        """Show a picture (H, W, 3) uint8 RGB and ask. Raises CallFailedError."""
        try:
            raw = self._client.chat.completions.with_raw_response.create(**self._request(image, prompt))
            text = raw.http_response.text
        except openai.APITimeoutError as error:
            # The model may have answered into the void, and be paid for it.
            raise CallFailedError("timeout", f"no answer in {self._config.timeout_s} s", True, True) from error
        except openai.APIStatusError as error:
            again = error.status_code in BUSY_STATUSES or error.status_code >= 500
            raise CallFailedError(f"http_{error.status_code}", str(error.message)[:200], again, False) from error
        except openai.APIConnectionError as error:
            raise CallFailedError("unreachable", str(error.__cause__ or error)[:200], True, False) from error
        except Exception as error:  # of the client or of the libraries under it: no reply that can be read
            raise CallFailedError("nonsense", str(error)[:200], True, True) from error
        return _reply(text)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _request(self, image: UInt8Array, prompt: Prompt) -> dict[str, Any]:
        content = [
            {"type": "text", "text": prompt.text},
            {"type": "image_url", "image_url": {"url": data_url(image, self._config.enlarge)}},
        ]
        messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": content}]
        return {
            "model": self._config.model,
            "messages": messages,
            "temperature": 0.0,
            "max_tokens": self._config.max_completion_tokens,
            "response_format": response_format(self._config.response_format),
        }


def data_url(image: UInt8Array, enlarge: int) -> str:
    """Encode a picture as a PNG data URL, every pixel enlarge times as wide and high."""
    larger = np.repeat(np.repeat(image, enlarge, axis=0), enlarge, axis=1)
    _, png = cv2.imencode(".png", larger[..., ::-1])
    return "data:image/png;base64," + base64.b64encode(png.tobytes()).decode()


def _reply(text: str) -> Reply:
    try:
        body = _Body.model_validate_json(text)
    except ValidationError as error:
        message = f"no chat completion: {text[:80]!r}"
        raise CallFailedError("nonsense", message, True, True) from error
    usage = body.usage
    tokens = (usage.prompt_tokens, usage.completion_tokens) if usage else (None, None)
    return Reply(body.choices[0].message.content, *tokens)
