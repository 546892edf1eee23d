"""The TCP side of the wire server: calls on one port, sensor streams on the next. One thread that no client blocks.

What the calls mean is the service's business. A tick's snapshot and its reply leave before its pictures are drawn, so
that the client works meanwhile.
"""

from __future__ import annotations

import logging
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from sim2real_ad.errors import Sim2RealError, WorldError
from sim2real_ad.world.carla import wire

SEND_BUFFER_BYTES = 4 * 1024 * 1024
MAX_BACKLOG_BYTES = 64 * 1024 * 1024
"""A subscriber that lags behind by more than this is dropped: a stalled client must not eat the server's memory."""
MAX_AWAITED_MESSAGES = 50
"""A client that asked where a stream is and has not come after this many messages is not awaited any longer."""
FREE_PORT_TRIES = 50
"""To find a free port whose neighbour is free too."""
MAX_WAIT_S = 0.5

log = logging.getLogger("sim2real_ad.world_server")


class RawAnswer(list[Any]):
    """An answer that goes out as it is, not wrapped as a Response."""


class Service(Protocol):
    """What answers the calls."""

    def call(self, name: str, arguments: list[Any]) -> Any:
        """Answer a call. Raises Sim2RealError, ValueError, TypeError or LookupError, which become error replies."""
        ...

    def after_reply(self) -> None:
        """Do what the last call left for after its reply."""
        ...

    def subscribed(self, stream_id: int) -> None:
        """Greet a stream's new subscriber."""
        ...

    def run_freely(self, now_s: float) -> float | None:
        """Tick if an asynchronous tick is due; return how many seconds the next is away, None in synchronous mode."""
        ...


class Outbox:
    """What waits to be written to one socket. Nothing is copied where the kernel takes it at once."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._parts: deque[memoryview] = deque()
        self.backlog = 0

    def send(self, *parts: bytes | memoryview) -> None:
        """Write as much as the socket takes and keep a copy of the rest. Raises OSError where it is closed."""
        if self._parts:
            self._keep(parts)
            return
        views = [memoryview(part) for part in parts]
        try:
            sent = self.connection.sendmsg(views)
        except BlockingIOError:
            sent = 0
        for view in views:
            if sent < view.nbytes:
                self._keep((view[sent:],))
            sent = max(0, sent - view.nbytes)

    def flush(self) -> None:
        """Write on. Raises OSError where the socket is closed."""
        while self._parts:
            try:
                sent = self.connection.send(self._parts[0])
            except BlockingIOError:
                return
            self.backlog -= sent
            self._parts[0] = self._parts[0][sent:]
            if not self._parts[0]:
                self._parts.popleft()

    def _keep(self, parts: tuple[bytes | memoryview, ...]) -> None:
        for part in parts:
            self._parts.append(memoryview(bytes(part)))
            self.backlog += len(self._parts[-1])


class WireServer:
    """Two listening sockets and their clients. `serve` runs until `stop` is called, from a signal handler too."""

    def __init__(self, host: str, port: int) -> None:
        """Listen on port and port + 1 of an IPv4 address, port 0 taking two that are free.

        Raises WorldError, naming the port, where one is taken.
        """
        self._listeners = listen_on_two(host, port)
        self._selector = selectors.DefaultSelector()
        self.host, self.port = host, int(self._listeners[0].getsockname()[1])
        self._outboxes: dict[socket.socket, Outbox] = {}
        self._subscribers: dict[int, list[Outbox]] = {}
        self._awaited: dict[int, list[bytes]] = {}
        self._running = True
        self._service: Service | None = None
        for listener, accept in zip(self._listeners, (self._accept_rpc, self._accept_stream), strict=True):
            self._selector.register(listener, selectors.EVENT_READ, accept)

    def stream_token(self, stream_id: int) -> bytes:
        """Return the token under which a client finds a stream."""
        return wire.stream_token(stream_id, self.host, self.port + 1)

    def expect(self, stream_id: int) -> None:
        """Keep a stream's messages until its first subscriber is there, whom a tick may overtake on its way here."""
        if stream_id not in self._subscribers:
            self._awaited.setdefault(stream_id, [])

    def listening(self, stream_id: int) -> bool:
        """Tell whether anyone listens to a stream, or is expected to."""
        return stream_id in self._subscribers or stream_id in self._awaited

    def publish(self, stream_id: int, *parts: bytes | memoryview) -> None:
        """Send one message to every subscriber of a stream. The parts may be reused once this returns."""
        outboxes = self._subscribers.get(stream_id, ())
        size = wire.SIZE.pack(sum(memoryview(part).nbytes for part in parts))
        if stream_id in self._awaited:
            self._keep(stream_id, b"".join((size, *parts)))
        for outbox in tuple(outboxes):
            self._send(outbox, size, *parts)

    def close_stream(self, stream_id: int) -> None:
        """Hang up on a stream's subscribers."""
        self._awaited.pop(stream_id, None)
        for outbox in tuple(self._subscribers.get(stream_id, ())):
            self._drop(outbox.connection)

    def stop(self) -> None:
        """End `serve` after the call in hand."""
        self._running = False

    def serve(self, service: Service, watch: Callable[[], bool] = lambda: True) -> None:
        """Answer calls until stopped or until `watch`, asked at least every MAX_WAIT_S, says no."""
        self._service = service
        while self._running and watch():
            wait = service.run_freely(time.monotonic())
            for key, events in self._selector.select(MAX_WAIT_S if wait is None else min(wait, MAX_WAIT_S)):
                self._handle(key, events)

    def _handle(self, key: selectors.SelectorKey, events: int) -> None:
        try:
            key.data(key.fileobj, events)
        except OSError as error:
            log.debug("connection lost: %s", error)
            self._drop(key.fileobj)  # type: ignore[arg-type]

    def close(self) -> None:
        """Close every socket; may be called twice."""
        for connection in tuple(getattr(self, "_outboxes", ())):
            self._drop(connection)
        for listener in self._listeners:
            listener.close()
        self._selector.close()

    def _accept_rpc(self, listener: socket.socket, _: int) -> None:
        connection = self._accept(listener)
        reader = wire.CallReader()
        outbox = self._outboxes[connection]
        self._watch(connection, lambda _, events: self._serve_rpc(outbox, reader, events))

    def _accept_stream(self, listener: socket.socket, _: int) -> None:
        connection = self._accept(listener)
        outbox, greeting = self._outboxes[connection], bytearray()
        self._watch(connection, lambda _, events: self._serve_stream(outbox, greeting, events))

    def _accept(self, listener: socket.socket) -> socket.socket:
        connection, _ = listener.accept()
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self._outboxes[connection] = Outbox(connection)
        return connection

    def _watch(self, connection: socket.socket, handle: Callable[[socket.socket, int], None]) -> None:
        self._selector.register(connection, selectors.EVENT_READ, handle)

    def _serve_rpc(self, outbox: Outbox, reader: wire.CallReader, events: int) -> None:
        if events & selectors.EVENT_WRITE:
            self._write_on(outbox)
        if not events & selectors.EVENT_READ:
            return
        data = outbox.connection.recv(1 << 18)
        if not data:
            self._drop(outbox.connection)
            return
        try:
            for call in reader.feed(data):
                self._answer(outbox, call)
        except WorldError as error:
            log.warning("%s", error)
            self._drop(outbox.connection)

    def _answer(self, outbox: Outbox, call: wire.Call) -> None:
        assert self._service is not None
        try:
            value = self._service.call(call.name, call.arguments)
            reply = wire.pack_raw_reply(call, value) if isinstance(value, RawAnswer) else wire.pack_reply(call, value)
        except Sim2RealError as error:
            reply = self._refuse(call, str(error))
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            log.debug("bad arguments", exc_info=True)
            reply = self._refuse(call, f"sim2real_ad world server: {call.name}: {error!r}")
        if call.message_id is not None:
            self._send(outbox, reply)
        self._service.after_reply()

    def _refuse(self, call: wire.Call, text: str) -> bytes:
        log.warning("%s", text)
        return wire.pack_error(call, text)

    def _serve_stream(self, outbox: Outbox, greeting: bytearray, events: int) -> None:
        if events & selectors.EVENT_WRITE:
            self._write_on(outbox)
        if not events & selectors.EVENT_READ:
            return
        data = outbox.connection.recv(256)
        if not data:
            self._drop(outbox.connection)
        elif len(greeting) < wire.SIZE.size:
            greeting += data
            if len(greeting) >= wire.SIZE.size:
                (stream_id,) = wire.SIZE.unpack_from(greeting)
                self._subscribe(outbox, stream_id)

    def _subscribe(self, outbox: Outbox, stream_id: int) -> None:
        self._subscribers.setdefault(stream_id, []).append(outbox)
        for message in self._awaited.pop(stream_id, ()):
            self._send(outbox, message)
        if self._service is not None:
            self._service.subscribed(stream_id)

    def _keep(self, stream_id: int, message: bytes) -> None:
        kept = self._awaited[stream_id]
        kept.append(message)
        if len(kept) > MAX_AWAITED_MESSAGES:
            log.warning("nobody came for stream %d", stream_id)
            del self._awaited[stream_id]

    def _send(self, outbox: Outbox, *parts: bytes | memoryview) -> None:
        try:
            outbox.send(*parts)
        except OSError as error:
            log.debug("connection lost: %s", error)
            self._drop(outbox.connection)
            return
        if outbox.backlog > MAX_BACKLOG_BYTES:
            log.warning("a client reads too slowly: %d bytes wait, the limit is %d", outbox.backlog, MAX_BACKLOG_BYTES)
            self._drop(outbox.connection)
        elif outbox.backlog:
            self._want_write(outbox, True)

    def _write_on(self, outbox: Outbox) -> None:
        outbox.flush()
        if not outbox.backlog:
            self._want_write(outbox, False)

    def _want_write(self, outbox: Outbox, wanted: bool) -> None:
        key = self._selector.get_key(outbox.connection)
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if wanted else 0)
        if key.events != events:
            self._selector.modify(outbox.connection, events, key.data)

    def _drop(self, connection: socket.socket) -> None:
        outbox = self._outboxes.pop(connection, None)
        if outbox is None:
            return
        for stream_id, outboxes in tuple(self._subscribers.items()):
            if outbox in outboxes:
                outboxes.remove(outbox)
                if not outboxes:
                    del self._subscribers[stream_id]
        self._selector.unregister(connection)
        connection.close()


def listen_on_two(host: str, port: int) -> list[socket.socket]:
    """Return sockets that listen on port and the next one; 0 looks for two that are free. Raises WorldError."""
    tries = 1 if port else FREE_PORT_TRIES
    while True:
        first, tries = _listen(host, port), tries - 1
        try:
            return [first, _listen(host, int(first.getsockname()[1]) + 1)]
        except WorldError:
            first.close()
            if not tries:
                raise


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(64)
    except (OSError, OverflowError) as error:
        listener.close()
        raise WorldError(f"world server: cannot listen on {host} port {port}: {error}") from error
    listener.setblocking(False)
    return listener
