"""The student's two inputs, with a memory for the stop line that the car stands too close to."""

from __future__ import annotations

from sim2real_ad.policy.corridor import NO_LINE_DISTANCE, Corridor
from sim2real_ad.types import FloatArray, Observation, UInt8Array, seconds_from_ns

LONGEST_GAP_S = 0.5
"""Between two frames of a drive; after a longer one nothing is remembered."""
OVERRUN_M = 0.5
"""By which the bumper may have passed a line's middle and still stand at it: lines are drawn and placed that coarsely.
"""


class LineMemory:
    """Where the next stop line is, also once it has left the camera's view just ahead of the bumper.

    What is seen counts. A line that is not seen any more is remembered, moved on by odometry, as long as it lies where
    the camera does not see: on a van that may be the last two metres. Where it would be seen, it is not there. While a
    line leaves the view its middle is out of it already, and what is left of it lies too far: the nearer one counts.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the drive."""
        self._stamp_ns = 0
        self._distance = NO_LINE_DISTANCE

    def step(self, stamp_ns: int, seen: float, blind: float, speed: float) -> float:
        """Return the distance in m from the bumper to the line's middle, NO_LINE_DISTANCE where there is none.

        seen: the distance at which one is seen now, m; blind: how far ahead of the bumper the ground is not seen, m;
        speed: m/s. Stamps that go back or jump start a new drive.
        """
        elapsed = seconds_from_ns(stamp_ns - self._stamp_ns)
        self._stamp_ns = stamp_ns
        known = self._distance < NO_LINE_DISTANCE and 0.0 <= elapsed <= LONGEST_GAP_S
        remembered = self._distance - speed * elapsed
        self._distance = min(seen, remembered) if known and -OVERRUN_M <= remembered <= blind else seen
        return self._distance


class StudentInputs:
    """Follows one drive, observation by observation."""

    def __init__(self, corridor: Corridor) -> None:
        self._corridor = corridor
        self._speed = corridor.spec.ego_features.index("speed")
        self._memory = LineMemory()

    def step(self, observation: Observation) -> tuple[UInt8Array, FloatArray]:
        """Return corridor (C, rows, columns) uint8 and features (K,) float32."""
        straight = self._corridor.straighten(observation)
        seen, blind = self._corridor.line_distance(straight), self._corridor.blind_distance(straight)
        distance = self._memory.step(observation.stamp_ns, seen, blind, float(observation.ego[self._speed]))
        return straight, self._corridor.features(observation, distance)

    def reset(self) -> None:
        """Forget the drive."""
        self._memory.reset()
