"""Train the camera adapter, the student or the teacher, and write what was learned; or judge a checkpoint."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer


class WorldKind(str, Enum):
    """Where a teacher drives."""

    embedded = "embedded"
    carla = "carla"


Checkpoint = Annotated[Path, typer.Option(help="Folder of the checkpoint; finished work in it is taken up again.")]
Config = Annotated[Path | None, typer.Option(help="Training YAML; the defaults make the shipped checkpoint.")]
Workers = Annotated[int, typer.Option(min=1, help="Processes that drive at the same time.")]


EVALUATION_SECTION = "evaluation"


def register(app: typer.Typer) -> None:
    """Add `s2r train` with its sub-commands."""
    commands = typer.Typer(no_args_is_help=True, help=__doc__)
    for command in (adapter, student, everything, evaluate, teacher):
        commands.command("all" if command is everything else command.__name__)(command)
    app.add_typer(commands, name="train")


def adapter(out: Checkpoint = Path("checkpoint"), config: Config = None, workers: Workers = 2) -> None:
    """Train the camera adapter: pictures of the embedded world to bird's-eye views, and when to doubt them."""
    _train_parts("adapter", out, config, workers)


def student(out: Checkpoint = Path("checkpoint"), config: Config = None, workers: Workers = 2) -> None:
    """Train teacher and student policy over the folder's adapter and seal the checkpoint."""
    _train_parts("student", out, config, workers)


def everything(out: Checkpoint = Path("checkpoint"), config: Config = None, workers: Workers = 2) -> None:
    """Train adapter, teacher and student: OUT/checkpoint.yaml with its networks, record and model card."""
    _train_parts("all", out, config, workers)


def evaluate(
    checkpoint: Annotated[Path | None, typer.Option(help="Checkpoint folder; the shipped one without.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of the drives; what is in it is not driven again.")] = Path(
        "out/evaluation"
    ),
    workers: Workers = 2,
    episodes: Annotated[int, typer.Option(min=1, max=1000, help="Of each scenario.")] = 20,
    domains: Annotated[str, typer.Option(help="training, names in config/domains or paths, by commas; or 'all'.")] = (
        "training"
    ),
    scenarios: Annotated[str, typer.Option(help="Names in config/scenarios, by commas; or 'all'.")] = "all",
    first_seed: Annotated[int, typer.Option(min=0, max=999, help="Of the episodes; the others follow.")] = 0,
    docs: Annotated[Path | None, typer.Option(help="Also renew the section of this Markdown file.")] = None,
) -> None:
    """Judge a checkpoint in closed loop, in process, from camera to gate. Through the graph: `s2r transfer`.

    Stop it at any time: the same command goes on where it was. A table goes to the console and to OUT/table.md.
    """
    from sim2real_ad.evaluation.documents import renew_section, require_markers
    from sim2real_ad.files import write_text
    from sim2real_ad.training.domain_world import domains_named
    from sim2real_ad.training.judged_drives import evaluate_checkpoint, score_table
    from sim2real_ad.training.progress import Progress
    from sim2real_ad.training.seeds import evaluation_seeds
    from sim2real_ad.world.scenarios import scenario_names

    if docs is not None:
        require_markers(docs, EVALUATION_SECTION)
    names = scenario_names() if scenarios == "all" else tuple(scenarios.split(","))
    seeds = evaluation_seeds(first_seed, episodes)
    found = evaluate_checkpoint(checkpoint, names, domains_named(domains), seeds, out, workers, Progress())
    text = f"Seeds {seeds[0]} to {seeds[-1]} of each scenario, in process.\n\n{score_table(found)}"
    write_text(out / "table.md", text)
    typer.echo(text)
    if docs is not None:
        renew_section(docs, EVALUATION_SECTION, text)


def teacher(
    algo: Annotated[str | None, typer.Option(help="sac, ppo, td3 or tqc.")] = None,
    reward: Annotated[str | None, typer.Option(help="vlm, surrogate, hand-crafted, sparse, or a reward YAML.")] = None,
    world: Annotated[WorldKind | None, typer.Option(help="Our own world in process, or a CARLA 0.9.16 server.")] = None,
    host: Annotated[str | None, typer.Option(help="Host of the CARLA server.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65534, help="Port of the CARLA server.")] = None,
    scorer: Annotated[str | None, typer.Option(help="Vision-language model that reads the goals (reward vlm).")] = None,
    goals: Annotated[str | None, typer.Option(help="Name in config/goals, or a path.")] = None,
    start: Annotated[str | None, typer.Option(help="scratch, cloned, imitated, or a policy file (.npz).")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps of all worlds together.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of networks, exploration and the order of episodes.")] = None,
    episodes: Annotated[
        int | None, typer.Option(min=1, max=500, help="Of each scenario in the last evaluation.")
    ] = None,
    worlds: Annotated[int | None, typer.Option(min=1, max=64, help="Worlds stepped in turn.")] = None,
    config: Annotated[
        str | None, typer.Option(help="Name in config/training, or a path; options change what it says.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the run; the same command goes on with it.")] = Path(
        "out/teacher"
    ),
) -> None:
    """Train a teacher on privileged state: any algorithm, any reward, any world.

    Leaves OUT/teacher.npz, result.json, evaluations.jsonl and tensorboard/. After a kill the same command goes on from
    the last checkpoint; a larger --steps goes on with a finished run.
    """
    from sim2real_ad.training.teacher.run import train_teacher
    from sim2real_ad.training.teacher.settings import load_teacher_training

    drives = {"world": world.value if world else None, "host": host, "port": port}
    changes: dict[str, Any] = {
        "algorithm": algo,
        "reward": reward,
        "scorer": scorer,
        "goals": goals,
        "start": start,
        "steps": steps,
        "seed": seed,
        "worlds": worlds,
        "drives": _given(drives),
        "evaluation": _given({"final_episodes": episodes}),
    }
    train_teacher(load_teacher_training(config, _given(changes)), out)


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None and value != {}}


def _train_parts(part: str, out: Path, config: Path | None, workers: int) -> None:
    from sim2real_ad.training.run import train_parts

    train_parts(part, out, config, workers)
