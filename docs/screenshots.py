"""Photographs the page of steps for the README: `python docs/screenshots.py [FOLDER]`.

docs/steps_neuron.png     a gradient on its way back through tanh
docs/steps_attention.png  arrays as pictures, in the dark
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
SHOTS = {"steps_neuron.png": ("neuron.html", 5, "light"),
         "steps_attention.png": ("attention.html", 24, "dark")}


def make(into: Path) -> list[Path]:
    """Write each picture of SHOTS to a folder; returns their paths."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    made = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as client:
        run_example(Path(folder))
        browser = client.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, (page_name, step, theme) in SHOTS.items():
            page = browser.new_page(viewport={"width": 1180, "height": 560}, color_scheme=theme,
                                    reduced_motion="reduce")  # else no two would be the same
            page.goto(f"{(Path(folder) / page_name).as_uri()}#{step}")
            page.wait_for_selector("html[data-ready]")
            page.screenshot(path=into / name)
            made.append(into / name)
        browser.close()
    return made


def run_example(folder: Path) -> None:
    """Let examples/05_pictures.py write its pages into a folder."""
    subprocess.run([sys.executable, HERE.parent / "examples" / "05_pictures.py"], cwd=folder,
                   check=True, capture_output=True)


if __name__ == "__main__":
    for path in make(Path(sys.argv[1]) if sys.argv[1:] else HERE):
        print(path)
