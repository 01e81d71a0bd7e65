"""Each chart of the page, from its part of the model to SVG."""

from __future__ import annotations

from html import escape

from luthier.reports import svg
from luthier.reports.model import Bars, Confusion, Curve, Curves, Dots, Parallel, Scatter
from luthier.reports.svg import Area
from luthier.reports.words import clip

NARROW_CURVES = 30
"""Faint curves in the version for narrow screens."""


def curves(name: str, chart: Curves, *, wide: bool) -> str:
    """Learning curves; the page holds a wide and a narrow version and shows one."""
    width, height = (900.0, 400.0) if wide else (340.0, 300.0)
    area = Area(62, 24, width - 62 - (78 if wide else 62), height - 24 - 44, chart.x, chart.y)
    others = [c for c in chart.lines if c.role == "other"]
    named = [c for c in chart.lines if c.role != "other"]
    drawn = [*(others if wide else others[:: max(1, len(others) // NARROW_CURVES)]), *named]
    bottom = area.top + area.height
    inside = [svg.line(area.px(r), area.top, area.px(r), bottom, kind="rung") for r in chart.rungs]
    inside += [part for c in drawn for part in _curve(area, c)]
    body = [*svg.axes(area), svg.clipped(area, inside), *_ends(area, named)]
    return svg.figure(
        name,
        (width, height),
        body,
        title="Learning curves",
        kind="wide" if wide else "narrow",
        text="Score on the validation rows over each trial's schedule. The table below says the same.",
    )


def _curve(area: Area, curve: Curve) -> list[str]:
    points = [(area.px(x), _free(area, y)) for x, y in curve.points]
    if not points:
        return []
    parts = [svg.path(points, f"curve {curve.role}")] if len(points) > 1 else []
    if len(points) == 1 or curve.role != "other":
        parts += [svg.mark(x, y, curve.role, 2.5 if curve.role == "other" else 3.0) for x, y in points]
    if curve.diverged:
        x, y = points[-1]
        parts.append(svg.cross(x, min(max(y, area.top + 5), area.top + area.height - 5)))
    return parts


def _free(area: Area, value: float) -> float:
    """Pixel of a y value that may lie outside the area, at most one height away."""
    share = (value - area.y.low) / (area.y.high - area.y.low)
    return area.top + area.height * (1.0 - min(max(share, -1.0), 2.0))


def _ends(area: Area, named: list[Curve]) -> list[str]:
    """The names of the marked curves at their ends, pushed apart where they would touch."""
    ends = [(area.py(c.points[-1][1]), area.px(c.points[-1][0]), c.role) for c in named if c.points]
    ends.sort()
    parts, last = [], -1e9
    for y, x, role in ends:
        at = max(y + 4, last + 14)
        parts.append(svg.text(min(x, area.left + area.width) + 8, at, role, kind=f"name {role}"))
        last = at
    return parts


def scatter(name: str, chart: Scatter) -> str:
    """A slice of the search, or residuals."""
    size = (340.0, 250.0)
    area = Area(62, 24, size[0] - 62 - 12, size[1] - 24 - 44, chart.x, chart.y)
    body = svg.axes(area)
    if chart.line is not None:
        body.append(
            svg.line(area.left, area.py(chart.line), area.left + area.width, area.py(chart.line), kind="zero")
        )
    body += [_dot(area, dot.x, dot.y, dot.kind, outside=dot.outside, words=dot.text) for dot in chart.dots]
    return svg.figure(name, size, body, title=chart.title, text=chart.text)


def _dot(area: Area, x: float, y: float, kind: str, *, outside: bool, words: str) -> str:
    px, py = area.px(x), area.py(y)
    if kind in ("best", "baseline"):
        drawn = svg.mark(px, py, "best" if kind == "best" else "baseline")
    elif kind == "diverged":
        drawn = svg.cross(px, py - 5 if py > area.top + 20 else py + 5, size=3.5)
    elif outside:
        way = 1 if py > area.top + area.height / 2 else -1
        drawn = f'<path class="dot {kind}" d="M{px - 4:.1f},{py - 6 * way:.1f}h8l-4,{6 * way}z"/>'
    else:
        drawn = f'<circle class="dot {kind}" cx="{px:.1f}" cy="{py:.1f}" r="3.2"/>'
    return f"<g>{drawn}<title>{escape(words)}</title></g>" if words else drawn


def dots(name: str, chart: Dots) -> str:
    """Estimates with their intervals, one under the other; the words stand above each, so it fits a phone."""
    width, row = 340.0, 40.0
    area = Area(12, 10, width - 24, row * len(chart.rows), chart.axis, chart.axis)
    bottom = area.top + area.height
    body = [svg.line(area.px(v), area.top, area.px(v), bottom, kind="grid") for v, _ in chart.axis.ticks]
    if chart.line is not None:
        body.append(svg.line(area.px(chart.line), area.top, area.px(chart.line), bottom, kind="zero"))
    for i, (words, measure, role) in enumerate(chart.rows):
        y = area.top + row * i
        body.append(svg.text(area.left, y + 12, words, kind="halo", most=34))
        body.append(svg.text(area.left + area.width, y + 12, measure.text, anchor="end", kind="value halo"))
        if measure.low == measure.low:
            x1, x2 = area.px(measure.low), area.px(measure.high)
            body.append(svg.line(x1, y + 25, x2, y + 25, kind=f"interval {role}"))
            body += [svg.line(x, y + 20, x, y + 30, kind=f"interval {role}") for x in (x1, x2)]
        body.append(svg.mark(area.px(measure.value), y + 25, role, 4.5))
    body += svg.x_axis(area, bottom)
    said = "; ".join(f"{words}: {m.text} ({m.interval or 'no interval'})" for words, m, _ in chart.rows)
    return svg.figure(name, (width, bottom + 42), body, title=chart.title, text=clip(said, 1500))


def bars(name: str, chart: Bars) -> str:
    """Lengths, with name and number above each bar."""
    width, row = 340.0, 34.0
    longest = max((value for _, value, _ in chart.rows), default=0.0) or 1.0
    body = []
    for i, (words, value, shown) in enumerate(chart.rows):
        y = 4 + row * i
        body += [
            svg.text(0, y + 12, words, most=36),
            svg.text(width, y + 12, shown, anchor="end", kind="value"),
            svg.rect(0, y + 18, width, 8, kind="track"),
            svg.rect(0, y + 18, width * value / longest, 8, kind="bar"),
        ]
    said = "; ".join(f"{words}: {shown}" for words, _, shown in chart.rows)
    return svg.figure(name, (width, 6 + row * len(chart.rows)), body, title=chart.title, text=clip(said, 1500))


def parallel(name: str, chart: Parallel) -> str:
    """One vertical axis a setting, one line a trial."""
    step, top, height, left = 106.0, 46.0, 240.0, 58.0
    width = left + step * (len(chart.axes) - 1) + 58
    xs = [left + step * i for i in range(len(chart.axes))]
    body = []
    for role, places in chart.lines:
        known = [(x, top + height * (1 - p)) for x, p in zip(xs, places, strict=True) if p is not None]
        body.append(svg.path(known, f"curve {role}") if len(known) > 1 else "")
        body += [svg.mark(x, y, role, 3.5) for x, y in known if role != "other"]
    for i, (x, axis) in enumerate(zip(xs, chart.axes, strict=True)):
        body.append(svg.line(x, top, x, top + height, kind="axisline"))
        area = Area(0, top, 1, height, axis, axis)
        name_y = 14 if i % 2 == 0 else 30
        body.append(
            svg.text(x, name_y, axis.label + (" (log)" if axis.log else ""), anchor="middle", kind="axis", most=24)
        )
        for value, words in axis.ticks[:: max(1, len(axis.ticks) // 6)]:
            y = area.py(value)
            body += [
                svg.line(x - 3, y, x + 3, y, kind="axisline"),
                svg.text(x - 6, y + 4, words, anchor="end", kind="halo", most=9),
            ]
    return svg.figure(
        name,
        (width, top + height + 14),
        body,
        title="The best trials across all settings",
        kind="fixed",
        text=f"{chart.note} The table below says the same.",
    )


def confusion(name: str, chart: Confusion) -> str:
    """Rows are true classes, columns are predictions; the number stands in each cell."""
    num = len(chart.counts)
    cell = 38.0 if num <= 12 else 30.0
    longest = max(len(clip(words, 14)) for words in chart.labels)
    edge = 24 + svg.CHAR * longest
    top = 24 + (svg.CHAR * longest if longest > 3 else 14)
    body = [svg.text(edge, 12, "predicted class", kind="axis"), svg.text(0, top - 6, "true", kind="axis")]
    for i, (words, row) in enumerate(zip(chart.labels, chart.counts, strict=True)):
        middle = edge + cell * (i + 0.5)
        body.append(svg.text(edge - 6, top + cell * (i + 0.5) + 4, words, anchor="end", most=14))
        body.append(
            svg.text(middle + 4, top - 6, words, most=14, turn=-90)
            if longest > 3
            else svg.text(middle, top - 6, words, anchor="middle", most=14)
        )
        total = sum(row) or 1
        for j, k in enumerate(row):
            x, y, share = edge + cell * j, top + cell * i, k / total
            body.append(svg.rect(x, y, cell - 1, cell - 1, kind="cell"))
            if k:
                kind = "hit" if i == j else "miss"
                depth = 0.15 + 0.85 * share
                body.append(
                    svg.rect(x, y, cell - 1, cell - 1, kind=kind).replace("/>", f' fill-opacity="{depth:.2f}"/>')
                )
                strong = " strong" if depth > 0.6 else ""
                body.append(
                    svg.text(
                        x + cell / 2 - 0.5,
                        y + cell / 2 + 4,
                        _short(k),
                        anchor="middle",
                        kind=f"count{strong}",
                    )
                )
    size = (edge + cell * num + 2, top + cell * num + 2)
    return svg.figure(
        name,
        size,
        body,
        title="Confusion matrix",
        text=f"{chart.note} Tables below say the same.",
        kind="fixed",
    )


def _short(k: int) -> str:
    """A count in four characters."""
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if k >= 10 * size or (k >= size > 1000):
            return f"{k / size:.0f}{unit}"
    return str(k)
