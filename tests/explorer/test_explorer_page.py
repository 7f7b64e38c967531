"""The page as one file: what documents say stays data, its policy names its own scripts, nothing is from elsewhere."""

import base64
import gzip
import hashlib
import json
import re
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import pytest

from hippo import Hippo
from hippo.explorer import ASSETS, page_of, served_page, write_page

FOLDER = files("hippo.explorer") / "assets"
SCRIPTS = [path.rpartition("/")[2] for path, kind in ASSETS.items() if kind == "text/javascript"]


class Elements(HTMLParser):
    """Elements by name, with their texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None], str]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        self.found.append(("", {}, ""))

    def handle_data(self, data: str) -> None:
        if self.found:
            tag, attributes, text = self.found[-1]
            self.found[-1] = (tag, attributes, text + data)

    def of(self, tag: str) -> list[tuple[dict[str, str | None], str]]:
        return [(attributes, text) for name, attributes, text in self.found if name == tag]


def digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("explorer") / "index"
    with Hippo.open(path, encoder="hashing") as memory:
        memory.add(
            {
                "id": "</script>",
                "title": "</script><script>alert(1)</script>",
                "text": "Riga <!-- & <b>lies</b> here. \u2028 Riga.",
            }
        )
    return path


def test_texts_are_data_and_the_policy_names_what_runs(hostile: Path, tmp_path: Path) -> None:
    with Hippo.open(hostile) as memory:
        view = memory.view("</script><img src=x onerror=alert(1)>", sentences=2)
    page = write_page(view, tmp_path / "view.html").read_text("utf-8")
    assert page == page_of(view)
    elements = Elements(page)
    scripts = elements.of("script")
    assert len(scripts) == 1 + len(SCRIPTS)
    [data] = [text for attributes, text in scripts if attributes.get("type") == "application/json"]
    assert json.loads(data) == json.loads(json.dumps(view.to_dict()))
    assert not set("<>&") & set(data)
    assert data.isascii()
    [policy] = [attributes["content"] for attributes, _ in elements.of("meta") if attributes.get("http-equiv")]
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for attributes, text in scripts:
        assert "src" not in attributes
        assert (digest(text) in policy) == ("type" not in attributes)
    [(_, style)] = elements.of("style")
    assert digest(style) in policy
    assert "img" not in {name for name, _, _ in elements.found}


def test_the_served_page_holds_no_script_and_no_style() -> None:
    elements = Elements(served_page())
    assert [text.strip() for _, text in elements.of("script")] == [""] * len(SCRIPTS)
    assert elements.of("style") == []
    loaded = [
        attributes.get("src") or attributes.get("href")
        for tag in ("script", "link")
        for attributes, _ in elements.of(tag)
    ]
    assert sorted(filter(None, loaded)) == sorted(["data:,", *(path.removeprefix("/") for path in ASSETS)])
    for _, attributes, _ in elements.found:
        assert not {key for key in attributes if key.startswith("on") or key == "style"}


def test_scripts_make_elements_in_one_way() -> None:
    for name in SCRIPTS:
        text = (FOLDER / name).read_text("utf-8")
        # Either would end the element that holds the script in a page of one file.
        assert "</script" not in text.lower()
        assert "<!--" not in text
        words = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|setAttribute\(.style|https?://"
        assert re.findall(words, text) == [] or name == "sigma.js", name
    sigma = (FOLDER / "sigma.js").read_text("utf-8")
    assert re.findall(r"innerHTML|document\.write|\beval\(|new Function", sigma) == []


def test_scripts_are_small_and_the_one_from_elsewhere_is_the_one_described() -> None:
    texts = [(FOLDER / name).read_bytes() for name in SCRIPTS]
    assert sum(len(gzip.compress(text, 9)) for text in texts) < 100_000
    readme = (FOLDER / "README.md").read_text("utf-8")
    assert f"SHA-256: `{hashlib.sha256((FOLDER / 'sigma.js').read_bytes()).hexdigest()}`" in readme
    licences = (FOLDER / "LICENSES.txt").read_text("utf-8")
    for package in re.findall(r"([a-z-]+)@(\d+\.\d+\.\d+)", readme):
        assert package[0] == "esbuild" or f"==== {package[0]} {package[1]} ====" in licences


def test_ids_and_labels_agree() -> None:
    page = served_page()
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    for attribute in ("for", "aria-controls", "aria-labelledby"):
        for named in re.findall(rf'\b{attribute}="([^"]+)"', page):
            assert set(named.split()) <= set(ids)
    texts = "".join((FOLDER / name).read_text("utf-8") for name in SCRIPTS if name != "sigma.js")
    assert set(re.findall(r'byId\("([a-z-]+)"\)', texts)) <= {*ids, "view"}
