"""For all tests: none depends on the clock, so a generated case has no deadline; what takes longest begins first."""

from hypothesis import settings

settings.register_profile("no clock", deadline=None)
settings.load_profile("no clock")

LONGEST = (
    "evidence/test_adoption.py",
    "engines/test_keras.py",
    "survival/test_kill_moments.py",
    "engines/test_keras_tune.py",
    "survival/test_kill_lines.py",
    "checks/test_scripts.py",
    "checks/jax/test_scripts.py",
    "checks/keras/test_scripts.py",
)
"""Files whose slow tests take a minute and more: begun late, one would leave the other cores with nothing to do."""


def pytest_collection_modifyitems(items):
    """The longest files first; the order of the others is left."""
    at = {name: k for k, name in enumerate(LONGEST)}
    items.sort(key=lambda item: at.get(item.nodeid.partition("::")[0].removeprefix("tests/"), len(LONGEST)))
