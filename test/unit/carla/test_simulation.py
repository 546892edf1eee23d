"""The server's world, without sockets: time, actors, contacts."""

import math

import pytest

from sim2real_ad.errors import MapError, WorldError
from sim2real_ad.vehicle.profile import load_vehicle
from sim2real_ad.world.carla.actors import VehicleControl
from sim2real_ad.world.carla.blueprints import blueprint_library
from sim2real_ad.world.carla.settings import Settings
from sim2real_ad.world.carla.simulation import Simulation
from sim2real_ad.world.catalogue import CATALOGUE

HERE = (120.0, 1.75, 0.3, 0.0, 0.0, 0.0)
CAR, BOX = "vehicle.lincoln.mkz_2020", "static.prop.box01"


@pytest.fixture
def simulation():
    simulation = Simulation("urban_block")
    simulation.settings = Settings(synchronous=True, fixed_delta=0.05)
    return simulation


def spawn(simulation, name=CAR, place=HERE, parent=None, **attributes):
    return simulation.spawn(blueprint_library()[name], attributes, place, parent)


def test_time_does_not_drift(simulation):
    for _ in range(2000):
        simulation.advance()
    assert simulation.elapsed_s == 2000 * 0.05
    assert simulation.frame == 2000


def test_throttle_drives_a_car_ahead_and_right_steer_turns_it_clockwise(simulation):
    car = spawn(simulation)
    simulation.control(car, VehicleControl(throttle=0.6, steer=0.5))
    for _ in range(60):
        simulation.advance()
    assert car.transform[0] > HERE[0] + 3.0
    assert car.transform[1] > HERE[1] + 0.2
    assert 0.0 < car.transform[4] < 90.0
    assert car.angular_velocity[2] > 0.0
    assert math.hypot(*car.velocity[:2]) > 2.0


def test_a_parked_car_stays_where_it_is(simulation):
    car = spawn(simulation)
    for _ in range(20):
        simulation.advance()
    assert car.transform == HERE


def test_a_car_without_physics_obeys_transforms_only(simulation):
    car = spawn(simulation)
    simulation.set_physics(car, False)
    simulation.control(car, VehicleControl(throttle=1.0))
    simulation.advance()
    assert car.transform == HERE
    simulation.place(car, (130.0, *HERE[1:]))
    simulation.advance()
    assert car.transform[0] == 130.0


def test_physics_takes_over_at_the_velocity_that_was_set(simulation):
    car = spawn(simulation)
    simulation.set_physics(car, False)
    simulation.set_velocity(car, (5.0, 0.0, 0.0))
    simulation.set_physics(car, True)
    simulation.advance()
    assert car.velocity[0] == pytest.approx(5.0, abs=0.1)
    assert car.transform[0] == pytest.approx(HERE[0] + 0.25, abs=0.01)


def test_nothing_is_spawned_into_something_else(simulation):
    spawn(simulation)
    with pytest.raises(WorldError, match=r"static\.prop\.box01 at \(121\.00, 1\.75\).*collide.*mkz_2020"):
        spawn(simulation, BOX, (121.0, *HERE[1:]))
    spawn(simulation, BOX, (123.0, *HERE[1:]))


def test_touching_sees_boxes_that_overlap_and_no_others(simulation):
    car, box = spawn(simulation), spawn(simulation, BOX, (130.0, *HERE[1:]))
    assert list(simulation.touching(car)) == []
    edge = HERE[0] + car.size[0] / 2 + box.size[0] / 2
    simulation.place(box, (edge + 0.01, *HERE[1:]))
    assert list(simulation.touching(car)) == []
    simulation.place(box, (edge - 0.01, *HERE[1:]))
    assert list(simulation.touching(car)) == [box]


def test_what_hangs_on_an_actor_moves_with_it_and_goes_with_it(simulation):
    car = spawn(simulation)
    camera = spawn(simulation, "sensor.camera.rgb", (1.0, 0.0, 1.5, 0.0, 0.0, 0.0), car)
    simulation.place(car, (0.0, 0.0, 0.0, 0.0, 90.0, 0.0))
    simulation.advance()
    assert camera.transform == pytest.approx((0.0, 1.0, 1.5, 0.0, 90.0, 0.0), abs=1e-9)
    assert simulation.destroy(car.actor_id) == [car, camera]
    assert list(simulation.actors) == [simulation.spectator.actor_id]


def test_unknown_things_are_refused_by_name(simulation):
    with pytest.raises(WorldError, match="no attribute 'colour'"):
        spawn(simulation, colour="1,2,3")
    with pytest.raises(WorldError, match="'blue' is not three numbers"):
        spawn(simulation, color="blue")
    with pytest.raises(WorldError, match="no actor 99"):
        simulation.find(99)
    with pytest.raises(WorldError, match=r"box01 .* is no vehicle"):
        simulation.control(spawn(simulation, BOX), VehicleControl())
    with pytest.raises(MapError, match="Town99"):
        simulation.load("Town99")


def test_a_new_episode_keeps_counting_frames_and_starts_time_anew(simulation):
    spawn(simulation)
    simulation.advance()
    simulation.load("proving_ground")
    assert (simulation.frame, simulation.elapsed_s, simulation.episode_id) == (1, 0.0, 2)
    assert list(simulation.actors) == [simulation.spectator.actor_id]


@pytest.mark.parametrize("delta", [-0.1, 2.0, float("nan")])
def test_an_impossible_step_is_refused(delta):
    with pytest.raises(ValueError, match="fixed_delta_seconds"):
        Settings.from_wire([True, False, [True, delta], True, 0.01, 10, 0.0, False, 0.0, 0.0, True])


def test_settings_survive_the_wire():
    given = [True, False, [True, 0.05], True, 0.01, 10, 0.0, False, 3000.0, 2000.0, True]
    assert Settings.from_wire(given).to_wire() == given


def test_every_profile_and_every_catalogue_entry_can_be_spawned():
    library = blueprint_library()
    saloon = load_vehicle("saloon")
    assert library[saloon.blueprint].size == (saloon.length, saloon.width, saloon.height)
    for blueprints in CATALOGUE.values():
        for blueprint in blueprints:
            assert library[blueprint.name].size == pytest.approx(blueprint.size)


def test_a_car_takes_on_the_profile_that_it_is_given(simulation):
    van = load_vehicle("e_transit")
    car = spawn(simulation, van.blueprint, sim2real_ad_profile=van.model_dump_json())
    assert car.size == (van.length, van.width, van.height)
    assert car.driven.profile == van
    with pytest.raises(WorldError, match="is no vehicle profile"):
        spawn(simulation, place=(140.0, *HERE[1:]), sim2real_ad_profile="{}")
