"""How threads of one process share a database.

A lock of the operating system hands itself to a thread that first has to wake and to get the interpreter, once for each
call where several threads are busy: `Turns` leaves it to the thread that runs, for a few milliseconds. A `CommitGate`
keeps readers away from a commit. A `Group` lets one thread run the calls of all that wait, and commit once.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

T = TypeVar("T")

TURN_S = 0.01
"""How long a thread may take the lock again and again while others wait."""
QUICK_S = 0.0002
"""A thread that takes the lock again within this time is expected to do so the next time."""
QUICK_TIMES, MOST_QUICK_TIMES = 4, 4096
"""How often it has to do so before that is believed: at first, and after it stayed away again and again."""
POLL_S = 0.004
"""How often the first waiter looks whether such a thread stayed away."""
MOST_TOGETHER = 64
"""Calls in one transaction."""
TOGETHER_S = 0.02
"""For how long a transaction takes further calls in."""


GATHER_S = 0.0003
"""How long a call that leads waits for others, where there were some the last time."""
RECHECK_S = 1.0


class _Waiter:
    __slots__ = ("is_granted", "lock")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.lock.acquire()
        self.is_granted = False

    def wake(self) -> None:
        with suppress(RuntimeError):
            self.lock.release()


class _Leaver:
    """Lives as long as a thread, and wakes the first waiter when it ends."""

    def __init__(self, turns: Turns) -> None:
        self._turns = weakref.ref(turns)

    def __del__(self) -> None:
        turns = self._turns()
        if turns is not None:
            turns.wake_first()


class Turns:
    """A re-entrant lock that a busy thread keeps for a turn, and that is then given to whoever waits longest.

    Example:
        >>> turns = Turns()
        >>> with turns, turns:
        ...     print("mine")
        mine
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner = 0
        self._depth = 0
        self._waiters: deque[_Waiter] = deque()
        self._last = 0
        self._since = self._left = 0.0
        self._n_quick, self._wanted_quick = 0, QUICK_TIMES
        self._mine = threading.local()

    def __enter__(self) -> None:
        me = threading.get_ident()
        if self._owner == me:
            self._depth += 1
            return
        if not self._lock.acquire(blocking=False):
            self._wait()
        now = time.perf_counter()
        if self._last != me:
            self._last, self._since = me, now
        else:
            self._n_quick = self._n_quick + 1 if now - self._left < QUICK_S else 0
        self._owner, self._depth = me, 1

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if self._depth:
            return
        self._owner = 0
        self._left = time.perf_counter()
        if self._waiters and self._left - self._since > TURN_S:
            # The lock stays taken: it is the waiter's from here on.
            waiter = self._waiters.popleft()
            waiter.is_granted = True
            waiter.wake()
            self.wake_first()
            self._wanted_quick = max(self._wanted_quick // 2, QUICK_TIMES)
            return
        is_quick = self._n_quick >= self._wanted_quick
        self._lock.release()
        if not is_quick:
            self.wake_first()
        elif self._waiters and not hasattr(self._mine, "leaver"):
            self._mine.leaver = _Leaver(self)

    def wake_first(self) -> None:
        """Let the first waiter look whether the lock is free."""
        with suppress(IndexError):
            self._waiters[0].wake()

    def _wait(self) -> None:
        waiter = _Waiter()
        self._waiters.append(waiter)
        was_woken = True
        try:
            while not waiter.is_granted:
                # Only after the waiter can be seen: whoever leaves the lock looks for waiters afterwards.
                if self._lock.acquire(blocking=False):
                    self._waiters.remove(waiter)
                    self.wake_first()
                    if not was_woken:
                        self._n_quick, self._wanted_quick = 0, min(self._wanted_quick * 4, MOST_QUICK_TIMES)
                    return
                is_first = bool(self._waiters) and self._waiters[0] is waiter
                was_woken = waiter.lock.acquire(timeout=POLL_S if is_first else -1)
        except BaseException:
            self._give_up(waiter)
            raise

    def _give_up(self, waiter: _Waiter) -> None:
        """Leave the row of waiters; hand on what was granted meanwhile."""
        try:
            self._waiters.remove(waiter)
        except ValueError:
            self._lock.release()
        self.wake_first()


class CommitGate:
    """Readers side by side, but none beside a commit, which SQLite would keep waiting in long steps.

    A thread that reads already may open another reader at any time.

    Args:
        timeout_s: How long either side waits; then it goes on, and SQLite decides.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._changed = threading.Condition(threading.Lock())
        self._n_readers = 0
        self._is_committing = False
        self._mine = threading.local()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read beside others."""
        depth = getattr(self._mine, "depth", 0)
        with self._changed:
            if self._is_committing and not depth:
                self._changed.wait_for(lambda: not self._is_committing, self._timeout_s)
            self._n_readers += 1
        self._mine.depth = depth + 1
        try:
            yield
        finally:
            self._mine.depth = depth
            with self._changed:
                self._n_readers -= 1
                if self._is_committing and not self._n_readers:
                    self._changed.notify_all()

    @contextmanager
    def committing(self) -> Iterator[None]:
        """Commit alone; one thread at a time."""
        own = getattr(self._mine, "depth", 0)
        with self._changed:
            self._is_committing = True
            if self._n_readers > own:
                self._changed.wait_for(lambda: self._n_readers <= own, self._timeout_s)
        try:
            yield
        finally:
            with self._changed:
                self._is_committing = False
                self._changed.notify_all()


@dataclass(slots=True, eq=False)
class Call(Generic[T]):
    """What one thread wants to be done in a transaction.

    Attributes:
        work: Given a session, it does it all and returns the answer; run again from the start where its transaction was
            lost.
        is_done: Whether `answer` or `error` is final.
        taken: Calls of others that this one leads.
        has_led: Whether it began to lead.
    """

    work: Callable[[Any], T]
    answer: T | None = None
    error: BaseException | None = None
    is_done: bool = False
    waiter: _Waiter = field(default_factory=_Waiter)
    taken: list[Call[Any]] = field(default_factory=list)
    has_led: bool = False


class Group:
    """Calls of several threads, run by one of them.

    Args:
        run: Given the first call and a way to get further ones, runs them in one transaction, each of them wholly or
            not at all, and marks them as done. It raises only what is no error of a call.
    """

    def __init__(self, run: Callable[[Call[Any], Callable[[], Call[Any] | None]], None]) -> None:
        self._run = run
        self._mutex = threading.Lock()
        self._queue: deque[Call[Any]] = deque()
        self._leader: Call[Any] | None = None
        self._n_together = 1

    def call(self, work: Callable[[Any], T]) -> T:
        """Run a call, in this thread or in that of another call; return once it is durable."""
        call = Call(work)
        try:
            with self._mutex:
                if self._leader is None:
                    self._leader = call
                else:
                    self._queue.append(call)
            self._wait(call)
            if not call.is_done:
                self._lead(call)
        except BaseException:
            self._withdraw(call)
            raise
        if call.error is not None:
            raise call.error
        return call.answer  # type: ignore[return-value]

    def _wait(self, call: Call[Any]) -> None:
        """Until the call is done, or this thread is to lead."""
        while not call.is_done and self._leader is not call:
            # Whoever should have woken this thread may have been interrupted.
            call.waiter.lock.acquire(timeout=RECHECK_S)

    def _lead(self, call: Call[Any]) -> None:
        call.has_led = True
        if self._n_together > 1 and not self._queue:
            # They read what they have put, and come back.
            time.sleep(GATHER_S)
        end = time.perf_counter() + TOGETHER_S

        def more() -> Call[Any] | None:
            if len(call.taken) == MOST_TOGETHER or time.perf_counter() > end:
                return None
            with self._mutex:
                if not self._queue:
                    return None
                call.taken.append(self._queue.popleft())
            return call.taken[-1]

        try:
            self._run(call, more)
        finally:
            self._hand_on(call)

    def _hand_on(self, call: Call[Any]) -> None:
        """Let another call lead; wake it, and those that this one ran."""
        with self._mutex:
            if self._leader is not call:
                return
            # Calls that were taken and not run, because this thread was interrupted, go first.
            self._queue.extendleft(reversed([other for other in call.taken if not other.is_done]))
            self._n_together = len(call.taken) + 1
            leader = self._leader = self._queue.popleft() if self._queue else None
        for other in call.taken:
            if other.is_done:
                other.waiter.wake()
        if leader is not None:
            leader.waiter.wake()

    def _withdraw(self, call: Call[Any]) -> None:
        """A thread was interrupted: its call is not begun any more, or it ends, or what it leads is handed on."""
        with self._mutex:
            if call in self._queue:
                self._queue.remove(call)
                return
        if not call.has_led:
            self._wait(call)
        self._hand_on(call)
