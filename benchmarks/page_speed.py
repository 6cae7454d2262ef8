"""The time a page of 50,000 steps x 256 units takes to open and zoom: `python -m benchmarks.page_speed`.

A headless Chromium opens the page from disk, with a new profile each time. "paint" is the browser's
own first contentful paint, "panels" the moment at which strip and heatmap are drawn, both since the
navigation began. A zoom is one change of the range, with the strip and the heatmap on the screen, as
they are for someone who zooms: "drawn" is the work of drawing what is on the screen, "shown" runs from
the call to the frame after the one that shows it, so it holds the wait for two frames, which is timed
with nothing to draw, too; "all" is when the panels off the screen are drawn as well, which begins when
the range has rested for 60 ms. The first look at raw steps also decodes them and is timed apart.
Medians, and the worst in brackets.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from gatewise.report import Contents, Record, Series, write_page

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

ZOOM = """async ([from, to]) => {
  const frame = () => new Promise((done) => requestAnimationFrame(() => done(performance.now())));
  await frame();
  const first = frame(), start = performance.now();
  if (to) gatewise.select({from, to}); // drawn in a callback of the next frame, between these two
  const last = frame();
  const script = (await last) - (await first);
  await frame(); // the one that showed it has ended
  const shown = performance.now() - start;
  while (!gatewise.upToDate()) await new Promise((done) => setTimeout(done, 1));
  return [shown, script, performance.now() - start];
}"""

REFINE = """async ([from, to]) => {
  const start = performance.now(), quantity = gatewise.quantity();
  gatewise.select({from, to});
  while (quantity.raw.some((block) => !block)) await new Promise((done) => setTimeout(done, 2));
  return performance.now() - start;
}"""

OPEN = """() => [
  performance.getEntriesByName("first-contentful-paint")[0].startTime,
  performance.getEntriesByName("gatewise-inside")[0].startTime,
]"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=50_000)
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--megabytes", type=float, nargs="+", default=[30.0, 400.0])
    chosen = parser.parse_args()
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        print("no Chromium is installed (Debian: apt-get install chromium)", file=sys.stderr)
        return 1
    contents = _contents(chosen.steps, chosen.units)
    print(f"{chosen.steps:,} steps x {chosen.units} units x 6 quantities, {browser}")
    with TemporaryDirectory() as folder:
        for megabytes in chosen.megabytes:
            path = Path(folder) / "page.html"
            start = time.perf_counter()
            write_page(contents, path, megabytes=megabytes)
            wall = time.perf_counter() - start
            size = path.stat().st_size / 1e6
            print(f"raw steps up to {megabytes:g} MB: page {size:.1f} MB, written in {wall:.1f} s")
            _measure(browser, path, chosen.steps, chosen.repeats)
    return 0


def _measure(browser: str, path: Path, steps: int, repeats: int) -> None:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - a development tool

    opened: list[list[float]] = []
    zooms: dict[str, list[list[float]]] = {"nothing": [], "overview": [], "raw": []}
    refined: list[float] = []
    with sync_playwright() as playwright:
        for _ in range(repeats):
            started = playwright.chromium.launch(executable_path=browser, args=list(FLAGS))
            page = started.new_page(viewport={"width": 1280, "height": 1000})
            page.goto(path.as_uri(), wait_until="commit")
            page.wait_for_selector("html[data-ready=yes]")
            opened.append(page.evaluate(OPEN))
            page.evaluate("document.getElementById('panels').scrollIntoView({behavior: 'instant'})")
            page.wait_for_timeout(300)
            zooms["nothing"] += [page.evaluate(ZOOM, [0, 0]) for _ in range(4)]
            zooms["overview"] += _zooms(page, steps, (0.9, 0.8, 0.7, 0.6, 0.5))
            refined.append(page.evaluate(REFINE, [steps // 2, steps // 2 + steps // 25]))
            page.wait_for_timeout(300)
            zooms["raw"] += _zooms(page, steps, (0.04, 0.02, 0.01, 0.005))
            started.close()
    paint, panels = (list(column) for column in zip(*opened, strict=True))
    print(f"  first paint {_text(paint)}, panels {_text(panels)}")
    for name, found in zooms.items():
        wall, script, every = (list(column) for column in zip(*found, strict=True))
        print(f"  zoom on {name}: drawn {_text(script)}, shown {_text(wall)}, all {_text(every)}")
    print(f"  first look at raw steps, decoding included: {_text(refined)}")


def _zooms(page: Any, steps: int, shares: tuple[float, ...]) -> list[list[float]]:
    found = []
    for place, share in enumerate(shares):
        span = int(steps * share)
        first = (steps - span) * (place + 1) // (len(shares) + 1)
        found.append(page.evaluate(ZOOM, [first, first + span]))
    return found


def _text(values: list[float]) -> str:
    return f"{statistics.median(values):.0f} ms ({max(values):.0f})"


def _contents(steps: int, units: int) -> Contents:
    """Return noisy gates: they compress worst, so that a real record's page is smaller."""
    generator = np.random.default_rng(0)

    def gate(level: float) -> Any:
        noise = generator.standard_normal((steps, units), dtype=np.float32)
        return 1 / (1 + np.exp(-(np.float32(level) + noise)))

    forget, write, output = gate(3.0), gate(-1.0), gate(0.0)
    candidate = np.tanh(generator.standard_normal((steps, units), dtype=np.float32))
    # The state has to follow from the gates: the page checks that a record agrees with itself.
    cell = np.empty((steps, units), np.float32)
    state = np.zeros(units)
    for t in range(steps):
        state = forget[t] * state + write[t] * candidate[t]
        cell[t] = state
    quantities = {
        "forget": forget,
        "input": write,
        "candidate": candidate,
        "output": output,
        "cell": cell,
        "hidden": output * np.tanh(cell),
    }
    rain = generator.gamma(0.3, 6.0, steps)
    flow = np.convolve(rain, 0.9 ** np.arange(60), "full")[:steps]
    series = (
        Series("rain", rain),
        Series("flow", flow, "target"),
        Series("flow", 0.9 * flow, "prediction", "", 0.8 * flow, flow),
    )
    return Contents("50,000 steps", series=series, records=(Record("lstm", "LSTM", quantities),))


if __name__ == "__main__":
    sys.exit(main())
