"""Judging the case again while the review is open: one thread, the newest question first, answers kept for a while."""

from __future__ import annotations

import threading
from collections.abc import Callable

from brokenseal.incident.findings import Key
from brokenseal.review.judged import Judged

_KEPT = 8
Keys = frozenset[Key]


class Judging:
    """``work`` judges the case without findings; it may take minutes on a big case."""

    def __init__(self, work: Callable[[Keys], Judged]) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._answers: dict[Keys, Judged] = {}
        self._wanted: Keys | None = None
        self._thread: threading.Thread | None = None

    def ask(self, keys: Keys) -> Judged | None:
        """The case without these findings; None while that is being computed, which begins now if it has not."""
        with self._lock:
            if keys in self._answers:
                return self._answers[keys]
            self._wanted = keys
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="judging")
                self._thread.start()
            return None

    def wait(self) -> None:
        """Until nothing is being computed."""
        thread = self._thread
        if thread is not None:
            thread.join()

    def close(self) -> None:
        """Begin nothing more, and wait for what has begun."""
        with self._lock:
            self._wanted = None
        self.wait()

    def _run(self) -> None:
        while True:
            with self._lock:
                keys, self._wanted = self._wanted, None
                if keys is None or keys in self._answers:
                    self._thread = None
                    return
            try:
                answer = self._work(keys)
            except Exception as error:  # noqa: BLE001 - a page says so; its text could hold what attackers wrote
                answer = Judged(len(keys), None, f"it failed ({type(error).__name__})")
            with self._lock:
                self._answers[keys] = answer
                while len(self._answers) > _KEPT:
                    del self._answers[next(iter(self._answers))]
