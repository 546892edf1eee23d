"""One episode as the bridge runs it: the world's part, the frames' account, and the judged result. No ROS here."""

from __future__ import annotations

import time
from dataclasses import replace

from sim2real_ad.evaluation.results import EpisodeResult, Infraction
from sim2real_ad.evaluation.trajectory import Trajectory
from sim2real_ad.ros.frame_account import FrameAccount
from sim2real_ad.safety.limits import BudgetLimits
from sim2real_ad.types import ControlCommand, Route
from sim2real_ad.world.episode import Episode
from sim2real_ad.world.protocol import World, WorldTick
from sim2real_ad.world.scenarios import Scenario


class EpisodeRun:
    """Steps an episode and keeps what its result tells.

    frame_ns: stamp of the last tick; route: stamped with the first tick, so that every episode is another mission.
    """

    def __init__(self, world: World, scenario: Scenario, seed: int, budgets: BudgetLimits | None = None) -> None:
        """Lay the episode out. budgets: that its frames are held to, None in lock-step, where time stands still.

        Raises ScenarioError, MapError or WorldError.
        """
        self._budgets = budgets
        self.episode = Episode(world, scenario, seed)
        self.account = FrameAccount()
        self._trajectory = Trajectory()
        self.first = self._note(self.episode.start())
        self.route: Route = replace(world.plan.route, stamp_ns=self.first.ego.stamp_ns)
        self._started_s = time.monotonic()
        self._wall_s = 0.0

    def begin(self) -> None:
        """The first frame leaves: wall time counts from here."""
        self._started_s = time.monotonic()

    def step(self, command: ControlCommand) -> WorldTick:
        """Apply a command and advance by one tick. Raises WorldError."""
        tick = self._note(self.episode.step(command))
        self._wall_s = time.monotonic() - self._started_s
        return tick

    @property
    def done(self) -> bool:
        """Whether the verdict is final."""
        return self.episode.verdict.done

    def result(self, index: int) -> EpisodeResult:
        """Return what happened so far, judged."""
        verdict, account, duration_s = self.episode.verdict, self.account, self._trajectory.duration_s
        late = account.over_budget(self._budgets, duration_s) if self._budgets else ()
        broken = tuple(Infraction(kind=i.kind, time_s=i.time_s, detail=i.detail) for i in verdict.infractions)
        return EpisodeResult(
            index=index,
            scenario=self.episode.scenario.name,
            seed=self.episode.seed,
            success=verdict.success and not late,
            infractions=(*broken, *late),
            duration_s=duration_s,
            progress=verdict.progress,
            trajectory_hash=self.episode.trajectory_hash,
            frames_sent=account.frames_sent,
            frames_lost=account.frames_lost,
            latencies_ms=account.latencies_ms,
            real_time_factor=duration_s / self._wall_s if self._wall_s > 0.0 else 0.0,
            frames_intervened=account.frames_intervened,
            gate_interventions=dict(account.interventions),
            comfort=self._trajectory.comfort(),
        )

    def _note(self, tick: WorldTick) -> WorldTick:
        self._trajectory.add(tick.ego)
        self.frame_ns = tick.ego.stamp_ns
        return tick
