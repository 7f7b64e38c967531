"""Extraction by a language model (open information extraction): named entities first, then triples about them.

As in HippoRAG (arXiv 2405.14831, section 2.3) the entities are asked for in a request of their own and shown with the
passage when triples are asked for; one request for both is the cheaper choice. A reply that breaks off is asked for
again in two halves of the passage, one that cannot be read is shown to the model with what is wrong with it, and one
in which no answer had begun when the tokens were spent, since the model thought too long, is asked for with more room.
"""

import asyncio
from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace

from hippo import background
from hippo.documents.sentences import sentence_spans
from hippo.errors import ConfigError, LLMReplyError, LLMRequestError, LLMUnavailableError
from hippo.extraction.language import detect_language
from hippo.extraction.parse import NOTHING, Reply, names_of, read_reply, triples_of
from hippo.extraction.places import Places
from hippo.extraction.prompts import ENTITIES, ENTITIES_AND_TRIPLES, TRIPLES, Prompt, ask_again
from hippo.extraction.triples import extraction_of
from hippo.protocols import LLM, Dialogue
from hippo.types import Chunk, Completion, Extraction, ExtractionFailure, LLMRequest, Triple

__all__ = ["LLMExtractor", "converse"]

_VERSION = "2"
_CUT = "reply cut off"
_OPTIONS = {"entities": "entity_tokens", "triples": "triple_tokens"}
_MORE_ROOM = 4
"""Times as many tokens for a model that spent all of them before it answered."""


class LLMExtractor:
    """Asks a language model for the entities and triples of each chunk.

    Args:
        llm: The model.
        calls: Requests for a chunk: 2, entities and then triples, or 1 for both at once.
        language: In which triples are written, in words that the model knows ("French"); "": that of the passage.
        entity_tokens: Most tokens of a reply with entities, at least 1; where the model has spent them before its
            answer begins, it is asked once more and may take four times as many.
        triple_tokens: The same for a reply with triples; a reply with both may have the sum.
        repairs: How often the model is asked again, for one text, after a reply that cannot be used.
        max_depth: How often a text is halved because the reply about it broke off.

    Raises:
        ConfigError: A number is out of range.
    """

    def __init__(
        self,
        llm: LLM,
        *,
        calls: int = 2,
        language: str = "",
        entity_tokens: int = 512,
        triple_tokens: int = 2048,
        repairs: int = 1,
        max_depth: int = 3,
    ) -> None:
        where = type(self).__name__
        if calls not in (1, 2):
            raise ConfigError(where, "calls", f"must be 1 or 2, got {calls}")
        numbers = (("entity_tokens", entity_tokens, 1), ("triple_tokens", triple_tokens, 1))
        for name, value, least in (*numbers, ("repairs", repairs, 0), ("max_depth", max_depth, 0)):
            if value < least:
                raise ConfigError(where, name, f"must be at least {least}, got {value}")
        self.llm = llm
        self._language = language.strip()
        self._repairs = repairs
        self._max_depth = max_depth
        self._prompts = (ENTITIES, TRIPLES) if calls == 2 else (ENTITIES_AND_TRIPLES,)
        self._tokens = {"entities": entity_tokens, "triples": triple_tokens}

    @property
    def requests_per_chunk(self) -> int:
        """Requests that a chunk takes where all goes well: one or two."""
        return len(self._prompts)

    @property
    def fingerprint(self) -> str:
        """Version, calls, prompts and language, then the model's own fingerprint."""
        prompts = "+".join(prompt.name for prompt in self._prompts)
        return f"llm/{_VERSION}/{len(self._prompts)}/{prompts}/{self._language}/{self.llm.fingerprint}"

    def extract(self, chunks: Sequence[Chunk]) -> list[Extraction | ExtractionFailure]:
        """One outcome per chunk, in order; all chunks are asked about at once.

        Raises:
            LLMRefusedError: The model refuses every request.
            LLMBudgetError: The limit on what may be spent was reached.
        """
        return background.run(self._extract(chunks))

    def dialogue(self, chunk: Chunk) -> Dialogue:
        """The conversation about one chunk.

        A model's `LLMUnavailableError`, `LLMRequestError` or `LLMReplyError` may be thrown into it: it then returns the
        failure of the chunk. A chunk without text needs no request.

        Returns:
            The extraction; `dropped` counts what `names_of`, `triples_of` and `extraction_of` throw away, be it
            everything, and "reply cut off" where a single sentence was too much for one reply and its last facts are
            missing. A failure where the replies could not be read, or the provider withheld one.
        """
        try:
            found = _Found()
            for prompt in self._prompts if chunk.text.strip() else ():
                entities = _standing(chunk, found.entities) if prompt.listed else ()
                found += yield from self._ask(prompt, chunk, chunk.text, entities, 0)
        except (LLMUnavailableError, LLMRequestError, LLMReplyError) as error:
            return ExtractionFailure(chunk.id, str(error))
        return extraction_of(chunk, found.entities, found.triples, found.dropped)

    async def _extract(self, chunks: Sequence[Chunk]) -> list[Extraction | ExtractionFailure]:
        tasks = [asyncio.ensure_future(converse(self.dialogue(chunk), self.llm)) for chunk in chunks]
        try:
            return await asyncio.gather(*tasks)
        except BaseException:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise

    def _ask(
        self, prompt: Prompt, chunk: Chunk, text: str, entities: Sequence[str], depth: int
    ) -> Generator[LLMRequest, Completion, "_Found"]:
        """Ask about a text until the reply can be used, or its halves where the reply breaks off."""
        tokens = sum(self._tokens[key] for key in prompt.keys)
        first = prompt.request(text, title=chunk.title, entities=entities, language=self._language, max_tokens=tokens)
        request, problem, useless = first, "", None
        for _ in range(self._repairs + 1):
            completion, reply = yield from self._reply(prompt, request)
            is_cut = reply.cut or (completion.finish == "length" and not reply.whole)
            halves = _halves(text) if is_cut and depth < self._max_depth else ()
            if halves:
                found = _Found()
                for half in halves:
                    found += yield from self._ask(prompt, chunk, half, entities, depth + 1)
                return found
            found, problem = _valid(reply, is_cut)
            if not problem:
                return found
            if reply.problem is None:
                useless = found
            request = ask_again(first, completion.text, problem)
        if useless is None:
            raise self._failed(prompt, problem)
        # What the model stands by can be read: that nothing in it is of use is counted, and asking once more is no use.
        return useless

    def _reply(
        self, prompt: Prompt, request: LLMRequest
    ) -> Generator[LLMRequest, Completion, tuple[Completion, Reply]]:
        """A reply in which an answer has begun: models that think may spend all tokens before."""
        for room in (1, _MORE_ROOM):
            asked = replace(request, max_tokens=room * request.max_tokens)
            completion = yield asked
            if completion.finish == "filtered":
                raise self._failed(prompt, "the provider withheld it")
            reply = read_reply(completion.text, prompt.keys)
            if completion.finish != "length" or reply.problem != NOTHING:
                return completion, reply
        options = " and ".join(_OPTIONS[key] for key in prompt.keys)
        spent = f"all of {asked.max_tokens} tokens were spent before an answer began"
        raise self._failed(prompt, f"{spent}. Raise {options}, or let the model think less")

    def _failed(self, prompt: Prompt, problem: str) -> LLMReplyError:
        return LLMReplyError(self.llm.model, " and ".join(prompt.keys), problem)


async def converse(dialogue: Dialogue, llm: LLM) -> Extraction | ExtractionFailure:
    """Hold a dialogue with a model, to its end.

    Args:
        dialogue: Of a `DialogueExtractor`, not begun yet.
        llm: Who answers.

    Returns:
        The outcome; a failure where the model did not answer or refused a request, if the dialogue handles the error
        that is thrown into it as those of `LLMExtractor` do.

    Raises:
        LLMRefusedError: The model refuses every request.
        LLMBudgetError: The limit on what may be spent was reached.
    """
    try:
        request = next(dialogue)
        while True:
            try:
                completion = await llm.complete(request)
            except (LLMUnavailableError, LLMRequestError, LLMReplyError) as error:
                request = dialogue.throw(error)
            else:
                request = dialogue.send(completion)
    except StopIteration as end:
        outcome: Extraction | ExtractionFailure = end.value
        return outcome
    finally:
        dialogue.close()


@dataclass(frozen=True, slots=True)
class _Found:
    """What replies gave, and what of them was thrown away."""

    entities: tuple[str, ...] = ()
    triples: tuple[Triple, ...] = ()
    dropped: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: "_Found") -> "_Found":
        return _Found(self.entities + other.entities, self.triples + other.triples, self.dropped + other.dropped)


def _valid(reply: Reply, is_cut: bool) -> tuple[_Found, str]:
    """What is valid in a reply, and why it should be asked for again, "" if it need not be.

    Lists that hold nothing valid are not the same as empty lists.
    """
    if reply.problem:
        return _Found(), reply.problem + (", since it was cut off" if is_cut else "")
    lists = {key: list(items) for key, items in reply.lists.items()}
    dropped: Counter[str] = Counter()
    if is_cut:
        dropped[_CUT] += 1
        # The last item may be half of itself, and a shorter name is another name.
        del lists[list(lists)[-1]][-1:]
    entities, bad_names = names_of(lists.get("entities", ()))
    triples, bad_triples = triples_of(lists.get("triples", ()))
    found = _Found(tuple(entities), tuple(triples), dropped + bad_names + bad_triples)
    for key, valid, bad in (("entities", entities, bad_names), ("triples", triples, bad_triples)):
        if bad and not valid:
            return found, f'no item of "{key}" is usable: {", ".join(bad)}'
    return found, ""


def _standing(chunk: Chunk, names: Sequence[str]) -> list[str]:
    """The names that the passage holds, each once."""
    places = Places(chunk.passage)
    return [name for name in dict.fromkeys(names) if places.of(name)]


def _halves(text: str) -> tuple[str, ...]:
    """The text cut between two sentences, as near its middle as possible; nothing for a single sentence."""
    ends = [end for _, end in sentence_spans(text, detect_language(text))[:-1]]
    if not ends:
        return ()
    cut = min(ends, key=lambda end: abs(2 * end - len(text)))
    return text[:cut], text[cut:]
