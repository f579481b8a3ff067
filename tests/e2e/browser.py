"""A headless Chromium, where there is one: Debian's ``chromium`` and ``chromium-driver``, driven by Selenium."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import SkipTest

NEEDED = "needs a browser: apt-get install chromium chromium-driver, pip install selenium"


@contextmanager
def browser() -> Iterator[Any]:
    """A browser with one empty page, which ends with the block.

    :raises SkipTest: there is none on this machine.
    """
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    try:
        from selenium.webdriver import Chrome, ChromeOptions
        from selenium.webdriver.chrome.service import Service
    except ImportError:
        raise SkipTest(NEEDED) from None
    if chromium is None or driver is None:
        raise SkipTest(NEEDED)
    options = ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = Chrome(options=options, service=Service(driver))
    try:
        yield chrome
    finally:
        chrome.quit()


def show(chrome: Any, url: str, *, dark: bool = False, scripts: bool = True, width: int = 1400) -> None:
    """Load a page.

    :param dark: what the reader prefers.
    :param scripts: whether JavaScript runs.
    :param width: of the window.
    """
    preference = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [preference]})
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    chrome.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not scripts})
    chrome.get(url)
