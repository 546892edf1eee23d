"""A stand-in for a training, which leaves the same files in no time. Worker processes import it: no torch."""

import os
import signal

from sim2real_ad.errors import WorldError
from sim2real_ad.files import write_json
from sim2real_ad.training.experiment.drives import DRIVES_FILE, Drive, read_drives
from sim2real_ad.training.experiment.folder import RESULT_FILE, training_folder


def make_start(task):
    task.start.mkdir(parents=True, exist_ok=True)
    with (task.start / "made").open("a") as file:
        file.write("once\n")
    task.start_file.touch()


def fake_run(task):
    """Do what a run does, in no time; success depends on reward and seed alone. settings may ask for trouble."""
    training = training_folder(task.folder)
    training.mkdir(parents=True, exist_ok=True)
    if task.run.trains and not (training / RESULT_FILE).is_file():
        with (training / "trained").open("a") as file:
            file.write("once\n")
        if task.run.id in task.run.settings.get("fails", []):
            raise WorldError(f"{task.run.id}: the world died")
        write_json(training / RESULT_FILE, result(task.run))
    judge(task)


def result(run):
    """What the table reads of a training's result.json."""
    figures = {"asked": 50, "abstained": 2, "auroc": {"value": 0.925, "low": 0.9, "high": 0.95}}
    return {
        "steps_per_second": 100.0,
        "evaluations": {"best": {"steps": run.steps}},
        "audit": {"verdict": "trusted", "figures": figures} if run.reward == "vlm" else None,
        "alarm": {"worst": "quiet"},
    }


def judge(task):
    done = {drive.key for drive in read_drives(task.folder)}
    with (task.folder / DRIVES_FILE).open("a") as file:
        for number, (scenario, seed) in enumerate(task.run.trials):
            if (scenario, seed) in done:
                continue
            file.write(drive(task.run, scenario, seed).model_dump_json() + "\n")
            file.flush()
            marker = task.folder / "cut"
            if number == 1 and task.run.id in task.run.settings.get("cut", []) and not marker.exists():
                marker.touch()
                os.kill(os.getpid(), signal.SIGKILL)


def drive(run, scenario, seed):
    """Guided runs fail at seed 0 alone, the start at seeds 0 to 2, others at 0 and 1; comfort differs alike."""
    failing = {"vlm": 1, "surrogate": 1, "none": 3}.get(run.reward, 2)
    success = seed >= failing
    return Drive(
        scenario=scenario,
        seed=seed,
        success=success,
        infractions=() if success else ("collision",),
        ticks=100,
        mean_speed=5.0 + failing,
        rms_lateral_jerk=0.5 * failing,
    )
