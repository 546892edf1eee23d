"""A chat model as a scorer: cache, budget, breaker, call, answer, ledger; whatever fails is no answer (NaN)."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from sim2real_ad.config import load_config
from sim2real_ad.errors import ScorerError
from sim2real_ad.reward.scorer import Contrast
from sim2real_ad.reward.scorers.chat.breaker import Breaker
from sim2real_ad.reward.scorers.chat.budget import Budget
from sim2real_ad.reward.scorers.chat.cache import AnswerCache
from sim2real_ad.reward.scorers.chat.config import ChatConfig
from sim2real_ad.reward.scorers.chat.endpoint import CallFailedError, Endpoint, Reply
from sim2real_ad.reward.scorers.chat.ledger import Entry, Ledger, utc_now
from sim2real_ad.reward.scorers.chat.prompt import (
    NonsenseError,
    Prompt,
    cache_key,
    make_prompt,
    margins_of,
    parse_answer,
)
from sim2real_ad.types import FloatArray, UInt8Array

CACHE_FILE, LEDGER_FILE = "answers.sqlite3", "ledger.jsonl"
_log = logging.getLogger(__name__)


class ChatScorer:
    """Asks for the probability p of each positive sentence; a margin is 2 p - 1. Implements Scorer.

    An endpoint that is down, slow or answers nonsense yields NaN, within a bounded time.
    """

    dimension = 0

    def __init__(self, config: ChatConfig, name: str) -> None:
        """Raises ScorerError where the key is missing or cache and ledger cannot be opened."""
        self.name = name
        self._config = config
        self._endpoint = Endpoint(config)
        self._cache = AnswerCache(config.folder / CACHE_FILE)
        self._ledger = Ledger(config.folder / LEDGER_FILE)
        self._budget = Budget(config.budget, self._ledger, config.reserve)
        self._breaker = Breaker(config.failures_to_pause, config.pause_s)
        self._threads = ThreadPoolExecutor(config.parallel, thread_name_prefix="chat")
        self._counts: Counter[str] = Counter()
        self._counting = threading.Lock()

    def embed_images(self, images: Sequence[UInt8Array]) -> FloatArray:
        """Raise ScorerError: a chat model has no embeddings."""
        raise ScorerError(f"scorer '{self.name}': a chat model has no embeddings of pictures")

    def embed_texts(self, texts: Sequence[str]) -> FloatArray:
        """Raise ScorerError: a chat model has no embeddings."""
        raise ScorerError(f"scorer '{self.name}': a chat model has no embeddings of sentences")

    def score(self, images: Sequence[UInt8Array], contrasts: Sequence[Contrast]) -> FloatArray:
        """Return margins (N, K) float32, NaN for no answer. Equal pictures are asked about once.

        Raises ScorerError where the ledger cannot be kept: nothing is spent without it.
        """
        prompt = make_prompt(contrasts, self._config.picture)
        keys = [cache_key(image, self._config.enlarge, prompt, self._config.model) for image in images]
        answers = {key: self._known(key, len(contrasts)) for key in keys}
        missing = {key: image for key, image in zip(keys, images, strict=True) if answers[key] is None}
        self._count("cache_hits", len(keys) - sum(answers[key] is None for key in keys))
        asked = self._threads.map(lambda key: self._answer(missing[key], prompt, key), missing)
        answers.update(zip(missing, asked, strict=True))
        nothing = [np.nan] * len(contrasts)
        return np.stack([margins_of(answers[key] or nothing) for key in keys])

    def record(self) -> dict[str, int | float | str]:
        """Return counts of this run, and in `ledger_*` the sums over all runs that share the folder."""
        spent = self._ledger.spent()
        names = ("calls", "cache_hits", "failures")
        return {
            **{f"chat_{name}": self._counts[name] for name in names},
            "chat_refused_by_budget": self._budget.refused,
            "chat_refused_in_pause": self._breaker.refused,
            "chat_pauses": self._breaker.pauses,
            "chat_cache_faults": self._cache.faults,
            "ledger_calls": spent.calls,
            "ledger_prompt_tokens": spent.prompt_tokens,
            "ledger_completion_tokens": spent.completion_tokens,
            "ledger_money": round(spent.money, 6),
        }

    def close(self) -> None:
        """End the threads and close connections and files."""
        self._threads.shutdown(cancel_futures=True)
        self._endpoint.close()
        self._cache.close()
        self._ledger.close()

    def _known(self, key: str, count: int) -> list[float] | None:
        answer = self._cache.get(key)
        return answer if answer and len(answer) == count and all(0.0 <= p <= 1.0 for p in answer) else None

    def _answer(self, image: UInt8Array, prompt: Prompt, key: str) -> list[float] | None:
        """Ask about one picture until there is an answer, at most 1 + retries times."""
        for attempt in range(1 + self._config.retries):
            if attempt:
                time.sleep(self._config.retry_wait_s * 2 ** (attempt - 1))
            try:
                return self._attempt(image, prompt, key)
            except _NotAskedError:
                return None
            except CallFailedError as failure:
                self._note(failure)
                if not failure.again:
                    return None
        return None

    def _attempt(self, image: UInt8Array, prompt: Prompt, key: str) -> list[float]:
        """Make one call and keep its answer. Raises _NotAskedError and CallFailedError."""
        if not self._budget.take():
            raise _NotAskedError
        try:
            if not self._breaker.allows():
                raise _NotAskedError
            return self._call(image, prompt, key)
        finally:
            self._budget.settle()

    def _call(self, image: UInt8Array, prompt: Prompt, key: str) -> list[float]:
        started = time.monotonic()
        reply, failure = None, None
        try:
            reply = self._endpoint.ask(image, prompt)
            answer = parse_answer(reply.text, prompt)
        except NonsenseError as error:
            failure = CallFailedError("nonsense", str(error), again=True, billed=True)
        except CallFailedError as error:
            failure = error
        seconds = time.monotonic() - started
        if failure is not None:
            self._breaker.failed(str(failure))
            self._book(failure.outcome, key, seconds, reply, failure.billed)
            raise failure
        self._breaker.succeeded()
        self._cache.put(key, answer)
        self._book("ok", key, seconds, reply, True)
        return answer

    def _book(self, outcome: str, key: str, seconds: float, reply: Reply | None, billed: bool) -> None:
        self._count("calls")
        prompt_tokens, completion_tokens, source = 0, 0, "nothing"
        if reply is not None and reply.prompt_tokens is not None and reply.completion_tokens is not None:
            prompt_tokens, completion_tokens, source = reply.prompt_tokens, reply.completion_tokens, "usage"
        elif billed:
            prompt_tokens, completion_tokens = self._config.reserve_prompt_tokens, self._config.max_completion_tokens
            source = "reserve"
        entry = Entry(
            time=utc_now(),
            model=self._config.model,
            outcome=outcome,
            key=key,
            seconds=round(seconds, 3),
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            money=self._config.prices.of(prompt_tokens, completion_tokens),
            billed=source,
        )
        self._ledger.append(entry)

    def _note(self, failure: CallFailedError) -> None:
        self._count("failures")
        if self._counts["failures"] == 1:
            _log.warning("chat scorer: no answer from %s (%s)", self._config.base_url, failure)

    def _count(self, name: str, by: int = 1) -> None:
        with self._counting:
            self._counts[name] += by


class _NotAskedError(Exception):
    """The budget or the breaker did not grant a call."""


def open_chat_scorer(path: Path, name: str = "") -> ChatScorer:
    """Open the chat scorer that a YAML file describes. Raises ConfigError and ScorerError."""
    return ChatScorer(load_config(path, ChatConfig), name or f"chat:{path}")
