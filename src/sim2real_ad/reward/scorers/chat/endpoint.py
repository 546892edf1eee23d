"""One call to an OpenAI-compatible endpoint, and what can go wrong with it."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import cv2
import numpy as np
import openai
from pydantic import BaseModel, Field, ValidationError

from sim2real_ad.reward.scorers.chat.config import ChatConfig
from sim2real_ad.reward.scorers.chat.prompt import SYSTEM, Prompt, response_format
from sim2real_ad.types import UInt8Array

LONGEST_BODY = 1_000_000
"""Bytes."""
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


class _TooLongError(Exception):
    """A body that is no answer of a few numbers."""


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
        deadline = time.monotonic() + self._config.timeout_s
        try:
            create = self._client.chat.completions.with_streaming_response.create
            with create(**self._request(image, prompt)) as response:
                text = _read(response.iter_bytes(), deadline)
        except Exception as error:  # of the client, and while the body is read of the HTTP library under it
            raise self._failure(error) from error
        return _reply(text)

    def _failure(self, error: Exception) -> CallFailedError:
        """Say what an exception means: by its name where the HTTP library, which changes, has raised it."""
        message = f"{type(error).__name__}: {error}"[:200]
        if isinstance(error, openai.APIStatusError):
            again = error.status_code in BUSY_STATUSES or error.status_code >= 500
            return CallFailedError(f"http_{error.status_code}", message, again, False)
        if "Timeout" in type(error).__name__:
            # The model may have answered into the void, and be paid for it.
            return CallFailedError("timeout", f"no whole answer in {self._config.timeout_s} s", True, True)
        if isinstance(error, openai.APIConnectionError):
            never_sent = "Connect" in type(error.__cause__).__name__
            return CallFailedError("unreachable", str(error.__cause__ or error)[:200], True, not never_sent)
        return CallFailedError("nonsense", message, True, True)

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


def _read(chunks: Iterator[bytes], deadline: float) -> str:
    """Join a body. The client's own limit is from one byte to the next: one that trickles would never reach it."""
    body = b""
    for chunk in chunks:
        body += chunk
        if len(body) > LONGEST_BODY:
            raise _TooLongError(f"a body of more than {LONGEST_BODY} bytes")
        if time.monotonic() > deadline:
            raise TimeoutError
    return body.decode("utf-8", errors="replace")


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
