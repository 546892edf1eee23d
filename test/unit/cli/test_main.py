import resource
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from sim2real_ad import cli
from sim2real_ad.cli import main
from sim2real_ad.errors import MapError

COMMAND = '''"""A command for the test."""
import typer
{imports}

def register(app: typer.Typer) -> None:
    @app.command()
    def probe(word: str = "none") -> None:
        {body}
'''


@pytest.fixture
def probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Add a command `probe` with the given body to the commands of s2r."""
    monkeypatch.setattr(cli, "__path__", [*cli.__path__, str(tmp_path)])

    def add(body: str, imports: str = "") -> None:
        (tmp_path / "probe.py").write_text(COMMAND.format(body=body, imports=imports))
        sys.modules.pop("sim2real_ad.cli.probe", None)
        monkeypatch.setattr(main, "command_help", lambda: {"probe": "A command for the test."})

    yield add
    sys.modules.pop("sim2real_ad.cli.probe", None)


def test_a_user_error_is_one_line_and_status_2(probe, capsys: pytest.CaptureFixture[str]) -> None:
    message = "map 'oval' [config/maps]: 42 lanes, at most 8 are supported " + "x" * 200
    probe(f"raise MapError({message!r})", "from sim2real_ad.errors import MapError")
    assert main.run(["probe"]) == 2
    assert capsys.readouterr().err == f"error: {message}\n"


@pytest.mark.parametrize("arguments", [["--debug", "probe"], ["probe", "--debug"]])
def test_debug_shows_the_traceback(probe, arguments: list[str]) -> None:
    probe("raise MapError('no road')", "from sim2real_ad.errors import MapError")
    with pytest.raises(MapError, match="no road"):
        main.run(arguments)


def test_the_environment_switches_debug_on(probe, monkeypatch: pytest.MonkeyPatch) -> None:
    probe("raise MapError('no road')", "from sim2real_ad.errors import MapError")
    monkeypatch.setenv("S2R_DEBUG", "1")
    with pytest.raises(MapError):
        main.run(["probe"])


def test_an_interrupt_is_status_130(probe) -> None:
    probe("raise KeyboardInterrupt")
    assert main.run(["probe"]) == 130


def test_a_command_s_own_exit_status_is_kept(probe) -> None:
    probe("raise typer.Exit(7)")
    assert main.run(["probe"]) == 7


def test_success_is_status_0_and_options_arrive(probe, capsys: pytest.CaptureFixture[str]) -> None:
    probe("typer.echo(word)")
    assert main.run(["probe", "--word", "hello"]) == 0
    assert capsys.readouterr().out == "hello\n"


@pytest.mark.parametrize(
    ("package", "remedy"),
    [("torch.nn", "sim2real_ad[train]"), ("panda3d", "sim2real_ad[sim]"), ("sim2real_ad_msgs.msg", "make messages")],
)
def test_a_missing_extra_names_what_to_install(probe, capsys, package: str, remedy: str) -> None:
    probe(f"raise ModuleNotFoundError('none', name={package!r})")
    assert main.run(["probe"]) == 2
    error = capsys.readouterr().err
    assert remedy in error
    assert error.count("\n") == 1


def test_a_missing_module_of_our_own_is_a_defect_and_keeps_its_traceback(probe) -> None:
    probe("import sim2real_ad.nowhere")
    with pytest.raises(ModuleNotFoundError):
        main.run(["probe"])


@pytest.mark.parametrize("arguments", [["fly"], ["--bogus"]])
def test_wrong_usage_is_status_2_without_a_traceback(arguments: list[str], capsys) -> None:
    assert main.run(arguments) == 2
    assert arguments[0] in capsys.readouterr().err


def test_help_lists_every_command_with_its_line_and_imports_none() -> None:
    script = (
        "import sys; from sim2real_ad.cli import main; status = main.run(['--help']); "
        "heavy = {'numpy', 'rclpy', 'torch', 'carla', 'panda3d', 'cv2', 'pydantic'} & set(sys.modules); "
        "assert not heavy, heavy; sys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env={"COLUMNS": "200"})
    assert done.returncode == 0, done.stderr
    for name, line in main.command_help().items():
        assert name in done.stdout
        assert line
        assert line.split()[0] in done.stdout


def test_help_is_quick() -> None:
    """By processor time: other work on the machine does not count."""
    before = _children_s()
    subprocess.run([sys.executable, "-m", "sim2real_ad", "--help"], check=True, capture_output=True)
    assert _children_s() - before < 1.0


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_every_command_module_can_be_registered() -> None:
    names = set(main.command_help())
    assert {"bench", "compare", "report"} <= names
    for name in names:
        assert isinstance(main.build_app([name]), typer.Typer)
