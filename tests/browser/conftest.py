"""One browser for all tests, and the pages they open."""

import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parent))

import chromium  # noqa: E402

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def pages(tmp_path_factory):
    """The folder of the pages that core/examples/summary_pages.rs writes."""
    folder = tmp_path_factory.mktemp("pages")
    command = ["cargo", "run", "--quiet", "--locked", "-p", "rollcall-core", "--example", "summary_pages", folder]
    subprocess.run(command, check=True, cwd=ROOT)
    return folder


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, pages):
    """Opens a page, and fails the test if it says anything to the console, opens a dialog or asks for
    anything but itself."""
    contexts, complaints = [], []

    def open_page(name, **options):
        options = {"viewport": {"width": 1280, "height": 900}, "locale": "en-GB"} | options
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        url = (pages / name).as_uri()
        page.on("request", lambda request: request.url.split("#")[0] == url or complaints.append(f"request: {request.url}"))
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
