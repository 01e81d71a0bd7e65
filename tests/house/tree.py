"""The source tree as the tests of the house read it: paths, texts, syntax trees."""

from __future__ import annotations

import ast
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src"
TESTS = ROOT / "tests"
PACKAGES = ("luthier", "luthier_tasks")


class Source(NamedTuple):
    """One file: `name` is its path from the root of the tree."""

    name: str
    text: str
    tree: ast.Module

    @property
    def module(self) -> str:
        """The dotted name under which it is imported (files of src only)."""
        parts = Path(self.name).with_suffix("").parts[1:]
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def source(name: str, text: str) -> Source:
    """A source from its text."""
    return Source(name, text, ast.parse(text))


@cache
def sources(*folders: str) -> tuple[Source, ...]:
    """Every Python file under these folders of the tree, by path; src if none is named."""
    paths = sorted(p for folder in folders or ("src",) for p in (ROOT / folder).rglob("*.py"))
    return tuple(source(p.relative_to(ROOT).as_posix(), p.read_text("utf-8")) for p in paths)


@cache
def project() -> dict[str, Any]:
    """pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def floors() -> list[str]:
    """The floors of the house from the top, as the import contract lists them."""
    contracts = project()["tool"]["importlinter"]["contracts"]
    layers: list[str] = next(c["layers"] for c in contracts if c["type"] == "layers")
    return layers
