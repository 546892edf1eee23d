"""The real carla client drives the wire server; nothing of ours stands in between but the server itself."""

import queue
import socket
import subprocess
import sys
import time

import carla
import numpy as np
import pytest

from sim2real_ad.errors import WorldError
from sim2real_ad.world.carla import server as server_module
from sim2real_ad.world.carla.launch import running_world_server
from sim2real_ad.world.carla.server import WireServer

CAR = "vehicle.lincoln.mkz_2020"
SIZE = (64, 48)


@pytest.fixture(scope="module")
def server():
    with running_world_server() as running:
        yield running


@pytest.fixture(scope="module")
def client(server):
    client = carla.Client(server.host, server.port)
    client.set_timeout(20.0)
    return client


@pytest.fixture
def world(client):
    """A fresh episode in synchronous mode."""
    world = client.load_world("urban_block")
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
    world.apply_settings(settings)
    return world


@pytest.fixture
def spawn(world):
    spawned = []

    def spawn(name, place=None, parent=None, **attributes):
        blueprint = world.get_blueprint_library().find(name)
        for key, value in attributes.items():
            blueprint.set_attribute(key, str(value))
        actor = world.spawn_actor(blueprint, place or carla.Transform(), attach_to=parent)
        spawned.append(actor)
        return actor

    yield spawn
    for actor in spawned:
        if hasattr(actor, "stop"):
            actor.stop()
    for actor in reversed(spawned):
        if actor.is_alive:
            actor.destroy()


def start(world, index=0):
    return world.get_map().get_spawn_points()[index]


def eye(spawn, car, kind="sensor.camera.rgb", **attributes):
    place = carla.Transform(carla.Location(x=0.3, z=1.45), carla.Rotation(pitch=-4.0))
    size = {"image_size_x": SIZE[0], "image_size_y": SIZE[1]}
    camera = spawn(kind, place, car, **size, **attributes)
    images = queue.Queue()
    camera.listen(images.put)
    return images


def test_versions_agree(client):
    assert client.get_server_version() == client.get_client_version() == "0.9.16"


def test_the_map_comes_over_with_spawn_points_on_its_lanes(world):
    road_map = world.get_map()
    points = road_map.get_spawn_points()
    assert road_map.name == "sim2real_ad/urban_block"
    assert len(points) > 20
    for point in points[::10]:
        waypoint = road_map.get_waypoint(point.location)
        turn = waypoint.transform.rotation.yaw - point.rotation.yaw
        assert waypoint.transform.location.distance(point.location) < 0.5
        assert abs((turn + 180.0) % 360.0 - 180.0) < 1.0


def test_ticks_advance_frame_and_time_by_exactly_one_step(world):
    before = world.get_snapshot()
    frames = [world.tick() for _ in range(5)]
    after = world.get_snapshot()
    assert frames == list(range(before.frame + 1, before.frame + 6))
    assert after.frame == frames[-1]
    assert after.timestamp.elapsed_seconds == pytest.approx(before.timestamp.elapsed_seconds + 0.25, abs=1e-9)
    assert after.timestamp.delta_seconds == pytest.approx(0.05)


def test_a_car_obeys_its_pedals_and_reports_them(world, spawn):
    car = spawn(CAR, start(world))
    car.apply_control(carla.VehicleControl(throttle=0.5, steer=0.25))
    for _ in range(40):
        world.tick()
    ahead = start(world).get_forward_vector()
    velocity, moved = car.get_velocity(), car.get_location() - start(world).location
    assert moved.x * ahead.x + moved.y * ahead.y > 1.0
    assert velocity.x * ahead.x + velocity.y * ahead.y > 1.0
    assert car.get_angular_velocity().z > 0.0
    assert car.get_wheel_steer_angle(carla.VehicleWheelLocation.FL_Wheel) == pytest.approx(0.25 * 34.4, abs=1.0)
    assert (car.get_control().throttle, car.get_control().steer) == (0.5, 0.25)
    car.apply_control(carla.VehicleControl(brake=1.0))
    for _ in range(40):
        world.tick()
    assert car.get_velocity().length() == pytest.approx(0.0, abs=1e-6)


def test_a_cars_physics_are_those_of_its_profile(world, spawn):
    car = spawn(CAR, start(world))
    world.tick()
    physics = car.get_physics_control()
    front, rear = physics.wheels[0].position, physics.wheels[2].position
    assert physics.mass == 1700.0
    assert physics.wheels[0].max_steer_angle == pytest.approx(np.degrees(0.6), abs=1e-3)
    assert physics.wheels[2].max_steer_angle == 0.0
    assert np.hypot(front.x - rear.x, front.y - rear.y) / 100.0 == pytest.approx(2.85, abs=1e-3)
    assert car.bounding_box.extent.x == pytest.approx(4.85 / 2.0)


@pytest.mark.render
def test_every_tick_brings_the_picture_of_its_own_frame(world, spawn):
    images = eye(spawn, spawn(CAR, start(world)))
    for _ in range(5):
        frame = world.tick()
        image = images.get(timeout=20)
        assert (image.frame, image.width, image.height) == (frame, *SIZE)
        assert image.timestamp == pytest.approx(world.get_snapshot().timestamp.elapsed_seconds)
    assert images.empty()
    pixels = np.frombuffer(image.raw_data, np.uint8).reshape(SIZE[1], SIZE[0], 4)
    assert len(np.unique(pixels[..., :3].reshape(-1, 3), axis=0)) > 50


@pytest.mark.render
def test_semantics_come_with_carlas_own_tags(world, spawn):
    images = eye(spawn, spawn(CAR, start(world)), "sensor.camera.semantic_segmentation")
    world.tick()
    image = images.get(timeout=20)
    tags = np.frombuffer(image.raw_data, np.uint8).reshape(SIZE[1], SIZE[0], 4)[..., 2]
    labels = carla.CityObjectLabel
    assert set(np.unique(tags)) <= {int(v) for v in labels.values}
    assert (tags[-6:, SIZE[0] // 2 - 4 : SIZE[0] // 2 + 4] == int(labels.Roads)).all()
    assert (tags == int(labels.Sky)).any()


@pytest.mark.render
def test_a_camera_sees_another_car_and_not_its_own(world, spawn):
    place = start(world)
    images = eye(spawn, spawn(CAR, place), "sensor.camera.semantic_segmentation")

    def cars():
        world.tick()
        return (np.frombuffer(images.get(timeout=20).raw_data, np.uint8)[2::4] == int(carla.CityObjectLabel.Car)).sum()

    assert cars() == 0
    ahead = place.get_forward_vector()
    spawn("vehicle.audi.tt", carla.Transform(place.location + ahead * 12.0, place.rotation))
    assert cars() > 10


@pytest.mark.render
def test_a_slow_camera_keeps_its_own_pace(world, spawn):
    images = eye(spawn, spawn(CAR, start(world)), sensor_tick=0.1)
    for _ in range(8):
        world.tick()
    time.sleep(0.5)
    assert images.qsize() == 4


@pytest.mark.render
def test_weather_changes_the_light(world, spawn):
    images = eye(spawn, spawn(CAR, start(world)))

    def brightness():
        world.tick()
        return np.frombuffer(images.get(timeout=20).raw_data, np.uint8).mean()

    bright = brightness()
    world.set_weather(carla.WeatherParameters(sun_altitude_angle=2.0, cloudiness=95.0, fog_density=60.0))
    assert world.get_weather().fog_density == 60.0
    assert abs(brightness() - bright) > 3.0


def test_a_collision_is_told_to_the_sensor_of_who_collides(world, spawn):
    car = spawn(CAR, start(world))
    box = spawn("static.prop.box01", carla.Transform(carla.Location(x=-400.0)))
    events = queue.Queue()
    spawn("sensor.other.collision", parent=car).listen(events.put)
    world.tick()
    assert events.empty()
    box.set_transform(car.get_transform())
    frame = world.tick()
    event = events.get(timeout=10)
    assert (event.frame, event.actor.id, event.other_actor.id) == (frame, car.id, box.id)


def test_motion_sensors_feel_the_car(world, spawn):
    car = spawn(CAR, start(world))
    inertial, places = queue.Queue(), queue.Queue()
    spawn("sensor.other.imu", parent=car).listen(inertial.put)
    spawn("sensor.other.gnss", parent=car).listen(places.put)
    car.apply_control(carla.VehicleControl(throttle=0.7))
    for _ in range(10):
        world.tick()
    measured = [inertial.get(timeout=10) for _ in range(10)][-1]
    assert measured.accelerometer.x > 1.0
    assert measured.accelerometer.z == pytest.approx(9.81)
    degrees = [places.get(timeout=10).longitude for _ in range(10)][-1]
    assert degrees == pytest.approx(np.degrees(car.get_location().x / 6_378_137.0), abs=1e-8)


def test_a_batch_moves_spawns_and_destroys_and_names_what_failed(world, client, spawn):
    car = spawn(CAR, start(world))
    blueprint = world.get_blueprint_library().find("static.prop.box02")
    place = carla.Transform(carla.Location(x=-300.0))
    command = carla.command
    moved, spawned, failed, refused = client.apply_batch_sync(
        [
            command.ApplyTransform(car.id, carla.Transform(carla.Location(x=7.0, y=-9.0))),
            command.SpawnActor(blueprint, place).then(command.SetSimulatePhysics(command.FutureActor, False)),
            command.DestroyActor(9999),
            command.SetAutopilot(car.id, True),
        ],
        True,
    )
    assert (moved.actor_id, moved.error) == (car.id, "")
    assert car.get_location().x == 7.0
    assert world.get_actor(spawned.actor_id).type_id == "static.prop.box02"
    assert failed.error == "no actor 9999 in this episode"
    assert refused.error == "sim2real_ad world server: SetAutopilot is not supported"
    client.apply_batch_sync([command.DestroyActor(spawned.actor_id)], True)
    assert spawned.actor_id not in [actor.id for actor in world.get_actors()]


def test_what_is_in_the_way_prevents_a_spawn(world, spawn):
    spawn(CAR, start(world))
    with pytest.raises(RuntimeError, match=r"cannot spawn vehicle.audi.tt .*collide with vehicle.lincoln.mkz_2020"):
        spawn("vehicle.audi.tt", start(world))


UNSUPPORTED = {
    "traffic manager": lambda world, client, car: client.get_trafficmanager(18_000),
    "autopilot": lambda world, client, car: car.set_autopilot(True),
    "recorder": lambda world, client, car: client.start_recorder("drive.log"),
    "map layers": lambda world, client, car: world.load_map_layer(carla.MapLayer.All),
    "traffic lights": lambda world, client, car: world.reset_all_traffic_lights(),
    "ray cast": lambda world, client, car: world.cast_ray(carla.Location(), carla.Location(x=1.0)),
    "object names": lambda world, client, car: world.get_names_of_all_objects(),
    "telemetry": lambda world, client, car: car.get_telemetry_data(),
}


@pytest.mark.parametrize("call", UNSUPPORTED.values(), ids=UNSUPPORTED.keys())
def test_what_is_not_supported_says_so_and_the_client_lives_on(world, client, spawn, call):
    car = spawn(CAR, start(world))
    with pytest.raises(RuntimeError, match=r"sim2real_ad world server: \w+ is not supported"):
        call(world, client, car)
    assert world.tick() == world.get_snapshot().frame


def test_calls_without_an_answer_leave_the_client_alive(world):
    world.debug.draw_point(carla.Location())
    world.freeze_all_traffic_lights(True)
    assert world.get_lightmanager().get_all_lights() == []
    assert world.get_environment_objects() == []
    world.tick()


def test_maps_load_by_name_and_by_text_and_bad_ones_leave_the_world_as_it_is(client, world, spawn):
    xodr = carla.Map("x", world.get_map().to_opendrive()).to_opendrive()
    loaded = client.load_world(client.get_available_maps()[0])
    assert loaded.get_map().name == client.get_available_maps()[0]
    sent = client.generate_opendrive_world(xodr)
    assert sent.get_map().to_opendrive() == xodr
    for bad, text in ((lambda: client.generate_opendrive_world("<a/>"), "root is <a>"), (_town99(client), "no map 'T")):
        with pytest.raises(RuntimeError, match=text):
            bad()
    assert client.get_world().id == sent.id


def _town99(client):
    return lambda: client.load_world("Town99")


def test_asynchronous_worlds_run_by_the_clock(client):
    world = client.load_world("proving_ground")
    before = world.get_snapshot()
    started = time.monotonic()
    while time.monotonic() - started < 0.6:
        world.wait_for_tick(5.0)
    elapsed = world.get_snapshot().timestamp.elapsed_seconds - before.timestamp.elapsed_seconds
    assert 0.2 < elapsed < 1.5


def test_bytes_that_are_no_calls_hang_up_that_client_only(server, client):
    with socket.create_connection((server.host, server.port), 5.0) as stranger:
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
        stranger.settimeout(5.0)
        assert stranger.recv(16) == b""
    assert client.get_server_version() == "0.9.16"


def test_two_clients_see_one_world(server, world, spawn):
    car = spawn(CAR, start(world))
    world.tick()
    other = carla.Client(server.host, server.port)
    other.set_timeout(20.0)
    seen, deadline = other.get_world(), time.monotonic() + 10.0
    while car.id not in [actor.id for actor in seen.get_actors()]:
        assert time.monotonic() < deadline, "the second client never heard of the present state"
        time.sleep(0.01)


def test_a_busy_port_is_one_clear_line(server):
    command = [sys.executable, "-m", "sim2real_ad", "world", "--port", str(server.port)]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert refused.returncode == 2
    assert f"cannot listen on 127.0.0.1 port {server.port}" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


def test_a_free_port_whose_neighbour_is_taken_is_given_back_and_another_one_taken(monkeypatch):
    refused, listen = [], server_module._listen

    def taken_twice(host, port):
        if port and len(refused) < 2:
            refused.append(port)
            raise WorldError("taken")
        return listen(host, port)

    monkeypatch.setattr(server_module, "_listen", taken_twice)
    found = WireServer("127.0.0.1", 0)
    found.close()
    assert len(refused) == 2
    for port in (found.port, *(neighbour - 1 for neighbour in refused)):
        socket.create_server(("127.0.0.1", port)).close()


def test_free_ports_are_not_looked_for_for_ever(monkeypatch):
    refused, listen = [], server_module._listen

    def always_taken(host, port):
        if port:
            refused.append(port)
            raise WorldError("taken")
        return listen(host, port)

    monkeypatch.setattr(server_module, "_listen", always_taken)
    with pytest.raises(WorldError, match="taken"):
        WireServer("127.0.0.1", 0)
    assert len(refused) == server_module.FREE_PORT_TRIES


def test_an_unknown_map_is_one_clear_line():
    command = [sys.executable, "-m", "sim2real_ad", "world", "--port", "0", "--map", "nowhere"]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert refused.returncode == 2
    assert "no map 'nowhere'" in refused.stderr
