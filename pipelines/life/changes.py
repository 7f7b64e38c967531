"""What a small change of a large index costs, beside embedding the changed passages and beside building it anew.

    python -m pipelines.life.changes --passages 10000 --changed 100 --folder runs/changes --out runs/changes.json
    python -m pipelines.life.changes --every 50 --out runs/changes.json
    python -m pipelines.life.changes --passages 300 --changed 10 --encoder hashing

An index is built once and kept in --folder with what that took; a copy of it is changed. In every round passages that
were never seen are added, then deleted again. Embedding is measured inside the same add: the time that its encoder
took. Seconds are those of the clock, and of the processor in all threads, which others at work on the machine disturb
less. At the end every file of the snapshot has to be the one from before, byte by byte.

With --every N only one of N texts goes through the encoder while the index is built, and the time that this takes
counts N times; the other vectors are made by hashing. That takes minutes in place of an hour. Changes are embedded in
full.
"""

import random
import shutil
import sys
import tempfile
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from hippo import Document, Hippo
from hippo.config import load_config
from hippo.documents import iter_documents
from hippo.parts import make_encoder
from hippo.protocols import Encoder
from hippo.snapshot import Snapshot
from pipelines.common import new_parser, publish, read, table, write
from pipelines.life.corpus import documents
from pipelines.replay import MeteredEncoder, clocks

__all__ = ["main", "measure"]


_CONFIG = {"chunking": {"method": "document"}, "indexing": {"keep_versions": False}}
"""Deleted versions are not kept, so that the index is afterwards what it was before."""


def main() -> None:
    """Parse arguments, measure, print, write."""
    parser = new_parser(__doc__)
    parser.add_argument("--passages", type=int, default=10_000, help="in the index")
    parser.add_argument("--changed", type=int, default=100, help="added, and then deleted, in each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--encoder", default="minilm")
    parser.add_argument("--every", type=int, default=1, help="embed one of so many texts of the build")
    parser.add_argument("--corpus", type=Path, nargs="*", default=[], help="files of passages; the rest is made up")
    parser.add_argument("--folder", type=Path, help="where the index is kept; default: a temporary folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hippo-changes-") as scratch:
        result = measure(arguments, Path(scratch))
    publish(arguments, result, _shown(result))
    sys.exit(0 if result["as_before"] else 1)


def measure(arguments: Namespace, scratch: Path) -> dict[str, Any]:
    """Build or find the index, then change a copy of it."""
    encoder = make_encoder(load_config({"encoder": {"name": arguments.encoder}}))
    if encoder is None:
        sys.exit("an encoder is needed: its work is what a change is compared with")
    encoder.encode(["Its model is loaded by now."])
    corpus = _corpus(arguments)
    kept, fresh = corpus[: arguments.passages], corpus[arguments.passages :]
    folder = arguments.folder or scratch / "kept"
    built = _built(folder, kept, encoder, arguments.every)
    index = scratch / "index"
    shutil.copytree(folder / "index", index)
    before = _sums(index)
    rounds = []
    for number in range(arguments.rounds):
        part = fresh[number * arguments.changed : (number + 1) * arguments.changed]
        meter = MeteredEncoder(encoder)
        with Hippo.open(index, encoder=meter, config=_CONFIG) as memory:
            added = _timed(lambda: memory.add(part))  # noqa: B023  (called at once)
            deleted = _timed(lambda: memory.delete(*[one.id or "" for one in part]))  # noqa: B023
        rounds.append({"embedding": meter.seconds, "add": added, "delete": deleted})
    return {
        "encoder": encoder.fingerprint,
        **{key: built[key] for key in ("passages", "facts", "entities")},
        "changed": arguments.changed,
        "embedded_one_of": arguments.every,
        "build": built["seconds"],
        "rounds": rounds,
        "ratios": {
            change: {
                kind: {
                    "to_embedding": round(median(one[change][kind] / one["embedding"][kind] for one in rounds), 3),
                    "to_build": round(median(one[change][kind] for one in rounds) / built["seconds"][kind], 4),
                }
                for kind in clocks()
            }
            for change in ("add", "delete")
        },
        "as_before": _sums(index) == before,
    }


def _corpus(arguments: Namespace) -> list[Document]:
    """All passages that are needed, shuffled, so that files and what is made up mix."""
    needed = arguments.passages + arguments.rounds * arguments.changed
    items = iter_documents(arguments.corpus) if arguments.corpus else ()
    found = [one for one in items if isinstance(one, Document)][:needed]
    found += documents(range(needed - len(found)))
    random.Random(0).shuffle(found)  # noqa: S311
    return found


def _built(folder: Path, kept: Sequence[Document], encoder: Encoder, every: int) -> dict[str, Any]:
    """What building the index took: now, or when it was built for the same corpus and encoder."""
    notes, made_of = folder / "built.json", [encoder.fingerprint, every, len(kept), kept[0].id, kept[-1].id]
    known: dict[str, Any] = read(notes) if notes.is_file() else {}
    if known.get("made_of") == made_of:
        return known
    shutil.rmtree(folder / "index", ignore_errors=True)
    meter = MeteredEncoder(encoder, every)
    with Hippo.open(folder / "index", encoder=meter, config=_CONFIG) as memory:
        seconds = _timed(lambda: memory.add(kept))
        for clock, left_out in meter.left_out.items():
            seconds[clock] = round(seconds[clock] + left_out, 3)
        status = memory.status()
    counts = {"passages": status.chunks, "facts": status.facts, "entities": status.entities}
    known = {"made_of": made_of, **counts, "seconds": seconds}
    write(notes, known)
    return known


def _timed(change: Any) -> dict[str, Any]:
    began = clocks()
    report = change()
    return {
        **{clock: round(now - began[clock], 3) for clock, now in clocks().items()},
        "embedded": report.embedded,
        "stages": {name: round(seconds, 3) for name, seconds in report.seconds.items()},
    }


def _sums(index: Path) -> dict[str, tuple[int, str]]:
    """SHA-256 sums of all files of the newest snapshot."""
    with Snapshot.open(index, verify=True) as snapshot:
        return dict(snapshot.sums)


def _shown(result: dict[str, Any]) -> str:
    rows: list[list[str]] = [
        [f"{change}, {kind}", f"{ratios['to_embedding']:.2f}", f"1/{1 / ratios['to_build']:.0f}"]
        for change, kinds in result["ratios"].items()
        for kind, ratios in kinds.items()
    ]
    return "\n".join(
        [
            f"{result['passages']} passages, {result['changed']} changed; "
            + ("afterwards byte by byte as before" if result["as_before"] else "NOT AS BEFORE"),
            table(["change", "to embedding", "to a build"], rows),
            table(["stage, seconds", "build", "add", "delete"], _stages(result)),
        ]
    )


def _stages(result: dict[str, Any]) -> list[list[str]]:
    """Seconds by the clock of each stage: of the build, and medians of the changes."""
    build = result["build"]["stages"]
    names = dict.fromkeys([*build, *(name for one in result["rounds"] for name in one["add"]["stages"])])
    return [
        [
            name,
            f"{build.get(name, 0):.2f}",
            *(
                f"{median(one[change]['stages'].get(name, 0) for one in result['rounds']):.2f}"
                for change in ("add", "delete")
            ),
        ]
        for name in names
    ]


if __name__ == "__main__":
    main()
