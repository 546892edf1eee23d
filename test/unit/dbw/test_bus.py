import errno
import socket
import sys
import time
from pathlib import Path

import can
import pytest
from dbw_drive import Drive
from hypothesis import given, settings
from hypothesis import strategies as st

from sim2real_ad.dbw.bus import CanBus, open_python_can
from sim2real_ad.dbw.codec import Frame
from sim2real_ad.dbw.loopback_bus import LoopbackBus
from sim2real_ad.dbw.settings import SocketcanBusSettings, UdpBusSettings, VirtualBusSettings
from sim2real_ad.errors import DbwError

FRAMES = [Frame(0x210, b"12345678"), Frame(0x7FF, b""), Frame(0x1, b"\x00")]
UDP = UdpBusSettings(kind="udp_multicast", group="239.255.74.9", port=45_913)


class FlakyCan:
    """A python-can bus that can be unplugged."""

    def __init__(self):
        self.incoming, self.outgoing, self.failure, self.plugged = [], [], None, True
        self.opened = self.closed = 0

    def open(self, _settings):
        if not self.plugged:
            raise DbwError("no CAN interface can0")
        self.opened += 1
        return self

    def recv(self, _timeout):
        self._work()
        return self.incoming.pop(0) if self.incoming else None

    def send(self, message, timeout=None):
        self._work()
        self.outgoing.append(message)

    def shutdown(self):
        self.closed += 1

    def _work(self):
        if not self.plugged:
            raise can.CanOperationError("Network is down", errno.ENETDOWN)
        if self.failure:
            raise self.failure


@pytest.fixture
def flaky():
    return FlakyCan()


@pytest.fixture
def bus(flaky):
    clock = iter(number * 0.1 for number in range(100_000))
    settings = SocketcanBusSettings(kind="socketcan", channel="can0")
    return CanBus(settings, open_can=flaky.open, clock=lambda: next(clock))


@pytest.fixture
def udp():
    buses = CanBus(UDP), CanBus(UDP)
    yield buses
    for one in buses:
        one.close()


def message(frame):
    return can.Message(arbitration_id=frame.id, data=frame.data, is_extended_id=frame.extended)


def error_frame(classes):
    return can.Message(arbitration_id=classes, data=bytes(8), is_error_frame=True)


def kinds(bus):
    return [event.kind for event in bus.take_events()]


def test_two_ends_of_a_virtual_bus_hear_each_other_and_not_themselves():
    settings = VirtualBusSettings(kind="virtual", channel="dbw-test")
    one, other = CanBus(settings), CanBus(settings)
    assert one.send(FRAMES)
    assert other.receive(0.1) == FRAMES
    assert one.receive() == []
    one.close()
    other.close()


def test_two_ends_of_a_loopback_bus_hear_each_other_and_not_themselves(udp):
    one, other = udp
    assert one.send(FRAMES)
    received = []
    while len(received) < len(FRAMES) and (frames := other.receive(1.0)):
        received += frames
    assert received == FRAMES
    assert one.receive(0.05) == []


def test_what_a_loopback_bus_sent_itself_is_no_end_of_what_is_there(udp):
    one, other = udp
    for frame in FRAMES:
        one.send([frame])
        other.send([frame])
        one.send([frame, frame])
    time.sleep(0.05)
    assert one.receive() == FRAMES


def test_a_loopback_bus_joins_its_group_on_loopback_alone(udp):
    def addresses(lines):
        device = ""
        for line in lines:
            if not line.startswith("\t"):
                device = line.split()[1]
            else:
                yield device, line.split()[0]

    group = "".join(f"{byte:02X}" for byte in reversed(socket.inet_aton(UDP.group)))
    joined = addresses(Path("/proc/net/igmp").read_text().splitlines()[1:])
    assert {device for device, address in joined if address == group} == {"lo"}


def test_a_loopback_bus_sends_by_loopback_with_a_hop_limit_of_0():
    bus = LoopbackBus(UDP.group, UDP.port)
    sock = socket.socket(fileno=bus.fileno())
    assert sock.getsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL) == 0
    assert sock.getsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, 4) == socket.inet_aton("127.0.0.1")
    assert sock.getsockname() == (UDP.group, UDP.port)
    sock.detach()
    bus.shutdown()


@settings(max_examples=30)
@given(st.binary(max_size=40))
def test_no_datagram_whatever_disturbs_a_loopback_bus(datagram):
    bus, stranger = CanBus(UDP), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    stranger.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
    stranger.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 0)
    stranger.sendto(datagram, (UDP.group, UDP.port))
    assert bus.receive(0.01) == []
    assert (bus.fault, bus.take_events()) == (None, [])
    stranger.close()
    bus.close()


@pytest.mark.parametrize(
    "frame",
    [
        can.Message(arbitration_id=1, is_extended_id=True),
        can.Message(arbitration_id=1, is_extended_id=False, is_remote_frame=True),
        can.Message(arbitration_id=1, is_extended_id=False, is_fd=True, data=bytes(12)),
    ],
)
def test_a_loopback_bus_refuses_what_it_cannot_carry(frame):
    bus = LoopbackBus(UDP.group, UDP.port)
    with pytest.raises(can.CanOperationError, match="only standard data frames"):
        bus.send(frame)
    bus.shutdown()


def test_a_can_interface_that_is_not_there_is_named_with_what_to_do():
    with pytest.raises(DbwError, match=r"no CAN interface nocan7: .*ip link set nocan7 up type can bitrate 500000"):
        open_python_can(SocketcanBusSettings(kind="socketcan", channel="nocan7"))


def test_a_missing_python_can_is_named_with_the_extra_that_brings_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "can", None)
    with pytest.raises(DbwError, match=r"a bus needs python-can: pip install 'sim2real_ad\[can\]'"):
        open_python_can(UDP)


def test_a_port_that_is_taken_is_named():
    taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    taken.bind(("239.255.74.10", 45_914))
    with pytest.raises(DbwError, match=r"cannot open the udp_multicast bus: .*45914"):
        CanBus(UdpBusSettings(kind="udp_multicast", group="239.255.74.10", port=45_914))
    taken.close()


def test_frames_are_sent_and_received_as_they_are(bus, flaky):
    assert bus.send(FRAMES)
    assert [Frame(m.arbitration_id, bytes(m.data), m.is_extended_id) for m in flaky.outgoing] == FRAMES
    extended = Frame(0x1ABCDEF, b"1", extended=True)
    flaky.incoming = [message(FRAMES[0]), message(extended), can.Message(is_remote_frame=True, arbitration_id=3)]
    assert bus.receive() == [FRAMES[0], extended]


def test_a_bus_that_vanishes_is_a_fault_and_an_event_and_no_exception(bus, flaky):
    flaky.plugged = False
    assert bus.receive() == []
    assert (bus.fault, kinds(bus), flaky.closed) == ("bus_lost", ["lost"], 1)
    assert not bus.send(FRAMES)
    assert kinds(bus) == []


def test_a_bus_that_returns_is_used_again(bus, flaky):
    flaky.plugged = False
    bus.receive()
    for _ in range(10):
        assert bus.receive() == []
    flaky.plugged, flaky.incoming = True, [message(FRAMES[0])]
    received = [frame for _ in range(10) for frame in bus.receive()]
    assert received == [FRAMES[0]]
    assert (bus.fault, flaky.opened) == (None, 2)
    assert kinds(bus) == ["lost", "restored"]
    assert bus.send(FRAMES)


def test_bus_off_is_a_fault_until_the_controller_is_restarted(bus, flaky):
    flaky.incoming = [error_frame(0x40)]
    bus.receive()
    assert (bus.fault, kinds(bus)) == ("bus_off", ["bus_off"])
    assert not bus.send(FRAMES)
    assert flaky.outgoing == []
    flaky.incoming = [error_frame(0x100)]
    bus.receive()
    assert (bus.fault, kinds(bus)) == (None, ["restored"])
    assert bus.send(FRAMES)


def test_other_error_frames_are_events_and_no_fault(bus, flaky):
    flaky.incoming = [error_frame(0x4), message(FRAMES[0])]
    assert bus.receive() == [FRAMES[0]]
    assert (bus.fault, kinds(bus)) == (None, ["error_frame"])


def test_a_full_transmit_buffer_is_a_fault_until_a_frame_goes_out(bus, flaky):
    flaky.failure = can.CanOperationError("Failed to transmit", errno.ENOBUFS)
    assert not bus.send(FRAMES)
    assert (bus.fault, kinds(bus), flaky.closed) == ("bus_send_failed", ["send_failed"], 0)
    flaky.failure = None
    assert bus.send(FRAMES)
    assert bus.fault is None


def test_events_do_not_pile_up(bus, flaky):
    flaky.incoming = [error_frame(0x4)] * 500
    bus.receive()
    assert len(bus.take_events()) == 100


def test_frames_are_kept_apart_where_the_protocol_asks_for_it(bus, monkeypatch):
    pauses = []
    monkeypatch.setattr("sim2real_ad.dbw.bus.time.sleep", pauses.append)
    bus.send(FRAMES, separation_s=0.0005)
    assert pauses == [0.0005, 0.0005]


@pytest.mark.parametrize("protocol", ["dataspeed", "pacmod"])
def test_a_car_whose_bus_vanishes_is_let_go_and_engaged_again_when_it_is_back(protocol, bus, flaky):
    drive = Drive(protocol).engaged()
    flaky.plugged = False
    bus.receive()
    drive.interface.set_bus_fault(bus.fault)
    drive.to_ecu = drive.to_interface = lambda frame: None
    drive.run(200)
    assert (drive.state.phase, drive.actuation.own_stop) == ("disengaged", True)
    assert drive.state.reasons == ("bus_lost",)
    flaky.plugged = True
    while bus.fault:
        bus.receive()
    drive.interface.set_bus_fault(bus.fault)
    drive.to_ecu = drive.to_interface = lambda frame: frame
    drive.run(1000)
    assert drive.state.phase == "disengaged"
    assert drive.again().state.phase == "engaged"
