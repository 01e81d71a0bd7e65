"""SVG by hand: text, marks, axes. Colours and strokes come from the page's style sheet, by class.

Every figure has a title and a description for those who do not see it. All text is escaped here and nowhere
else.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import NamedTuple

from luthier.reports.axes import position
from luthier.reports.model import Axis, Role
from luthier.reports.words import clip

CHAR = 6.4
"""Width of an average character of 12 px type."""
BOLD_CHAR = 7.4


class Area(NamedTuple):
    """The plotting area inside a figure, in pixels, and its axes."""

    left: float
    top: float
    width: float
    height: float
    x: Axis
    y: Axis

    def px(self, value: float) -> float:
        """Pixel of a value on the x axis."""
        return self.left + self.width * position(self.x, value)

    def py(self, value: float) -> float:
        """Pixel of a value on the y axis; large values are above."""
        return self.top + self.height * (1.0 - position(self.y, value))


def figure(
    name: str, size: tuple[float, float], body: Iterable[str], *, title: str, text: str, kind: str = ""
) -> str:
    """A whole figure. `name` makes its ids unique on the page."""
    width, height = size
    return (
        f'<svg class="chart {kind}" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" role="img" aria-labelledby="{name}-t {name}-d">'
        f'<title id="{name}-t">{escape(title)}</title><desc id="{name}-d">{escape(text)}</desc>'
        f"{''.join(body)}</svg>"
    )


def text(
    x: float, y: float, words: str, *, anchor: str = "start", kind: str = "", most: int = 200, turn: int = 0
) -> str:
    """A line of text, clipped to `most` characters; the whole of it as a tooltip where it was clipped."""
    shown = clip(words, most)
    tip = f"<title>{escape(clip(words, 300))}</title>" if shown != words else ""
    turned = f' transform="rotate({turn} {x:.1f} {y:.1f})"' if turn else ""
    style = f' class="{kind}"' if kind else ""
    place = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{x:.1f}" y="{y:.1f}"{place}{style}{turned}>{escape(shown)}{tip}</text>'


def line(x1: float, y1: float, x2: float, y2: float, *, kind: str) -> str:
    """A straight line."""
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def rect(x: float, y: float, width: float, height: float, *, kind: str) -> str:
    """A rectangle."""
    size = f'width="{max(width, 0):.1f}" height="{max(height, 0):.1f}"'
    return f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" {size}/>'


def path(points: Iterable[tuple[float, float]], kind: str) -> str:
    """A line through points."""
    return f'<path class="{kind}" d="M{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>'


def mark(x: float, y: float, role: Role, size: float = 5.0) -> str:
    """A mark told by its shape as well as by its colour: diamond best, square baseline, circle other."""
    if role == "best":
        r = size * 1.3
        steps = f"l{r:g},{r:g} {-r:g},{r:g} {-r:g},{-r:g}z"
        return f'<path class="mark best" d="M{x:.1f},{y - r:.1f}{steps}"/>'
    if role == "baseline":
        return rect(x - size, y - size, 2 * size, 2 * size, kind="mark baseline")
    return f'<circle class="mark other" cx="{x:.1f}" cy="{y:.1f}" r="{size * 0.85:.1f}"/>'


def cross(x: float, y: float, size: float = 4.0) -> str:
    """An x: a trial that diverged."""
    steps = f"l{2 * size:g},{2 * size:g}m0,{-2 * size:g}l{-2 * size:g},{2 * size:g}"
    return f'<path class="cross" d="M{x - size:.1f},{y - size:.1f}{steps}"/>'


def clipped(area: Area, body: Iterable[str]) -> str:
    """Marks that end at the edge of the plotting area; positions stay those of the figure."""
    box = f"{area.left:g} {area.top:g} {area.width:g} {area.height:g}"
    return (
        f'<svg x="{area.left:g}" y="{area.top:g}" width="{area.width:g}" '
        f'height="{area.height:g}" viewBox="{box}" overflow="hidden">{"".join(body)}</svg>'
    )


def axes(area: Area) -> list[str]:
    """Both axes: grid, ticks, names. The name of the y axis stands above it, for upright reading."""
    bottom = area.top + area.height
    parts = [text(2, 13, area.y.label, kind="axis", most=int((area.left + area.width) / BOLD_CHAR))]
    for value, words in area.y.ticks:
        y = area.py(value)
        parts += [
            line(area.left, y, area.left + area.width, y, kind="grid"),
            text(area.left - 6, y + 4, words, anchor="end", most=12),
        ]
    return [*parts, *x_axis(area, bottom)]


def x_axis(area: Area, bottom: float) -> list[str]:
    """Ticks and name of the x axis; ticks that would touch their neighbour are left without words."""
    parts = [line(area.left, bottom, area.left + area.width, bottom, kind="axisline")]
    end = -1e9
    for value, words in area.x.ticks:
        x = area.px(value)
        half = CHAR * min(len(words), 14) / 2
        parts.append(line(x, bottom, x, bottom + 4, kind="axisline"))
        if x - half > end + 4:
            parts.append(text(x, bottom + 17, words, anchor="middle", most=14))
            end = x + half
    name = area.x.label + (" (log)" if area.x.log else "")
    parts.append(
        text(
            area.left + area.width,
            bottom + 34,
            name,
            anchor="end",
            kind="axis",
            most=int((area.left + area.width) / BOLD_CHAR),
        )
    )
    return parts
