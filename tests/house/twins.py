"""Sources that each break one rule of the house, and one that breaks none."""

from __future__ import annotations

from house import rules

KINDS = {"InvalidInput"}


def vague(source):
    """`rules.vague_errors` with one class of errors."""
    return rules.vague_errors(source, KINDS)


SOUND = '''
"""Says what it is for."""

import os

from luthier.errors import InvalidInput


class Box:
    """Holds a number."""

    def __init__(self, a, b, c, d, *, e=1):
        self._number = a

    def other(self, box):
        """Another box's number: the same class."""
        if box._number < 0:
            raise InvalidInput("number=-1", must="number >= 0")
        return self._number


def test_a_box_holds_its_number():
    """What goes in comes out."""
    try:
        os.stat("x")
    except Exception:  # whatever the disk says
        pass
'''

TWINS = [
    (rules.too_many_positional, "def f(a, b, c, d, e):\n    pass\n"),
    (rules.too_many_positional, "class A:\n    def f(self, a, b, c, d, e=1):\n        pass\n"),
    (rules.too_many_positional, "class A:\n    @staticmethod\n    def f(a, b, c, d, e):\n        pass\n"),
    (rules.undocumented, "x = 1\n"),
    (rules.undocumented, '"""M."""\n\n\ndef f():\n    pass\n'),
    (rules.undocumented, '"""M."""\n\n\nclass A:\n    """A."""\n\n    def f(self):\n        pass\n'),
    (rules.unnamed_tests, "def test_1():\n    pass\n"),
    (rules.unnamed_tests, "class TestBox:\n    def test_it(self):\n        pass\n"),
    (rules.private_use, "from luthier.stats import _mean\n"),
    (rules.private_use, "from luthier._core import mean\n"),
    (rules.private_use, "import luthier.stats\n\nluthier.stats._mean([1])\n"),
    (rules.private_use, "def f(driver):\n    driver._poll()\n"),
    (vague, 'raise ValueError("no")\n'),
    (vague, 'raise Exception("no")\n'),
    (vague, 'raise InvalidInput("lr=-1")\n'),
    (vague, 'raise errors.InvalidInput("lr=-1", where="space")\n'),
    (rules.wide_excepts, "try:\n    f()\nexcept:\n    pass\n"),
    (rules.wide_excepts, "try:\n    f()\nexcept Exception:\n    pass\n"),
    (rules.unreasoned, "x = 1  # type: ignore\n"),
    (rules.unreasoned, "x = 1  # type: ignore[misc]\n"),
    (rules.unreasoned, "x = 1  # noqa\n"),
    (rules.unreasoned, "x = 1  # noqa: E501\n"),
]
"""(rule, a source that breaks it)."""
