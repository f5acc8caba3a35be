"""The Chromium that tests of pages drive."""

from __future__ import annotations

import shutil
from functools import cache
from importlib.util import find_spec
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


@cache
def chromium_path() -> str | None:
    """The one that is installed, else Playwright's own, else None."""
    if find_spec("playwright") is None:
        return None
    if installed := next(filter(None, map(shutil.which, NAMES)), None):
        return installed
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
    return str(own) if own.exists() else None
