"""Recorded signals of a drive as time series in SI units: what every calibration but the lens's takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.errors import CalibrationError

Floats = NDArray[np.float64]

SIGNALS: Mapping[str, str] = {
    "speed": "m/s along base_link x",
    "yaw_rate": "rad/s, left positive",
    "acceleration": "m/s^2 along base_link x, of the speed and not of an accelerometer, which feels slopes",
    "steering_tire_angle": "rad at the tyre, left positive, as reported",
    "steering_wheel_angle": "rad at the steering wheel, left positive, as reported",
    "steering_command": "rad at the tyre, left positive",
    "acceleration_command": "m/s^2",
    "throttle": "0 released .. 1 fully pressed",
    "brake": "0 released .. 1 fully pressed",
    "slope": "rad, of base_link x against the horizon, uphill positive",
    "steering_engaged": "1 while the car follows steering commands, else 0",
    "acceleration_engaged": "1 while the car follows acceleration commands, else 0",
}
"""Names and units."""

SPEED_SLOPE_S = 0.2
"""Over which an acceleration is taken from the speed where none is reported."""
LONGEST_GAP_S = 0.5
"""Nothing is interpolated over a longer pause."""
SPIKE, SPIKE_NEIGHBOURS = 6.0, 7
"""A sample is a spike where it is so many sigmas from the median of so many around it (Hampel's filter)."""
SPIKE_FLOOR = 0.02
"""Of the signal's standard deviation: the least sigma, for signals without noise."""


@dataclass(frozen=True)
class Series:
    """One signal. times: (N,) s, rising; values: (N,), finite; averaged_s: each value is a mean over so many s around
    its time."""

    times: Floats
    values: Floats
    averaged_s: float = 0.0

    @classmethod
    def of(cls, times: Floats, values: Floats) -> Series:
        """Make a series of samples in any order; what is not finite is left out, of equal times the first is kept."""
        known = np.isfinite(times) & np.isfinite(values)
        rising, first = np.unique(np.asarray(times, np.float64)[known], return_index=True)
        return cls(rising, np.asarray(values, np.float64)[known][first])

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.times)

    @property
    def period_s(self) -> float:
        """Median time from sample to sample; infinite where there are fewer than two."""
        return float(np.median(np.diff(self.times))) if len(self) > 1 else float("inf")

    def at(self, times: Floats) -> Floats:
        """Interpolate at times of any shape; NaN outside and within pauses longer than LONGEST_GAP_S."""
        if len(self) < 2:
            return np.full(np.shape(times), np.nan)
        after = np.clip(np.searchsorted(self.times, times), 1, len(self) - 1)
        known = self.times[after] - self.times[after - 1] <= LONGEST_GAP_S
        known &= (times >= self.times[0]) & (times <= self.times[-1])
        return np.where(known, np.interp(times, self.times, self.values), np.nan)

    def held_at(self, times: Floats) -> Floats:
        """Return the last value not after each time; NaN before the first."""
        before = np.searchsorted(self.times, times, side="right") - 1
        return np.where(before >= 0, self.values[np.maximum(before, 0)], np.nan)

    def mean_at(self, times: Floats, window_s: float) -> Floats:
        """Return the mean over window_s around each time (N,), of the linear interpolation; NaN where it is unknown."""
        if len(self) < 2:
            return np.full(np.shape(times), np.nan)
        known = np.isfinite(self.at(times - window_s / 2.0)) & np.isfinite(self.at(times + window_s / 2.0))
        ends = [self._integral(times + side * window_s / 2.0) for side in (-1.0, 1.0)]
        return np.where(known, (ends[1] - ends[0]) / window_s, np.nan)

    def without_spikes(self) -> Series:
        """Return the series without samples far from the median of their neighbours: what is grossly wrong must not
        enter a mean."""
        if len(self) < SPIKE_NEIGHBOURS:
            return self
        padded = np.pad(self.values, SPIKE_NEIGHBOURS // 2, mode="edge")
        around = np.lib.stride_tricks.sliding_window_view(padded, SPIKE_NEIGHBOURS)
        away = np.abs(self.values - np.median(around, axis=1))
        usual = max(1.4826 * float(np.median(away)), SPIKE_FLOOR * float(np.std(self.values)))
        kept = away <= SPIKE * usual
        return Series(self.times[kept], self.values[kept], self.averaged_s)

    def slope(self, window_s: float) -> Series:
        """Return the rate of change, each value the mean over window_s around its time."""
        half = window_s / 2.0
        rates = (self.at(self.times + half) - self.at(self.times - half)) / window_s
        known = np.isfinite(rates)
        return Series(self.times[known], rates[known], window_s)

    def _integral(self, times: Floats) -> Floats:
        """Integrate the linear interpolation from the first sample to each time."""
        areas = np.diff(self.times) * (self.values[1:] + self.values[:-1]) / 2.0
        total = np.concatenate(([0.0], np.cumsum(areas)))
        before = np.clip(np.searchsorted(self.times, times, side="right") - 1, 0, len(self) - 1)
        rest = times - self.times[before]
        here = np.interp(times, self.times, self.values)
        return total[before] + rest * (self.values[before] + here) / 2.0


@dataclass(frozen=True)
class Signals:
    """A drive. series: by name, see SIGNALS; notes: what was worked out or left out when it was read."""

    series: Mapping[str, Series]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        unknown = self.series.keys() - SIGNALS.keys()
        if unknown:
            raise ValueError(f"no signals {sorted(unknown)}; there are {', '.join(SIGNALS)}")

    def find(self, *names: str) -> str:
        """Return the first name that has samples. Raises CalibrationError that says what is missing."""
        for name in names:
            if len(self.series.get(name, ())) > 1:
                return name
        wanted = " or ".join(f"{name} ({SIGNALS[name]})" for name in names)
        raise CalibrationError(f"the drive has no {wanted}; say where it is: --signal {names[0]}=TOPIC:FIELD")

    def need(self, *names: str) -> Series:
        """Return the first series that has samples. Raises CalibrationError that says what is missing."""
        return self.series[self.find(*names)]

    def get(self, name: str) -> Series | None:
        """Return a series, None where the drive has none."""
        series = self.series.get(name)
        return series if series is not None and len(series) > 1 else None

    def acceleration(self) -> tuple[Series, tuple[str, ...]]:
        """Return the acceleration in m/s^2 and what is to be told of it: where none is reported, the speed's slope."""
        reported = self.get("acceleration")
        if reported is not None:
            return reported, ()
        slope = self.need("speed").without_spikes().slope(SPEED_SLOPE_S)
        return slope, (f"acceleration taken from the speed, over {SPEED_SLOPE_S} s",)
