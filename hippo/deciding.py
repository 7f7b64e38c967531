"""The deciding side of a memory: which names are taken for one."""

import os
from abc import abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from hippo.changing import Changing
from hippo.errors import InputError
from hippo.protocols import ProgressCallback
from hippo.snapshot.current import check_root
from hippo.types import ChangeReport, Synonym, SynonymDecision

if TYPE_CHECKING:
    from hippo.indexing.decisions import Pairs
    from hippo.snapshot.contents import Contents

__all__ = ["Deciding"]


class Deciding(Changing):
    """Synonyms of a memory: what the vectors found, and what people decide.

    A decision is about two names as the index normalises them, and stays whatever happens to the documents: they may be
    deleted and come again, and the index may be rebuilt or repaired. An accepted pair is joined by an edge of weight 1,
    the cosine similarity of a name with itself, also where the vectors say otherwise and where the index has none; a
    rejected one by no edge. Every call is one change, as for `Changing`; nothing is extracted or embedded again.
    """

    @abstractmethod
    def contents(self) -> "Contents":
        """Tables and arrays of the open snapshot."""

    def synonyms(self, entity: str | None = None) -> tuple[Synonym, ...]:
        """Pairs of names that are or could be joined, ordered by their keys, with an example of each name.

        Those are the pairs whose vectors are similar (`graph.synonym_threshold`), and those that were decided about.

        Args:
            entity: Only the pairs of this name, in any spelling; None: all.

        Raises:
            IndexEmptyError: Nothing has been added yet.
            InputError: The index knows no such name, and nothing was decided about it.
        """
        from hippo.snapshot.synonyms import synonyms_of

        contents = self.contents()
        if entity is None:
            return synonyms_of(contents)
        key = self._key(entity)
        found = synonyms_of(contents, key)
        if not found:
            self._check_known(contents, {(key, key): None})
        return found

    def accept_synonym(
        self, first: str, second: str, *, missing_ok: bool = False, progress: ProgressCallback | None = None
    ) -> ChangeReport:
        """Take two names for one: an edge of weight 1 joins them.

        Args:
            first: A name, in any spelling.
            second: Another one.
            missing_ok: Decide also about names that the index does not hold; the decision waits for them.
            progress: Is told of every step.

        Raises:
            IndexBusyError: Another process is changing the index.
            IndexPathError: There is no index.
            InputError: The two are no different names, or the index does not know one of them.
        """
        return self._decide_pair(first, second, "accepted", missing_ok, progress)

    def reject_synonym(
        self, first: str, second: str, *, missing_ok: bool = False, progress: ProgressCallback | None = None
    ) -> ChangeReport:
        """Keep two names apart: no synonym edge joins them. Arguments and errors are those of `accept_synonym`."""
        return self._decide_pair(first, second, "rejected", missing_ok, progress)

    def reset_synonym(self, first: str, second: str, *, progress: ProgressCallback | None = None) -> ChangeReport:
        """Forget what was decided about two names: their vectors count again. Without a decision nothing happens.

        Arguments and errors are those of `accept_synonym`.
        """
        return self._decide_pair(first, second, None, True, progress)

    def synonym_decisions(self) -> tuple[SynonymDecision, ...]:
        """All decisions, ordered by keys, about names that the index does not hold now, too.

        Raises:
            IndexEmptyError: Nothing has been added yet.
        """
        from hippo.snapshot.synonyms import decisions_of

        return decisions_of(self.contents())

    def decide_synonyms(
        self, decisions: Iterable[SynonymDecision], *, progress: ProgressCallback | None = None
    ) -> ChangeReport:
        """Many decisions as one change; those about names that the index does not hold wait for them.

        Raises:
            IndexBusyError: Another process is changing the index.
            IndexPathError: There is no index.
            InputError: One of them is no decision about two names, or two contradict each other; none was taken.
        """
        from hippo.indexing.decisions import pairs_of

        return self._decide(pairs_of(decisions, self._key), progress)

    def export_synonyms(self, path: str | os.PathLike[str]) -> int:
        """Write all decisions to a file, as JSON lines. Their number.

        Raises:
            IndexEmptyError: Nothing has been added yet.
            OSError: The file cannot be written.
        """
        from hippo.indexing.decisions import write_decisions

        return write_decisions(Path(path), self.synonym_decisions())

    def import_synonyms(
        self, path: str | os.PathLike[str], *, progress: ProgressCallback | None = None
    ) -> ChangeReport:
        """Take over the decisions of a file that `export_synonyms` wrote, as `decide_synonyms` does.

        Decisions about other pairs stay. A line is a JSON object with `first`, `second` and `decision`, which is
        "accepted" or "rejected".

        Raises:
            InputError: The file cannot be read, or a line of it is no decision; none was taken.
        """
        from hippo.indexing.decisions import read_decisions

        return self._decide(read_decisions(Path(path), self._key), progress)

    def _key(self, name: str) -> str:
        from hippo.indexing.decisions import key_of

        return key_of(self.config.graph.rules)(name)

    def _decide_pair(
        self, first: str, second: str, decision: str | None, missing_ok: bool, progress: ProgressCallback | None
    ) -> ChangeReport:
        from hippo.indexing.decisions import pair_of

        pairs: Pairs = {pair_of(first, second, self._key): decision}
        check_root(self.path)
        if not missing_ok:
            self.refresh()
            self._check_known(self.contents(), pairs)
        return self._decide(pairs, progress)

    def _check_known(self, contents: "Contents", pairs: "Pairs") -> None:
        known = set(contents.entities.column("key").to_pylist())
        for pair in pairs:
            for key in pair:
                if key not in known:
                    remedy = "look it up with `hippo export`, or decide anyway with `missing_ok` (--missing-ok)"
                    raise InputError(f"the index knows no name of the key {key!r}; {remedy}")

    def _decide(self, pairs: "Pairs", progress: ProgressCallback | None) -> ChangeReport:
        check_root(self.path)
        return self._change((), progress, "decide_synonyms", decisions=pairs, extracting=False)
