"""Laws of the metadata store: what is put is what is read, updates replace, pages add up to the list, filters agree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.metadata_backends import memory_config, sqlite_config

from lakebed.ml_metadata.metadata_store import ListOptions, MetadataStore, OrderByField
from lakebed.ml_metadata.proto import metadata_store_pb2 as pb

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
VALUES = st.one_of(
    st.integers(-(2**63), 2**63 - 1).map(lambda n: pb.Value(int_value=n)),
    st.floats().map(lambda x: pb.Value(double_value=x)),
    TEXT.map(lambda text: pb.Value(string_value=text)),
    st.booleans().map(lambda b: pb.Value(bool_value=b)),
    TEXT.map(lambda text: pb.Value(proto_value={"type_url": f"type/{text}", "value": text.encode()})),
    st.dictionaries(TEXT, TEXT, max_size=2).map(
        lambda d: pb.Value(struct_value={"fields": {key: {"string_value": text} for key, text in d.items()}})
    ),
)
PROPERTIES = st.dictionaries(TEXT, VALUES, max_size=5)


@pytest.fixture(scope="module", params=["memory", "sqlite", "block"])
def stored(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, int]:
    folder: Path = tmp_path_factory.mktemp("laws")
    config = {"memory": memory_config(), "sqlite": sqlite_config(), "block": folder / "w.lakebed"}[request.param]
    store = MetadataStore(config)
    return store, store.put_artifact_type(pb.ArtifactType(name="A"))


def exact(node: Any) -> dict[str, bytes]:
    values = node.custom_properties
    return {name: values[name].SerializeToString(deterministic=True) for name in values}


@given(first=PROPERTIES, second=PROPERTIES, uri=TEXT)
def test_what_is_put_is_what_is_read(
    stored: tuple[Any, int], first: dict[str, Any], second: dict[str, Any], uri: str
) -> None:
    store, type_id = stored
    node = pb.Artifact(type_id=type_id, uri=uri, custom_properties=first)
    node.id = store.put_artifacts([node])[0]
    assert exact(store.get_artifacts_by_id([node.id])[0]) == exact(node)
    changed = pb.Artifact(id=node.id, type_id=type_id, uri=uri, custom_properties=second)
    store.put_artifacts([changed])
    found = store.get_artifacts_by_id([node.id])[0]
    assert (found.uri, exact(found)) == (uri, exact(changed))


@given(
    numbers=st.lists(st.integers(-5, 5), min_size=1, max_size=12),
    low=st.integers(-5, 5),
    ascending=st.booleans(),
    order=st.sampled_from(list(OrderByField)),
)
def test_filters_and_pages_agree_with_a_list(
    numbers: list[int], low: int, ascending: bool, order: OrderByField
) -> None:
    store = MetadataStore(memory_config())
    type_id = store.put_artifact_type(pb.ArtifactType(name="A", properties={"n": pb.INT}))
    ids = store.put_artifacts([pb.Artifact(type_id=type_id, properties={"n": pb.Value(int_value=n)}) for n in numbers])
    query = f"properties.n.int_value >= {low} AND (properties.n.int_value < 4 OR id = 1)"
    expected = [i for i, n in zip(ids, numbers, strict=True) if n >= low and (n < 4 or i == 1)]
    options = ListOptions(filter_query=query, is_asc=ascending, order_by=order)
    found = [node.id for node in store.get_artifacts(options)]
    assert found == (expected if ascending else expected[::-1])
    assert sorted(found) == expected
