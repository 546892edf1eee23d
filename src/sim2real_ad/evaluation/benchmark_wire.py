"""What the wire costs: synchronous ticks of `s2r world` under the real `carla` client."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sim2real_ad.errors import WorldError
from sim2real_ad.evaluation.benchmark import REPEATS, Measurement
from sim2real_ad.evaluation.statistics import median
from sim2real_ad.world.carla.tick_timing import time_ticks

TICKS = 100
VEHICLES = 8
PICTURE = (320, 180)
TARGET_MS = 1.0


def measure_wire() -> list[Measurement]:
    """Measure ticks without a camera, so without rendering, and with one. Raises WorldError where the server fails."""
    with _world_server() as (host, port):
        bare = [time_ticks(host, port, count=TICKS, vehicles=VEHICLES) for _ in range(REPEATS)]
        drawn = [time_ticks(host, port, count=TICKS // 2, vehicles=VEHICLES, picture=PICTURE) for _ in range(REPEATS)]
    note = f"carla client, {VEHICLES} vehicles"
    return [
        _milliseconds("wire, tick without rendering", bare, TARGET_MS, f"{note}, until the snapshot arrived"),
        _milliseconds(
            "wire, tick with RGB picture", drawn, None, f"{note}, {PICTURE[0]}x{PICTURE[1]}, until the picture arrived"
        ),
    ]


def _milliseconds(name: str, repeats: Sequence[Sequence[float]], target: float | None, note: str) -> Measurement:
    samples = tuple(1e3 * median(ticks) for ticks in repeats)
    return Measurement(name=name, unit="ms", better="lower", target=target, samples=samples, note=note)


@contextmanager
def _world_server() -> Iterator[tuple[str, int]]:
    """Run `s2r world` on a free port of the loopback interface; yield its host and port."""
    command = [sys.executable, "-m", "sim2real_ad", "world", "--port", "0", "--exit-with-parent"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            line = server.stdout.readline() if server.stdout else ""
            if not line.startswith("ready "):
                raise WorldError(f"s2r world did not come up; status {server.wait()}, said {line.strip()!r}")
            host, _, port = line.split()[1].rpartition(":")
            yield host, int(port)
        finally:
            server.terminate()
            server.wait(timeout=20)
