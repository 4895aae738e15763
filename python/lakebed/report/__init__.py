"""Pictures and tables from plain values: graphs as SVG, trees and tables for a terminal, HTML tables, histograms."""

from __future__ import annotations

from lakebed.report.cells import cell_text
from lakebed.report.dag import DagEdge, DagNode, Layout, lay_out
from lakebed.report.histogram import histogram_svg, histogram_text
from lakebed.report.svg import dag_to_svg
from lakebed.report.tables import html_table, rich_table
from lakebed.report.tree import rich_tree, tree_text

__all__ = [
    "DagEdge",
    "DagNode",
    "Layout",
    "cell_text",
    "dag_to_svg",
    "histogram_svg",
    "histogram_text",
    "html_table",
    "lay_out",
    "rich_table",
    "rich_tree",
    "tree_text",
]
