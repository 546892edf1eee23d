"""What the car's bus costs and how evenly it is served: encoding, decoding, and a drive over it in real time."""

from __future__ import annotations

from pathlib import Path

from sim2real_ad.dbw.codec import Codec, Frame
from sim2real_ad.dbw.dataspeed.messages import dataspeed_codec
from sim2real_ad.dbw.pacmod.messages import pacmod_codec
from sim2real_ad.dbw.traffic import Sender
from sim2real_ad.errors import GraphError
from sim2real_ad.evaluation.benchmark import Measurement, figure, time_each
from sim2real_ad.evaluation.benchmark_graph import SCENARIO, driven
from sim2real_ad.evaluation.mcap_stream import McapStream, MessageDecoder
from sim2real_ad.evaluation.results import read_results, read_summary
from sim2real_ad.ros.topics import DIAGNOSTICS

FRAMES = 2000
ENCODE_US, DECODE_US = 20.0, 10.0
PERIOD_ERROR_MS = 5.0
"""p99 of how far from even the commands may come."""
VEHICLES = {"dataspeed": "e_transit", "pacmod": "saloon"}
ENCODED = {
    "dataspeed": (
        dataspeed_codec,
        "STEER_CMD",
        {"CMD_TYPE": 2, "ANGLE": 12.3, "RATE_LIMIT": 200, "ACCEL_LIMIT": 0, "ENABLE": 1, "CLEAR": 0, "IGNORE": 0},
    ),
    "pacmod": (
        pacmod_codec,
        "STEERING_CMD",
        {"ENABLE": 1, "IGNORE_OVERRIDES": 0, "CLEAR_OVERRIDE": 0, "ANGLE": 0.5, "RATE_LIMIT": 3.0},
    ),
}
"""The longest command of each protocol."""
STATUS = "vehicle_interface: drive_by_wire"


def measure_bus(episodes: int = 1) -> list[Measurement]:
    """Measure a frame both ways, and drive over each protocol. Raises DbwError without cantools, GraphError."""
    return [
        *(m for protocol in ENCODED for m in frame_figures(protocol)),
        *(m for protocol in VEHICLES for m in _drive(protocol, episodes)),
    ]


def frame_figures(protocol: str) -> list[Measurement]:
    """Measure the longest command of a protocol, dataspeed or pacmod, encoded and decoded. Raises DbwError."""
    load, name, values = ENCODED[protocol]
    codec: Codec = load()
    sender = Sender(codec)
    frame: Frame = sender.frame(name, values)
    encoded = time_each(lambda: sender.frame(name, values), FRAMES, warm_up=200)
    decoded = time_each(lambda: codec.decode(frame), FRAMES, warm_up=200)
    return [
        Measurement(
            name=f"{protocol}, {what} {name}",
            unit="us",
            better="lower",
            target=target,
            samples=tuple(1e6 * watch.wall_s / FRAMES for watch in watches),
            cpu_samples=tuple(1e6 * watch.cpu_s / FRAMES for watch in watches),
            note=note,
        )
        for what, target, watches, note in (
            ("encode", ENCODE_US, encoded, "with counter and check, out of range refused"),
            ("decode", DECODE_US, decoded, "with its check"),
        )
    ]


def _drive(protocol: str, episodes: int) -> list[Measurement]:
    with driven("realtime", episodes, "--vehicle-bus", "--vehicle", VEHICLES[protocol]) as out:
        summary, results = read_summary(out), read_results(out)
        told = _told(sorted(out.rglob("*.mcap")))
    if summary.latency_ms is None or not told:
        raise GraphError(f"the drive over {protocol} ended without a measured episode")
    successes = sum(result.success for result in results)
    note = f"{SCENARIO}, {episodes} in real time, {successes} successful, commands every {told['command_period']}"
    error, worst = (float(told[f"command_period_error_{which}"].split()[0]) for which in ("p99", "max"))
    return [
        figure(
            f"{protocol}, period error on the bus, p99", "ms", "lower", PERIOD_ERROR_MS, (error,), f"max {worst} ms"
        ),
        figure(f"{protocol}, camera to command, p99", "ms", "lower", None, (summary.latency_ms.p99,), note),
    ]


def _told(recordings: list[Path]) -> dict[str, str]:
    """Return what the vehicle interface said last while it drove."""
    decode, last = MessageDecoder(), {}
    for recording in recordings:
        for message in McapStream(recording):
            if message.topic == DIAGNOSTICS.name:
                for status in decode(message).status:
                    if status.name == STATUS and status.message == "engaged":
                        last = {value.key: value.value for value in status.values}
    return last
