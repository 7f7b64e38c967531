"""The page in a real Chromium: what people do with it, with and without a mouse, on a desk and on a phone."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from hippo import Hippo
from hippo.explorer import write_page

pytestmark = pytest.mark.browser

DOCUMENTS = [
    {"id": "bridge", "title": "Iron Bridge", "text": "The Iron Bridge was built by Steelworks Smith of Hull."},
    {"id": "works", "title": "Steelworks Smith", "text": "Steelworks Smith was founded by Ada Smith in 1850."},
    {"id": "ada", "title": "Ada Smith", "text": "Ada Smith was born in Riga and studied in Berlin."},
    {"id": "riga", "title": "Riga", "text": "Riga is the capital of Latvia.", "metadata": {"kind": "city"}},
]
QUESTION = "Where was the founder of Steelworks Smith born?"
READY = "#picture-0[data-ready]"
HOSTILE: list[str] = json.loads(Path(__file__).with_name("hostile.json").read_text("utf-8"))
"""A hundred strings that would do something if a page took them for more than text."""
Open = Callable[..., Any]
Exploring = Callable[..., AbstractContextManager[str]]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, browser: Any) -> Path:
    path = tmp_path_factory.mktemp("explorer") / "index"
    with Hippo.open(path, encoder="hashing") as memory:
        memory.add(DOCUMENTS)
        memory.accept_synonym("Ada Smith", "Steelworks Smith")
    return path


@pytest.fixture(scope="module")
def address(index: Path, exploring: Exploring) -> Iterator[str]:
    with exploring(index, "--write") as url:
        yield url


def shows(locator: Any, text: str) -> None:
    """Wait until an element has a text in it: the policy of the page forbids to evaluate a condition in it."""
    from playwright.sync_api import expect

    expect(locator).to_contain_text(text, timeout=60_000)


def counts(locator: Any, number: int) -> None:
    """Wait until so many elements are there: a table that opens is filled by an event of its own."""
    from playwright.sync_api import expect

    expect(locator).to_have_count(number, timeout=60_000)


def asked(opened: Any, question: str = QUESTION) -> Any:
    page = opened.page
    page.fill("#question", question)
    page.press("#question", "Enter")
    page.wait_for_selector(READY)
    return page


def test_a_question_its_passages_and_its_sweeps(open_page: Open, address: str, index: Path) -> None:
    opened = open_page(address)
    page = asked(opened)
    with Hippo.open(index) as memory:
        view = memory.view(QUESTION)
    [spread] = view.spreads
    titles = page.locator(".passages h3 button").all_inner_texts()
    assert titles == [hit.title for hit in spread.retrieval.hits]
    assert page.locator(".passages mark").first.inner_text() in {hit.text for hit in spread.retrieval.hits}
    assert page.locator("#sweep-name").inner_text().startswith("at the end")
    rows = page.locator("#node-table tbody tr")
    assert rows.count() == len(view.nodes)
    page.press("#sweep", "[")
    assert page.locator("#sweep-name").inner_text().startswith("sweep 12")
    page.locator("#sweep").fill("0")
    assert page.locator("#sweep-name").inner_text() == "seeds"
    name, kind = rows.first.locator("th").inner_text(), rows.first.locator("td").first.inner_text()
    first = [(node.name, node.kind) for node in view.nodes].index((name, kind))
    shown = float(rows.first.locator("td").nth(1).inner_text().removesuffix(" %"))
    assert shown == pytest.approx(100 * spread.activation[0][first], rel=0.01, abs=1e-9)
    page.click("#play")
    shows(page.locator("#sweep-name"), "sweep ")
    page.click("#play")
    page.fill("#filter", "riga")
    assert all("riga" in text.lower() for text in page.locator("#node-table tbody th").all_inner_texts())
    page.locator("#node-table tbody button", has_text="Riga").first.click()
    assert page.locator("#detail-title").inner_text() == "Riga"
    page.wait_for_selector("#detail .said li")
    assert "Riga" in page.locator("#detail .said").inner_text()
    page.locator("#detail details button").first.click()
    assert "—" in page.locator("#detail-title").inner_text()
    page.press("body", "Escape")
    assert page.locator("#detail").is_hidden()
    page.fill("#filter", "")
    page.click("#edges summary")
    counts(page.locator("#edge-table tbody tr"), len(view.edges))
    hidden = """() => { const one = asking.pictures[0].sigma;
        return one.getGraph().filterEdges((key) => one.getEdgeDisplayData(key).hidden).length; }"""
    assert page.evaluate(hidden) == 0
    page.uncheck("#kinds input[value=contains]")
    left = [edge for edge in view.edges if set(edge.kinds) - {"contains"}]
    assert 0 < len(left) < len(view.edges)
    counts(page.locator("#edge-table tbody tr"), len(left))
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.evaluate(hidden) == len(view.edges) - len(left)
    assert opened.wrong == []
    assert {
        url.partition("/#")[0].rsplit("/", 1)[0].split("/explorer")[0]
        for url in opened.requests
        if not url.startswith("data:")
    } <= {address.partition("/#")[0], "http:/"}


def test_two_profiles_and_a_condition(open_page: Open, address: str) -> None:
    opened = open_page(f"{address}&q=Riga&beside=bm25&k=2")
    page = opened.page
    page.wait_for_selector("#picture-1[data-ready]")
    assert page.locator(".column h2 bdi").all_inner_texts() == ["hippo", "bm25"]
    assert "does not walk" in page.locator(".column").nth(1).inner_text()
    assert page.locator("#node-table thead th").count() == 7
    page.fill("#where", "kind = 'city'")
    page.press("#where", "Enter")
    shows(page.locator("#status"), "1 passage, ")
    assert page.locator(".passages h3 button").all_inner_texts() == ["Riga", "Riga"]
    page.fill("#where", "kind =")
    page.press("#where", "Enter")
    page.wait_for_selector("#status.wrong")
    assert opened.wrong in (
        [],
        ["Failed to load resource: the server responded with a status of 422 (Unprocessable Entity)"],
    )


def test_the_views_of_the_index(open_page: Open, address: str) -> None:
    opened = open_page(address)
    page = opened.page
    page.click("#tab-entities")
    page.locator("#view-entities tbody button", has_text="Riga").first.click()
    page.wait_for_selector("#view-entities .one table")
    assert "Latvia" in page.locator("#view-entities .one").inner_text()
    page.click("#tab-synonyms")
    row = page.locator("#view-synonyms tbody tr", has_text="Steelworks Smith").filter(has_text="Ada Smith").first
    row.locator("button", has_text="Reject").click()
    shows(page.locator("#status"), "Done")
    shows(row.locator("td").nth(1), "rejected")
    row.locator("button", has_text="Accept").click()
    shows(row.locator("td").nth(1), "accepted")
    page.click("#tab-documents")
    page.locator("#view-documents tbody button", has_text="riga").click()
    page.wait_for_selector("#view-documents .one article")
    assert "capital of Latvia" in page.locator("#view-documents .one").inner_text()
    page.click("#tab-health")
    page.wait_for_selector("#view-health .sound")
    assert opened.wrong == []


def test_by_keyboard_alone(open_page: Open, address: str) -> None:
    page = open_page(address, color_scheme="dark").page
    page.wait_for_selector("#ask:not([hidden])")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.focus(".skip")
    order = []
    for _ in range(7):
        page.keyboard.press("Tab")
        order.append(page.evaluate("document.activeElement.id || document.activeElement.textContent"))
    assert order == ["tab-ask", "help", "theme", "question", "Ask", "profile", "beside"]
    page.focus("#theme")
    page.keyboard.press("t")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    page.keyboard.press("/")
    page.keyboard.type(QUESTION)
    page.keyboard.press("Enter")
    page.wait_for_selector(READY)
    page.focus("#picture-0")
    before = page.evaluate("asking.pictures[0].sigma.getCamera().getState()")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("+")
    after = page.evaluate("asking.pictures[0].sigma.getCamera().getState()")
    assert after["x"] > before["x"]
    assert after["ratio"] < before["ratio"]
    page.keyboard.press("n")
    page.keyboard.press("Enter")
    assert page.locator("#detail").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("2")
    assert page.evaluate("document.activeElement.id") == "tab-entities"
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "tab-synonyms"
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()
    page.keyboard.press("Escape")
    named = "one.textContent.trim() || one.labels?.length || one.ariaLabel"
    controls = "[...document.querySelectorAll('button, input, select')]"
    assert page.evaluate(f"{controls}.filter((one) => !({named})).length") == 0


def test_on_a_phone_nothing_is_wider_than_the_screen(open_page: Open, address: str) -> None:
    page = asked(open_page(address, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True))
    for tab in ("ask", "entities", "synonyms", "documents", "health"):
        page.click(f"#tab-{tab}")
        page.wait_for_timeout(100)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, tab


def test_where_nothing_can_be_drawn_the_table_says_it(browser: Any, address: str) -> None:
    context = browser.new_context()
    context.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
    page = context.new_page()
    page.goto(f"{address}&q=Riga&tab=documents")
    shows(page.locator("#view-documents"), "Iron Bridge")
    page.click("#tab-ask")
    shows(page.locator("#picture-0"), "The table below says the same.")
    rows = page.locator("#node-table tbody tr")
    last = rows.first.inner_text()
    page.press("#sweep", "[")
    shows(page.locator("#sweep-name"), "sweep 12")
    assert rows.first.inner_text() != last
    rows.first.locator("button").click()
    shows(page.locator("#detail-title"), "Riga")
    context.close()


def test_a_node_can_be_dragged(open_page: Open, address: str) -> None:
    page = asked(open_page(address))
    place = """() => { const one = asking.pictures[0].sigma; const box = one.getContainer().getBoundingClientRect();
        const at = one.graphToViewport(one.getGraph().getNodeAttributes("0")); return [at.x + box.x, at.y + box.y]; }"""
    x, y = page.evaluate(place)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y + 40, steps=4)
    page.mouse.up()
    moved = page.evaluate(place)
    assert moved == pytest.approx([x + 60, y + 40], abs=3)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, browser: Any) -> Path:
    path = tmp_path_factory.mktemp("hostile") / "index"
    documents = [
        {
            "id": f"{number} {text}",
            "title": text,
            "text": f"Riga {text} Riga. {text} lies in Latvia.",
            "metadata": {"note": text},
        }
        for number, text in enumerate(HOSTILE)
    ]
    with Hippo.open(path, encoder="hashing") as memory:
        memory.add(documents)
    return path


def test_a_hundred_hostile_strings_stay_text(
    open_page: Open, exploring: Exploring, hostile: Path, tmp_path: Path
) -> None:
    assert len(set(HOSTILE)) == 100
    with exploring(hostile, "--write") as url:
        opened = open_page(f"{url}&k=100&nodes=250&q=Riga <img src=x onerror=(window.pwned=1)>")
        page = opened.page
        page.wait_for_selector(READY)
        page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
        shown = page.locator(".passages").inner_text()
        told = [
            "<script>(window.pwned=1)</script>",
            "</style><script>",
            "<img src=x onerror=(window.pwned=1)>",
            "javascript:(window.pwned=1)",
        ]
        assert [text for text in told if text not in shown] == []
        assert page.locator(".passages > li").count() == 100
        for row in range(12):
            page.locator("#node-table tbody button").nth(row).click()
        for tab in ("entities", "synonyms", "documents"):
            page.click(f"#tab-{tab}")
            page.wait_for_selector(f"#view-{tab} tbody tr")
        for row in range(0, 12, 4):
            page.locator("#view-documents tbody button").nth(row).click()
        page.wait_for_selector("#view-documents .one article")
        page.mouse.move(300, 300)
        page.wait_for_timeout(200)
        origin = url.partition("/#")[0]
        assert [one for one in opened.requests if not one.startswith((f"{origin}/", "data:"))] == []
        assert harmless(page)
        assert opened.wrong == []
    with Hippo.open(hostile) as memory:
        view = memory.view("Riga </script><script>(window.pwned=1)</script>", k=100, nodes=250, sentences=2)
    file = write_page(view, tmp_path / "view.html")
    opened = open_page(file.as_uri())
    page = opened.page
    page.wait_for_selector(READY)
    assert page.locator(".passages > li").count() == 100
    page.locator("#node-table tbody button").first.click()
    page.wait_for_selector("#detail .said li")
    assert [one for one in opened.requests if one != file.as_uri() and not one.startswith("data:")] == []
    assert harmless(page)
    assert opened.wrong == []


def harmless(page: Any) -> bool:
    """No script of a document ran, and no element is one of theirs."""
    foreign = "img, iframe, object, embed, svg, video, audio, base, marquee, form[action], bdi *:not(mark)"
    count = f"document.querySelectorAll('{foreign}').length"
    return page.evaluate("[window.pwned, Object.prototype.pwned]") == [None, None] and page.evaluate(count) == 0


def test_a_saved_page_needs_no_server(open_page: Open, address: str, tmp_path: Path) -> None:
    page = asked(open_page(address))
    # The page that is seen is saved, whatever has been typed since.
    page.fill("#question", "Who was born in Hull?")
    page.fill("#k", "1")
    with page.expect_download() as waiting:
        page.click("#save")
    file = tmp_path / "saved.html"
    waiting.value.save_as(file)
    opened = open_page(file.as_uri())
    opened.page.wait_for_selector(READY)
    assert opened.page.locator("#asked").inner_text() == QUESTION
    assert opened.page.locator("#ask").is_hidden()
    assert opened.page.locator(".passages > li").count() == 4
    view = json.loads(opened.page.locator("#view").text_content())
    assert any(edge["sentences"] for edge in view["edges"])
    assert opened.wrong == []
