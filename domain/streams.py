"""Iterators that somebody must close."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

Item = TypeVar("Item")


@asynccontextmanager
async def closing(
    items: AsyncIterator[Item],
) -> AsyncGenerator[AsyncIterator[Item]]:
    """
    Close *items* at the end of the block when it is a generator.

    Every real answerer and engine is one; the ports only ask for an iterator.
    """
    try:
        yield items
    finally:
        if isinstance(items, AsyncGenerator):
            await items.aclose()
