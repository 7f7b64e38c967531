"""What the sentences of a turn tell of whom, by rules for English.

"Where does Ann live?" asks what holds of Ann now. Of what she says, that is told by sentences that state it of herself
("I live in Rome", "the two of us are happy there") or that it has changed ("I moved to Rome"). It is not told by those
about an event ("I heard a concert in Rome yesterday"), about what is over ("I grew up in Rome"), about somebody else
("my sister lives in Rome", "the neighbours moved to Rome"), and by questions.

Sentences in other languages tell nothing here.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from hippo.documents.sentences import sentence_spans
from hippo.ids import entity_key

__all__ = [
    "RELATIONS",
    "Statement",
    "asks_what_holds",
    "past_verb",
    "persons_in",
    "relations_of",
    "speaks_of_self",
    "statements",
]

_PERSON = (
    "mother|father|mum|mom|dad|parent|sister|brother|sibling|cousin|aunt|uncle|grandmother|grandfather|grandma|grandpa|"
    "grandparent|grandson|granddaughter|grandchild|daughter|son|child|kid|children|baby|nephew|niece|husband|wife|"
    "partner|girlfriend|boyfriend|fianc[eé]e?|friend|neighbou?r|colleague|co-?worker|boss|manager|teacher|flatmate|"
    "room-?mate|doctor|dentist|landlord|landlady|therapist|ex"
)
_PERSONS = re.compile(rf"\b({_PERSON})s?\b", re.IGNORECASE)
_OWN_PERSON = re.compile(rf"\b(?:my|our)\s(?:\w+\s){{0,2}}?(?:{_PERSON})s?\b", re.IGNORECASE)
_FIRST = re.compile(r"\b(?:i|we|me|(?-i:[Uu]s)|i['’](?:m|ve|ll|d)|we['’](?:re|ve|ll|d))\b", re.IGNORECASE)
_OWN = re.compile(r"\b(?:my|our|(?:is|are|was|were|of)\smine|ours)\b", re.IGNORECASE)
_SOMEBODY = re.compile(
    r"\W*(?:an?|the|some|somebody|someone|nobody|no\sone|people|they|he|she|it|his|her|their|this|that|there|these|those"
    r"|what|how|no)\b",
    re.IGNORECASE,
)
_NAME_FIRST = re.compile(
    r"\W*(?P<name>[A-Z][\w.’'-]*(?:\s[A-Z][\w.’'-]*){0,2})\s"
    r"(?:is|are|was|were|has|have|had|does|did|will|can|says?|said|[a-z]+(?:s|ed))\b"
)
_ASIDE = re.compile(
    r"(?:^|[,;–-])\s*(?:(?:as\s)?(?:i|you)\s(?:just\s|only\s)?(?:think|guess|believe|suppose|hope|know|learned|learnt"
    r"|heard|read|see|mean|say|said|fear|swear)|by\sthe\sway)\b(?=\W*$|,)",
    re.IGNORECASE,
)
"""What is put in and tells nothing: ", I think", "as you know"."""

_IRREGULAR = (
    "was|were|had|went|met|saw|heard|got|bought|took|gave|came|found|made|told|said|thought|knew|felt|left|lost|won|ran|"
    "ate|drank|drove|wrote|sang|slept|spoke|stood|sat|sent|sold|spent|taught|fell|flew|grew|broke|built|began|became|"
    "brought|caught|chose|did|wore|swam|rode|rose|paid|held|kept|led|lent|hid|hung|dreamt|burnt|learnt|quit|stole|forgot|"
    "could|would"
)
_PAST = re.compile(rf"\b(?:{_IRREGULAR}|[a-z]{{2,}}ed)\b", re.IGNORECASE)
_PRESENT = re.compile(
    r"\b(?:i['’](?:m|ll)|we['’](?:re|ll)|it['’]s|am|is|are|have|has|do|does|will|go|going)\b"
    r"|\b(?:i|we|they)\s(?:(?:also|always|still|usually|often|never|really|only|just|now|finally|already|mostly)\s)?"
    r"(?P<verb>[a-z]+)\b",
    re.IGNORECASE,
)
_OVER = re.compile(r"\b(?:was|were|used\sto|grew\sup)\b", re.IGNORECASE)
_ASKS_OVER = re.compile(r"\b(?:did|was|were|had)\b", re.IGNORECASE)
_CHANGED = re.compile(
    r"\b(?:mov(?:ed|ing)|started|began|quit|left|became|chang(?:ed?|ing)|switch(?:ed|ing)|swapped|traded|sold|bought|got"
    r"|joined|g[ai]ven?\sup|t(?:ook|aken)\sup|dropped|stopped|closed|opened|cancell?ed|postponed|replaced|hired|promoted"
    r"|settled|packed|adopted|ended|finished|br(?:oke|oken)\sup|retired|died|turned\sinto|talked\s\w+\sinto|signed\sup"
    r"|went\sback|took\sover|lost\smy|booked|reserved|arranged|decided|chosen?|ordered|married|engaged)\b",
    re.IGNORECASE,
)
"""Verbs whose outcome holds on."""
_NOW = re.compile(
    r"\b(?:now|instead|any\s?more|no\slonger|new|after\sall|finally|at\slast|from\s(?:now|today)\son|since|these\sdays"
    r"|currently|again|meanwhile|yet)\b",
    re.IGNORECASE,
)

RELATIONS = tuple(
    re.compile(rf"\b(?:{'|'.join(words)})\b", re.IGNORECASE)
    for words in (
        (
            r"(?<!for\sa\s)liv(?:e|es|ed|ing)|homes?|flat|apartment|based|resid\w+|mov(?:e|es|ed|ing)|relocat\w+",
            r"settl(?:e|ed|ing)|rent(?:s|ed|ing)?|town|city|address|neighbou?rhood",
        ),
        (
            r"work(?:s|ed|ing|place)?|jobs?|employ\w*|hir(?:e|es|ed|ing)|profession|career|occupation|salary",
            r"pa(?:y|ys|id)\s(?:me|us)|quit|resign\w*|retir\w+|promot\w+|for\sa\sliving|bec(?:ame|ome)\san?",
        ),
        (
            r"dat(?:e|es|ing)|marr(?:y|ies|ied|iage)|wife|husband|(?:girl|boy)friend|partner|engaged|divorc\w+|single",
            r"br(?:eak|oke|oken)\sup|relationship|together\swith",
        ),
        (r"stud(?:y|ies|ied|ying)|universit\w+|college|degree|school|course|class(?:es)?",),
        (r"holidays?|vacation|summer|trip|travel\w*|journey|book(?:ed|ing)?",),
        (r"cars?|driv(?:e|es|ing)|drove|vehicle",),
        (r"sports?|exercis\w*|gym|work(?:s|ing)?\sout|train(?:s|ing)?",),
        (r"eat(?:s|ing)?|diet|vegetarian|vegan|meat|food",),
        (r"pets?|dogs?|cats?|puppy|kitten",),
        (r"instruments?|play(?:s|ing)?|music\w*|violin|piano|guitar",),
    )
)
"""Relations in which persons stand to what changes most in their lives, by the words for them: residence, occupation,
partner, studies, travel, vehicle, exercise, food, pets, music."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What a sentence tells.

    Attributes:
        own: Whether it is about its speaker.
        persons: Those whom it names by what they are to the speaker ("my sister"), in the singular.
        name: Key of the name that it is about, which it begins with; "": none.
        holds: Whether what it tells holds on.
        changed: Whether it tells that something has changed.
        relations: Numbers of the relations that it names.
    """

    own: bool
    persons: frozenset[str]
    name: str
    holds: bool
    changed: bool
    relations: frozenset[int]


def asks_what_holds(text: str) -> bool:
    """Whether a turn ends with a question that does not ask for what is over."""
    last = text.rstrip()
    if not last.endswith("?"):
        return False
    start, end = list(sentence_spans(last, "en"))[-1]
    return not _ASKS_OVER.search(last[start:end])


@lru_cache(maxsize=1 << 14)
def statements(text: str) -> tuple[Statement, ...]:
    """What the sentences of a turn tell; those that tell nothing of anybody are left out.

    Examples:
        >>> [(one.own, one.holds, one.changed) for one in statements("I live in Rome. I moved there. I was in Oslo.")]
        [(True, True, False), (True, True, True), (True, False, False)]
        >>> statements("My sister lives in Rome.")[0].persons
        frozenset({'sister'})
        >>> statements("The neighbours are moving out, I think. Who are they?")
        ()
    """
    found = (_statement(text[start:end]) for start, end in sentence_spans(text, "en"))
    return tuple(one for one in found if one is not None)


def _statement(sentence: str) -> Statement | None:
    told = _ASIDE.sub("", sentence).strip()
    if told.endswith("?"):
        return None
    own, name = bool(_FIRST.search(told)), ""
    persons = persons_in(told) if own or _OWN_PERSON.search(told) else frozenset[str]()
    if not own and not persons:
        if _OWN.search(told) and not _SOMEBODY.match(told):
            own = True
        elif not _SOMEBODY.match(told) and (match := _NAME_FIRST.match(told)):
            name = entity_key(match["name"])
        if not own and not name:
            return None
    holds, changed = _tense(told)
    return Statement(own, persons, name, holds, changed, relations_of(told))


def _tense(sentence: str) -> tuple[bool, bool]:
    """Whether what a sentence tells holds on, and whether it tells a change."""
    if _CHANGED.search(sentence):
        return True, True
    if _in_present(sentence) and _NOW.search(sentence):
        return True, True
    return not _OVER.search(sentence) and (_in_present(sentence) or not _PAST.search(sentence)), False


def _in_present(sentence: str) -> bool:
    verbs = (match["verb"] for match in _PRESENT.finditer(sentence))
    return any(not (verb and _PAST.fullmatch(verb)) for verb in verbs)


def past_verb(sentence: str) -> int:
    """Where the first verb in the past is, as far as they are known; the length of the sentence where none is.

    Examples:
        >>> past_verb("Ann met Ben."), past_verb("Ann is here.")
        (4, 12)
    """
    found = _PAST.search(sentence)
    return len(sentence) if found is None else found.start()


def relations_of(text: str) -> frozenset[int]:
    """Numbers of the relations that a text names."""
    return frozenset(number for number, words in enumerate(RELATIONS) if words.search(text))


def persons_in(text: str) -> frozenset[str]:
    """Nouns for persons in a text, in the singular.

    Examples:
        >>> sorted(persons_in("Where do Ann's parents live, and who is her boss?"))
        ['boss', 'parent']
    """
    return frozenset(one.lower() for one in _PERSONS.findall(text))


def speaks_of_self(text: str) -> bool:
    """Whether a text says "I", "we" or "my"."""
    return bool(_FIRST.search(text) or _OWN.search(text))
