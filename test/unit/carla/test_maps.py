"""The domain that travels in a map's header, and the maps a server knows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.errors import ConfigError, MapError
from sim2real_ad.world.carla.maps import available_maps, load_map, read_map, split_domain, with_domain
from sim2real_ad.world.embedded.roads import RoadNetwork
from sim2real_ad.world.randomization import Domain, sample_domain

OPEN = '<OpenDRIVE>\n <header name="a">\n  <geoReference>x</geoReference>\n </header>\n</OpenDRIVE>'
CLOSED = '<OpenDRIVE><header name="a" date="b"/></OpenDRIVE>'


@given(seed=st.integers(0, 10_000), text=st.sampled_from([OPEN, CLOSED]))
def test_a_domain_travels_in_the_header_and_leaves_the_text_as_it_was(seed, text):
    domain = sample_domain(seed)
    assert split_domain(with_domain(text, domain), "test") == (text, domain)


def test_a_second_domain_replaces_the_first():
    twice = with_domain(with_domain(OPEN, sample_domain(1)), sample_domain(2))
    assert twice.count("userData") == 1
    assert split_domain(twice, "test")[1] == sample_domain(2)


def test_a_map_without_a_domain_has_the_default_one():
    assert split_domain(OPEN, "test") == (OPEN, Domain())


def test_a_map_without_a_header_cannot_carry_a_domain():
    with pytest.raises(MapError, match="header"):
        with_domain("<OpenDRIVE></OpenDRIVE>", Domain())


def test_a_domain_that_is_none_is_refused_by_name():
    text = OPEN.replace("</header>", '<userData code="sim2real_ad.domain" value="{&quot;fog&quot;: 7}"/></header>')
    with pytest.raises(ConfigError, match=r"OpenDRIVE header: fog.*7"):
        read_map(text)


def test_maps_that_differ_in_their_domain_only_are_read_once():
    xodr = RoadNetwork.load("proving_ground").xodr
    first, _ = read_map(with_domain(xodr, sample_domain(1)))
    second, domain = read_map(with_domain(xodr, sample_domain(2)))
    assert first is second
    assert domain == sample_domain(2)


def test_every_shipped_map_loads_under_the_name_it_is_listed_by():
    names = available_maps()
    assert "sim2real_ad/urban_block" in names
    assert load_map(names[0])[0].name == names[0].removeprefix("sim2real_ad/")


def test_an_unknown_map_is_refused_with_the_known_ones():
    with pytest.raises(MapError, match=r"no map '/Game/Town01'.*urban_block"):
        load_map("/Game/Town01")
