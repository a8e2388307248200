"""The application in this process, on fakes, without a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.fakes.http import make_client
from tests.fakes.services import FakeParts, make_parts


@pytest.fixture
def parts() -> FakeParts:
    return make_parts()


@pytest.fixture
async def client(parts: FakeParts) -> AsyncIterator[httpx.AsyncClient]:
    async with make_client(parts) as made:
        yield made
