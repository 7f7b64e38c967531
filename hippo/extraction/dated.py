"""Relative dates of turns: "yesterday" is another day in each of them, so facts say which."""

from dataclasses import replace

from hippo.dates import DateInText, find_dates
from hippo.ids import entity_key
from hippo.types import Chunk, Extraction, ExtractionFailure, Fact, Mention

__all__ = ["dated"]


def dated(chunk: Chunk, outcome: Extraction | ExtractionFailure) -> Extraction | ExtractionFailure:
    """What was found in a turn, with the days that its relative dates mean; of any other chunk, what was found.

    A fact whose evidence says "yesterday" gets the day at the end of its text and as an entity, which is related to the
    first of its entities.

    Args:
        chunk: The chunk.
        outcome: What an extractor made of it.
    """
    if chunk.said is None or isinstance(outcome, ExtractionFailure):
        return outcome
    found = [one for one in find_dates(chunk.text, chunk.said) if one.relative]
    if not found:
        return outcome
    facts = tuple(_with_dates(fact, found) for fact in outcome.facts)
    keys = dict.fromkeys(one.span.name for one in found if _is_entity(one))
    # The text does not name them, so they have no place in it.
    mentions = [Mention(entity_key(name), name, -1, -1) for name in keys]
    return replace(outcome, mentions=(*outcome.mentions, *mentions), facts=facts)


def _is_entity(one: DateInText) -> bool:
    """Days, months and years are entities: others mention them too."""
    return " to " not in one.span.name


def _with_dates(fact: Fact, found: list[DateInText]) -> Fact:
    own = [one for one in found if fact.start <= one.start < fact.end]
    if not own:
        return fact
    names = dict.fromkeys(one.span.name for one in own)
    keys = [key for one in own if _is_entity(one) and (key := entity_key(one.span.name)) not in fact.entities]
    entities = tuple(dict.fromkeys([*fact.entities, *keys]))
    related = tuple((fact.entities[0], key) for key in dict.fromkeys(keys)) if fact.entities else ()
    return replace(
        fact, text=f"{fact.text} ({', '.join(names)})", entities=entities, relations=(*fact.relations, *related)
    )
