"""The camera's entry into the graph: from a topic (raw or compressed), a V4L2 device or a video file.

A frame is passed on with its own acquisition stamp, or dropped with a reason; what cannot be the calibrated camera's
picture ends the node with an error.
"""

from __future__ import annotations

import threading
import time
from typing import Any, Literal

from pydantic import Field

from sim2real_ad.errors import Sim2RealError, SourceError
from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.ros.capture import VIDEO_START_NS, Device, VideoFile
from sim2real_ad.ros.conversions import (
    camera_info_from_model,
    frame_from_compressed,
    frame_from_image,
    image_from_frame,
    ns_from_time,
)
from sim2real_ad.ros.frame_guard import FrameGuard
from sim2real_ad.ros.node import GraphNode, NodeParameters, run_node

ANSWER_TIMEOUT_S = 30.0
PASSED_ON = ("rgb8", "bgr8", "rgba8", "bgra8")
"""Encodings whose bytes the node does not touch; what comes in another becomes rgb8."""
WARNING_PERIOD_S = 1.0


class CameraParameters(NodeParameters):
    """source_path: device or video file; max_frames: of a video, 0 for all; max_age_s: on arrival.

    await_start: a video begins when a supervisor says so on the start topic, else as soon as its neighbours are there;
    lockstep: a video waits for the command of each frame; time_source: the clock of the source's stamps, and with
    `simulation` their age is left to the gate.
    """

    source: Literal["topic", "compressed", "v4l2", "video"]
    source_path: str
    camera: str
    lockstep: bool
    time_source: Literal["system", "simulation"]
    max_age_s: float = Field(gt=0.0)
    max_frames: int = Field(ge=0)
    await_start: bool


class CameraNode(GraphNode[CameraParameters]):
    """Publishes the frames that may enter the graph, with the calibration of their size."""

    kind = "camera"
    model = CameraParameters

    def __init__(self) -> None:
        super().__init__()
        p = self.parameters
        judged = p.time_source == "system" and not p.lockstep
        self._camera = load_camera(p.camera)
        self._guard = FrameGuard(self._camera, p.max_age_s if judged else None)
        self._images = self.publisher("image")
        self._infos = self.publisher("camera_info")
        self._dropped = 0
        self._answered = threading.Event()
        self._awaited_ns = 0
        self._ending = False
        self._thread: threading.Thread | None = None
        self._capture: VideoFile | Device | None = None
        self._listen()

    def _listen(self) -> None:
        p = self.parameters
        if p.source == "video":
            from pathlib import Path

            self._capture = VideoFile(Path(p.source_path))
            self.subscribe("gate_status", self._on_gate_status)
        elif p.source == "v4l2":
            self._capture = Device(p.source_path, self._camera.width, self._camera.height)
        else:
            port = "image" if p.source == "topic" else "compressed"
            callback = self._on_image if p.source == "topic" else self._on_compressed
            self.subscribe(port, callback, lossless=p.lockstep)
            self.subscribe("camera_info", self._on_camera_info)

    def on_connected(self) -> None:
        """Start the device or the video: whoever needs the frames is there."""
        if self.parameters.await_start:
            self.subscribe("start", lambda _: self._start())
        else:
            self._start()

    def _start(self) -> None:
        if self._capture is not None and self._thread is None:
            self._thread = threading.Thread(target=self._read, name="capture", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop reading."""
        self._ending = True
        self._answered.set()
        if self._thread is not None:
            self._thread.join(timeout=2.0)
        if self._capture is not None:
            self._capture.close()

    def _on_camera_info(self, message: Any) -> None:
        self._guard.check_driver_calibration(tuple(message.k), message.width, message.height)

    def _on_image(self, message: Any) -> None:
        received_ns = time.monotonic_ns()
        image = message if message.encoding in PASSED_ON else image_from_frame(frame_from_image(message))
        self._pass_on(image, received_ns)

    def _on_compressed(self, message: Any) -> None:
        received_ns = time.monotonic_ns()
        self._pass_on(image_from_frame(frame_from_compressed(message)), received_ns)

    def _pass_on(self, image: Any, received_ns: int) -> bool:
        """Publish a frame that may enter; return whether it did. The picture's bytes are not touched."""
        stamp_ns = ns_from_time(image.header.stamp)
        camera = self._guard.camera_for(image.width, image.height)
        refusal = self._guard.refusal(stamp_ns, time.time_ns())
        if refusal:
            self._dropped += 1
            self.get_logger().warning(f"camera frame dropped: {refusal}", throttle_duration_sec=WARNING_PERIOD_S)
            return False
        self._infos.publish(camera_info_from_model(camera, stamp_ns))
        self._images.publish(image)
        self.report_timing(stamp_ns, received_ns, self._dropped)
        return True

    def _on_gate_status(self, message: Any) -> None:
        if ns_from_time(message.header.stamp) == self._awaited_ns:
            self._answered.set()

    def _read(self) -> None:
        """Thread: read and pass on until the end; a video's end ends the node."""
        try:
            assert self._capture is not None
            if isinstance(self._capture, VideoFile):
                self._play(self._capture)
                self.stop()
                return
            for frame in self._capture.frames():
                if self._ending:
                    return
                self._pass_on(image_from_frame(frame), time.monotonic_ns())
        except Sim2RealError as error:
            self.stop(error)
        except Exception as error:  # noqa: BLE001 - a thread's error ends the node, whatever it is
            if not self._ending and self.context.ok():
                self.stop(SourceError(f"reading the {self.parameters.source} source failed: {error!r}"))

    def _play(self, video: VideoFile) -> None:
        start_ns = VIDEO_START_NS if self.parameters.lockstep else time.time_ns()
        for frame in video.frames(start_ns):
            if self._ending or 0 < self.parameters.max_frames <= frame.sequence:
                return
            if not self.parameters.lockstep:
                time.sleep(max(0.0, (frame.stamp_ns - time.time_ns()) / 1e9))
            self._awaited_ns = frame.stamp_ns
            self._answered.clear()
            self._pass_on(image_from_frame(frame), time.monotonic_ns())
            if self.parameters.lockstep and not self._answered.wait(ANSWER_TIMEOUT_S):
                raise SourceError(f"no command came for frame {frame.sequence} of the video in {ANSWER_TIMEOUT_S} s")


def main() -> None:
    """Run the node."""
    run_node(CameraNode)


if __name__ == "__main__":
    main()
