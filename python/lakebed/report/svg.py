"""A directed graph as one self-contained SVG document, made to be read by people.

What does something is a dark rounded box, what is read or made a light sheet with a folded corner in the colour of its
group; a legend names the groups. Labels never leave their boxes: what is too long is cut with an ellipsis and stands
whole in the tooltip. Text on its ground has a contrast of at least 7:1 (WCAG AAA). No script, no outer file, no font
that must be there.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from lakebed.report.dag import Box, DagEdge, DagNode, Direction, Layout, Route, lay_out
from lakebed.report.text_width import fit_text, text_width

LABEL_SIZE, DETAIL_SIZE, TITLE_SIZE, LEGEND_SIZE = 12.5, 11.0, 17.0, 12.0
MAX_TEXT_WIDTH, MIN_BOX_WIDTH = 190.0, 84.0
PADDING, MARGIN = 12.0, 24.0
ONE_LINE_HEIGHT, TWO_LINE_HEIGHT = 34.0, 48.0
ARROW_LENGTH, ARROW_WIDTH = 8.0, 7.0
FOLD = 11.0
MIN_WIDTH = 360.0
PAGE_SHAPE = 1.2
"""Width over height that a graph should come near to."""
FONT = "'DejaVu Sans', Verdana, 'Segoe UI', Helvetica, Arial, sans-serif"
INK, QUIET_INK, GROUND, LINE = "#0f172a", "#334155", "#ffffff", "#64748b"


@dataclass(frozen=True, slots=True)
class Paint:
    """How the nodes of a group look.

    Args:
        fill: Colour of the ground.
        stroke: Colour of the edge.
        text: Colour of the label.
        dash: Pattern of the edge, empty for none.

    Example:
        >>> BOX_PAINT.text
        '#ffffff'
    """

    fill: str
    stroke: str
    text: str = INK
    dash: str = ""


BOX_PAINT = Paint("#334155", "#0f172a", "#ffffff")
PALETTE = (
    ("#dbeafe", "#1d4ed8"),
    ("#dcfce7", "#15803d"),
    ("#fef3c7", "#b45309"),
    ("#fce7f3", "#be185d"),
    ("#ede9fe", "#6d28d9"),
    ("#cffafe", "#0e7490"),
    ("#ffedd5", "#c2410c"),
    ("#ecfccb", "#4d7c0f"),
    ("#fee2e2", "#b91c1c"),
    ("#e7e5e4", "#57534e"),
)


def dag_to_svg(
    nodes: Sequence[DagNode],
    edges: Sequence[DagEdge],
    *,
    title: str = "",
    direction: Direction | None = None,
) -> str:
    """Draw a directed graph.

    Args:
        nodes: In the order that breaks ties.
        edges: Between them; cycles are drawn, too.
        title: Stands above the graph; none where empty.
        direction: Where edges lead, `right` or `down`; None takes the one that is nearer to the shape of a page.

    Returns:
        The SVG document; the same input always gives the same text.

    Raises:
        InvalidArgumentError: A key is there twice, or an edge names an unknown one.

    Example:
        >>> svg = dag_to_svg([DagNode("a", "raw.csv", shape="document", group="File"), DagNode("b", "import")],
        ...                  [DagEdge("a", "b")], title="First steps")
        >>> svg.startswith("<svg"), svg.count("<path"), "First steps" in svg
        (True, 1, True)
    """
    layout, direction = _best_layout(nodes, edges, direction)
    paints = _paints(nodes)
    header = 2 * MARGIN + TITLE_SIZE if title else MARGIN
    entries = _legend_entries(nodes)
    title_width = min(text_width(title, TITLE_SIZE), 900.0)
    width = max(layout.width, title_width, MIN_WIDTH) + 2 * MARGIN
    legend, legend_height = _legend(entries, paints, width, header + layout.height + MARGIN)
    height = header + layout.height + legend_height + MARGIN
    parts = [
        *_opening(width, height, title, nodes, edges),
        *_heading(title, width),
        f'<g class="graph" transform="translate({_number(MARGIN)} {_number(header)})">',
        *(_edge(edge, route, direction) for edge, route in zip(edges, layout.routes, strict=True)),
        *(_node(node, layout.boxes[node.key], paints[node.shape, node.group]) for node in nodes),
        *([] if nodes else [_text(0, LABEL_SIZE, "Nothing is recorded.", LABEL_SIZE, QUIET_INK)]),
        "</g>",
        *legend,
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _best_layout(
    nodes: Sequence[DagNode],
    edges: Sequence[DagEdge],
    direction: Direction | None,
) -> tuple[Layout, Direction]:
    sizes = {node.key: _size(node) for node in nodes}
    wanted: tuple[Direction, ...] = ("right", "down") if direction is None else (direction,)
    layouts = [(lay_out(nodes, edges, sizes, direction=found), found) for found in wanted]
    return min(layouts, key=lambda found: abs(math.log(max(found[0].width, 1) / max(found[0].height, 1) / PAGE_SHAPE)))


def _size(node: DagNode) -> tuple[float, float]:
    widest = max(text_width(node.label, LABEL_SIZE), text_width(node.detail, DETAIL_SIZE))
    room = min(widest, MAX_TEXT_WIDTH) + 2 * PADDING + (FOLD if node.shape == "document" else 0.0)
    return max(round(room, 1), MIN_BOX_WIDTH), TWO_LINE_HEIGHT if node.detail else ONE_LINE_HEIGHT


def _paints(nodes: Sequence[DagNode]) -> dict[tuple[str, str], Paint]:
    """By shape and group. Groups beyond the palette begin it again with a dashed edge."""
    groups = sorted({node.group for node in nodes if node.shape == "document"})
    paints = {("box", node.group): BOX_PAINT for node in nodes if node.shape == "box"}
    for position, group in enumerate(groups):
        fill, stroke = PALETTE[position % len(PALETTE)]
        paints["document", group] = Paint(fill, stroke, INK, "4 3" if position >= len(PALETTE) else "")
    return paints


def _opening(
    width: float,
    height: float,
    title: str,
    nodes: Sequence[DagNode],
    edges: Sequence[DagEdge],
) -> list[str]:
    size = f'width="{_number(width)}" height="{_number(height)}" viewBox="0 0 {_number(width)} {_number(height)}"'
    look = f'role="img" aria-label={_attribute(title or "Graph")} font-family="{FONT}"'
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {look}>',
        f"<title>{_xml(title or 'Graph')}</title>",
        f"<desc>{len(nodes)} nodes and {len(edges)} edges; each node has a tooltip.</desc>",
        f'<rect class="ground" width="100%" height="100%" fill="{GROUND}"/>',
    ]


def _heading(title: str, width: float) -> list[str]:
    if not title:
        return []
    text = fit_text(title, TITLE_SIZE, width - 2 * MARGIN)
    return [_text(MARGIN, MARGIN + TITLE_SIZE, text, TITLE_SIZE, INK, weight="600")]


def _edge(edge: DagEdge, route: Route, direction: Direction) -> str:
    """The line ends where the head begins, so that it does not show beyond the point."""
    ends = [route.start, *(point for piece in route.pieces for point in piece)]
    tip = ends[-1]
    approach = next((point for point in reversed(ends) if point != tip), ends[0])
    dx, dy = tip[0] - approach[0], tip[1] - approach[1]
    along_x = abs(dx) > abs(dy) if edge.source == edge.target else direction == "right"
    ux, uy = (1.0 if dx > 0 else -1.0, 0.0) if along_x else (0.0, 1.0 if dy > 0 else -1.0)
    base = (tip[0] - ux * ARROW_LENGTH, tip[1] - uy * ARROW_LENGTH)
    curves = [" ".join(map(_point, piece)) for piece in route.pieces]
    last = route.pieces[-1]
    curves[-1] = " ".join(map(_point, (last[0], (last[1][0] - ux * 2, last[1][1] - uy * 2), base)))
    half = ARROW_WIDTH / 2
    sides = ((base[0] - uy * half, base[1] + ux * half), (base[0] + uy * half, base[1] - ux * half))
    line = f'<path d="M{_point(route.start)} C{" ".join(curves)}" fill="none" stroke="{LINE}" stroke-width="1.5"/>'
    head = f'<polygon points="{" ".join(map(_point, (tip, *sides)))}" fill="{LINE}"/>'
    ends_of = f"data-source={_attribute(edge.source)} data-target={_attribute(edge.target)}"
    return f'<g class="edge" {ends_of}>{line}{head}</g>'


def _node(node: DagNode, box: Box, paint: Paint) -> str:
    tooltip = f"{node.label}\n{node.tooltip or node.detail}".strip()
    middle = box.x + box.width / 2 - (FOLD / 2 if node.shape == "document" else 0.0)
    room = box.width - 2 * PADDING - (FOLD if node.shape == "document" else 0.0) + 0.1
    label = fit_text(node.label, LABEL_SIZE, room)
    baseline = box.y + (20.0 if node.detail else box.height / 2 + LABEL_SIZE * 0.36)
    parts = [
        f'<g class="node {node.shape}" data-key={_attribute(node.key)}><title>{_xml(tooltip)}</title>',
        _shape(node, box, paint),
        _text(middle, baseline, label, LABEL_SIZE, paint.text, anchor="middle", weight="600"),
    ]
    if node.detail:
        detail = fit_text(node.detail, DETAIL_SIZE, room)
        parts.append(_text(middle, box.y + 37.0, detail, DETAIL_SIZE, paint.text, anchor="middle"))
    return "".join([*parts, "</g>"])


def _shape(node: DagNode, box: Box, paint: Paint) -> str:
    width = "3" if node.is_marked else "1.3"
    look = f'fill="{paint.fill}" stroke="{paint.stroke}" stroke-width="{width}"'
    if paint.dash:
        look += f' stroke-dasharray="{paint.dash}"'
    radius = "10" if node.shape == "box" else "2"
    place = f'x="{_number(box.x)}" y="{_number(box.y)}" width="{_number(box.width)}" height="{_number(box.height)}"'
    rect = f'<rect {place} rx="{radius}" {look}/>'
    if node.shape == "box":
        return rect
    right, top = box.x + box.width, box.y
    fold = ((right - FOLD, top), (right - FOLD, top + FOLD), (right, top + FOLD))
    return f'{rect}<polygon points="{" ".join(map(_point, fold))}" fill="{paint.stroke}" fill-opacity="0.55"/>'


def _legend_entries(nodes: Sequence[DagNode]) -> list[tuple[DagNode, int]]:
    """One node of each look, boxes first, and how many there are."""
    counts = Counter(("" if node.shape == "box" else node.group, node.shape) for node in nodes)
    entries = [
        (DagNode(group, group or ("execution" if shape == "box" else "artifact"), shape=shape, group=group), count)
        for (group, shape), count in counts.items()
    ]
    return sorted(entries, key=lambda entry: (entry[0].shape != "box", entry[0].group))


def _legend(
    entries: Sequence[tuple[DagNode, int]],
    paints: dict[tuple[str, str], Paint],
    width: float,
    top: float,
) -> tuple[list[str], float]:
    """Entries side by side in as many lines as they need; returns their parts and their height."""
    swatch, line_height = 20.0, 24.0
    parts = ['<g class="legend">']
    x, line = MARGIN, 0
    for sample, count in entries:
        text = f"{fit_text(sample.label, LEGEND_SIZE, 180)} ({count})"
        room = swatch + 8 + text_width(text, LEGEND_SIZE) + 18
        if x > MARGIN and x + room > width - MARGIN:
            x, line = MARGIN, line + 1
        y = top + line * line_height
        paint = BOX_PAINT if sample.shape == "box" else paints[sample.shape, sample.group]
        look = f'fill="{paint.fill}" stroke="{paint.stroke}" stroke-width="1.3"'
        dash = f' stroke-dasharray="{paint.dash}"' if paint.dash else ""
        radius = "5" if sample.shape == "box" else "1"
        place = f'x="{_number(x)}" y="{_number(y)}" width="{swatch:.0f}" height="14" rx="{radius}"'
        parts.append(f"<rect {place} {look}{dash}/>")
        parts.append(_text(x + swatch + 8, y + 11.5, text, LEGEND_SIZE, QUIET_INK))
        x += room
    return [*parts, "</g>"], (line + 1) * line_height + MARGIN / 2 if entries else 0.0


def _text(x: float, y: float, text: str, size: float, fill: str, *, anchor: str = "start", weight: str = "400") -> str:
    place = f'x="{_number(x)}" y="{_number(y)}" font-size="{_number(size)}" text-anchor="{anchor}"'
    return f'<text {place} font-weight="{weight}" fill="{fill}">{_xml(text)}</text>'


def _point(point: tuple[float, float]) -> str:
    return f"{_number(point[0])},{_number(point[1])}"


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


# XML 1.0 has no place for most control characters, lone surrogates and two code points at the end of the first plane.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _xml(text: str) -> str:
    return escape(_FORBIDDEN.sub("\ufffd", text))


def _attribute(text: str) -> str:
    return quoteattr(_FORBIDDEN.sub("\ufffd", text))
