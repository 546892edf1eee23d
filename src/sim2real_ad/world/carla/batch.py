"""The commands of a batch, numbered as on the wire."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from sim2real_ad.world.carla import wire
from sim2real_ad.world.carla.actors import VehicleControl, read_transform, read_vector
from sim2real_ad.world.carla.simulation import Simulation

Command: TypeAlias = Callable[[Simulation, list[Any]], Any]


def apply_control(simulation: Simulation, arguments: list[Any]) -> None:
    """Apply [actor, control]."""
    actor_id, control = arguments
    simulation.control(simulation.find(actor_id), VehicleControl.from_wire(control))


def apply_transform(simulation: Simulation, arguments: list[Any]) -> None:
    """Apply [actor, transform]."""
    actor_id, transform = arguments
    simulation.place(simulation.find(actor_id), read_transform(transform))


def apply_location(simulation: Simulation, arguments: list[Any]) -> None:
    """Apply [actor, location], the rotation staying as it is."""
    actor_id, location = arguments
    actor = simulation.find(actor_id)
    kept = actor.offset or actor.transform
    simulation.place(actor, (*read_vector(location), *kept[3:]))


def apply_target_velocity(simulation: Simulation, arguments: list[Any]) -> None:
    """Apply [actor, velocity in m/s]."""
    actor_id, velocity = arguments
    simulation.set_velocity(simulation.find(actor_id), read_vector(velocity))


def apply_angular_velocity(simulation: Simulation, arguments: list[Any]) -> None:
    """Apply [actor, angular velocity in deg/s]; it is reported, and turns no vehicle that is driven."""
    actor_id, velocity = arguments
    simulation.find(actor_id).angular_velocity = read_vector(velocity)


def apply_walker_control(simulation: Simulation, arguments: list[Any]) -> None:
    """Apply [actor, [direction, speed m/s, jump]]."""
    actor_id, (direction, speed, _) = arguments
    x, y, z = read_vector(direction)
    simulation.find(actor_id).walk = (x * float(speed), y * float(speed), z * float(speed))


def apply_walker_state(simulation: Simulation, arguments: list[Any]) -> None:
    """Apply [actor, transform, speed]."""
    apply_transform(simulation, arguments[:2])


def set_simulate_physics(simulation: Simulation, arguments: list[Any]) -> None:
    """Apply [actor, whether the server moves it]."""
    actor_id, enabled = arguments
    simulation.set_physics(simulation.find(actor_id), bool(enabled))


def accept(simulation: Simulation, arguments: list[Any]) -> None:
    """Accept [actor, value] of something that has no effect here: gravity on flat ground, vehicle lights."""
    simulation.find(arguments[0])


BATCH_COMMANDS: dict[int, Command] = {
    2: apply_control,
    4: apply_walker_control,
    6: apply_transform,
    7: apply_walker_state,
    8: apply_target_velocity,
    9: apply_angular_velocity,
    14: set_simulate_physics,
    15: accept,
    18: accept,
}
"""By the index of the client's variant type; spawning (0) and destroying (1) need the server's streams."""

UNSUPPORTED_COMMANDS = {
    3: "ApplyVehicleAckermannControl",
    5: "ApplyVehiclePhysicsControl",
    10: "ApplyImpulse",
    11: "ApplyForce",
    12: "ApplyAngularImpulse",
    13: "ApplyTorque",
    16: "SetAutopilot",
    17: "ShowDebugTelemetry",
}


def unsupported(what: str) -> str:
    """Return the text that a client gets for what this server does not do."""
    return f"sim2real_ad world server: {what} is not supported"


def batch_failure(text: str) -> list[Any]:
    """Return the answer of a command that failed."""
    return wire.failure(text)


def batch_success(actor_id: int) -> list[Any]:
    """Return the answer of a command that succeeded."""
    return wire.result(actor_id)
