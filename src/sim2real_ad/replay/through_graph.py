"""A bag judged with the live nodes beside: what they command must be what the pipeline does."""

from __future__ import annotations

from dataclasses import replace

from sim2real_ad.errors import Sim2RealError
from sim2real_ad.replay.conditions import JudgedBag
from sim2real_ad.replay.many import BagTask, judge_bag
from sim2real_ad.replay.results import ReplaySummary
from sim2real_ad.replay.run import what_it_takes
from sim2real_ad.ros.graph import DriveOptions
from sim2real_ad.ros.replay import GraphWatcher


def judge_through_graph(task: BagTask, options: DriveOptions) -> JudgedBag:
    """Judge a bag with the graph beside; what the nodes command otherwise is told as the bag's error."""
    try:
        checkpoint, camera, gate = what_it_takes(task.job)
        watcher = GraphWatcher(checkpoint, options, camera, gate)
        watcher.start(task.job.out / "logs")
        try:
            judged = judge_bag(task, (watcher,))
        finally:
            watcher.close()
    except Sim2RealError as error:
        return JudgedBag(task.job.out, ReplaySummary(bag=task.job.bag.name, error=str(error)))
    if not watcher.differing:
        return judged
    stamp_ns, answer, expected = watcher.differing[0]
    differs = (
        f"{len(watcher.differing)} of {watcher.frames} commands of the nodes are not the pipeline's; first at stamp "
        f"{stamp_ns}: {answer}, the pipeline's {expected}"
    )
    return replace(judged, summary=judged.summary.model_copy(update={"error": differs}))
