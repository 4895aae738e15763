"""Whatever the graph: boxes do not overlap, edges do not run under boxes, everything is drawn."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lakebed.report.dag import Box, DagEdge, DagNode, Direction, lay_out
from lakebed.report.layers import count_crossings, layer_graph


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[DagNode], list[DagEdge], dict[str, tuple[float, float]]]:
    """Any graph: cycles, repeated edges, edges to oneself, parts that are not connected."""
    n_nodes = draw(st.integers(1, 24))
    nodes = [DagNode(f"n{number}", f"node {number}") for number in range(n_nodes)]
    numbers = st.integers(0, n_nodes - 1)
    pairs = draw(st.lists(st.tuples(numbers, numbers), max_size=40))
    sizes = draw(st.lists(st.tuples(st.integers(60, 240), st.integers(30, 60)), min_size=n_nodes, max_size=n_nodes))
    edges = [DagEdge(f"n{u}", f"n{v}") for u, v in pairs]
    return nodes, edges, {node.key: (float(w), float(h)) for node, (w, h) in zip(nodes, sizes, strict=True)}


directions = st.sampled_from(["right", "down"])


def is_within(point: tuple[float, float], box: Box, margin: float) -> bool:
    return (
        box.x + margin < point[0] < box.x + box.width - margin
        and box.y + margin < point[1] < box.y + box.height - margin
    )


@given(graphs(), directions)
def test_boxes_keep_their_distance(
    graph: tuple[list[DagNode], list[DagEdge], dict[str, tuple[float, float]]],
    direction: Direction,
) -> None:
    layout = lay_out(*graph, direction=direction)
    assert list(layout.boxes) == [node.key for node in graph[0]]
    boxes = list(layout.boxes.values())
    for position, box in enumerate(boxes):
        assert box.x >= -0.01
        assert box.y >= -0.01
        assert box.x + box.width <= layout.width + 0.01
        assert box.y + box.height <= layout.height + 0.01
        wide = Box(box.x - 4, box.y - 4, box.width + 8, box.height + 8)
        assert not any(wide.overlaps(other) for other in boxes[position + 1 :])


@given(graphs(), directions)
def test_edges_begin_and_end_at_their_boxes_and_run_under_none(
    graph: tuple[list[DagNode], list[DagEdge], dict[str, tuple[float, float]]],
    direction: Direction,
) -> None:
    layout = lay_out(*graph, direction=direction)
    assert len(layout.routes) == len(graph[1])
    for edge, route in zip(graph[1], layout.routes, strict=True):
        for point, key in ((route.start, edge.source), (route.end, edge.target)):
            box = layout.boxes[key]
            assert not is_within(point, box, 0.5)
            assert is_within(point, Box(box.x - 1, box.y - 1, box.width + 2, box.height + 2), 0.0)
        for point in route.points(24):
            assert not any(is_within(point, box, 0.5) for box in layout.boxes.values())
            assert -0.01 <= point[0] <= layout.width + 0.01
            assert -0.01 <= point[1] <= layout.height + 0.01


@given(graphs())
def test_the_same_graph_gives_the_same_layout(
    graph: tuple[list[DagNode], list[DagEdge], dict[str, tuple[float, float]]],
) -> None:
    assert lay_out(*graph) == lay_out(*graph)


@given(st.integers(1, 20), st.data())
def test_edges_without_cycle_all_lead_forward(n_nodes: int, data: st.DataObject) -> None:
    numbers = st.integers(0, n_nodes - 1)
    pairs = data.draw(st.lists(st.tuples(numbers, numbers).filter(lambda pair: pair[0] < pair[1]), max_size=30))
    layers = layer_graph(n_nodes, pairs)
    layer_of = {vertex: number for number, row in enumerate(layers.rows) for vertex in row}
    assert not any(layers.is_turned)
    assert all(layer_of[u] < layer_of[v] for u, v in pairs)
    assert all(layer_of[high] == layer_of[low] + 1 for chain in layers.chains for low, high in pairwise(chain))
    assert sorted(layer_of) == list(range(len(layer_of)))


@given(st.integers(2, 8), st.data())
def test_a_tree_is_drawn_without_crossings(n_nodes: int, data: st.DataObject) -> None:
    parents = [data.draw(st.integers(0, number - 1)) for number in range(1, n_nodes)]
    layers = layer_graph(n_nodes, [(parent, number) for number, parent in enumerate(parents, 1)])
    assert count_crossings(layers) == 0
