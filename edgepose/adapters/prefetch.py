"""Lets a thread work ahead, so that decoding the next frames overlaps with inference on this one."""

import queue
import threading
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class _End:
    """Comes last; carries what the items ended with."""

    error: BaseException | None


def prefetch(items: Generator[T], depth: int) -> Generator[T]:
    """The same items in the same order, up to `depth` of them made ahead; an error comes where it happened.

    The items are made, and their generator is closed, on the other thread. Closing this generator ends it.
    """
    ahead: queue.Queue[T | _End] = queue.Queue(depth)
    stopping = threading.Event()
    maker = threading.Thread(target=_make, args=(items, ahead, stopping), name="prefetch", daemon=True)
    maker.start()
    try:
        while not isinstance(item := ahead.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stopping.set()
        while maker.is_alive():  # it may wait for room
            _drain(ahead)
            maker.join(timeout=0.01)


def _make(items: Generator[T], ahead: "queue.Queue[T | _End]", stopping: threading.Event) -> None:
    try:
        with closing(items):
            for item in items:
                ahead.put(item)
                if stopping.is_set():
                    return
    except BaseException as error:  # raised again where the items are taken
        ahead.put(_End(error))
    else:
        ahead.put(_End(None))


def _drain(ahead: "queue.Queue[T | _End]") -> None:
    while not ahead.empty():
        ahead.get_nowait()
