"""What makes training drives leave the teacher's path: who drives when, and pushes on the steering and the pedals."""

from __future__ import annotations

import numpy as np

from sim2real_ad.types import Action


class Disturbance:
    """Hands the wheel from teacher to student and back, and now and then pushes the action for about a second."""

    def __init__(self, teacher_share: float, push_rate: float, tick_s: float, random: np.random.Generator) -> None:
        """teacher_share: of the time, 0..1; push_rate: pushes a second."""
        self._teacher_share = teacher_share
        self._push_rate = push_rate
        self._tick_s = tick_s
        self._random = random
        self._turn_left_s = 0.0
        self._push_left_s = 0.0
        self._push = np.zeros(2)
        self.teacher_drives = True

    def choose(self, teacher: Action, student: Action | None, speed: float) -> Action:
        """Return the action to apply at a speed in m/s: the driver's, pushed where a push is on."""
        self._advance(speed)
        driver = teacher if student is None or self.teacher_drives else student
        pushed = np.clip((driver.curvature + self._push[0], driver.acceleration + self._push[1]), -1.0, 1.0)
        return Action(teacher.stamp_ns, float(pushed[0]), float(pushed[1]))

    def _advance(self, speed: float) -> None:
        random = self._random
        self._turn_left_s -= self._tick_s
        if self._turn_left_s <= 0.0:
            self._turn_left_s = random.uniform(1.0, 5.0)
            self.teacher_drives = bool(random.random() < self._teacher_share)
        self._push_left_s -= self._tick_s
        if self._push_left_s <= 0.0:
            self._push[:] = 0.0
            if random.random() < self._push_rate * self._tick_s:
                self._push_left_s = random.uniform(0.4, 1.2)
                # A push of 1 m/s^2 sideways at most, so that it leads off the path but not off the road at once.
                sideways = random.uniform(-1.0, 1.0) / max(speed, 3.0) ** 2 / 0.2
                self._push[:] = sideways, random.uniform(-0.4, 0.4)
