"""The search space: which settings may vary, between which values, on which scale.

A configuration is a plain dict. The samplers work in the unit cube: `decode` maps a point of [0, 1]^D to a
configuration, `encode` maps it back; settings that a condition switches off are absent from the configuration
and NaN in the cube. A setting with a condition is its own dimension: the learning rate of SGD is not the
learning rate of AdamW.
"""

from __future__ import annotations

import functools
import math
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from luthier.errors import InvalidInput

Config = dict[str, Any]
Scalar = float | int | str | bool | None
Unit = npt.NDArray[np.float64]  # a point of the unit cube, [D]; NaN = not active
Structure = tuple[tuple[str, Any], ...]
"""The structural settings of a configuration, with their values: a variant of the model."""


def structure_of(config: Mapping[str, Any], structural: Iterable[str]) -> Structure:
    """The part of a configuration that decides which trials can train in one program.

    A setting that a condition switches off is absent.

    >>> structure_of({"lr": 0.1, "width": 64}, ("width", "activation"))
    (('width', 64),)
    """
    return tuple((name, config[name]) for name in structural if name in config)


class Float(msgspec.Struct, frozen=True, tag="float", forbid_unknown_fields=True):
    """A real number in [low, high]; `log=True` spreads it evenly over orders of magnitude.

    Args:
        low, high: both ends belong to the range; `low < high`, and `low > 0` on the log scale.
        log: search evenly in log(value).
        when: the setting exists only where each named setting has one of the given values.
    """

    low: float
    high: float
    log: bool = False
    when: dict[str, list[Scalar]] = {}

    def decode(self, u: float) -> float:
        """Value at position u of [0, 1]."""
        if self.log:
            value = math.exp(math.log(self.low) + u * (math.log(self.high) - math.log(self.low)))
        else:
            value = self.low + u * (self.high - self.low)
        return min(max(value, self.low), self.high)

    def encode(self, value: Any) -> float:
        """Position in [0, 1] of a value, of the nearer end where it is outside; the inverse of `decode` up to
        rounding."""
        value = min(max(value, self.low), self.high)  # a baseline may stand outside: weight_decay=0 on the log scale
        if self.log:
            return (math.log(value) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))
        return float((value - self.low) / (self.high - self.low))

    def contains(self, value: Any) -> bool:
        """Is it a number of the range?"""
        return isinstance(value, int | float) and self.low <= value <= self.high


class Int(msgspec.Struct, frozen=True, tag="int", forbid_unknown_fields=True):
    """A whole number in low..high, both included; `log=True` spreads it over orders of magnitude."""

    low: int
    high: int
    log: bool = False
    when: dict[str, list[Scalar]] = {}

    def decode(self, u: float) -> int:
        """Value at position u of [0, 1]: every whole number owns an equal share (of log range, if log)."""
        if self.log:
            low, high = math.log(self.low - 0.5), math.log(self.high + 0.5)
            value = round(math.exp(low + u * (high - low)))
        else:
            value = math.floor(self.low + u * (self.high - self.low + 1))
        return min(max(value, self.low), self.high)

    def encode(self, value: Any) -> float:
        """The middle of the share of [0, 1] that decodes to `value`, or to the nearer end where it is outside."""
        value = min(max(value, self.low), self.high)
        if self.log:
            low, high = math.log(self.low - 0.5), math.log(self.high + 0.5)
            return float((math.log(value) - low) / (high - low))
        return float((value - self.low + 0.5) / (self.high - self.low + 1))

    def contains(self, value: Any) -> bool:
        """Is it a whole number of the range?"""
        return isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high


class Choice(msgspec.Struct, frozen=True, tag="choice", forbid_unknown_fields=True):
    """One of a few values without order."""

    options: tuple[Scalar, ...]
    when: dict[str, list[Scalar]] = {}

    def decode(self, u: float) -> Scalar:
        """Option at position u of [0, 1]: each owns an equal share."""
        return self.options[min(int(u * len(self.options)), len(self.options) - 1)]

    def encode(self, value: Any) -> float:
        """The middle of the option's share."""
        return (self.options.index(value) + 0.5) / len(self.options)

    def contains(self, value: Any) -> bool:
        """Is it one of the options?"""
        return value in self.options


Domain = Float | Int | Choice


class Space(msgspec.Struct, frozen=True):
    """Named domains in a fixed order; one axis of the unit cube each."""

    domains: dict[str, Domain] = {}

    def __post_init__(self) -> None:
        for name, domain in self.domains.items():
            _check_domain(name, domain)
            for parent in domain.when:
                if parent not in self.domains:
                    raise InvalidInput(
                        f"when={{{parent!r}: ...}}",
                        must="a condition names a setting of the same space",
                        where=f"space, parameter {name!r}",
                        remedy=f"Known settings: {', '.join(self.domains) or 'none'}",
                    )

    def __len__(self) -> int:
        return len(self.domains)

    def __iter__(self) -> Iterator[str]:
        return iter(self.domains)

    def active(self, name: str, config: Mapping[str, Any]) -> bool:
        """Does the setting exist in this configuration? A parent that does not exist switches it off too."""
        return all(
            self.active(parent, config) and config.get(parent) in values
            for parent, values in self.domains[name].when.items()
        )

    def decode(self, u_D: Unit) -> Config:
        """Point of [0, 1]^D -> configuration with the active settings only."""
        full = {name: domain.decode(float(u)) for (name, domain), u in zip(self.domains.items(), u_D, strict=True)}
        return {name: value for name, value in full.items() if self.active(name, full)}

    def encode(self, config: Mapping[str, Any]) -> Unit:
        """Configuration -> point of [0, 1]^D; NaN where a setting is absent. Values outside are clamped."""
        return np.array(
            [d.encode(config[n]) if n in config and self._encodable(d, config[n]) else math.nan
             for n, d in self.domains.items()]
        )  # fmt: skip

    def snap(self, u_CD: Unit) -> Unit:
        """What `encode(decode(u))` gives for each of many points [C, D], up to rounding, and faster."""
        columns = dict(zip(self.domains, u_CD.T, strict=True))
        whole = {name for name, d in self.domains.items() if not isinstance(d, Float)}
        asked = whole.union(*(domain.when for domain in self.domains.values()))
        values = {name: list(map(self.domains[name].decode, columns[name].tolist())) for name in asked}

        @functools.cache
        def active(name: str) -> npt.NDArray[np.bool_]:
            found = np.ones(len(u_CD), bool)
            for parent, allowed in self.domains[name].when.items():
                found &= active(parent) & np.array([value in allowed for value in values[parent]], bool)
            return found

        at = {n: list(map(self.domains[n].encode, values[n])) if n in whole else columns[n] for n in self.domains}
        snapped = [np.where(active(name), column, math.nan) for name, column in at.items()]
        return np.stack(snapped, axis=1) if snapped else u_CD

    def contains(self, config: Mapping[str, Any]) -> bool:
        """Exactly the active settings, each within its domain?"""
        names = {name for name in self.domains if self.active(name, config)}
        return names == set(config) and all(self.domains[name].contains(config[name]) for name in names)

    def merge(self, other: Mapping[str, Domain]) -> Space:
        """This space with the other's domains added; the other's win."""
        return Space({**self.domains, **other})

    def without(self, names: Mapping[str, Any]) -> Space:
        """This space less some settings (held fixed); settings that depended on a fixed one follow its value."""
        kept: dict[str, Domain] = {}
        for name, domain in self.domains.items():
            fixed = {parent: values for parent, values in domain.when.items() if parent in names}
            if name in names or any(names[parent] not in values for parent, values in fixed.items()):
                continue
            when = {parent: values for parent, values in domain.when.items() if parent not in names}
            kept[name] = msgspec.structs.replace(domain, when=when)
        return Space({n: d for n, d in kept.items() if all(parent in kept for parent in d.when)})

    @staticmethod
    def _encodable(domain: Domain, value: Any) -> bool:
        return domain.contains(value) if isinstance(domain, Choice) else isinstance(value, int | float)

    @classmethod
    def of(cls, domains: Mapping[str, Domain] | Space | None) -> Space:
        """A Space from whatever a person gives: a Space, a dict of domains, nothing."""
        if isinstance(domains, Space):
            return domains
        for name, domain in (domains or {}).items():
            if not isinstance(domain, Float | Int | Choice):
                raise InvalidInput(
                    f"{name}={domain!r}",
                    must="a domain is Float, Int or Choice",
                    where=f"space, parameter {name!r}",
                    remedy="Write for example Float(1e-5, 1e-1, log=True), Int(1, 4) or Choice(('relu', 'gelu'))",
                )
        return cls(dict(domains or {}))

    @classmethod
    def from_toml(cls, path: str | Path) -> Space:
        """Read a space file: a table a setting, with `type`, and the arguments of Float, Int or Choice."""
        try:
            tables = tomllib.loads(Path(path).read_text())
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise InvalidInput(f"{path}: {error}", remedy="Give a readable TOML file") from None
        try:
            return cls(msgspec.convert(tables, dict[str, Domain]))
        except msgspec.ValidationError as error:
            raise InvalidInput(f"{path}: {error}", remedy='Write for example [lr] type = "float"') from None


def _check_domain(name: str, domain: Domain) -> None:
    where = f"space, parameter {name!r}"
    if isinstance(domain, Choice):
        if len(domain.options) < 1 or len(set(domain.options)) != len(domain.options):
            raise InvalidInput(f"options={domain.options}", must="at least one, all different", where=where)
        return
    if not (math.isfinite(domain.low) and math.isfinite(domain.high) and domain.low < domain.high):
        raise InvalidInput(f"low={domain.low}, high={domain.high}", must="low < high, both finite", where=where)
    if domain.log and domain.low <= 0:
        raise InvalidInput(
            f"low={domain.low}",
            must="low > 0 on the log scale",
            where=where,
            remedy="Use log=False or a larger low",
        )
