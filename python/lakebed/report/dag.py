"""Coordinates of a drawn graph: boxes that never overlap, and edges that never run under a box.

Each connected part is laid out by itself. Layers become columns (or rows, top-down); within one, boxes and the unseen
points of long edges keep their distance and come as near to their neighbours as that allows. Edges bend only between
columns and cross a column on a lane of their own. Plain numbers only: `lakebed.report.svg` draws them.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

from lakebed.errors import InvalidArgumentError
from lakebed.report.layers import Layers, layer_graph

Direction: TypeAlias = Literal["right", "down"]
"""Where edges lead."""

Point: TypeAlias = tuple[float, float]

BOX_GAP = 22.0
LANE_GAP = 12.0
PART_GAP = 34.0
LANE = 6.0
LAYER_GAP = 56.0
MAX_LAYER_GAP = 190.0
SETTLING_SWEEPS = 40


@dataclass(frozen=True, slots=True)
class DagNode:
    """A node as plain values.

    Args:
        key: Unique in its graph.
        label: First line.
        detail: Second line; none where empty.
        shape: `box` for what does something, `document` for what it reads and makes.
        group: Nodes of a group have one colour; the legend names it.
        tooltip: Shown when pointed at, after the whole label.
        is_marked: Drawn with a bold edge.

    Example:
        >>> DagNode("execution:1", "train").shape
        'box'
    """

    key: str
    label: str
    detail: str = ""
    shape: Literal["box", "document"] = "box"
    group: str = ""
    tooltip: str = ""
    is_marked: bool = False


@dataclass(frozen=True, slots=True)
class DagEdge:
    """An edge between two nodes.

    Args:
        source: Key of the node it leaves.
        target: Key of the node it points to.

    Example:
        >>> DagEdge("a", "b").target
        'b'
    """

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Box:
    """Where a node stands.

    Args:
        x: Left side.
        y: Upper side.
        width: To the right.
        height: Downward.

    Example:
        >>> Box(0, 0, 10, 10).overlaps(Box(5, 5, 10, 10))
        True
    """

    x: float
    y: float
    width: float
    height: float

    def overlaps(self, other: Box) -> bool:
        """Return whether two boxes share more than an edge.

        Args:
            other: Another box.

        Returns:
            True where they do.

        Example:
            >>> Box(0, 0, 10, 10).overlaps(Box(10, 0, 10, 10))
            False
        """
        return (
            self.x < other.x + other.width
            and other.x < self.x + self.width
            and self.y < other.y + other.height
            and other.y < self.y + self.height
        )


@dataclass(frozen=True, slots=True)
class Route:
    """How an edge runs: pieces that join smoothly.

    Args:
        start: Where it leaves its source.
        pieces: Each the two control points and the end of a cubic Bezier curve.

    Example:
        >>> Route((0, 0), (((1, 0), (2, 0), (3, 0)),)).end
        (3, 0)
    """

    start: Point
    pieces: tuple[tuple[Point, Point, Point], ...]

    @property
    def end(self) -> Point:
        """Where it reaches its target.

        Example:
            >>> Route((0, 0), ()).end
            (0, 0)
        """
        return self.pieces[-1][2] if self.pieces else self.start

    def points(self, n_steps: int = 16) -> list[Point]:
        """Return points along the edge.

        Args:
            n_steps: Per piece.

        Returns:
            From the source to the target.

        Example:
            >>> Route((0, 0), (((0, 0), (4, 4), (4, 4)),)).points(2)
            [(0, 0), (2.0, 2.0), (4.0, 4.0)]
        """
        found = [self.start]
        for first, second, end in self.pieces:
            start = found[-1]
            for step in range(1, n_steps + 1):
                t = step / n_steps
                weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
                ends = (start, first, second, end)
                x = sum(weight * point[0] for weight, point in zip(weights, ends, strict=True))
                y = sum(weight * point[1] for weight, point in zip(weights, ends, strict=True))
                found.append((x, y))
        return found


@dataclass(frozen=True, slots=True)
class Layout:
    """A graph with coordinates; everything lies within (0, 0) and (width, height).

    Args:
        width: To the right.
        height: Downward.
        boxes: By key of the node, in the order of the nodes.
        routes: In the order of the edges.

    Example:
        >>> lay_out([DagNode("a", "a")], [], {"a": (80, 40)}).boxes["a"]
        Box(x=0.0, y=0.0, width=80, height=40)
    """

    width: float
    height: float
    boxes: Mapping[str, Box]
    routes: tuple[Route, ...]


def lay_out(
    nodes: Sequence[DagNode],
    edges: Sequence[DagEdge],
    sizes: Mapping[str, tuple[float, float]],
    *,
    direction: Direction = "right",
) -> Layout:
    """Give every node a box and every edge a route.

    Args:
        nodes: In the order that breaks ties.
        edges: Cycles, repeats and edges to oneself are allowed.
        sizes: Width and height by key.
        direction: Where edges lead.

    Returns:
        The layout: no two boxes overlap and no route runs under a box.

    Raises:
        InvalidArgumentError: A key is there twice, or an edge names an unknown one.

    Example:
        >>> nodes = [DagNode("a", "a"), DagNode("b", "b")]
        >>> layout = lay_out(nodes, [DagEdge("a", "b")], {"a": (80, 40), "b": (80, 40)})
        >>> layout.boxes["a"].x + 80 < layout.boxes["b"].x, layout.routes[0].start
        (True, (80.0, 20.0))
    """
    number = _numbered(nodes, edges)
    pairs = [(number[edge.source], number[edge.target]) for edge in edges]
    extents = [sizes[node.key] if direction == "right" else sizes[node.key][::-1] for node in nodes]
    parts = [_lay_out_part(members, pairs, extents) for members in _parts(len(nodes), pairs)]
    places = _stacked(parts)
    boxes: dict[int, Box] = {}
    routes: dict[int, Route] = {}
    for part, (main, cross) in zip(parts, places, strict=True):
        boxes.update({node: _moved_box(box, main, cross, direction) for node, box in part.boxes.items()})
        routes.update({edge: _moved_route(route, main, cross, direction) for edge, route in part.routes.items()})
    corners = [(box.x + box.width, box.y + box.height) for box in boxes.values()]
    points = [*corners, *(point for route in routes.values() for point in route.points())]
    return Layout(
        width=max((x for x, _ in points), default=0.0),
        height=max((y for _, y in points), default=0.0),
        boxes={node.key: boxes[position] for position, node in enumerate(nodes)},
        routes=tuple(routes[position] for position in range(len(edges))),
    )


@dataclass(slots=True)
class _Part:
    """A connected part: main axis along the edges, cross axis along the layers; begins at (0, 0)."""

    main: float
    cross: float
    boxes: dict[int, Box]
    routes: dict[int, Route]


def _numbered(nodes: Sequence[DagNode], edges: Sequence[DagEdge]) -> dict[str, int]:
    number: dict[str, int] = {}
    for position, node in enumerate(nodes):
        if node.key in number:
            raise InvalidArgumentError(f"the graph has two nodes with the key {node.key!r}; keys are unique")
        number[node.key] = position
    for edge in edges:
        for key in (edge.source, edge.target):
            if key not in number:
                raise InvalidArgumentError(
                    f"the edge {edge.source!r} -> {edge.target!r} names {key!r}, which is no node; add the node",
                )
    return number


def _parts(n_nodes: int, pairs: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Connected parts, by their first node."""
    linked: dict[int, list[int]] = defaultdict(list)
    for u, v in pairs:
        linked[u].append(v)
        linked[v].append(u)
    seen: set[int] = set()
    parts = []
    for start in range(n_nodes):
        if start in seen:
            continue
        seen.add(start)
        part = [start]
        for node in part:  # grows while it is walked
            for other in linked[node]:
                if other not in seen:
                    seen.add(other)
                    part.append(other)
        parts.append(sorted(part))
    return parts


def _lay_out_part(
    members: Sequence[int],
    pairs: Sequence[tuple[int, int]],
    extents: Sequence[tuple[float, float]],
) -> _Part:
    """Members are numbered anew; `chosen` and `loops` keep the numbers of the edges."""
    local = {node: position for position, node in enumerate(members)}
    chosen = [number for number, (u, v) in enumerate(pairs) if u in local and u != v]
    layers = layer_graph(len(members), [(local[pairs[number][0]], local[pairs[number][1]]) for number in chosen])
    sizes = [extents[node] for node in members]
    cross = _cross_positions(layers, sizes)
    spans = _main_spans(layers, sizes, cross)
    boxes = {}
    for row, (start, end) in zip(layers.rows, spans, strict=True):
        for vertex in row:
            if vertex < layers.n_nodes:
                main, height = sizes[vertex]
                left = start + (end - start - main) / 2
                boxes[vertex] = Box(left, cross[vertex] - height / 2, main, height)
    routes = _routes(layers, boxes, spans, cross)
    loops = {number: _loop(boxes[local[u]]) for number, (u, v) in enumerate(pairs) if u == v and u in local}
    return _Part(
        main=max(end for _, end in spans),
        cross=max(
            *(box.y + box.height for box in boxes.values()),
            *(position + LANE / 2 for position in cross),
            *(route.start[1] + LANE_GAP for route in loops.values()),
        ),
        boxes={node: boxes[local[node]] for node in members},
        routes={**dict(zip(chosen, routes, strict=True)), **loops},
    )


def _cross_positions(layers: Layers, sizes: Sequence[tuple[float, float]]) -> list[float]:
    """Centre of each vertex on the cross axis; the least is such that nothing is below 0."""
    n_vertices = sum(map(len, layers.rows))
    half = [sizes[vertex][1] / 2 if vertex < layers.n_nodes else LANE / 2 for vertex in range(n_vertices)]
    offsets = [_offsets(row, half, layers.n_nodes) for row in layers.rows]
    position = [0.0] * n_vertices
    for row, offset in zip(layers.rows, offsets, strict=True):
        for vertex, start in zip(row, offset, strict=True):
            position[vertex] = start - (offset[-1] / 2)
    before, behind = layers.neighbours()
    n_rows = len(layers.rows)
    for sweep in range(SETTLING_SWEEPS):
        is_last = sweep >= SETTLING_SWEEPS // 2
        for number in range(n_rows) if sweep % 2 == 0 else range(n_rows - 1, -1, -1):
            sides = (before, behind) if is_last else ((before,) if sweep % 2 == 0 else (behind,))
            _settle(layers.rows[number], offsets[number], position, sides, layers.n_nodes)
    least = min((position[vertex] - half[vertex] for vertex in range(n_vertices)), default=0.0)
    return [round(found - least, 2) for found in position]


def _offsets(row: Sequence[int], half: Sequence[float], n_nodes: int) -> list[float]:
    """Least distance of each vertex of a layer from the first one."""
    offsets = [0.0]
    for left, right in pairwise(row):
        gap = BOX_GAP if left < n_nodes and right < n_nodes else LANE_GAP
        offsets.append(offsets[-1] + half[left] + gap + half[right])
    return offsets


def _settle(
    row: Sequence[int],
    offsets: Sequence[float],
    position: list[float],
    sides: Sequence[list[list[int]]],
    n_nodes: int,
) -> None:
    """Move a layer as near to its neighbours as the distances allow: isotonic regression, solved exactly.

    Pieces between two unseen vertices weigh most, so that long edges run straight.
    """
    blocks: list[tuple[float, float, int]] = []  # mean of what is wished, weight, members
    for vertex, offset in zip(row, offsets, strict=True):
        wishes = [
            (position[other], (1.0, 2.0, 8.0)[(vertex >= n_nodes) + (other >= n_nodes)])
            for linked in sides
            for other in linked[vertex]
        ]
        total = sum(weight for _, weight in wishes)
        wish = sum(place * weight for place, weight in wishes) / total if wishes else position[vertex]
        block = (wish - offset, total or 0.1, 1)
        while blocks and blocks[-1][0] >= block[0]:
            mean, weight, n_members = blocks.pop()
            both = weight + block[1]
            block = ((mean * weight + block[0] * block[1]) / both, both, n_members + block[2])
        blocks.append(block)
    settled = [mean for mean, _, n_members in blocks for _ in range(n_members)]
    for vertex, offset, base in zip(row, offsets, settled, strict=True):
        position[vertex] = base + offset


def _main_spans(
    layers: Layers,
    sizes: Sequence[tuple[float, float]],
    cross: Sequence[float],
) -> list[tuple[float, float]]:
    """Start and end of each layer; the more and the steeper the edges between two, the farther they are apart."""
    layer_of = {vertex: number for number, row in enumerate(layers.rows) for vertex in row}
    rises: list[list[float]] = [[0.0] for _ in layers.rows]
    for chain in layers.chains:
        for low, high in pairwise(chain):
            rises[layer_of[low]].append(abs(cross[high] - cross[low]))
    spans = []
    start = 0.0
    for row, rise in zip(layers.rows, rises, strict=True):
        extent = max((sizes[vertex][0] for vertex in row if vertex < layers.n_nodes), default=0.0)
        spans.append((start, start + extent))
        start += extent + min(LAYER_GAP + 2.5 * len(rise) + 0.12 * max(rise), MAX_LAYER_GAP)
    return spans


def _routes(
    layers: Layers,
    boxes: Mapping[int, Box],
    spans: Sequence[tuple[float, float]],
    cross: Sequence[float],
) -> list[Route]:
    layer_of = {vertex: number for number, row in enumerate(layers.rows) for vertex in row}
    leaving = _ports(layers, boxes, cross, is_leaving=True)
    reaching = _ports(layers, boxes, cross, is_leaving=False)
    routes = []
    for number, chain in enumerate(layers.chains):
        low, high = chain[0], chain[-1]
        points = [(boxes[low].x + boxes[low].width, leaving[number]), (spans[layer_of[low]][1], leaving[number])]
        for vertex in chain[1:-1]:
            points += [(edge, cross[vertex]) for edge in spans[layer_of[vertex]]]
        points += [(spans[layer_of[high]][0], reaching[number]), (boxes[high].x, reaching[number])]
        routes.append(_curve(points[::-1] if layers.is_turned[number] else points))
    return routes


def _ports(layers: Layers, boxes: Mapping[int, Box], cross: Sequence[float], *, is_leaving: bool) -> list[float]:
    """Where each edge meets its box: side by side, in the order in which they come."""
    own, next_one = (0, 1) if is_leaving else (-1, -2)
    edges_of: dict[int, list[int]] = defaultdict(list)
    for number, chain in enumerate(layers.chains):
        edges_of[chain[own]].append(number)
    ports = [0.0] * len(layers.chains)
    for vertex, numbers in edges_of.items():
        numbers.sort(key=lambda number: cross[layers.chains[number][next_one]])
        box = boxes[vertex]
        step = min(9.0, 0.7 * box.height / len(numbers))
        for position, number in enumerate(numbers):
            ports[number] = cross[vertex] + step * (position - (len(numbers) - 1) / 2)
    return ports


def _curve(points: Sequence[Point]) -> Route:
    """Curves whose ends run along the main axis, so that the pieces join smoothly."""
    pieces = []
    for start, end in pairwise(points):
        # Sums of floats leave pieces of no length, whose direction would mean nothing.
        if abs(start[0] - end[0]) > 0.01 or abs(start[1] - end[1]) > 0.01:
            middle = (start[0] + end[0]) / 2
            pieces.append(((middle, start[1]), (middle, end[1]), end))
    return Route(points[0], tuple(pieces))


def _loop(box: Box) -> Route:
    """An edge to oneself hangs below its box, in the gap."""
    bottom, reach = box.y + box.height, box.y + box.height + BOX_GAP * 0.6
    left, right = box.x + box.width * 0.35, box.x + box.width * 0.65
    return Route((left, bottom), (((left, reach), (right, reach), (right, bottom)),))


def _stacked(parts: Sequence[_Part]) -> list[Point]:
    """Where each part begins: below each other, single nodes side by side as far as the widest part goes."""
    widest = max((part.main for part in parts if len(part.boxes) > 1), default=0.0)
    n_single = sum(len(part.boxes) == 1 for part in parts)
    widest = max(widest, math.sqrt(n_single) * max((part.main for part in parts), default=0.0) * 0.7)
    places: list[Point] = []
    main = cross = height = 0.0
    was_single = False
    for part in parts:
        is_single = len(part.boxes) == 1
        if places and not (is_single and was_single and main + part.main <= widest):
            main, cross, height = 0.0, cross + height + PART_GAP, 0.0
        places.append((main, cross))
        main += part.main + PART_GAP
        height = max(height, part.cross)
        was_single = is_single
    return places


def _moved_box(box: Box, main: float, cross: float, direction: Direction) -> Box:
    if direction == "right":
        return Box(box.x + main, box.y + cross, box.width, box.height)
    return Box(box.y + cross, box.x + main, box.height, box.width)


def _moved_route(route: Route, main: float, cross: float, direction: Direction) -> Route:
    def moved(point: Point) -> Point:
        x, y = point[0] + main, point[1] + cross
        return (x, y) if direction == "right" else (y, x)

    pieces = tuple((moved(first), moved(second), moved(end)) for first, second, end in route.pieces)
    return Route(moved(route.start), pieces)
