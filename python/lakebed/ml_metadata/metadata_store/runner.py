"""How the methods of the store reach the engine: one call, or a list in pages."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from lakebed.metadata.messages import convert, message_class
from lakebed.metadata.service import Engine
from lakebed.metadata.sources.session import Session, T
from lakebed.metadata.status import AbortedError, InvalidArgumentError
from lakebed.ml_metadata.metadata_store.options import ListOptions

MAX_NUM_RETRIES = 5
RETRY_MEAN_S = 0.1
PAGE_SIZE = 10_000


class Runner:
    """What every method needs: the engine, and what to do where other writers are in the way."""

    _engine: Engine
    _max_num_retries: int

    def _run(self, method: str, request: Any) -> Any:
        """Run a method; again where the database was held by others for long."""
        return self._insist(lambda: self._engine.run(method, request, is_plain=True))

    def _transact(self, work: Callable[[Session], T], *, is_write: bool) -> T:
        """Run something that no method of the service is in a transaction."""
        return self._insist(lambda: self._engine.transact(work, is_write=is_write))

    def _insist(self, call: Callable[[], T]) -> T:
        attempt = 0
        while True:
            try:
                return call()
            except AbortedError:
                attempt += 1
                if attempt >= self._max_num_retries:
                    raise
            time.sleep(random.expovariate(1 / RETRY_MEAN_S))

    def _get(self, method: str, member: str, **fields: Any) -> list[Any]:
        """What a method that reads gives in one field of its response."""
        return list(getattr(self._run(method, message_class(f"{method}Request")(**fields)), member))

    def _call(self, method_name: str, request: Any, response: Any, extra_options: Any = None) -> None:
        """Fill a response; for methods of the service that have none here."""
        del extra_options
        answer = self._engine.run(method_name, _ours(request))
        response.ParseFromString(answer.SerializeToString())

    def _list(self, method: str, member: str, request: Any, options: ListOptions | None) -> list[Any]:
        if options is None:
            return list(getattr(self._run(method, request), member))
        limit = options.limit or 0
        if limit < 0:
            raise InvalidArgumentError(
                "Invalid list_options.limit value passed. list_options.limit is expected to be greater than "
                "1; given was "
                f"{limit}: leave it out for everything",
            )
        request.options.order_by_field.is_asc = options.is_asc
        if options.order_by:
            request.options.order_by_field.field = options.order_by.value
        if options.filter_query:
            request.options.filter_query = options.filter_query
        found: list[Any] = []
        while True:
            request.options.max_result_size = min(limit - len(found), PAGE_SIZE) if limit else PAGE_SIZE
            response = self._run(method, request)
            found += getattr(response, member)
            if not response.next_page_token or (limit and len(found) >= limit):
                return found
            request.options.next_page_token = response.next_page_token


def _ours(request: Any) -> Any:
    return convert(request, message_class(request.DESCRIPTOR.full_name.removeprefix("ml_metadata.")))
