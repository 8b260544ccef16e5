"""The system's Chromium, asked through playwright, for the tests that look at a page."""

from __future__ import annotations

import os
import shutil

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
                None)
try:
    from playwright.sync_api import sync_playwright
except ImportError:
    sync_playwright = None
MISSING = "" if CHROMIUM and sync_playwright else (
    "no Chromium on the PATH" if sync_playwright else "the group `browser` isn't installed")
if MISSING and os.environ.get("AUTOGRAD_MINI_BROWSER") == "required":
    raise RuntimeError(f"the tests of the page can't run: {MISSING}")


class Seen:
    """A page that was opened, and what went wrong in it."""

    def __init__(self, page, path):
        self.page, self.troubles, self.requests = page, [], []
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("console", lambda said: self.troubles.append(said.text)
                if said.type in ("error", "warning") else None)
        page.on("dialog", lambda dialog: (self.troubles.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(path)
        page.wait_for_selector("html[data-ready]")

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def text(self, where="body"):
        return self.page.inner_text(where)

    def js(self, code):
        return self.page.evaluate(code)

    def state(self):
        """The page's elements with their classes, attributes and texts."""
        return self.js("""[...layer.querySelectorAll('*'), ...$.panel.querySelectorAll('*')].map(
            e => [e.tagName, [...e.classList].sort().join(' '), [...e.attributes].filter(
                a => a.name !== 'class' && a.value).map(a => a.name + a.value).sort().join(),
                e.children.length ? '' : e.textContent].join('|'))""")
