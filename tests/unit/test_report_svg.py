"""The SVG as a reader gets it: parsed and measured."""

from __future__ import annotations

import itertools
import random
import re
import xml.etree.ElementTree as ET

import pytest

from lakebed.errors import InvalidArgumentError
from lakebed.report import DagEdge, DagNode, dag_to_svg
from lakebed.report.dag import Box
from lakebed.report.svg import BOX_PAINT, GROUND, INK, PALETTE, QUIET_INK
from lakebed.report.text_width import fit_text, text_width

SVG = "{http://www.w3.org/2000/svg}"


def lineage(n_executions: int, seed: int) -> tuple[list[DagNode], list[DagEdge]]:
    """A graph like those that pipelines leave: executions that read recent artifacts and make new ones."""
    chance = random.Random(seed)
    nodes = [DagNode(f"a{number}", f"raw/{number}.csv", "File", "document", "File") for number in range(4)]
    made = [node.key for node in nodes]
    edges = []
    for number in range(n_executions):
        key = f"e{number}"
        nodes.append(DagNode(key, chance.choice(["append", "train", "validate_against_a_schema"]), f"#{number}"))
        recent = made[-8:]
        edges += [
            DagEdge(source, key) for source in chance.sample(recent, min(len(recent), chance.choice([1, 1, 2, 3])))
        ]
        for output in range(chance.choice([1, 1, 2])):
            group = chance.choice(["Table", "Statistics", "Schema", "Model"])
            made.append(f"o{number}_{output}")
            nodes.append(DagNode(made[-1], f"{group}@{chance.randrange(16**8):08x}", group, "document", group))
            edges.append(DagEdge(key, made[-1]))
    return nodes, edges


def number(element: ET.Element, name: str) -> float:
    return float(element.get(name, "nan"))


def graph_of(root: ET.Element) -> ET.Element:
    return next(element for element in root.iter(f"{SVG}g") if element.get("class") == "graph")


def boxes_of(root: ET.Element) -> dict[str, Box]:
    boxes = {}
    for group in graph_of(root).iter(f"{SVG}g"):
        if (group.get("class") or "").startswith("node"):
            rect = group.find(f"{SVG}rect")
            assert rect is not None
            boxes[group.get("data-key") or ""] = Box(
                number(rect, "x"), number(rect, "y"), number(rect, "width"), number(rect, "height")
            )
    return boxes


def curve_points(path: str) -> list[tuple[float, float]]:
    """Points along the curves of a path made of one M and one C."""
    values = [float(value) for value in re.findall(r"-?[\d.]+", path)]
    points = list(zip(values[::2], values[1::2], strict=True))
    found = [points[0]]
    for index in range(1, len(points), 3):
        start, (a, b, end) = points[index - 1], points[index : index + 3]
        for step in range(1, 21):
            t = step / 20
            weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
            x, y = (
                sum(weight * point[axis] for weight, point in zip(weights, (start, a, b, end), strict=True))
                for axis in (0, 1)
            )
            found.append((x, y))
    return found


GRAPHS = [lineage(3, 1), lineage(11, 2), lineage(24, 3), lineage(60, 4)]


@pytest.mark.parametrize("graph", GRAPHS, ids=lambda graph: f"{len(graph[0])} nodes, {len(graph[1])} edges")
@pytest.mark.parametrize("direction", ["right", "down", None])
def test_nothing_overlaps_and_no_line_runs_under_a_box(
    graph: tuple[list[DagNode], list[DagEdge]],
    direction: None,
) -> None:
    nodes, edges = graph
    root = ET.fromstring(dag_to_svg(nodes, edges, title="Lineage", direction=direction))
    boxes = boxes_of(root)
    assert sorted(boxes) == sorted(node.key for node in nodes)
    for one, other in itertools.combinations(boxes.values(), 2):
        assert not one.overlaps(other)
    lines = [group for group in graph_of(root).iter(f"{SVG}g") if group.get("class") == "edge"]
    assert len(lines) == len(edges)
    for line in lines:
        path = line.find(f"{SVG}path")
        assert path is not None
        for x, y in curve_points(path.get("d") or ""):
            inside = [
                key
                for key, box in boxes.items()
                if box.x + 1 < x < box.x + box.width - 1 and box.y + 1 < y < box.y + box.height - 1
            ]
            assert inside == []


@pytest.mark.parametrize("graph", GRAPHS, ids=lambda graph: f"{len(graph[0])} nodes")
def test_everything_lies_within_the_picture(graph: tuple[list[DagNode], list[DagEdge]]) -> None:
    root = ET.fromstring(dag_to_svg(*graph, title="A title"))
    width, height = number(root, "width"), number(root, "height")
    left, top = map(float, re.findall(r"[\d.]+", graph_of(root).get("transform") or ""))
    for box in boxes_of(root).values():
        assert left + box.x >= 0
        assert top + box.y >= 30
        assert left + box.x + box.width <= width
        assert top + box.y + box.height <= height
    legend = next(element for element in root.iter(f"{SVG}g") if element.get("class") == "legend")
    lowest = max(top + box.y + box.height for box in boxes_of(root).values())
    assert all(lowest < number(rect, "y") < height - 14 for rect in legend.iter(f"{SVG}rect"))


def test_labels_fit_their_boxes_and_stand_whole_in_the_tooltip() -> None:
    labels = ["W" * 80, "validate_" * 9, "漢字" * 40, "i" * 200, "short", ""]
    nodes = [
        DagNode(f"n{position}", label, label, shape="document" if position % 2 else "box")
        for position, label in enumerate(labels)
    ]
    root = ET.fromstring(dag_to_svg(nodes, []))
    boxes = boxes_of(root)
    for group in graph_of(root).iter(f"{SVG}g"):
        key = group.get("data-key")
        if key is None:
            continue
        label = labels[int(key[1:])]
        title = group.find(f"{SVG}title")
        assert title is not None
        assert label in (title.text or "")
        for text in group.iter(f"{SVG}text"):
            width = text_width(text.text or "", number(text, "font-size"))
            box = boxes[key]
            assert number(text, "x") - width / 2 >= box.x + 4
            assert number(text, "x") + width / 2 <= box.x + box.width - 4
            assert box.y < number(text, "y") < box.y + box.height


def test_markup_and_control_characters_in_labels_do_no_harm() -> None:
    evil = '</text><script>alert("x")</script>&amp;\x00\x1b[31m\ud800'
    node = DagNode(evil, evil, evil, shape="document", group=evil, tooltip=evil)
    text = dag_to_svg([node, DagNode("b", "b")], [DagEdge(evil, "b")], title=evil)
    root = ET.fromstring(text)
    assert root.findall(f".//{SVG}script") == []
    assert "\x00" not in text
    assert text.encode()


def luminance(colour: str) -> float:
    parts = [int(colour[position : position + 2], 16) / 255 for position in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_text_can_be_read_on_every_ground() -> None:
    pairs = [(INK, fill) for fill, _ in PALETTE]
    pairs += [(BOX_PAINT.text, BOX_PAINT.fill), (INK, GROUND), (QUIET_INK, GROUND)]
    for one, other in pairs:
        light, dark = sorted((luminance(one), luminance(other)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 7


def test_groups_have_one_colour_each_and_stand_in_the_legend() -> None:
    nodes = [
        DagNode(f"n{group}{copy}", "x", shape="document", group=f"g{group:02d}") for group in range(14) for copy in "ab"
    ]
    root = ET.fromstring(dag_to_svg(nodes, []))
    looks: dict[str, set[tuple[str | None, str | None]]] = {}
    for group in graph_of(root).iter(f"{SVG}g"):
        rect = group.find(f"{SVG}rect")
        if rect is not None:
            name = (group.get("data-key") or "")[1:-1]
            looks.setdefault(name, set()).add((rect.get("fill"), rect.get("stroke-dasharray")))
    assert all(len(found) == 1 for found in looks.values())
    assert len({next(iter(found)) for found in looks.values()}) == 14
    legend = next(element for element in root.iter(f"{SVG}g") if element.get("class") == "legend")
    assert [text.text for text in legend.iter(f"{SVG}text")] == [f"g{group:02d} (2)" for group in range(14)]


def test_an_empty_graph_and_a_single_node_are_drawn() -> None:
    assert "Nothing is recorded." in dag_to_svg([], [], title="Empty")
    assert len(boxes_of(ET.fromstring(dag_to_svg([DagNode("a", "a")], [DagEdge("a", "a")])))) == 1


def test_the_same_graph_gives_the_same_text() -> None:
    assert dag_to_svg(*lineage(11, 2)) == dag_to_svg(*lineage(11, 2))


def test_an_edge_to_an_unknown_node_and_a_repeated_key_are_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="'b'"):
        dag_to_svg([DagNode("a", "a")], [DagEdge("a", "b")])
    with pytest.raises(InvalidArgumentError, match="two nodes"):
        dag_to_svg([DagNode("a", "a"), DagNode("a", "b")], [])


def test_a_text_that_is_cut_fits() -> None:
    for text in ("WWWWWWWW", "iiiiiiiiiiiiiiiiii", "漢漢漢漢漢漢", "a b c d e f g h"):
        for width in (10.0, 30.0, 55.5, 90.0):
            assert text_width(fit_text(text, 10, width), 10) <= max(width, text_width("…", 10))
    assert fit_text("fits", 10, 100) == "fits"
