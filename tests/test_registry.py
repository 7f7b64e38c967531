"""Names become back-ends: hippo's own, and those of a plug-in distribution that is really installed."""

import json
import os
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

from hippo import registry
from hippo.errors import ConfigError, UnknownNameError
from hippo.protocols import Encoder

PLUGIN = Path(__file__).parent / "plugin_package"


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the plug-in as pip would leave it, package and metadata. Needs no build tool, no network."""
    target = tmp_path_factory.mktemp("site")
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text("utf-8"))["project"]
    (target / "hippo_letters").symlink_to(PLUGIN / "src" / "hippo_letters", target_is_directory=True)
    info = target / f"hippo_letters-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    lines = [
        line
        for group, entries in project["entry-points"].items()
        for line in (f"[{group}]", *(f"{name} = {value}" for name, value in entries.items()))
    ]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return target


def run(code: str, *paths: Path, isolated: bool = False) -> dict[str, object]:
    """Run code in a fresh interpreter and read the JSON that it prints."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
    flags = ["-S"] if isolated else []
    command = [sys.executable, *flags, "-W", "error", "-c", f"import json\n{code}"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    result: dict[str, object] = json.loads(done.stdout)
    return result


def test_lists_own_back_ends() -> None:
    assert {"hashing", "minilm", "sentence-transformers"} <= set(registry.names("encoder"))
    assert {"numpy", "faiss", "torch"} <= set(registry.names("vectors"))
    assert registry.names("encoder") == sorted(registry.names("encoder"))


def test_creates_with_options() -> None:
    encoder = registry.create("encoder", "hashing", dimension=32)
    assert isinstance(encoder, Encoder)
    assert encoder.dimension == 32


@pytest.mark.parametrize("kind", registry.GROUPS)
def test_groups_are_those_of_the_metadata(kind: registry.Kind) -> None:
    try:
        entries = distribution("hippo-memory").entry_points
    except PackageNotFoundError:
        pytest.skip("hippo-memory is not installed")
    declared = {entry.name for entry in entries if entry.group == registry.GROUPS[kind]}
    assert declared
    assert declared <= set(registry.names(kind))


def test_unknown_name_lists_the_known() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown encoder 'minlim'. Known: .*hashing.*minilm"):
        registry.load("encoder", "minlim")
    with pytest.raises(UnknownNameError, match=r"unknown kind of back-end 'nonsense'. Known: chunker, encoder"):
        registry.names("nonsense")  # type: ignore[arg-type]


def test_unknown_option_lists_the_known() -> None:
    with pytest.raises(ConfigError, match=r"encoder 'hashing': size: no such option. Known: dimension"):
        registry.create("encoder", "hashing", size=3)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("hashing", {"dimension": "big"}, "encoder 'hashing': dimension: must be a whole number, got 'big'"),
        ("hashing", {"dimension": True}, "encoder 'hashing': dimension: must be a whole number, got True"),
        ("minilm", {"device": 3}, "encoder 'minilm': device: must be text, got 3"),
        ("minilm", {"dtype": "int4"}, "encoder 'minilm': dtype: must be 'auto' or 'float32' or .* got 'int4'"),
    ],
)
def test_options_have_the_type_that_the_signature_says(name: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        registry.create("encoder", name, **options)


def test_an_option_that_only_the_back_end_can_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fussy:
        def __init__(self, *, size) -> None:  # type: ignore[no-untyped-def]
            self.size = size.upper()

    monkeypatch.setattr(registry, "load", lambda kind, name: Fussy)
    assert registry.create("vectors", "fussy", size="a").size == "A"
    with pytest.raises(ConfigError, match=r"^vector index 'fussy': size: not taken: 'int' object has no attribute"):
        registry.create("vectors", "fussy", size=3)


def test_required_option() -> None:
    with pytest.raises(ConfigError, match="encoder 'sentence-transformers': model: required"):
        registry.create("encoder", "sentence-transformers")


def test_names_import_no_back_end() -> None:
    code = "import sys; from hippo import registry; registry.names('encoder'); print(json.dumps(sorted(sys.modules)))"
    loaded = set(run(code))
    assert not {"numpy", "torch", "faiss", "hippo.testing.hashing"} & loaded


def test_plugin_is_found_and_used(plugin: Path) -> None:
    code = """
from hippo import registry
encoder = registry.create("encoder", "letters", power=0.5)
vectors = encoder.encode(["abba", ""])
print(json.dumps({"names": registry.names("encoder"), "fingerprint": encoder.fingerprint, "shape": vectors.shape}))
"""
    result = run(code, plugin)
    assert {"letters", "hashing"} <= set(result["names"])  # type: ignore[call-overload]
    assert result["fingerprint"] == "letters-1:0.5"
    assert result["shape"] == [2, 27]


def test_broken_plugin_is_named(plugin: Path) -> None:
    code = """
from hippo import registry
from hippo.errors import ConfigError
try:
    registry.load("encoder", "broken")
except ConfigError as error:
    print(json.dumps({"text": str(error)}))
"""
    text = str(run(code, plugin)["text"])
    assert "'hippo-letters' cannot be imported" in text
    assert "hippo_letters.absent" in text


def test_two_claims_to_a_name(tmp_path: Path) -> None:
    for name in ("one", "two"):
        info = tmp_path / f"{name}-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        (info / "entry_points.txt").write_text(f"[hippo.encoders]\nsame = {name}:Encoder\n")
    code = """
from hippo import registry
from hippo.errors import ConfigError
try:
    registry.load("encoder", "same")
except ConfigError as error:
    print(json.dumps({"text": str(error)}))
"""
    assert "claimed more than once, uninstall one: one (one:Encoder), two (two:Encoder)" in str(
        run(code, tmp_path)["text"]
    )


def test_missing_metadata_says_how_to_repair(tmp_path: Path) -> None:
    package = Path(registry.__file__).parent
    (tmp_path / "hippo").symlink_to(package, target_is_directory=True)
    code = """
from hippo import registry
from hippo.errors import ConfigError
try:
    registry.load("encoder", "hashing")
except ConfigError as error:
    print(json.dumps({"text": str(error), "names": registry.names("encoder")}))
"""
    result = run(code, tmp_path, isolated=True)
    assert result["names"] == []
    assert "pip install hippo-memory" in str(result["text"])
