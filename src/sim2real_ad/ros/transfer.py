"""Drives a domain's missing episodes through the whole graph, part by part, so that a kill costs one episode."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from rich.progress import Progress

from sim2real_ad.evaluation.results import RECORDING_FILE, ResultWriter, RunInfo
from sim2real_ad.evaluation.transfer_folder import DomainFolder
from sim2real_ad.ros.drive import EpisodeRequest, WorldAddress, drive
from sim2real_ad.ros.graph import DriveOptions
from sim2real_ad.vehicle.profile import load_vehicle

PART_EPISODES = 30
"""Episodes for which one graph is started: its recording, some MB an episode, is read and deleted after each part."""


@dataclass(frozen=True)
class DomainJob:
    """What to drive in one domain. requests: all that is asked for, driven already or not; run: what it is driven
    with."""

    folder: DomainFolder
    requests: tuple[EpisodeRequest, ...]
    options: DriveOptions
    run: RunInfo
    keep_recordings: bool = False

    def judged(self) -> int:
        """Return how many of the requests have been judged."""
        return len(self.requests) - len(self.missing())

    def missing(self) -> list[EpisodeRequest]:
        """Return those that have not."""
        done = self.folder.results()
        return [request for request in self.requests if (request.scenario, request.seed) not in done]


def drive_missing(job: DomainJob) -> None:
    """Drive what has not been judged yet, in a graph of its own; to be called from a process's main thread.

    Other domains are driven beside it, so that a ROS_DOMAIN_ID, one for all of them, is taken out of this process's
    environment. Raises what `drive` raises; what was judged before is kept.
    """
    os.environ.pop("ROS_DOMAIN_ID", None)
    profile = load_vehicle(job.options.vehicle)
    job.folder.harvest(profile, keep_recordings=job.keep_recordings)
    missing = job.missing()
    for first in range(0, len(missing), PART_EPISODES):
        part = job.folder.new_part()
        recorded = replace(job.options, recording=str(part / RECORDING_FILE), pictures=False)
        try:
            with ResultWriter(part, job.run) as writer, Progress(disable=True) as unseen:
                drive(missing[first : first + PART_EPISODES], recorded, WorldAddress(), writer, unseen)
        finally:
            job.folder.harvest(profile, keep_recordings=job.keep_recordings)
