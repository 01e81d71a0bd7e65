"""Which rows are for training, validation and test: drawn, by group, in time, given, or in folds.

Where rows are independent, every split seed draws new validation rows. Where the validation rows are given, or the
last in time, there is one split only; its validation rows are then parted in two: those of seed 0, which the search
may look at, and those of seed 1, which it never saw and on which its winner is confirmed. With K folds the seed is
the number of the fold, modulo K; of folds in time number 0 is the last one, with the most rows to learn from.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from luthier.errors import InvalidInput
from luthier.records import derive_seed

Array = npt.NDArray[Any]
FEWEST = 4
"""Validation rows that can be parted in two."""
DRAWS = 20
"""Draws of groups, at most, until every class is among the training rows."""


class Roles(NamedTuple):
    """What a split depends on.

    Args:
        num_rows: of all rows; the last `num_test` are the given test rows, the `num_val` before them the given
            validation rows.
        classes: int [n], or None for real targets.
        groups: int [n]: rows of one group are never parted. times: float [n]: later rows are held out.
        folds: 0, or into how many parts the rows are divided that are not test rows.
    """

    num_rows: int
    classes: Array | None
    groups: Array | None = None
    times: Array | None = None
    num_val: int = 0
    num_test: int = 0
    folds: int = 0
    test_frac: float = 0.2
    val_frac: float = 0.2

    @property
    def fixed(self) -> bool:
        """Is there one split only?"""
        return not self.folds and (self.num_val > 0 or self.times is not None)


def check(roles: Roles) -> None:
    """Refuse what cannot be divided.

    Raises:
        InvalidInput: shares, folds, groups, or a combination that has no meaning.
    """
    for name, share in (("test_frac", roles.test_frac), ("val_frac", roles.val_frac)):
        if not 0 < share < 1:
            raise InvalidInput(f"{name}={share}", must=f"0 < {name} < 1", where="data")
    if roles.folds and (roles.folds < 2 or roles.num_val):
        raise InvalidInput(
            f"folds={roles.folds}",
            must="2 folds or more, and no validation rows of your own",
            where="data",
            remedy="Give one of folds= and val=",
        )
    if roles.groups is not None and roles.times is not None:
        raise InvalidInput("group and time together", must="one of them", where="data")
    if roles.groups is not None:
        _check_groups(roles, roles.groups)


def _check_groups(roles: Roles, groups: Array) -> None:
    num, least = len(np.unique(groups)), max(FEWEST, roles.folds + 1)
    if num < least:
        raise InvalidInput(
            f"{num} groups",
            must=f"at least {least}",
            where="data",
            remedy="Give rows of more groups, or split without group=",
        )
    ends = np.cumsum([roles.num_rows - roles.num_val - roles.num_test, roles.num_val])
    parts = [set(part.tolist()) for part in np.split(groups, ends)]
    shared = (parts[0] & parts[1]) | (parts[0] & parts[2]) | (parts[1] & parts[2])
    if shared:
        raise InvalidInput(
            f"{len(shared)} groups are in more than one of training, validation and test rows",
            must="each group in one of them",
            where="data",
            remedy="Let luthier draw the split, or part the groups in your files",
        )


def test_rows(roles: Roles, seed: int) -> Array:
    """int32 rows that are looked at once: the given ones, the last in time, else drawn once a run."""
    if roles.num_test:
        return np.arange(roles.num_rows - roles.num_test, roles.num_rows, dtype=np.int32)
    pool = np.arange(roles.num_rows - roles.num_val)
    if not len(pool):  # training rows come from elsewhere: the validation rows are all that is at hand
        pool = np.arange(roles.num_rows)
    return _held_out(roles, pool, roles.test_frac, derive_seed(seed, "test rows"))[1]


def split(roles: Roles, test: Array, split_seed: int) -> tuple[Array, Array]:
    """(training rows, validation rows), int32, of the rows that are not test rows."""
    free = np.ones(roles.num_rows, bool)
    free[test] = False
    if roles.num_val:
        first = roles.num_rows - roles.num_test - roles.num_val
        given = np.arange(first, first + roles.num_val)
        given = given[free[given]]
        free[given] = False
        return _rows(np.flatnonzero(free)), _half(roles, given, split_seed)
    pool = np.flatnonzero(free)
    if roles.folds:
        return _fold(roles, pool, split_seed % roles.folds)
    if roles.times is not None:
        train, val = _last(roles, pool, roles.val_frac)
        return train, _half(roles, val, split_seed)
    return _held_out(roles, pool, roles.val_frac, split_seed)


def _held_out(roles: Roles, pool: Array, share: float, seed: int) -> tuple[Array, Array]:
    from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit, StratifiedShuffleSplit

    if roles.times is not None:
        return _last(roles, pool, share)
    if roles.groups is not None:
        return _covering(roles, pool, lambda draw: GroupShuffleSplit(1, test_size=share, random_state=seed + draw))
    by_class = roles.classes is not None and np.bincount(roles.classes[pool]).min(initial=2) >= 2
    splitter = (StratifiedShuffleSplit if by_class else ShuffleSplit)(1, test_size=share, random_state=seed)
    return _by(splitter, roles, pool)


def _by(splitter: Any, roles: Roles, pool: Array, number: int = 0) -> tuple[Array, Array]:
    """The split of this number by one of scikit-learn's splitters."""
    classes = np.zeros(len(pool)) if roles.classes is None else roles.classes[pool]
    groups = None if roles.groups is None else roles.groups[pool]
    try:
        parts = list(splitter.split(pool, classes, groups))
    except ValueError as error:
        raise InvalidInput(f"{len(pool)} rows: {error}", where="split", remedy="Give more rows") from None
    kept, held = parts[number]
    return _rows(pool[kept]), _rows(pool[held])


def _covering(roles: Roles, pool: Array, make: Callable[[int], Any]) -> tuple[Array, Array]:
    """The first draw of groups that leaves every class among the training rows."""
    for draw in range(DRAWS):
        kept, held = _by(make(draw), roles, pool)
        if roles.classes is None or len(np.unique(roles.classes[kept])) == len(np.unique(roles.classes[pool])):
            return kept, held
    raise InvalidInput(
        f"{DRAWS} draws of groups left a class without training rows",
        must="every class in several groups",
        where="split",
        remedy="Drop the classes that are in one group only, or split without group=",
    )


def _last(roles: Roles, pool: Array, share: float) -> tuple[Array, Array]:
    """The rows up to a moment, and those after it: about `share` of them; rows of one moment stay together."""
    assert roles.times is not None
    times = roles.times[pool]
    ordered = pool[np.argsort(times, kind="stable")]
    moment = np.sort(times)[min(max(round(len(pool) * (1 - share)), 1), len(pool) - 1)]
    num = int((times < moment).sum()) or int((times <= moment).sum())
    if num == len(pool):
        raise InvalidInput(
            "all rows are of one moment",
            must="rows of several moments",
            where="split",
            remedy="Name another column as time=",
        )
    return _rows(ordered[:num]), _rows(ordered[num:])


def _fold(roles: Roles, pool: Array, number: int) -> tuple[Array, Array]:
    from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold, TimeSeriesSplit

    if roles.times is not None:
        ordered = pool[np.argsort(roles.times[pool], kind="stable")]
        return _by(TimeSeriesSplit(roles.folds), roles, ordered, roles.folds - 1 - number)
    if roles.groups is not None:
        splitter = GroupKFold(roles.folds) if roles.classes is None else StratifiedGroupKFold(roles.folds)
    elif roles.classes is not None and np.bincount(roles.classes[pool]).min(initial=roles.folds) >= roles.folds:
        splitter = StratifiedKFold(roles.folds, shuffle=True, random_state=0)
    else:
        splitter = KFold(roles.folds, shuffle=True, random_state=0)
    return _by(splitter, roles, pool, number)


def _half(roles: Roles, val: Array, split_seed: int) -> Array:
    """The validation rows that the search sees (seed 0), or those kept from it (seed 1)."""
    from sklearn.model_selection import GroupShuffleSplit

    if len(val) < FEWEST:
        raise InvalidInput(
            f"{len(val)} validation rows",
            must=f"at least {FEWEST}: half of them are kept from the search",
            where="split",
            remedy="Give more validation rows",
        )
    if roles.times is not None and np.ptp(roles.times[val]) > 0:
        parts = _last(roles, val, 0.5)
    elif roles.groups is not None and len(np.unique(roles.groups[val])) > 1:
        parts = _by(GroupShuffleSplit(1, test_size=0.5, random_state=0), roles, val)
    else:
        parts = _held_out(roles._replace(groups=None, times=None), val, 0.5, 0)
    return parts[split_seed % 2]


def _rows(rows: Array) -> Array:
    return np.sort(rows).astype(np.int32)
