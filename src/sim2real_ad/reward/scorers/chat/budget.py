"""The budget: no call is begun that could exceed it."""

from __future__ import annotations

import logging
import threading

from sim2real_ad.reward.scorers.chat.config import BudgetLimits
from sim2real_ad.reward.scorers.chat.ledger import Ledger

_log = logging.getLogger(__name__)


class Budget:
    """Grants calls while the ledger, the calls under way and the next one at its reserve stay within the limits.

    Calls under way in another process are not seen until they are in the ledger: it can be overrun by those. Safe for
    threads.
    """

    def __init__(self, limits: BudgetLimits, ledger: Ledger, reserve: float) -> None:
        """reserve: the money that a call is reckoned to cost until it is in the ledger."""
        self._limits = limits
        self._ledger = ledger
        self._reserve = reserve
        self._lock = threading.Lock()
        self._under_way = 0
        self._told = False
        self.refused = 0

    def take(self) -> bool:
        """Ask for one call; True must be followed by `settle`. Raises ScorerError where the ledger cannot be read."""
        with self._lock:
            reason = self._reason()
            if not reason:
                self._under_way += 1
                return True
            self.refused += 1
            if not self._told:
                self._told = True
                _log.warning("chat scorer: the budget is spent (%s); what is not in the cache abstains", reason)
            return False

    def settle(self) -> None:
        """Tell that a call which was granted is in the ledger, or was not made."""
        with self._lock:
            self._under_way -= 1

    def _reason(self) -> str:
        spent, next_one = self._ledger.spent(), self._under_way + 1
        calls, money = self._limits.calls, self._limits.money
        if calls is not None and spent.calls + next_one > calls:
            return f"{spent.calls} of {calls} calls made, {self._under_way} under way"
        if money is not None and spent.money + next_one * self._reserve > money:
            return f"{spent.money:.4f} of {money:.4f} spent, a further call may cost {self._reserve:.4f}"
        return ""
