"""One server and one browser for each module of these tests; a context of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from support.browser import Desk, Office, chromium, desk, office


@pytest.fixture(scope="module", name="office")
def _office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("office")) as made:
        yield made


@pytest.fixture(scope="module", name="browser")
def _browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture(name="desk")
def _desk(browser: Browser, office: Office) -> Iterator[Desk]:
    with desk(browser, office) as made:
        yield made
