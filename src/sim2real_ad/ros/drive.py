"""`s2r drive`: scenarios through the whole graph, episode by episode, into a results folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from sim2real_ad.errors import GraphError, ScenarioError, Sim2RealError
from sim2real_ad.evaluation.results import EpisodeResult, ResultWriter
from sim2real_ad.ros.graph import DriveOptions, sim_graph
from sim2real_ad.ros.server_probe import wait_for_server
from sim2real_ad.ros.supervisor import Supervisor, free_ports
from sim2real_ad.world.scenarios import scenario_names

CONNECT_TIMEOUT_S = 60.0
SERVER_TIMEOUT_S = 5.0
"""A CARLA server that someone else runs should be up."""
CARLA_PORT = 2000
ALL = "all"


@dataclass(frozen=True)
class WorldAddress:
    """Where the world is. embedded: our own server, started here; port 0: a free one."""

    embedded: bool = True
    host: str = "127.0.0.1"
    port: int = 0


@dataclass(frozen=True)
class EpisodeRequest:
    """One episode to drive."""

    scenario: str
    seed: int


def drive(
    requests: Sequence[EpisodeRequest],
    options: DriveOptions,
    address: WorldAddress,
    writer: ResultWriter,
    progress: Progress,
) -> None:
    """Drive every episode and write its result.

    An episode that cannot be laid out is written as an error and the others go on; a broken graph ends the run.
    Raises GraphError where the graph broke, or where an episode could not be judged; WorldError where no CARLA server
    answers.
    """
    port = address.port or (free_ports() if address.embedded else CARLA_PORT)
    if not address.embedded:
        wait_for_server(address.host, port, SERVER_TIMEOUT_S)
    graph = sim_graph(options, address.host, port)
    task = progress.add_task("starting the graph", total=len(requests))
    with Supervisor(graph, writer.out_dir / "logs") as supervisor:
        if address.embedded:
            supervisor.start_world(port)
        supervisor.start()
        supervisor.wait_until_ready()

        def show(text: str, done: int) -> None:
            progress.update(task, description=text, completed=done)

        drive_all(requests, supervisor.check, writer, show)
    require_judged(writer, len(requests))


def requests_for(scenario: str, episodes: int, seed: int) -> list[EpisodeRequest]:
    """Return the episodes of one scenario, or of all shipped ones, with seeds that count up."""
    names = scenario_names() if scenario == ALL else (scenario,)
    return [EpisodeRequest(name, seed + k) for name in names for k in range(episodes)]


def require_judged(writer: ResultWriter, count: int) -> None:
    """Raise GraphError where an episode could not be judged."""
    unjudged = [r for r in writer.results if r.error is not None]
    if unjudged:
        raise GraphError(f"{len(unjudged)} of {count} episodes could not be judged: {unjudged[0].error}")


def drive_all(
    requests: Sequence[EpisodeRequest],
    check: Callable[[], None],
    writer: ResultWriter,
    show: Callable[[str, int], None],
) -> None:
    """Ask the bridge for every episode in turn and write each result.

    check: raises where the graph is broken; show: told what is done and how many episodes are behind.
    """
    from sim2real_ad.ros.episode_client import EpisodeClient

    with EpisodeClient(check) as client:
        client.wait_for_bridge(CONNECT_TIMEOUT_S)
        for index, request in enumerate(requests):
            name = f"{request.scenario}, seed {request.seed}"
            show(f"{name}: laying out", index)
            try:
                result = client.run(request.scenario, request.seed, partial(show, f"{name}: driving", index))
            except ScenarioError as error:
                result = _unjudged(index, request, error)
            except Sim2RealError as error:
                writer.write(_unjudged(index, request, error))
                raise
            writer.write(result.model_copy(update={"index": index}))
            show(name, index + 1)


def _unjudged(index: int, request: EpisodeRequest, error: Exception) -> EpisodeResult:
    return EpisodeResult(index=index, scenario=request.scenario, seed=request.seed, success=False, error=str(error))


def make_progress() -> Progress:
    """Return a progress display that stays one line a step where nobody watches."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
    )
