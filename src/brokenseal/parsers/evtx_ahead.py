"""One step ahead: a thread makes the next item while the last one is used.

The decoder, the engine and Arrow release Python's lock, so that one large file keeps more than one processor busy.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def ahead(items: Generator[Item, None, None]) -> Generator[Item, None, None]:
    """*items* in their order, each begun when the one before is given out. Closed early, it closes *items*.

    What *items* raises is raised where the item would have come.
    """
    try:
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="ahead") as pool:
            coming = pool.submit(_next, items)
            while (item := coming.result()) is not None:
                coming = pool.submit(_next, items)
                yield item[0]
    finally:
        # Only now is nothing running in it any more.
        items.close()


def _next(items: Iterator[Item]) -> tuple[Item] | None:
    # StopIteration does not pass through a future.
    for item in items:
        return (item,)
    return None
