"""The pages of the checks, their index and their list: for a terminal and for the documentation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from luthier.reports.findings.view import Rule

FAMILIES = {
    "D": "data",
    "M": "model",
    "L": "loss",
    "O": "optimizer",
    "T": "training loop",
    "E": "evaluation",
    "N": "numerics",
    "S": "speed and memory",
    "R": "reproducibility",
    "X": "crashes explained",
    "W": "warnings",
    "K": "Keras",
    "J": "JAX",
}
"""First letter of a code -> what its checks are about."""
MOST_HEADING = 40
_CODE = re.compile(r"[A-Z]\d\d")


def families(rules: Mapping[str, Rule]) -> Iterator[tuple[str, dict[str, Rule]]]:
    """(name of the family, its checks) in the order of FAMILIES."""
    for letter in dict.fromkeys([*FAMILIES, *(code[0] for code in sorted(rules))]):
        members = {code: rule for code, rule in sorted(rules.items()) if code[0] == letter}
        if members:
            yield FAMILIES.get(letter, letter), members


def listing(rules: Mapping[str, Rule]) -> list[str]:
    """All checks, one a line under their family: code, tier, title."""
    said: list[str] = []
    for name, members in families(rules):
        said += [name, *(f"  {code}  {rule.tier:<5}  {rule.title}" for code, rule in members.items()), ""]
    return [*said, f"{len(rules)} checks. `luthier check --explain CODE` prints the page of one."]


def explain(code: str, rule: Rule) -> str:
    """The page of a check for a terminal."""
    return f"{code}: {rule.title}\n\n{rule.page.strip()}\n\n{_place(code, rule)}\n"


def page(code: str, rule: Rule) -> str:
    """The page of a check for the documentation, Markdown."""
    body = "\n\n".join(_headed(part) for part in _parts(rule.page))
    return f"# {code}: {rule.title}\n\n{body}\n\n## Where it stands\n\n{_place(code, rule)}\n"


def index(rules: Mapping[str, Rule]) -> str:
    """The list of all pages for the documentation, Markdown."""
    said = [
        "# The checks of `luthier check`",
        "",
        "One page a check, made from the docstring of its file. `--tier` says from which tier on a check judges. How",
        "findings are read, silenced and mended: [check.md](check.md).",
    ]
    for name, members in families(rules):
        said += ["", f"## {name[:1].upper()}{name[1:]}", "", "| code | what it finds | tier |", "|---|---|---|"]
        said += [f"| [{code}](checks/{code}.md) | {rule.title} | {rule.tier} |" for code, rule in members.items()]
    return "\n".join(said) + "\n"


def _place(code: str, rule: Rule) -> str:
    said = f"Judged from tier {rule.tier} on; silenced by `# luthier: ignore[{code}]` on its line."
    if rule.causes:
        said += f" Where {' or '.join(rule.causes)} is found too, this one stands under it."
    return said


def _parts(text: str) -> list[str]:
    """Paragraphs; what is indented keeps its blank lines."""
    return [part for part in re.split(r"\n{2,}(?=\S)|(?<=\n)\n+(?=\S)", text.strip()) if part.strip()]


def _headed(part: str) -> str:
    """A short line alone that is no sentence is a heading."""
    alone = "\n" not in part and len(part) <= MOST_HEADING and part[0].isupper() and part[-1].isalnum()
    return f"## {part}" if alone else part
