"""Timers around functions and methods of another package: CPU time of each step, without the steps inside it."""

from __future__ import annotations

import functools
import importlib
import inspect
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import local
from typing import Any

#: The name of a step, or a function of the call's arguments that gives it.
Step = str | Callable[..., str]


@dataclass(slots=True)
class Spent:
    """Calls of a step and its own CPU seconds."""

    calls: int = 0
    seconds: float = 0.0


class Timers:
    """CPU time of the whole process by step. True only while one thread works at a time."""

    def __init__(self) -> None:
        self.spent: dict[str, Spent] = {}
        self.missing: list[str] = []
        self._stacks = local()

    def wrap(self, target: str, step: Step) -> None:
        """Time *target* (``module:attribute`` or ``module:Class.method``) as *step*; one that is not there is noted."""
        module, _, path = target.partition(":")
        try:
            owner: Any = importlib.import_module(module)
            *parents, name = path.split(".")
            for parent in parents:
                owner = getattr(owner, parent)
            raw = inspect.getattr_static(owner, name)
        except (ImportError, AttributeError):
            self.missing.append(target)
            return
        if isinstance(raw, classmethod | staticmethod):
            setattr(owner, name, type(raw)(self._timed(raw.__func__, step)))
        else:
            setattr(owner, name, self._timed(raw, step))

    def clear(self) -> None:
        self.spent.clear()

    def to_json(self) -> list[dict[str, object]]:
        """Steps by time, longest first."""
        ordered = sorted(self.spent.items(), key=lambda item: -item[1].seconds)
        return [{"step": name, "calls": spent.calls, "cpu_seconds": spent.seconds} for name, spent in ordered]

    def _timed(self, function: Callable[..., Any], step: Step) -> Callable[..., Any]:
        def name(arguments: tuple[object, ...]) -> str:
            return step if isinstance(step, str) else step(*arguments)

        if inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def iterate(*arguments: object, **options: object) -> Iterator[Any]:
                iterator = function(*arguments, **options)
                while True:
                    began = self._begin()
                    try:
                        item = next(iterator)
                    except StopIteration:
                        return
                    finally:
                        self._end(name(arguments), began)
                    yield item

            return iterate

        @functools.wraps(function)
        def call(*arguments: object, **options: object) -> Any:
            began = self._begin()
            try:
                return function(*arguments, **options)
            finally:
                self._end(name(arguments), began)

        return call

    def _begin(self) -> float:
        stack: list[float] | None = getattr(self._stacks, "inner", None)
        if stack is None:
            stack = self._stacks.inner = []
        stack.append(0.0)
        return time.process_time()

    def _end(self, step: str, began: float) -> None:
        whole = time.process_time() - began
        stack: list[float] = self._stacks.inner
        inner = stack.pop()
        if stack:
            stack[-1] += whole
        spent = self.spent.setdefault(step, Spent())
        spent.calls += 1
        spent.seconds += whole - inner


def table(timers: Timers, total: float, size: int) -> str:
    """Steps by time with their share of *total* CPU seconds, and how fast each went through *size* bytes."""
    lines = [f"{'step':<34}{'calls':>8}{'CPU s':>9}{'share':>8}{'MB/s':>9}"]
    known = 0.0
    for name, spent in sorted(timers.spent.items(), key=lambda item: -item[1].seconds):
        known += spent.seconds
        lines.append(_line(name, f"{spent.calls:,}", spent.seconds, total, size))
    lines.append(_line("everything else", "", total - known, total, size))
    return "\n".join(lines)


def _line(name: str, calls: str, seconds: float, total: float, size: int) -> str:
    speed = f"{size / seconds / 1e6:,.0f}" if seconds >= 0.01 else ""
    return f"{name:<34}{calls:>8}{seconds:>9.3f}{seconds / total:>8.1%}{speed:>9}"
