"""The graphics context: one per process, without a window or an X server, and the buffers pictures are drawn into."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from panda3d.core import (
    Camera,
    FrameBufferProperties,
    GraphicsEngine,
    GraphicsOutput,
    GraphicsPipe,
    GraphicsPipeSelection,
    NodePath,
    Texture,
    WindowProperties,
    load_prc_file_data,
)

from sim2real_ad.errors import WorldError

PIPE = "p3headlessgl"
SETTINGS = """
window-type offscreen
audio-library-name null
sync-video false
textures-power-2 none
garbage-collect-states false
notify-level error
notify-level-display fatal
"""
"""States are freed at once instead of by a task that only a windowed application runs; frames never wait."""


@dataclass(frozen=True)
class GraphicsContext:
    """The process's graphics engine and the host buffer whose graphics state all others share."""

    engine: Any
    pipe: Any
    host: Any

    @property
    def driver(self) -> str:
        """Name of the OpenGL driver in use."""
        gsg = self.host.get_gsg()
        return f"{gsg.get_driver_renderer()} {gsg.get_driver_version()}"


@functools.lru_cache(maxsize=1)
def graphics_context() -> GraphicsContext:
    """Open the context on first use. Raises WorldError where the machine has no EGL or OpenGL driver.

    The first output is a plain buffer: one with a second colour target cannot be opened without a host.
    """
    load_prc_file_data("sim2real_ad", SETTINGS)
    pipe = GraphicsPipeSelection.get_global_ptr().make_module_pipe(PIPE)
    if pipe is None:
        raise _no_graphics(f"{PIPE} could not be loaded")
    engine = GraphicsEngine.get_global_ptr()
    host = engine.make_output(
        pipe, "host", 0, _properties(0), WindowProperties.size(16, 16), GraphicsPipe.BF_refuse_window
    )
    if host is None:
        raise _no_graphics("no off-screen OpenGL buffer could be opened")
    host.set_active(False)
    return GraphicsContext(engine, pipe, host)


def _no_graphics(cause: str) -> WorldError:
    return WorldError(
        f"camera renderer: {cause}: EGL or an OpenGL driver is missing on this machine; on Debian and Ubuntu: "
        "apt-get install libegl1 libgl1"
    )


def _properties(aux: int) -> FrameBufferProperties:
    properties = FrameBufferProperties()
    properties.set_rgba_bits(8, 8, 8, 8)
    properties.set_depth_bits(24)
    properties.set_aux_rgba(aux)
    return properties


class PictureBuffer:
    """An off-screen picture of a size in pixels, with or without semantic ids beside it.

    It draws what `camera` sees and copies it to memory as BGRA, bottom row first.
    """

    def __init__(self, width: int, height: int, *, semantic: bool) -> None:
        self._context = graphics_context()
        self.width, self.height = width, height
        host = self._context.host
        output = self._context.engine.make_output(
            self._context.pipe,
            "picture",
            0,
            _properties(int(semantic)),
            WindowProperties.size(width, height),
            GraphicsPipe.BF_refuse_window,
            host.get_gsg(),
            host,
        )
        if output is None:
            raise _no_graphics(f"no {width}x{height} buffer with {1 + semantic} colour targets could be opened")
        self._output = output
        self._colour = self._add_target(GraphicsOutput.RTP_color)
        self._ids = self._add_target(GraphicsOutput.RTP_aux_rgba_0) if semantic else None
        output.set_clear_color_active(True)
        output.set_clear_color((0.0, 0.0, 0.0, 1.0))
        output.set_active(False)
        self._region = output.make_display_region()

    def _add_target(self, plane: Any) -> Texture:
        target = Texture()
        self._output.add_render_texture(target, GraphicsOutput.RTM_copy_ram, plane)
        return target

    def look_through(self, camera: NodePath[Camera]) -> None:
        """Draw what this camera sees from now on."""
        self._region.set_camera(camera)

    def draw(self) -> tuple[memoryview, memoryview | None]:
        """Draw one picture. Returns its BGRA bytes and those of the ids, bottom row first, valid until the next."""
        self._output.set_active(True)
        try:
            self._context.engine.render_frame()
        finally:
            self._output.set_active(False)
        ids = None if self._ids is None else _pixels(self._ids)
        return _pixels(self._colour), ids

    def close(self) -> None:
        """Release the buffer."""
        self._output.clear_render_textures()
        self._context.engine.remove_window(self._output)


def _pixels(target: Texture) -> memoryview:
    image = target.get_ram_image()
    if not image:
        raise WorldError("camera renderer: the graphics driver returned no picture")
    return memoryview(image).cast("B")
