"""An interface and its simulated ECU on a perfect bus, by simulated time."""

from dataclasses import dataclass, field, replace

from sim2real_ad.dbw.codec import Frame
from sim2real_ad.dbw.ecu import Actuation, CarState, Misbehaviour
from sim2real_ad.dbw.protocols import ecu_for, interface_for
from sim2real_ad.dbw.settings import DataspeedSettings, EcuSettings, PacmodSettings, SteeringSettings
from sim2real_ad.types import ControlCommand
from sim2real_ad.vehicle.profile import load_vehicle

MS = 1_000_000
ECU_STEP_MS, INTERFACE_STEP_MS = 5, 20
COMMAND = ControlCommand(stamp_ns=0, steering_tire_angle=0.05, acceleration=0.5)

PROFILES = {"dataspeed": load_vehicle("e_transit"), "pacmod": load_vehicle("saloon")}


def settings_for(protocol, **changes):
    steering = changes.pop("steering", SteeringSettings(ratio=17.0, max_wheel_angle=11.0))
    if protocol == "dataspeed":
        return DataspeedSettings(protocol="dataspeed", steering=steering, brake_pedal_full_torque=4000.0, **changes)
    return PacmodSettings(protocol="pacmod", steering=steering, torque_full_scale=10.0, **changes)


@dataclass
class Drive:
    """to_ecu, to_interface: what the bus makes of a frame, None where it is lost."""

    protocol: str = "dataspeed"
    ecu_settings: EcuSettings = field(default_factory=EcuSettings)
    changes: dict = field(default_factory=dict)
    car: CarState = field(default_factory=lambda: CarState(speed=5.0))
    command: ControlCommand | None = COMMAND
    engage: bool = False
    now_ms: int = 0
    actuation: Actuation | None = None

    def __post_init__(self):
        profile, settings = PROFILES[self.protocol], settings_for(self.protocol, **self.changes)
        self.interface = interface_for(profile, settings)
        self.ecu = ecu_for(profile, settings, self.ecu_settings)
        self.to_ecu = self.to_interface = lambda frame: frame
        self.sent: list[Frame] = []

    @property
    def state(self):
        return self.interface.state

    def run(self, duration_ms, until=lambda drive: False):
        """Run for a while; return the ms after which `until` held, None where it never did."""
        begin = self.now_ms
        while self.now_ms < begin + duration_ms:
            self._step()
            if until(self):
                return self.now_ms - begin
            self.now_ms += ECU_STEP_MS
        return None

    def engaged(self):
        """Run until the car follows."""
        self.run(300)
        self.engage = True
        assert self.run(300, until=lambda drive: drive.state.phase == "engaged") is not None, self.state
        self.run(100)
        assert self.state.phase == "engaged", self.state
        return self

    def again(self):
        """Ask once more, by a new edge."""
        self.engage = False
        self.run(200)
        self.engage = True
        self.run(300)
        return self

    def misbehave(self, kind, target=""):
        self.ecu.misbehave(Misbehaviour(kind, target))

    def driver(self, **acts):
        self.car = replace(self.car, **acts)

    def _step(self):
        now_ns = self.now_ms * MS
        frames, self.actuation = self.ecu.step(now_ns, self.car)
        for frame in filter(None, map(self.to_interface, frames)):
            self.interface.receive(frame, now_ns)
        if self.now_ms % INTERFACE_STEP_MS == 0:
            self.sent = self.interface.step(now_ns, self.command, self.engage)
            for frame in filter(None, map(self.to_ecu, self.sent)):
                self.ecu.receive(frame, now_ns)
