"""A graph as an indented tree, for a terminal: each node once with what hangs below it, then only named again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.tree import Tree

REPEATED = " (shown above)"


def tree_text(
    roots: Sequence[str],
    children: Mapping[str, Sequence[str]],
    labels: Mapping[str, str],
    *,
    max_depth: int | None = None,
) -> str:
    """Return a graph as indented lines.

    Args:
        roots: Keys that stand at the left.
        children: Keys below each key; cycles are allowed.
        labels: What is written for a key; the key itself where there is none. Line breaks become spaces.
        max_depth: Levels below the roots; what lies deeper is counted. None shows all.

    Returns:
        Lines without a break at the end. A node that was shown with its children before is marked and not unfolded.

    Example:
        >>> print(tree_text(["a"], {"a": ["b", "c"], "b": ["c"], "c": ["d"]}, {}))
        a
        ├── b
        │   └── c
        │       └── d
        └── c (shown above)
    """
    return "\n".join(prefix + text for prefix, text, _ in _lines(roots, children, labels, max_depth))


def rich_tree(
    roots: Sequence[str],
    children: Mapping[str, Sequence[str]],
    labels: Mapping[str, str],
    *,
    title: str = "",
    max_depth: int | None = None,
) -> Tree:
    """Return a graph as a `rich` tree.

    Args:
        roots: Keys on the first level.
        children: Keys below each key; cycles are allowed.
        labels: What is written for a key; never read as markup.
        title: Stands at the top; the only root does where it is empty.
        max_depth: Levels below the roots; None shows all.

    Returns:
        The tree, to be printed by `rich`.

    Example:
        >>> rich_tree(["a"], {"a": ["b"]}, {}).children[0].label.plain
        'b'
    """
    from rich.text import Text
    from rich.tree import Tree

    lines = list(_lines(roots, children, labels, max_depth))
    levels: dict[int, Tree] = {}
    if title or len(roots) != 1:
        levels[-1] = Tree(Text(title, style="bold"), hide_root=not title)
    for _, text, depth in lines:
        if depth - 1 in levels:
            levels[depth] = levels[depth - 1].add(Text(text))
        else:
            levels[depth] = Tree(Text(text, style="bold"))
    return levels[min(levels)]


def _lines(
    roots: Sequence[str],
    children: Mapping[str, Sequence[str]],
    labels: Mapping[str, str],
    max_depth: int | None,
) -> Iterator[tuple[str, str, int]]:
    """Prefix, text and depth of each line, from an explicit stack: a history may be deeper than Python's."""
    seen: set[str] = set()
    stack = [(root, "", "", 0) for root in reversed(roots)]
    while stack:
        key, own, below, depth = stack.pop()
        text = " ".join(labels.get(key, key).split("\n"))
        following = children.get(key, ())
        if not following:
            yield own, text, depth
            continue
        if key in seen:
            yield own, text + REPEATED, depth
            continue
        if max_depth is not None and depth >= max_depth:
            yield own, f"{text} ({len(following)} more below)", depth
            continue
        seen.add(key)
        yield own, text, depth
        for position, child in reversed(list(enumerate(following))):
            is_last = position == len(following) - 1
            branch, rest = ("└── ", "    ") if is_last else ("├── ", "│   ")
            stack.append((child, below + branch, below + rest, depth + 1))
