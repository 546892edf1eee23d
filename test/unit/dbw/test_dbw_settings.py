import pytest

from sim2real_ad.config import check_config
from sim2real_ad.dbw.settings import DataspeedSettings, DbwSettings, PacmodSettings, UdpBusSettings
from sim2real_ad.errors import ConfigError

STEERING = {"ratio": 17.0, "max_wheel_angle": 11.0}
DATASPEED = {"protocol": "dataspeed", "steering": STEERING, "brake_pedal_full_torque": 4000.0}
PACMOD = {"protocol": "pacmod", "steering": STEERING, "torque_full_scale": 10.0}


def load(bus, protocol):
    return check_config({"bus": bus, "protocol": protocol}, DbwSettings, "car.yaml")


def test_bus_and_protocol_are_chosen_by_name():
    settings = load({"kind": "socketcan", "channel": "can0"}, DATASPEED)
    assert isinstance(settings.protocol, DataspeedSettings)
    assert settings.bus.channel == "can0"
    settings = load({"kind": "udp_multicast"}, PACMOD)
    assert isinstance(settings.protocol, PacmodSettings)
    assert isinstance(settings.bus, UdpBusSettings)


@pytest.mark.parametrize("key", ["steering", "brake_pedal_full_torque"])
def test_what_differs_from_car_to_car_must_be_given(key):
    with pytest.raises(ConfigError, match=rf"car.yaml: protocol.dataspeed.{key}: Field required"):
        load({"kind": "udp_multicast"}, {name: value for name, value in DATASPEED.items() if name != key})


@pytest.mark.parametrize("group", ["224.0.0.1", "10.0.0.1", "255.255.255.255", "not an address"])
def test_a_group_that_is_not_administratively_scoped_is_refused(group):
    with pytest.raises(ConfigError, match=r"bus.udp_multicast.group"):
        load({"kind": "udp_multicast", "group": group}, PACMOD)


@pytest.mark.parametrize(
    "bus",
    [
        {"kind": "serial"},
        {"kind": "socketcan"},
        {"kind": "socketcan", "channel": "a_name_that_is_too_long"},
        {"kind": "udp_multicast", "hop_limit": 1},
        {"kind": "udp_multicast", "port": 80},
    ],
)
def test_a_bus_that_cannot_be_is_refused(bus):
    with pytest.raises(ConfigError, match="bus"):
        load(bus, PACMOD)


@pytest.mark.parametrize("watch", [{"report_timeout_ms": 150.0}, {"command_timeout_ms": 200.0}])
def test_no_timeout_may_be_longer_than_100_ms(watch):
    with pytest.raises(ConfigError, match="less than or equal to 100"):
        load({"kind": "udp_multicast"}, {**PACMOD, "watch": watch})
