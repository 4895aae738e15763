"""Every method of the service takes and gives the bytes that ML Metadata 1.17.1 takes and gives, on every backend."""

from __future__ import annotations

import json
from typing import Any

from google.protobuf import text_format
from tests.conformance import ml_metadata_waist as cases
from tests.metadata_backends import Backend

from lakebed.ml_metadata.metadata_store.pywrap.metadata_store_extension import metadata_store as waist
from lakebed.ml_metadata.proto import metadata_store_service_pb2 as service

GOLDEN: list[list[Any]] = json.loads(cases.GOLDEN.read_text(encoding="utf-8"))


def test_every_method_of_the_service_is_asked() -> None:
    methods = {method.name for method in service.DESCRIPTOR.services_by_name["MetadataStoreService"].methods}
    by_hand = {method for method, *_ in cases.BY_HAND}
    assert len(methods) == 52
    assert {method for method, _, code, _ in GOLDEN if code == 0} | by_hand == methods
    assert {method for method, text in (*cases.PUTS, *cases.READS, *cases.REFUSED)} | by_hand == methods
    assert {code for _, _, code, _ in GOLDEN} >= {0, 3, 5, 6, 9, 11}


def test_bytes_are_the_originals(backend: Backend) -> None:
    handle = backend.store()._engine
    found = cases.answers(service, lambda method, request: getattr(waist, method)(handle, request))
    assert len(found) == len(GOLDEN) > 80
    wrong = [(mine, theirs) for mine, theirs in zip(found, GOLDEN, strict=True) if mine != theirs]
    assert wrong == []


def test_methods_that_only_a_server_of_the_original_has(backend: Backend) -> None:
    handle = backend.store()._engine
    for method, text in cases.PUTS:
        assert getattr(waist, method)(handle, cases.request_bytes(service, method, text))[2] == 0
    for method, text, expected_code, expected in cases.BY_HAND:
        body, error, code = getattr(waist, method)(handle, cases.request_bytes(service, method, text))
        response = getattr(service, f"{method}Response")()
        wanted = text_format.Parse(expected, response).SerializeToString(deterministic=True)
        assert (code, bool(error)) == (expected_code, expected_code != 0), (method, error)
        assert cases.without_times(service, method, body) == wanted, method
