"""The search space: its cube, its conditions, its files, and what it refuses."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.errors import InvalidInput
from luthier.space import Choice, Float, Int, Space


@st.composite
def floats(draw) -> Float:
    low = draw(st.floats(1e-6, 1e3))
    return Float(low, low * draw(st.floats(1.5, 1e4)), log=draw(st.booleans()))


@st.composite
def ints(draw) -> Int:
    low = draw(st.integers(1, 1000))
    return Int(low, low + draw(st.integers(1, 5000)), log=draw(st.booleans()))


scalars = st.one_of(st.booleans(), st.text(max_size=3), st.none(), st.floats(2, 9))
choices = st.lists(scalars, min_size=1, max_size=5, unique=True).map(lambda options: Choice(tuple(options)))


@st.composite
def spaces(draw) -> Space:
    """Up to six settings; later ones may hang on an earlier choice."""
    domains = draw(st.lists(st.one_of(floats(), ints(), choices), min_size=1, max_size=6))
    made: dict = {}
    for place, plain in enumerate(domains):
        domain = plain
        parents = [name for name, d in made.items() if isinstance(d, Choice)]
        if parents and draw(st.booleans()):
            parent = draw(st.sampled_from(parents))
            domain = msgspec.structs.replace(domain, when={parent: [made[parent].options[0]]})
        made[f"s{place}"] = domain
    return Space(made)


@settings(max_examples=200, deadline=None)
@given(space=spaces(), data=st.data())
def test_every_point_of_the_cube_is_a_configuration_of_the_space(space, data):
    u_D = np.array(data.draw(st.lists(st.floats(0, 1), min_size=len(space), max_size=len(space))))
    assert space.contains(space.decode(u_D))


@settings(max_examples=200, deadline=None)
@given(space=spaces(), data=st.data())
def test_encode_and_decode_are_inverse(space, data):
    """Exactly for choices and whole numbers, to rounding for real ones; NaN where a setting is off."""
    u_D = np.array(data.draw(st.lists(st.floats(0, 1), min_size=len(space), max_size=len(space))))
    config = space.decode(u_D)
    back_D = space.encode(config)
    assert [math.isnan(u) for u in back_D] == [name not in config for name in space]
    assert all(0 <= u <= 1 for u in back_D if not math.isnan(u))
    again = space.decode(np.nan_to_num(back_D, nan=0.5))
    for name, value in config.items():
        if isinstance(space.domains[name], Float):
            assert again[name] == pytest.approx(value, rel=1e-9, abs=1e-9)
        else:
            assert again[name] == value or again[name] is value


@settings(max_examples=200, deadline=None)
@given(space=spaces(), data=st.data())
def test_snapped_points_are_those_of_their_configurations(space, data):
    row = st.lists(st.floats(0, 1), min_size=len(space), max_size=len(space))
    u_CD = np.array(data.draw(st.lists(row, min_size=1, max_size=4)))
    expected_CD = np.array([space.encode(space.decode(u_D)) for u_D in u_CD])
    np.testing.assert_allclose(space.snap(u_CD), expected_CD, atol=1e-9)


@settings(max_examples=100, deadline=None)
@given(domain=st.one_of(ints(), choices), u=st.floats(0, 1))
def test_encode_gives_a_point_that_decodes_to_the_value(domain, u):
    assert domain.decode(domain.encode(domain.decode(u))) == domain.decode(u)


@given(space=spaces())
def test_a_space_goes_to_json_and_back(space):
    assert msgspec.json.decode(msgspec.json.encode(space), type=Space) == space


def test_whole_numbers_own_equal_shares():
    values = [Int(3, 6).decode((i + 0.5) / 400) for i in range(400)]
    assert [values.count(v) for v in (3, 4, 5, 6)] == [100] * 4


def test_a_setting_hangs_on_all_its_ancestors():
    space = Space(
        {
            "optimizer": Choice(("adamw", "sgd")),
            "nesterov": Choice((True, False), when={"optimizer": ["sgd"]}),
            "momentum": Float(0.5, 0.99, when={"nesterov": [True]}),
        }
    )
    assert set(space.decode(np.array([0.1, 0.1, 0.5]))) == {"optimizer"}
    assert set(space.decode(np.array([0.9, 0.1, 0.5]))) == {"optimizer", "nesterov", "momentum"}
    assert not space.contains({"optimizer": "adamw", "nesterov": True})


def test_fixing_a_setting_resolves_the_conditions_on_it():
    space = Space({"optimizer": Choice(("adamw", "sgd")), "momentum": Float(0.5, 0.99, when={"optimizer": ["sgd"]})})
    assert list(space.without({"optimizer": "adamw"})) == []
    assert space.without({"optimizer": "sgd"}).domains == {"momentum": Float(0.5, 0.99)}


@pytest.mark.parametrize(
    ("domains", "fact"),
    [
        ({"lr": Float(1.0, 0.1)}, "low < high"),
        ({"lr": Float(0.0, 0.1, log=True)}, "low > 0 on the log scale"),
        ({"lr": Float(0.0, math.inf)}, "finite"),
        ({"act": Choice(())}, "at least one"),
        ({"act": Choice(("x", "x"))}, "all different"),
        ({"lr": Float(0.1, 1.0, when={"optimizer": ["sgd"]})}, "names a setting of the same space"),
    ],
)
def test_what_cannot_be_is_refused_with_the_name_of_the_setting(domains, fact):
    with pytest.raises(InvalidInput, match=fact) as caught:
        Space(domains)
    assert repr(next(iter(domains))) in str(caught.value)


def test_something_else_than_a_domain_is_refused():
    with pytest.raises(InvalidInput, match="Float, Int or Choice"):
        Space.of({"lr": (1e-4, 1e-2)})


def test_a_space_file_is_read(tmp_path):
    path = tmp_path / "space.toml"
    path.write_text(
        '[lr]\ntype = "float"\nlow = 1e-4\nhigh = 0.1\nlog = true\n[act]\ntype = "choice"\noptions = ["relu"]\n'
    )
    assert Space.from_toml(path) == Space({"lr": Float(1e-4, 0.1, log=True), "act": Choice(("relu",))})


@pytest.mark.parametrize(
    "text", ["[lr\n", '[lr]\ntype = "flaot"\n', '[lr]\ntype = "float"\nlow = 1\nhihg = 2\n', "lr = 3\n"]
)
def test_a_space_file_that_is_wrong_is_named(tmp_path, text):
    path = tmp_path / "space.toml"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=r"space\.toml"):
        Space.from_toml(path)
    with pytest.raises(InvalidInput, match="absent"):
        Space.from_toml(tmp_path / "absent.toml")


@pytest.mark.parametrize(
    "domain", [Float(1e-4, 0.3, log=True), Float(1.0, 2.0), Int(2, 64, log=True), Int(2, 8)], ids=repr
)
def test_a_value_outside_stands_at_the_nearer_end(domain):
    """A baseline without weight decay, in a space that has it on the log scale."""
    assert domain.encode(0) == domain.encode(domain.low) < domain.encode(domain.high) == domain.encode(1e9)
