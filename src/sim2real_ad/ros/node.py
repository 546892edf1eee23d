"""What every node shares: parameters without defaults, ports by the graph, timing, readiness, and how it ends."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time
from collections.abc import Callable
from functools import cache
from typing import Any, ClassVar, Generic, TypeVar

import rclpy
import rclpy.node
from pydantic import Field
from rclpy.clock import Clock, ClockType
from rclpy.executors import ExternalShutdownException
from rclpy.parameter import Parameter

from sim2real_ad.config import StrictModel, check_config
from sim2real_ad.errors import Sim2RealError
from sim2real_ad.ros.conversions import set_time
from sim2real_ad.ros.node_states import READY, UP
from sim2real_ad.ros.priority import take_priority
from sim2real_ad.ros.qos import publisher_qos, subscriber_qos
from sim2real_ad.ros.topics import PORTS, Topic
from sim2real_ad.ros.transport import require_in_force, require_profile

EXIT_OK, EXIT_ERROR = 0, 2
_OF_ROS = ("use_sim_time", "start_type_description_service", "qos_overrides")
_CONNECTION_PERIOD_S = 0.02
_LONG_WAIT_S = 3600.0


class NodeParameters(StrictModel):
    """The parameters that every node has: which neighbours to wait for before it says that it is ready.

    producers: input ports that somebody must publish; consumers: `port=count`, how many must hear an output;
    realtime_priority: 1 to 98, 0 for none; see `priority`.
    """

    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    realtime_priority: int = Field(ge=0, le=98)


ParametersT = TypeVar("ParametersT", bound=NodeParameters)


class GraphNode(rclpy.node.Node, Generic[ParametersT]):
    """A node of the graph. kind names its ports in `graph.PORTS`; model checks its parameters."""

    kind: ClassVar[str]
    model: ClassVar[type[NodeParameters]]
    close_limit_s: ClassVar[float] = 5.0
    """How long ending may take; then the process is ended by the kernel, whatever hangs."""

    def __init__(self) -> None:
        """Raises ConfigError where a parameter is missing, unknown or impossible."""
        super().__init__(
            self.kind,
            allow_undeclared_parameters=True,
            automatically_declare_parameters_from_overrides=True,
            start_parameter_services=False,
            parameter_overrides=[Parameter("start_type_description_service", value=False)],
        )
        self.ports = PORTS[self.kind]
        self.parameters: ParametersT = self._read_parameters()
        self.failure: BaseException | None = None
        self.is_stuck = False
        self._inputs: dict[str, Any] = {}
        self._outputs: dict[str, Any] = {}
        self._timing = self.publisher("timing") if "timing" in self.ports.outputs else None
        self._connection_timer: Any = None
        self.connected = False

    def _read_parameters(self) -> Any:
        given = {name: p.value for name, p in self.get_parameters_by_prefix("").items()}
        own = {name: value for name, value in given.items() if name.partition(".")[0] not in _OF_ROS}
        return check_config(own, self.model, f"parameters of node {self.get_name()}")

    def publisher(self, port: str) -> Any:
        """Create the publisher of an output port."""
        topic = self.ports.outputs[port]
        made = self.create_publisher(message_class(topic.type_name), f"~/output/{port}", publisher_qos(topic.qos))
        self._outputs[port] = made
        return made

    def subscribe(self, port: str, callback: Callable[[Any], None], *, lossless: bool = True, raw: bool = False) -> Any:
        """Create the subscription of an input port.

        lossless: see `qos.subscriber_qos`; raw: the callback gets CDR bytes.
        """
        topic = self.ports.inputs[port]
        qos = subscriber_qos(topic.qos, lossless=lossless)
        made = self.create_subscription(
            message_class(topic.type_name), f"~/input/{port}", self.guarded(callback), qos, raw=raw
        )
        self._inputs[port] = made
        return made

    def every(self, period_s: float, callback: Callable[[], None]) -> Any:
        """Call back by the wall clock, whatever the simulated one does."""
        return self.create_timer(period_s, self.guarded(callback), clock=Clock(clock_type=ClockType.STEADY_TIME))

    def guarded(self, callback: Callable[..., None]) -> Callable[..., None]:
        """Wrap a callback so that an error ends this process as one clear line."""

        def call(*arguments: Any) -> None:
            try:
                callback(*arguments)
            except Sim2RealError as error:
                self.stop(error)
            except Exception:
                if self.context.ok():  # else a publisher of a node that is ending: a signal came meanwhile
                    raise

        return call

    def report_timing(self, stamp_ns: int, received_ns: int, dropped: int = 0) -> None:
        """Publish when this stage got and answered a frame. received_ns: time.monotonic_ns()."""
        assert self._timing is not None, f"{self.kind} declares no timing output"
        message = message_class(self.ports.outputs["timing"].type_name)(stage=self.kind)
        set_time(message.stamp, stamp_ns)
        message.received_ns, message.published_ns, message.dropped = received_ns, time.monotonic_ns(), dropped
        self._timing.publish(message)

    def start_connecting(self) -> None:
        """Watch for the neighbours; `on_connected` is called once they are there."""
        self._connection_timer = self.every(_CONNECTION_PERIOD_S, self._check_connections)

    def on_connected(self) -> None:
        """Every required input has a publisher and every output its consumers: begin."""

    def unconnected(self) -> list[str]:
        """Name the topics that still lack a publisher or a consumer."""
        pairs = (c.partition("=") for c in self.parameters.consumers if c)
        wanted = {name: int(count) for name, _, count in pairs}
        needed = [self._inputs[port] for port in self.parameters.producers if port]
        waiting = [reader.topic_name for reader in needed if reader.get_publisher_count() == 0]
        lacking = [p for p, count in wanted.items() if self._outputs[p].get_subscription_count() < count]
        return waiting + [self._outputs[port].topic_name for port in lacking]

    def _check_connections(self) -> None:
        if self.unconnected():
            return
        self._connection_timer.cancel()
        self.connected = True
        announce(READY)
        self.on_connected()

    def stop(self, failure: BaseException | None = None) -> None:
        """End this process, from any thread; with a failure, as an error."""
        self.failure = self.failure or failure
        self.context.try_shutdown()

    def close(self) -> None:
        """Release what the node holds beside ROS; called once at the end."""


@cache
def message_class(type_name: str) -> Any:
    """Return the class of a type like `sensor_msgs/msg/Image`."""
    package, kind, name = type_name.split("/")
    return getattr(importlib.import_module(f"{package}.{kind}"), name)


def topic_type(topic: Topic) -> Any:
    """Return the message class of a topic."""
    return message_class(topic.type_name)


def announce(state: str) -> None:
    """Tell a supervisor, on stdout, how far this node is."""
    sys.stdout.write(f"{state}\n")
    sys.stdout.flush()


def run_node(make: Callable[[], GraphNode[Any]]) -> None:
    """Run one node until it is stopped, and exit: 0, or 2 with one line on stderr where it failed."""
    status, is_stuck = _run(make)
    if is_stuck:  # a library would wait for its server while Python ends
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


def _run(make: Callable[[], GraphNode[Any]]) -> tuple[int, bool]:
    """Return the exit status, and whether something of the node hangs."""
    node: GraphNode[Any] | None = None
    status, starts = EXIT_OK, True
    try:
        require_profile()
        rclpy.init()
        node = make()
        require_in_force()
        _take_priority(node)
        announce(UP)
        node.start_connecting()
        starts = False
        _spin(node)
        if node.failure is not None:
            raise node.failure
    except Sim2RealError as error:
        name = node.get_name() if node else make.__name__
        sys.stderr.write(f"error: {name}: {error}\n")
        status = EXIT_ERROR
    except (KeyboardInterrupt, ExternalShutdownException):
        status = EXIT_OK
    except Exception:
        if not starts or rclpy.ok():  # else it was told to end while it was starting
            raise
    finally:
        _ignore_interrupts()
        if node is not None:
            _limit_ending(node.close_limit_s)
            node.close()
            node.destroy_node()
        rclpy.try_shutdown()
        _ignore_interrupts()  # ROS has put the handler back that it found
    return status, node is not None and node.is_stuck


def _take_priority(node: GraphNode[Any]) -> None:
    """Go before what may wait; where that is not allowed, say so and go on."""
    for refusal in take_priority(node.parameters.realtime_priority):
        node.get_logger().warning(f"{refusal}; it can be late")


def _ignore_interrupts() -> None:
    """Let nothing break into an orderly end: under launch, Ctrl-C comes twice, from the terminal and from launch."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _limit_ending(seconds: float) -> None:
    """Let the kernel end this process after a while: a client library that waits for a dead server holds Python too."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _spin(node: GraphNode[Any]) -> None:
    """Spin until ROS is shut down. An unbounded wait of this executor spins a core on some kernels: it gets a bound."""
    from rclpy.experimental import EventsExecutor
    from rclpy.task import Future

    executor = EventsExecutor()
    executor.add_node(node)
    never: Any = Future()
    try:
        while node.context.ok():
            executor.spin_until_future_complete(never, timeout_sec=_LONG_WAIT_S)
    except (KeyboardInterrupt, ExternalShutdownException):
        return
    finally:
        executor.shutdown()
