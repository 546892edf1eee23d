"""Drives a domain's missing episodes through the whole graph, part by part, so that a kill costs one episode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rich.progress import Progress

from sim2real_ad.evaluation.results import RECORDING_FILE, ResultWriter, RunInfo
from sim2real_ad.evaluation.transfer_folder import DomainFolder
from sim2real_ad.ros.drive import EpisodeRequest, WorldAddress, drive
from sim2real_ad.ros.graph import DriveOptions
from sim2real_ad.vehicle.profile import load_vehicle

PART_EPISODES = 30
"""Episodes for which one graph is started: its recording, some MB an episode, is read and deleted after each part."""


def drive_missing(
    folder: DomainFolder,
    requests: Sequence[EpisodeRequest],
    options: DriveOptions,
    run: RunInfo,
    progress: Progress,
    *,
    keep_recordings: bool = False,
) -> int:
    """Drive what of the requests has not been judged yet; return how many that were.

    Raises what `drive` raises; what was judged before is kept.
    """
    profile = load_vehicle(options.vehicle)
    folder.harvest(profile, keep_recordings=keep_recordings)
    done = folder.results()
    missing = [request for request in requests if (request.scenario, request.seed) not in done]
    for first in range(0, len(missing), PART_EPISODES):
        part = folder.new_part()
        recorded = replace(options, recording=str(part / RECORDING_FILE), pictures=False)
        try:
            with ResultWriter(part, run) as writer:
                drive(missing[first : first + PART_EPISODES], recorded, WorldAddress(), writer, progress)
        finally:
            folder.harvest(profile, keep_recordings=keep_recordings)
    return len(missing)
