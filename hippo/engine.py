"""The facade: one object that indexes documents and answers questions."""

import os
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from hippo.config import Config, load_config
from hippo.consolidating import Consolidating
from hippo.deciding import Deciding
from hippo.deferred import in_thread_of
from hippo.errors import IndexCorruptError
from hippo.exploring import Exploring
from hippo.identity import Identity
from hippo.linking import Linking
from hippo.mixing import Mixing
from hippo.models import Models
from hippo.parts import (
    as_encoder,
    as_llm,
    by_section,
    check_retrieval,
    make_chunker,
    make_encoder,
    make_engine,
    make_extractor,
    make_unasking,
)
from hippo.place import located, newest_snapshot, sizes
from hippo.protocols import LLM, DialogueExtractor, Encoder, Extractor, FactFilter, Reranker
from hippo.pruning import Pruning
from hippo.snapshot import Snapshot
from hippo.types import Status, Version
from hippo.viewing import Viewing
from hippo.watching import Watcher

if TYPE_CHECKING:
    import igraph
    import networkx

    from hippo.retrieval.filtered import Retrievers

__all__ = ["Hippo"]


class Hippo(Consolidating, Pruning, Linking, Mixing, Viewing, Deciding, Exploring):
    """A memory in a folder: documents go in, ranked passages with their evidence come out.

    Any number of threads and processes may retrieve, also while one adds. Made by `Hippo.open`.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, Hippo.open(folder, encoder="hashing") as memory:
        ...     report = memory.add(["Ada Lovelace met Charles Babbage.", "Charles Babbage was born in London."])
        ...     memory.retrieve("Where was the man whom Ada Lovelace met born?", k=2).hits[0].rank
        1
    """

    def __init__(
        self,
        path: Path,
        config: Config,
        encoder: Encoder | None,
        extractor: Extractor | None,
        llm: LLM | None,
        fact_filter: FactFilter | None,
        reranker: Reranker | None,
        snapshot: Snapshot | IndexCorruptError | None,
    ) -> None:
        self.path = path
        self.config = config
        self._encoder = encoder
        self._extractor = extractor
        self._own_llm = getattr(extractor, "llm", None)
        self._models = Models(config, path, llm, fact_filter, reranker)
        self._identity = Identity.of(config, encoder.fingerprint if encoder else None)
        self._engine = make_engine(config)
        self._lock = threading.Lock()
        # Held while a newer snapshot is opened, which questions do not wait for.
        self._refreshing = threading.RLock()
        self._closed = False
        self._origin: str | None = None
        self._damage = snapshot if isinstance(snapshot, IndexCorruptError) else None
        self._snapshot = snapshot if isinstance(snapshot, Snapshot) else None
        self._retrievers: Retrievers | None = None
        self._layered = None
        self._desk = None
        self._watcher: Watcher | None = None
        self._work = {}
        _memories.add(self)

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        encoder: "str | Encoder | Any | None" = None,
        extractor: str | Extractor | None = None,
        llm: "str | LLM | Any | None" = None,
        recognition: str | FactFilter | None = None,
        reranking: str | Reranker | None = None,
        config: Config | Mapping[str, Any] | str | os.PathLike[str] | None = None,
        overrides: Mapping[str, Any] | None = None,
        namespace: str | None = None,
        wait: float | None = None,
        watch: bool = False,
        cache: str | os.PathLike[str] | None = None,
    ) -> "Hippo":
        """Open a memory, or prepare a new one; its folder is made by the first `add`.

        What an index was made with is kept in it, so opening it again needs the path alone.

        Args:
            path: Folder of the index; or the URL of one that `hippo publish` has put into an object store, such as
                "s3://bucket/index": a memory of it answers, and follows what is published there, but changes nothing.
            encoder: Name of an encoder ("minilm", "hashing", "none", "sentence-transformers:MODEL",
                "langchain:PROVIDER:MODEL"), a `hippo.protocols.Encoder` or embeddings of LangChain.
            extractor: Name of an extractor ("pattern", "spacy", "llm", "imported", several as "pattern+llm") or an
                object.
            llm: Name of a language model ("openai:MODEL", "transformers:MODEL"), a `hippo.protocols.LLM` or a LangChain
                chat model: for extraction, recognition and reading, where they are asked for.
            recognition: Name of a fact filter ("none", "llm", "cross-encoder:MODEL") or a `hippo.protocols.FactFilter`,
                for the profiles that name none of their own.
            reranking: Name of a re-ranker ("none", "cross-encoder:MODEL") or a `hippo.protocols.Reranker`, in the same
                way.
            config: A `Config`, a mapping like the TOML file, or the path of one.
            overrides: A mapping like the TOML file that is stronger than `config` and the environment.
            namespace: Open the namespace of this name, which is an index of its own below `path` (`hippo.namespaces`).
            wait: Seconds that a change waits for another writer, instead of an `IndexBusyError` at once; None: the
                configuration's `indexing.wait_seconds`.
            watch: Open newer snapshots by itself, soon after they were published, between two calls; see
                `watch_error`.
            cache: Folder for the snapshots of a URL; None: one in the user's cache. Processes may share it.

        Raises:
            ConfigError: The configuration is wrong.
            IndexEmptyError: Nothing has been published at the URL.
            IndexPathError: The path is a file, or a folder of something else.
            InputError: The namespace's name cannot be used.
            IndexMismatchError: The index was made with another encoder or chunking.
            IndexCorruptError: A file of the index is damaged or missing. Where the store is sound, questions alone fail
                with it, and the next `add` publishes a sound snapshot.
            MissingExtraError: A part needs a package that is not installed.
            StorageError: The URL cannot be read.
            UnknownNameError: No part of that name.
        """
        root, origin = located(path, namespace, cache)
        snapshot = newest_snapshot(root)
        try:
            stored = Identity.from_info(snapshot.info) if isinstance(snapshot, Snapshot) else Identity.read(root)
            encoder, model = as_encoder(encoder), as_llm(llm)
            named = by_section(
                overrides,
                encoder=encoder,
                extractor=extractor,
                llm=model,
                recognition=recognition,
                reranking=reranking,
            )
            if wait is not None:
                named.setdefault("indexing", {})["wait_seconds"] = wait
            settings = load_config(config, named, stored=stored.settings if stored else None)
            check_retrieval(settings)
            made_encoder = make_encoder(settings) if encoder is None or isinstance(encoder, str) else encoder
            # Questions need no extractor, so one that was not named is made by the first `add`.
            given = None if isinstance(extractor, str) else extractor
            own_model = None if isinstance(model, str) else model
            own_filter = None if isinstance(recognition, str) else recognition
            own_reranker = None if isinstance(reranking, str) else reranking
            memory = cls(root, settings, made_encoder, given, own_model, own_filter, own_reranker, snapshot)
            if isinstance(extractor, str):
                with memory._parts():
                    pass  # What it lacks is said now.
            if stored is not None:
                stored.check(str(root), memory._identity)
            memory._origin = origin
            if watch:
                memory._watcher = Watcher(memory, file=None if origin else root / "CURRENT")
            return memory
        except BaseException:
            if isinstance(snapshot, Snapshot):
                snapshot.close()
            raise

    @classmethod
    async def aopen(cls, path: str | os.PathLike[str], **options: Any) -> "Hippo":
        """`open` without blocking the event loop: `async with await Hippo.aopen(path) as memory`.

        Args:
            path: Folder of the index.
            options: The keywords of `open`.
        """
        from hippo.background import in_thread

        return await in_thread(cls.open, path, **options)

    @contextmanager
    def _parts(self, *, extracting: bool = True) -> Iterator[dict[str, Any]]:
        self._check_open()
        self._check_writable()
        if extracting and self._extractor is None:
            self._extractor = make_extractor(self.config, lambda: self._models.caller("extraction"))
        with ExitStack() as run:
            caller = None
            if extracting and isinstance(self._extractor, DialogueExtractor):
                own = self._own_llm if isinstance(self._own_llm, LLM) else None
                caller = run.enter_context(self._models.caller_of_run("extraction", own))
            yield {
                "chunker": make_chunker(self.config, self._encoder),
                "extractor": self._extractor if extracting else None,
                "encoder": self._encoder,
                "config": self.config,
                "identity": self._identity,
                "caller": caller,
                **({} if extracting else {"unasking": partial(make_unasking, self.config, self._extractor)}),
            }

    @property
    def watch_error(self) -> Exception | None:
        """Why a memory that watches could not open the newest snapshot; it goes on trying, and with what it has.

        None: nothing is wrong, or it does not watch.
        """
        return self._watcher.error if self._watcher else None

    def status(self) -> Status:
        """What the newest snapshot holds, and how large the index is on disk."""
        self._check_open()
        if self._damage is not None:
            raise self._damage
        info: Mapping[str, Any] = self._snapshot.info if self._snapshot else {}
        failed: Mapping[str, int] = info.get("failed", {})
        return Status(
            str(self.path),
            self._snapshot.name if self._snapshot else None,
            info.get("documents", 0),
            info.get("chunks", 0),
            info.get("facts", 0),
            info.get("entities", 0),
            info.get("edges", {}),
            failed,
            info.get("pending", 0),
            self._identity.encoder,
            info.get("extractor"),
            sizes(self.path),
            info.get("versions", 0),
            self.waiting,
            info.get("synonym_search", {}),
            info.get("vector_search", {}),
            self.background_work,
            info.get("storage", "float32") if info.get("vectors") else None,
        )

    def history(self, document_id: str | None = None) -> list[Version]:
        """Versions of documents: the one in force, and older ones that are kept for `as_of`.

        Args:
            document_id: Of this document alone; None: of all.

        Returns:
            By document id, the oldest version of each first; empty where nothing is known of the document.

        Raises:
            IndexEmptyError: Nothing has been added yet.
            IndexMismatchError: The open snapshot is of an older version, which does not know.
        """
        return self._from_newest(lambda now: now.history.versions(now.present, document_id))

    def to_networkx(self) -> "networkx.Graph":
        """The graph as a `networkx.Graph`: see `hippo.export.to_networkx`."""
        from hippo.export import to_networkx

        return to_networkx(self.contents())

    def to_igraph(self) -> "igraph.Graph":
        """The graph as an `igraph.Graph`: see `hippo.export.to_igraph`."""
        from hippo.export import to_igraph

        return to_igraph(self.contents())

    def close(self) -> None:
        """Let go of the snapshot, so that it may be removed once there is a newer one. Closing twice does nothing.

        A merge in the background is waited for; a consolidation is called off, unless it publishes already.
        """
        if self._watcher is not None:
            self._watcher.stop()
        self._closing = True
        self._end_merging()
        with self._lock:
            self._closed = True
            self._models.close()
            if self._snapshot is not None:
                self._snapshot.close()
            self._snapshot, self._retrievers, self._layered = None, None, None

    aclose = in_thread_of(close)
    """`close` without blocking the event loop; `async with memory` does so at its end."""

    def _forked(self) -> None:
        """Begin anew in a child: threads of the parent that held locks, or asked a model, are not here."""
        self._lock, self._refreshing = threading.Lock(), threading.RLock()
        self._models = self._models.in_child()
        self._desk, self._layered, self._merging, self._changes = None, None, None, 0
        if self._retrievers is not None:
            self._retrievers.forked()
        if self._watcher is not None:
            self._watcher = self._watcher.in_child()

    def __del__(self) -> None:
        """Close what was not closed."""
        if hasattr(self, "_closed"):
            self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()


_memories: "weakref.WeakSet[Hippo]" = weakref.WeakSet()


def _after_fork() -> None:
    for memory in tuple(_memories):
        memory._forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
