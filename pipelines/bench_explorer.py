"""How fast the page of `hippo explore` is in a real Chromium, and how large: pictures of several sizes, also dragged.

    python -m pipelines.bench_explorer INDEX "Who built the bridge?" --nodes 300,5000
    python -m pipelines.bench_explorer INDEX "Who built the bridge?" --screenshots docs/images

Needs Playwright and Chromium (Debian: `apt install chromium`), for pictures also Pillow. `ready` is the time from the
opening of an address with a question in it to the first frame after the picture was drawn, and holds the work of the
server, too; `server` is that part of it. Frames are counted while the mouse drags the whole picture, and while it drags
one node. Each picture is measured --rounds times, in turns: medians, and the 10th and 90th percentile of `ready`.
Without a graphics card Chromium draws by the processor: the figures are then lower bounds.
"""

import gzip
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import quote

from hippo.explorer.page import ASSETS, asset
from pipelines.common import new_parser, publish, table
from pipelines.machine import measured, spread

_DRAG_SECONDS = 2.0
_COUNT = """() => {
  window.frames_ = [];
  const step = (now) => { window.frames_.push(now); window.going_ = requestAnimationFrame(step); };
  requestAnimationFrame(step); }"""
_COUNTED = """() => { cancelAnimationFrame(window.going_); const all = window.frames_;
  return (all.length - 1) / (all.at(-1) - all[0]) * 1000; }"""
_PLACE = """() => { const one = asking.pictures[0].sigma; const box = one.getContainer().getBoundingClientRect();
  const at = one.graphToViewport(one.getGraph().getNodeAttributes("0")); return [at.x + box.x, at.y + box.y]; }"""
_SERVER = """() => performance.getEntriesByType("resource").filter((one) => one.name.endsWith("/explorer/view"))
  .reduce((sum, one) => sum + one.duration, 0)"""
_FRAME = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
_READY = "#picture-0[data-ready]"


def main() -> None:
    """Parse arguments, run, print, write."""
    parser = new_parser(__doc__)
    parser.add_argument("index", type=Path, help="folder of an index")
    parser.add_argument("question", help="a question to it")
    parser.add_argument("--nodes", default="300,5000", help="numbers of nodes, with commas between")
    parser.add_argument("--rounds", type=int, default=3, help="times that each picture is measured")
    parser.add_argument("--screenshots", type=Path, help="only take pictures of every view, into this folder")
    arguments = parser.parse_args()
    with _chromium() as browser, _exploring(arguments.index) as address:
        if arguments.screenshots is not None:
            take(browser, address, arguments.question, arguments.screenshots)
            return
        sizes = [int(nodes) for nodes in arguments.nodes.split(",")]
        rounds = [
            [measure(browser, address, arguments.question, nodes) for nodes in sizes] for _ in range(arguments.rounds)
        ]
    rows = [summary(list(one)) for one in zip(*rounds, strict=True)]
    scripts = [asset(path).text.encode() for path, kind in ASSETS.items() if kind == "text/javascript"]
    result = {"script_kb_gzip": round(sum(len(gzip.compress(text, 9)) for text in scripts) / 1000, 1), "pictures": rows}
    heads = list(rows[0])
    text = table(heads, [[row[head] for head in heads] for row in rows])
    publish(arguments, measured(result), f"{text}\nscripts: {result['script_kb_gzip']} kB compressed")


def measure(browser: Any, address: str, question: str, nodes: int) -> dict[str, Any]:
    """Figures of a picture of so many nodes."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    began = perf_counter()
    page.goto(f"{address}&q={quote(question)}&nodes={nodes}")
    page.wait_for_selector(_READY, timeout=60_000)
    page.evaluate(_FRAME)
    ready = perf_counter() - began
    server = page.evaluate(_SERVER)
    drawn = page.evaluate("[asking.view.nodes.length, asking.view.edges.length]")
    box = page.locator("#picture-0").bounding_box()
    corner = box["x"] + 8, box["y"] + 8
    whole = _drag(page, *corner)
    page.evaluate("asking.pictures[0].sigma.getCamera().setState({ x: 0.5, y: 0.5, ratio: 1 })")
    page.evaluate(_FRAME)
    one = _drag(page, *page.evaluate(_PLACE))
    page.close()
    return {
        "nodes": drawn[0], "edges": drawn[1], "ready_s": round(ready, 2), "server_s": round(server / 1000, 2),
        "frames_dragging_all": round(whole), "frames_dragging_a_node": round(one),
    }  # fmt: skip


def summary(rounds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Medians of one picture over the rounds, and how far the time until it is ready spreads."""
    ready = spread([one["ready_s"] for one in rounds])
    middle = {name: spread([one[name] for one in rounds])["median"] for name in rounds[0]}
    return {**middle, "ready_p10_s": ready["p10"], "ready_p90_s": ready["p90"]}


def _drag(page: Any, x: float, y: float) -> float:
    """Frames a second while the mouse drags what is at a place."""
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate(_COUNT)
    end, step = perf_counter() + _DRAG_SECONDS, 0
    while perf_counter() < end:
        step += 1
        page.mouse.move(x + 40 + 30 * (step % 7), y + 40 + 20 * (step % 5))
    rate: float = page.evaluate(_COUNTED)
    page.mouse.up()
    return rate


def take(browser: Any, address: str, question: str, folder: Path) -> None:
    """Pictures of every view, light and dark, and of a phone."""
    folder.mkdir(parents=True, exist_ok=True)
    for scheme in ("light", "dark"):
        page = browser.new_page(viewport={"width": 1280, "height": 860}, color_scheme=scheme)
        page.goto(f"{address}&q={quote(question)}")
        page.wait_for_selector(_READY)
        _take(page, folder / f"explorer-ask-{scheme}.png")
        page.locator("#node-table tbody button").nth(1).click()
        page.wait_for_selector("#detail .said li")
        page.locator("#sweep").fill("1")
        page.set_viewport_size({"width": 1280, "height": 1200})
        page.evaluate("scrollTo(0, 0)")
        _take(page, folder / f"explorer-evidence-{scheme}.png")
        page.set_viewport_size({"width": 1280, "height": 860})
        page.select_option("#beside", "bm25")
        page.press("#question", "Enter")
        page.wait_for_selector("#picture-1[data-ready]")
        page.evaluate("scrollTo(0, 0)")
        _take(page, folder / f"explorer-compare-{scheme}.png")
        for view in ("entities", "synonyms", "documents", "health"):
            page.click(f"#tab-{view}")
            page.wait_for_selector(f"#view-{view} tbody tr")
            if view in ("entities", "documents"):
                page.locator(f"#view-{view} tbody button").first.click()
                page.wait_for_selector(f"#view-{view} .one h2")
            _take(page, folder / f"explorer-{view}-{scheme}.png")
        page.close()
        page = browser.new_page(
            viewport={"width": 390, "height": 780}, color_scheme=scheme, is_mobile=True, has_touch=True
        )
        page.goto(f"{address}&q={quote(question)}")
        page.wait_for_selector(_READY)
        page.locator("#picture-0").scroll_into_view_if_needed()
        _take(page, folder / f"explorer-phone-{scheme}.png")
        page.close()


def _take(page: Any, path: Path) -> None:
    page.evaluate(_FRAME)
    page.wait_for_timeout(300)
    page.screenshot(path=path)
    _shrink(path)


def _shrink(path: Path) -> None:
    """Fewer colours, fewer bytes."""
    from PIL import Image

    with Image.open(path) as image:
        few = image.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        few.save(path, optimize=True)


@contextmanager
def _chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--enable-unsafe-swiftshader"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=options)
        yield browser
        browser.close()


@contextmanager
def _exploring(index: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "hippo", "explore", str(index), "--port", "0", "--no-open", "--write"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  (our own module)
        try:
            line = process.stdout.readline().strip() if process.stdout else ""
            if not re.fullmatch(r"http://127\.0\.0\.1:\d+/#token=\S+", line):
                raise SystemExit(f"hippo explore did not start: {line}")
            yield line
        finally:
            process.terminate()
            process.wait(60)


if __name__ == "__main__":
    main()
