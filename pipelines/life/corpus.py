"""A made-up corpus of any size: the same seed and number give the same document."""

import random
from collections.abc import Iterable, Iterator

from hippo import Document

__all__ = ["document", "documents", "question"]

_STARTS = "Bel Cor Dar El Fen Gor Hal Is Jor Kel Lor Mar Nor Or Pel Quin Ros Sel Tor Ul Ver Wes Yor Zan".split()
_MIDDLES = "a ana e eri i ilo o ora u uma".split()
_ENDS = "den dra field ford gate ham lin mere mont nor rick stad ton ville wick".split()
_GIVEN = "Ada Boris Clara Dmitri Elena Felix Greta Hugo Irma Jonas Karin Leon Mara Nils Olga Pavel Rosa Stefan".split()
_PLACES = "village harbour town fortress valley island".split()
_WORKS = "bridge observatory library cathedral railway archive opera house".split()
_SENTENCES = (
    "{person} was born in {place}, a small {kind} near the river {river}, in {year}.",
    "After several years abroad {person} designed the {work} of {place}, which was finished in {year}.",
    "Together with {other} she founded the {work} company, whose first office stood in {far}.",
    "The letters that {other} wrote from {far} are kept in the {work} of {place} today.",
    "In {year} the people of {place} and {far} signed the treaty that {other} had prepared.",
    "{person} later taught at the university of {far}, where {other} was among the students.",
    "A storm destroyed most of the {kind} in {year}, but the {work} and the old market survived.",
    "The river {river} flows from {far} to {place} and was long the only road for merchants.",
)


def document(number: int, seed: int = 0) -> Document:
    """Document `number`: one passage of five sentences about a person and two places, which others mention too."""
    chance = random.Random(f"{seed} {number}")  # noqa: S311
    # Names come from a range that grows with the corpus, so that passages share them as those of an encyclopedia do.
    names = {
        "person": _person(number),
        "other": _person(chance.randrange(max(number, 7))),
        "place": _place(number // 3),
        "far": _place(chance.randrange(max(number // 3, 5))),
        "river": _place(-1 - number // 40),
    }
    sentences = chance.sample(_SENTENCES, 5)
    text = " ".join(
        one.format(**names, kind=chance.choice(_PLACES), work=chance.choice(_WORKS), year=1700 + chance.randrange(300))
        for one in sentences
    )
    return Document(text, id=f"{number:06}", title=names["person"], metadata={"number": number})


def documents(numbers: Iterable[int], seed: int = 0) -> Iterator[Document]:
    """Documents with these numbers."""
    return (document(number, seed) for number in numbers)


def question(number: int) -> str:
    """A question of two steps about document `number`."""
    return f"Which river flows by the place where {_person(number)} was born?"


def _person(number: int) -> str:
    chance = random.Random(f"person {number}")  # noqa: S311
    return f"{chance.choice(_GIVEN)} {_name(chance)}"


def _place(number: int) -> str:
    return _name(random.Random(f"place {number}"))  # noqa: S311


def _name(chance: random.Random) -> str:
    return chance.choice(_STARTS) + chance.choice(_MIDDLES) + chance.choice(_ENDS)
