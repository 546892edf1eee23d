"""All that training varies is one YAML, and what it says is what is drawn."""

import pytest
import yaml

from sim2real_ad.config import find_config
from sim2real_ad.errors import ConfigError
from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.world.randomization import sample_camera, sample_domain
from sim2real_ad.world.randomization_ranges import Curriculum, load_ranges

NOMINAL = load_camera("default")


def changed(tmp_path, **changes):
    data = yaml.safe_load(find_config("driving", "randomization").read_text())
    for key, value in changes.items():
        part, _, name = key.partition("__")
        if name:
            data[part][name] = value
        else:
            data[part] = value
    path = tmp_path / "ranges.yaml"
    path.write_text(yaml.safe_dump(data))
    return str(path)


def test_another_file_draws_other_worlds(tmp_path):
    always_fog = {"fair": 0.0, "overcast": 0.0, "rain": 0.0, "fog": 1.0}
    ranges = load_ranges(changed(tmp_path, dynamics__friction=[0.3, 0.4], weather=always_fog))
    drawn = [sample_domain(seed, 1.0, ranges) for seed in range(10)]
    assert all(0.3 <= d.dynamics.friction <= 0.4 for d in drawn)
    assert all(d.fog > 0.29 for d in drawn)


def test_cameras_lie_within_their_ranges_and_some_are_the_nominal_one():
    within = load_ranges().camera
    cameras = [sample_camera(NOMINAL, seed) for seed in range(300)]
    others = [camera for camera in cameras if camera != NOMINAL]
    assert len(others) / len(cameras) == pytest.approx(within.share, abs=0.1)
    for camera in others:
        assert (camera.width, camera.height) == (NOMINAL.width, NOMINAL.height)
        assert within.fov_deg[0] <= camera.fov_deg <= within.fov_deg[1] + 1e-9
        for name in ("x", "y", "z", "roll_deg", "pitch_deg", "yaw_deg"):
            low, high = getattr(within, name)
            assert low <= getattr(camera.mount, name) <= high


def test_without_strength_every_camera_is_as_wide_and_sits_as_the_nominal_one():
    for seed in range(20):
        camera = sample_camera(NOMINAL, seed, 0.0)
        assert camera.mount == NOMINAL.mount
        assert camera.fov_deg == pytest.approx(NOMINAL.fov_deg)


def test_the_curriculum_grows_to_full_strength_and_stays_there():
    curriculum = Curriculum(start=0.4, full_from=0.5)
    strengths = [curriculum.strength(share / 10) for share in range(11)]
    assert strengths[0] == 0.4
    assert strengths == sorted(strengths)
    assert strengths[5:] == [1.0] * 6
    assert Curriculum(start=0.4, full_from=0.0).strength(0.0) == 1.0


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"light__sun_elevation_deg": [70.0, 10.0]}, r"light\.sun_elevation_deg.*empty"),
        ({"weather": {"fair": 0.5, "overcast": 0.5, "rain": 0.5, "fog": 0.0}}, "add up to 1.5"),
        ({"sensor__share": 1.5}, r"sensor\.share"),
        ({"light__colour": [0, 1]}, r"light\.colour"),
        ({"timing": {"dropped": [0.0, 0.1]}}, r"timing\.late"),
    ],
)
def test_a_wrong_file_is_refused_with_its_key(tmp_path, changes, complaint):
    with pytest.raises(ConfigError, match=complaint):
        load_ranges(changed(tmp_path, **changes))


def test_an_impossible_strength_is_refused():
    with pytest.raises(ConfigError, match=r"1\.2"):
        sample_camera(NOMINAL, 0, 1.2)
