import math

import pytest
from pydantic import Field

from sim2real_ad import config, errors
from sim2real_ad.config import StrictModel, check_config, find_config, load_config, read_yaml, share_path
from sim2real_ad.errors import ConfigError


class Inner(StrictModel):
    size: float = Field(gt=0.0)


class Outer(StrictModel):
    name: str
    inner: Inner


def test_a_correct_file_becomes_an_immutable_model(tmp_path):
    path = tmp_path / "good.yaml"
    path.write_text("name: a\ninner: {size: 2}\n")
    model = load_config(path, Outer)
    assert (model.name, model.inner.size) == ("a", 2.0)
    with pytest.raises(ValueError, match="frozen"):
        model.name = "b"


def test_every_wrong_key_is_named_in_one_message_with_value_and_file():
    with pytest.raises(ConfigError) as caught:
        check_config({"nme": "a", "inner": {"size": -1}}, Outer, "some.yaml")
    message = str(caught.value)
    assert message.startswith("some.yaml: ")
    assert "name: Field required" in message
    assert "inner.size: Input should be greater than 0, got -1" in message
    assert "nme: Extra inputs are not permitted" in message
    assert "\n" not in message


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_nan_and_infinity_are_refused(bad):
    with pytest.raises(ConfigError, match=r"inner\.size"):
        check_config({"name": "a", "inner": {"size": bad}}, Outer, "x")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: [1\nb: 2\n", "not valid YAML.*line"),
        (b"\xff\xfe\xfa", "not valid YAML"),
        (b"- 1\n- 2\n", "must hold a mapping, found list"),
        (b"", "must hold a mapping, found NoneType"),
    ],
)
def test_a_file_that_is_no_yaml_mapping_is_refused_by_name(tmp_path, content, message):
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=f"(?s){message}") as caught:
        read_yaml(path)
    assert str(path) in str(caught.value)


def test_an_unreadable_file_is_named_with_the_systems_reason(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere.yaml: No such file"):
        read_yaml(tmp_path / "nowhere.yaml")
    with pytest.raises(ConfigError, match="directory"):
        read_yaml(tmp_path)


def test_a_name_is_found_among_the_shipped_files_and_a_path_where_it_points(tmp_path, monkeypatch):
    shipped = find_config("saloon", "vehicles")
    assert shipped == share_path() / "config" / "vehicles" / "saloon.yaml"
    assert find_config(shipped, "vehicles") == shipped
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("a: 1\n")
    assert find_config("mine.yaml", "vehicles").is_file()
    assert find_config("./mine.yaml", "vehicles").is_file()


def test_an_unknown_name_lists_what_there_is_and_a_wrong_path_is_repeated():
    with pytest.raises(ConfigError, match=r"vehicles: no 'nope'; known names: .*saloon.*or give a path"):
        find_config("nope", "vehicles")
    with pytest.raises(ConfigError, match="known names: none"):
        find_config("nope", "no_such_folder")
    for path in ("nope.yaml", "some/where/nope"):
        with pytest.raises(ConfigError, match=f"vehicles: no such file: {path}"):
            find_config(path, "vehicles")


def test_without_a_checkout_the_installed_share_folder_is_used(tmp_path, monkeypatch):
    installed = tmp_path / "prefix" / "share" / "sim2real_ad"
    (installed / "config" / "scenarios").mkdir(parents=True)
    monkeypatch.setattr(config, "__file__", str(tmp_path / "lib" / "a" / "b" / "config.py"))
    monkeypatch.setenv("AMENT_PREFIX_PATH", f":{tmp_path / 'other'}:{tmp_path / 'prefix'}")
    assert share_path.__wrapped__() == installed
    monkeypatch.setenv("AMENT_PREFIX_PATH", "")
    monkeypatch.setattr(config.sys, "prefix", str(tmp_path / "prefix"))
    assert share_path.__wrapped__() == installed
    monkeypatch.setattr(config.sys, "prefix", str(tmp_path / "empty"))
    with pytest.raises(ConfigError, match=r"no config folder found; looked in .*empty"):
        share_path.__wrapped__()


def test_every_user_error_has_the_one_base_that_the_command_line_catches():
    found = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]
    assert len(found) > 5
    assert all(issubclass(error, errors.Sim2RealError) for error in found)
