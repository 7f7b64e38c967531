"""Several extractors as one."""

import re
from collections import Counter
from collections.abc import Sequence

from hippo.errors import ConfigError, ExtractionError
from hippo.protocols import LLM, Dialogue, DialogueExtractor, Extractor
from hippo.types import Chunk, Extraction, ExtractionFailure, Fact

__all__ = ["CombinedDialogueExtractor", "CombinedExtractor", "combine"]

Outcome = Extraction | ExtractionFailure


def combine(parts: Sequence[Extractor]) -> Extractor:
    """Several extractors as one: a `DialogueExtractor` if one of them is one; a single extractor as it is.

    Args:
        parts: At least one; combined extractors among them are taken apart.

    Raises:
        ConfigError: There is none, or two have the same fingerprint.

    Examples:
        >>> from hippo.extraction.pattern import PatternExtractor
        >>> combine([PatternExtractor(language="en"), PatternExtractor(language="de")]).fingerprint
        'pattern/1/en + pattern/1/de'
    """
    if len(parts) == 1:
        return parts[0]
    combined = CombinedExtractor(parts)
    if any(isinstance(part, DialogueExtractor) for part in combined.parts):
        return CombinedDialogueExtractor(combined.parts)
    return combined


class CombinedExtractor:
    """What all of several extractors find. `combine` makes one, of the right kind.

    A chunk's extraction holds the mentions and facts of the parts, in their order. Equal mentions are kept once, and so
    are facts of the same text, entities and relations, wherever their evidence lies. `dropped` is the sum over the
    parts, and these facts count as "repeated fact". A chunk that one part fails on has failed.

    Args:
        parts: As for `combine`.

    Raises:
        ConfigError: There is none, or two have the same fingerprint.

    Attributes:
        parts: The extractors; none of them is combined itself.
    """

    def __init__(self, parts: Sequence[Extractor]) -> None:
        self.parts = tuple(inner for part in parts for inner in _taken_apart(part))
        _check([part.fingerprint for part in self.parts])
        self._asking = [(place, part) for place, part in enumerate(self.parts) if isinstance(part, DialogueExtractor)]
        asking = {place for place, _ in self._asking}
        self._plain = [(place, part) for place, part in enumerate(self.parts) if place not in asking]

    @property
    def fingerprint(self) -> str:
        """Those of the parts, joined by " + "."""
        return " + ".join(part.fingerprint for part in self.parts)

    def extract(self, chunks: Sequence[Chunk]) -> list[Outcome]:
        """One outcome per chunk, in order.

        Each part gets all chunks at once, except those that another has failed on. Parts that ask a language model come
        last, so that nothing is paid for a chunk that fails anyway.

        Raises:
            ExtractionError: A part did not give one outcome per chunk, in order. Errors of the parts pass through.
        """
        findings = [_Finding(chunk) for chunk in chunks]
        for place, part in [*self._plain, *self._asking]:
            _extract(place, part, findings)
        return [finding.outcome() for finding in findings]


class CombinedDialogueExtractor(CombinedExtractor):
    """Several extractors as one, of which at least one asks a language model. `combine` makes one."""

    @property
    def requests_per_chunk(self) -> int:
        """Requests of all parts that a chunk takes where all goes well."""
        return sum(part.requests_per_chunk for _, part in self._asking)

    @property
    def llm(self) -> LLM | None:
        """The model that the parts have brought along; None: they have none.

        Raises:
            ConfigError: They have several: a conversation is led with one.
        """
        models = [getattr(part, "llm", None) for _, part in self._asking]
        if len({model.fingerprint if isinstance(model, LLM) else None for model in models}) > 1:
            named = ", ".join(model.model if isinstance(model, LLM) else "that of the index" for model in models)
            raise ConfigError("combined extractors", "parts", f"must ask one language model, got {named}")
        return models[0] if isinstance(models[0], LLM) else None

    def dialogue(self, chunk: Chunk) -> Dialogue:
        """The conversations of those parts that have them, one after another, until one fails.

        The other parts extract before this returns, in the caller's thread: conversations are led in an event loop,
        which they would block. If one of them fails, nothing is asked.

        Raises:
            ExtractionError: See `extract`.
        """
        finding = _Finding(chunk)
        for place, part in self._plain:
            _extract(place, part, [finding])
        return self._conversation(finding)

    def _conversation(self, finding: "_Finding") -> Dialogue:
        for place, part in self._asking:
            if finding.failure is None:
                finding.note(place, part, (yield from part.dialogue(finding.chunk)))
        return finding.outcome()


class _Finding:
    """What the parts have found in one chunk so far, by their places."""

    def __init__(self, chunk: Chunk) -> None:
        self.chunk = chunk
        self.failure: ExtractionFailure | None = None
        self._found: dict[int, Extraction] = {}

    def note(self, place: int, part: Extractor, outcome: Outcome) -> None:
        if isinstance(outcome, Extraction):
            self._found[place] = outcome
        else:
            name = re.split(r"[/ ]", part.fingerprint, maxsplit=1)[0]
            self.failure = ExtractionFailure(self.chunk.id, f"{name}: {outcome.reason}")

    def outcome(self) -> Outcome:
        return self.failure or _merged(self.chunk.id, [self._found[place] for place in sorted(self._found)])


def _extract(place: int, part: Extractor, findings: Sequence[_Finding]) -> None:
    """Let a part work on the chunks that none has failed on."""
    findings = [finding for finding in findings if finding.failure is None]
    chunks = [finding.chunk for finding in findings]
    outcomes = part.extract(chunks) if chunks else []
    if [outcome.chunk_id for outcome in outcomes] != [chunk.id for chunk in chunks]:
        problem = f"gave {len(outcomes)} outcomes that do not match its {len(chunks)} chunks"
        raise ExtractionError(part.fingerprint, problem)
    for finding, outcome in zip(findings, outcomes, strict=True):
        finding.note(place, part, outcome)


def _merged(chunk_id: str, extractions: Sequence[Extraction]) -> Extraction:
    mentions = dict.fromkeys(mention for found in extractions for mention in found.mentions)
    facts: dict[tuple[object, ...], Fact] = {}
    dropped: Counter[str] = Counter()
    for found in extractions:
        dropped.update(found.dropped)
        for fact in found.facts:
            key = (fact.text, fact.entities, fact.relations)
            if key in facts:
                dropped["repeated fact"] += 1
            else:
                facts[key] = fact
    return Extraction(chunk_id, tuple(mentions), tuple(facts.values()), dict(dropped))


def _taken_apart(part: Extractor) -> tuple[Extractor, ...]:
    return part.parts if isinstance(part, CombinedExtractor) else (part,)


def _check(fingerprints: Sequence[str]) -> None:
    if not fingerprints:
        raise ConfigError("combined extractors", "parts", "at least one is needed, got none")
    [(fingerprint, count)] = Counter(fingerprints).most_common(1)
    if count > 1:
        raise ConfigError("combined extractors", "parts", f"{fingerprint} is given {count} times; name it once")
