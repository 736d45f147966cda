"""In which order tests run: those that start whole servers and browsers first.

They take longest, and a file is one worker's: the last ones to begin are waited for by everybody.
"""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent
WHOLE = {HERE, HERE / "streamer/web"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.parent not in WHOLE)
