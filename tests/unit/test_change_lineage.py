"""Changes of rows and columns in the lineage: each is an execution from the version before to the one after."""

from __future__ import annotations

import polars as pl

import lakebed as lb


def test_each_change_is_an_execution_of_its_own_kind() -> None:
    wh = lb.open("memory://")
    raw = wh.lake.put("raw/a.csv", b"id,x\n2,b\n")
    t = wh.write("t", pl.DataFrame({"id": [1, 2], "x": ["a", "a"]}))
    t = t.delete(where="id = 1").update({"x": "upper(x)"})
    t = t.upsert(wh.lake.read_csv("raw/a.csv"), key="id", inputs=[raw]).add_column("y", "int8")
    t.compact(full=True)
    kinds = [execution.type for execution in wh.metadata.get_executions()]
    assert kinds == [
        *("lakebed.put", "lakebed.write", "lakebed.delete", "lakebed.update", "lakebed.merge", "lakebed.alter"),
        "lakebed.compact",
    ]
    upstream = wh.lineage.upstream(wh.table("t"))
    names = [node.name or "" for node in upstream.nodes if node.kind == "artifact"]
    assert any(name.startswith("raw/a.csv@") for name in names)
    assert sum(name.startswith("t@") for name in names) == 6
