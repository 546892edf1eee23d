"""The drive from above: road, route, trajectory, the others, and where things happened."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from sim2real_ad.evaluation.bev_picture import Canvas, data_uri, encode_png, paint_mosaic
from sim2real_ad.evaluation.charts import WIDTH, points, thin
from sim2real_ad.evaluation.episode_log import EpisodeLog, Signal
from sim2real_ad.evaluation.ground_truth import GroundTruth
from sim2real_ad.geometry.frames import map_from_base
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.types import Pose2

_CORNERS = np.array([(0.5, 0.5), (-0.5, 0.5), (-0.5, -0.5), (0.5, -0.5)])
LOOK_AHEAD_M = 20.0
"""How much of what lay ahead at the end is in the picture."""
SCALE_BARS = (100.0, 50.0, 20.0, 10.0, 5.0)


def map_chart(log: EpisodeLog, spec: BevSpec | None, truth: GroundTruth | None = None) -> Markup:
    """Draw one episode from above; empty where no position was recorded.

    spec None leaves out what was recognised, truth None what really was there.
    """
    ego = log.signals.get("ego")
    if ego is None or not ego.rows:
        return Markup("")
    path = np.stack((ego.column("x"), ego.column("y")), axis=-1)
    yaw = ego.rows[-1][2]
    ahead = path[-1] + LOOK_AHEAD_M * np.array((np.cos(yaw), np.sin(yaw)))
    canvas = Canvas.around(np.vstack((path, ahead)))
    parts = [*_true_road(truth, canvas), *_recognised(log, ego, canvas, spec), *_route(log, canvas)]
    parts += [*_others(truth, canvas), _trajectory(log, ego, canvas), *_events(log, ego, canvas), _scale_bar(canvas)]
    frame = Markup('<svg class="map" viewBox="0 0 {:.1f} {:.1f}" role="img">{}</svg>')
    return frame.format(WIDTH, canvas.height * WIDTH / canvas.width, Markup("").join(parts))


def _place(canvas: Canvas, points_in_map: NDArray[np.float64]) -> NDArray[np.float64]:
    return canvas.picture_from_map(points_in_map) * (WIDTH / canvas.width)


def _recognised(log: EpisodeLog, ego: Signal, canvas: Canvas, spec: BevSpec | None) -> Iterator[Markup]:
    if spec is None:
        return
    poses = [_pose_at(ego, picture.stamp_ns) for picture in log.observations]
    seen = [(pose, p.observation) for pose, p in zip(poses, log.observations, strict=True) if p.observation]
    if seen:
        uri = data_uri(encode_png(paint_mosaic(canvas, seen, spec)), "png")
        image = Markup('<image href="{}" width="{:.1f}" height="{:.1f}" preserveAspectRatio="none"/>')
        yield image.format(uri, WIDTH, canvas.height * WIDTH / canvas.width)


def _true_road(truth: GroundTruth | None, canvas: Canvas) -> Iterator[Markup]:
    if truth is None:
        return
    for style, shapes in (("road", truth.drivable), ("stop-line", truth.stop_lines)):
        placed = (_place(canvas, shape) for shape in shapes)
        outlines = [points(at[:, 0], at[:, 1]) for at in placed if _visible(at, canvas)]
        path = Markup("").join(Markup("M{}Z").format(outline) for outline in outlines)
        yield Markup('<path class="{}" d="{}"/>').format(style, path)


def _others(truth: GroundTruth | None, canvas: Canvas) -> Iterator[Markup]:
    """Draw the other road users where they were at the end, and the way there of those that moved."""
    for actor in truth.actors if truth else ():
        keep = thin(len(actor.poses))
        way = _place(canvas, actor.poses[keep, :2])
        if not _visible(way, canvas):
            continue
        box = _place(canvas, map_from_base(_CORNERS * actor.size, Pose2(*actor.poses[-1].tolist())))
        outline = Markup('<polygon class="box" points="{}"/>').format(points(box[:, 0], box[:, 1]))
        if actor.moves:
            line = Markup('<polyline class="way" points="{}"/>').format(points(way[:, 0], way[:, 1]))
            outline += line + Markup('<circle class="here" r="4" cx="-99" cy="-99"/>')
        yield Markup('<g class="other {}{}">{}</g>').format(actor.kind, " mover" if actor.moves else "", outline)


def _visible(placed: NDArray[np.float64], canvas: Canvas) -> bool:
    extent = np.array((WIDTH, canvas.height * WIDTH / canvas.width))
    return bool((placed.max(axis=0) > 0.0).all() and (placed.min(axis=0) < extent).all())


def _route(log: EpisodeLog, canvas: Canvas) -> Iterator[Markup]:
    if len(log.route) > 1:
        at = _place(canvas, log.route)
        yield Markup('<polyline class="route" points="{}"/>').format(points(at[:, 0], at[:, 1]))


def _trajectory(log: EpisodeLog, ego: Signal, canvas: Canvas) -> Markup:
    keep = thin(len(ego.rows))
    at = _place(canvas, np.stack((ego.column("x"), ego.column("y")), axis=-1)[keep])
    times = " ".join(f"{t:.2f}" for t in ego.seconds(log.start_ns)[keep])
    line = Markup('<polyline class="way" points="{}"/>').format(points(at[:, 0], at[:, 1]))
    here = Markup('<circle class="here" r="5" cx="-99" cy="-99"/>')
    return Markup('<g class="ego mover" data-t="{}">{}</g>').format(times, line + here)


def _events(log: EpisodeLog, ego: Signal, canvas: Canvas) -> Iterator[Markup]:
    def place(stamp_ns: int) -> tuple[float, float]:
        pose = _pose_at(ego, stamp_ns)
        x, y = _place(canvas, np.array([(pose.x, pose.y)]))[0]
        return float(x), float(y)

    for number, picture in enumerate(log.pictures, start=1):
        dot = '<g class="shot" transform="translate({:.1f} {:.1f})"><circle r="8"/><text y="3.8">{}</text></g>'
        yield Markup(dot).format(*place(picture.stamp_ns), number)
    for infraction in log.result.infractions if log.result else ():
        x, y = place(log.start_ns + round(infraction.time_s * 1e9))
        ring = '<g class="infraction"><circle cx="{0:.1f}" cy="{1:.1f}" r="13"/><title>{2} at {3:.1f} s</title></g>'
        yield Markup(ring).format(x, y, infraction.kind, infraction.time_s)


def _scale_bar(canvas: Canvas) -> Markup:
    length = next((bar for bar in SCALE_BARS if bar < canvas.width / 4), SCALE_BARS[-1])
    pixels_per_metre = WIDTH / canvas.width
    bar = Markup('<path d="M0 -5V0H{:.1f}V-5"/><text y="-8">{:g} m</text>').format(length * pixels_per_metre, length)
    return Markup('<g class="scale" transform="translate(10 {:.1f})">{}</g>').format(
        canvas.height * pixels_per_metre - 8.0, bar
    )


def _pose_at(ego: Signal, stamp_ns: int) -> Pose2:
    index = int(np.clip(np.searchsorted(ego.stamps_ns, stamp_ns), 0, len(ego.rows) - 1))
    x, y, yaw = ego.rows[index][:3]
    return Pose2(x, y, yaw)
