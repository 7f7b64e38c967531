"""Which statements leave no room for another object, by rules for English.

Somebody lives in one place at a time and meets many people. So "Ann lives in Rome" and "Ann lives in Oslo" contradict
each other, "Ann met Ben" and "Ann met Eve" do not. A statement has room for one object alone if it tells

* a state ("lives in", "works for", "is led by"), but one that holds of many things at once ("likes", "knows", "has")
  only where the objects are numbers: "It has 300 workers";
* a change by its outcome, which is a state ("moved to", "became", "was appointed");
* what happens once ("was born in", "was founded by").

There is room for others if it tells an event ("met", "said", "has visited", "is learning") or what is over ("was head
of", "used to live in"), asks, or supposes. Triples are judged by their predicates. Texts in other languages are taken
for states.
"""

import re
from collections.abc import Sequence
from typing import Literal

from hippo.retrieval.statements import past_verb

__all__ = ["Room", "numbers_apart", "room", "room_of_predicate", "tells_no_object"]

Room = Literal["one", "number", "many"]
"""What a statement leaves room for: no second object, no second number, or many objects."""

_BE = r"(?:am|is|are|was|were|been|being|gets?|got)"
_SUPPOSED = re.compile(
    r"\b(?:if|unless|might|could|would|should|maybe|perhaps|wish(?:es|ed)?|hopes?|imagines?|suppos(?:e|es|ed|edly)|pretends?"
    r"|(?-i:may)\s(?-i:[a-z]))",
    re.IGNORECASE,
)
_ONCE = re.compile(
    r"\bborn\b|\b(?:dies?|died)\s(?:in|on|at|of|from)\b"
    r"|\b(?:founded|established|built|created|invented|written|composed|painted|directed|designed|published|released"
    r"|discovered|buried|baptised|baptized)\s(?:in|on|at|by)\b",
    re.IGNORECASE,
)
_OUTCOME = re.compile(
    r"\b(?:moved|relocated|emigrated|transferred|switched|changed)\b[^.;]{0,40}?\bto\b|\bsettled\s(?:in|down)\b"
    r"|\b(?:become|becomes|became|married|turned\sinto|renamed)\b"
    rf"|\b{_BE}\s(?:appointed|named|elected|promoted|crowned)\b",
    re.IGNORECASE,
)
_OVER = re.compile(r"\b(?:was|were|used\sto|grew\sup|formerly|had\sbeen)\b", re.IGNORECASE)
_STATE = re.compile(
    r"\b(?:located|based|situated|headquartered|married|engaged|employed|owned|led|headed|ruled|governed|named|called|known"
    r"|spoken|worn|valued|priced|dated)\s(?:in|at|on|to|by|with|as|after|near)\b",
    re.IGNORECASE,
)
"""Participles that stand for "is located in" and the like, as predicates of triples do."""
_PERFECT = re.compile(
    r"\b(?:has|have|['’]ve|had)\s(?:\w+ly\s|just\s|already\s|also\s)?(?P<participle>\w+)", re.IGNORECASE
)
_PARTICIPLE = re.compile(
    r"\w{2,}ed|been|gone|seen|met|heard|taken|given|come|found|made|told|said|read|written|eaten|drunk|driven|sung|spoken"
    r"|bought|brought|won|lost|left|done|begun|broken|chosen|flown|known|run|sent|sold|taught|thought|worn",
    re.IGNORECASE,
)
_GOING_ON = re.compile(
    r"(?:\b(?:am|is|are)|['’](?:m|re|s))\s(?:\w+ly\s|just\s|also\s|still\s|now\s)?(?P<verb>\w{2,}ing)\b", re.IGNORECASE
)
_LASTING = re.compile(r"(?:liv|work|stay|resid|dat|serv|rent|study|own|manag|lead)ing", re.IGNORECASE)
_LASTS = re.compile(r"\bsince\b|\bbeen\b(?!\sto\b)", re.IGNORECASE)
_MANY = (
    "have|has|own|like|love|enjoy|adore|hate|dislike|prefers?\\sto|know|understand|speak|contain|include|comprise|mention|cite"
    "|use|need|want|see|watch|hear|meet|visit|read|write|say|tell|ask|think|believe|feel|find|make|produce|sell|buy|eat"
    "|drink|cook|collect|support|follow|help|play|sing|call|give|get|take|go|come|build|offer|border|flow|consist"
)
_OTHER = (
    "am|is|are|live|stay|reside|dwell|work|serve|lead|head|run|manage|teach|study|studie|attend|belong|cost|weigh|lie|sit"
    "|stand|employ|drive|ride|hold|keep|lack|date|coach|chair|rule|govern|direct|earn|pay|plan|wear|rent|prefer|remain"
    "|equal|measure|close|open|start|begin|end|last"
)
_VERB = re.compile(rf"\b(?:(?P<many>(?:{_MANY})(?:e?s)?)|(?:{_OTHER})(?:e?s)?)\b", re.IGNORECASE)
_VERBS = re.compile(
    rf"(?:{_MANY}|{_OTHER}|was|were|do|does|did|will|can|met|saw|said|went|had|heard|got|bought|took|gave|came|found|made|told"
    r"|thought|knew|felt|left|lost|won|ran|ate|drank|drove|wrote|sang|spoke|stood|sat|sent|sold|taught|became)(?:e?s)?",
    re.IGNORECASE,
)
_NUMBERS = frozenset(
    "one two three four five six seven eight nine ten eleven twelve twenty hundred thousand million".split()
)
_SOLE = re.compile(r"(?:lead|head|run|manage|chair|rule|govern|direct|own|coach|teache?)s")
"""Verbs of which an object has one subject."""
_COPULAS = frozenset(("am", "is", "are", "m", "re", "s"))
_LEAST_WORDS = 3
"""Words of a subject and a relation: "my name is"."""
_DEICTIC = frozenset("today tonight tomorrow yesterday now morning afternoon evening this last next later soon".split())


def room(sentence: str) -> Room:
    """What a sentence leaves room for, beside what it says.

    Examples:
        >>> [room(text) for text in ("Ann lives in Rome.", "I moved to Oslo.", "It has 3 doors.")]
        ['one', 'one', 'number']
        >>> {room(text) for text in ("Ann met Ben.", "I have been to Rome.", "Ann likes tea.", "Is Ann in Rome?")}
        {'many'}
    """
    told = sentence.strip()
    if told.endswith("?") or _SUPPOSED.search(told):
        return "many"
    if _ONCE.search(told) or _OUTCOME.search(told):
        return "one"
    if _OVER.search(told):
        return "many"
    if _in_perfect(told):
        return "one" if _LASTS.search(told) else "many"
    # The first verb is that of the sentence: "We adopted a dog that is called Otis" tells an event.
    first, state, past = _VERB.search(told), _STATE.search(told), past_verb(told)
    if past < (first.start() if first else len(told)) and (state is None or state.start() > past):
        return "many"
    if (going_on := _GOING_ON.search(told)) and not _LASTING.fullmatch(going_on["verb"]):
        return "many"
    if first is None or not first["many"]:
        return "one"
    return "number" if any(map(_is_number, told.split())) else "many"


def room_of_predicate(predicate: str, object_: str) -> Room:
    """The same of a triple: the object of "has" may be a number of something.

    Examples:
        >>> [room_of_predicate(*one) for one in (("works for", "Acme"), ("visited", "Rome"), ("located in", "Rome"))]
        ['one', 'many', 'one']
    """
    found = room(predicate)
    return "number" if found == "many" and _is_state(predicate) and any(map(_is_number, object_.split())) else found


def tells_no_object(words: Sequence[str], before: Sequence[str], after: Sequence[str], left: Room) -> bool:
    """Whether words in which two sentences differ are not what they say of their subject.

    That is so if there is a verb among them, since then they tell two relations; if all are days as they are called on
    the day; if they begin, so that the subjects differ, but of what has one of the kind: "Ann leads it", "Ann is the
    head of it"; and, unless they are numbers, if there is room for many objects, or all that comes before is
    that something is, which is no relation: "I am happy", "I am in a choir".

    Args:
        words: In which they differ.
        before: All words before these, from the subject on.
        after: All words after them.
        left: What the sentence leaves room for.

    Examples:
        >>> [tells_no_object([one], ["i", "live", "in"], [], "one") for one in ("work", "today", "rome")]
        [True, True, False]
        >>> [tells_no_object([one], before, [], "one") for one, before in (("happy", ["i", "am"]), ("30", ["i", "am"]))]
        [True, False]
    """
    if not before and not (after and (_SOLE.fullmatch(after[0]) or (after[0] in _COPULAS and "the" in after[1:2]))):
        return True
    if all(map(_is_number, words)):
        return False
    if left == "number" or (before and before[-1] in _COPULAS and len(before) < _LEAST_WORDS):
        return True
    return any(map(_VERBS.fullmatch, words)) or _DEICTIC.issuperset(words)


def numbers_apart(text: str) -> tuple[str, str]:
    """The numbers of a text, and the rest of it.

    Examples:
        >>> numbers_apart("about 300 workers")
        ('300', 'about workers')
    """
    words = text.split()
    found, rest = ([word for word in words if _is_number(word) is wanted] for wanted in (True, False))
    return " ".join(found), " ".join(rest)


def _in_perfect(sentence: str) -> bool:
    found = _PERFECT.search(sentence)
    return found is not None and bool(_PARTICIPLE.fullmatch(found["participle"]))


def _is_state(predicate: str) -> bool:
    """Whether a predicate is one of those that hold of many things at once, and no event."""
    return _VERB.match(predicate) is not None and past_verb(predicate) == len(predicate)


def _is_number(word: str) -> bool:
    bare = word.strip(".,;:!?%()$€£")
    return any(character.isdigit() for character in bare) or bare.casefold() in _NUMBERS
