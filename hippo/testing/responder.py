"""A stand-in for a language model: rules that answer hippo's own prompts from what stands in them.

Names are runs of capitalised words, a triple is two names and the words between them, a fact or sentence is of use if
it shares words with the question. That is enough to drive every stage on real texts, and the same request always gets
the same reply. Prompts are told apart by the form of their messages, since a prompt's name does not travel over HTTP.
"""

import json
from collections.abc import Callable
from itertools import pairwise

import regex

from hippo.types import LLMRequest

__all__ = ["Respond", "respond"]

Respond = Callable[[LLMRequest], str]
"""Makes the text of a reply to a request."""

_FACTS = regex.compile(r'\AQuestion: (".*?")\nFacts:\n(.*)\Z', regex.DOTALL)
_FACT = regex.compile(r'^(\d++): (".*")$', regex.MULTILINE)
_CODE = regex.compile(r"\A([0-9a-f]{8,})\n")
_MARKED = regex.compile(r"<(title|text)-([0-9a-f]+)>\n(.*?)\n</\1-\2>", regex.DOTALL)
_SENTENCE = regex.compile(r"[^.!?。！？\n]++[.!?。！？]*+")
_WORD = regex.compile(r"\w++")
# Capitalised words in a row, numbers, and words of scripts without capitals.
_NAME = regex.compile(
    r"\p{Lu}[\w'’-]*+(?: (?:(?:of|the|de|la|von|van|der) )?\p{Lu}[\w'’-]*+)*+|\d++|\p{Lo}[\p{Lo}\p{M}]{1,7}"
)
_STOP = frozenset(
    "a about after all also an and are as at be been before but by did do does for from had has have he her his how i "
    "if in into is it its many much no not of on or our she so than that the their them then there these they this "
    "those to was we were what when where which while who whom whose why will with would you your".split()
)
_LONGEST = 8  # words of a predicate
_THOUGHTS = 2


def respond(request: LLMRequest) -> str:
    r"""The reply to a request: to one of hippo's prompts what it asks for, to any other its last message's beginning.

    Examples:
        >>> from hippo.types import Message
        >>> facts = 'Question: "Where was Ada born?"\nFacts:\n1: "Ulm is on the Danube."\n2: "Ada was born in London."'
        >>> respond(LLMRequest((Message("user", facts),), 100, "recognition/1"))
        '{"keep": [2]}'
    """
    asked = [message.content for message in request.messages if message.role == "user"]
    system = "\n".join(message.content for message in request.messages if message.role == "system")
    for text in reversed(asked):  # after an unusable reply the last message is a complaint
        if facts := _FACTS.match(text):
            return _choose(facts[1], facts[2])
        if code := _CODE.match(text):
            return _read(code[1], text, system)
        if marked := _MARKED.findall(text):
            return _extract({name: part for name, _, part in marked}, system)
    return next((found[0].strip() for found in _SENTENCE.finditer(asked[-1] if asked else "") if found[0].strip()), "")


def _extract(parts: dict[str, str], system: str) -> str:
    """The lists that the system message shows, of a passage with its title."""
    title, sentences = parts.get("title", ""), _SENTENCE.findall(parts.get("text", ""))
    found = {"entities": _entities(title, sentences), "triples": _triples(title, sentences)}
    return json.dumps({key: items for key, items in found.items() if f'"{key}": [' in system}, ensure_ascii=False)


def _entities(title: str, sentences: list[str]) -> list[str]:
    names = [title, *(sentence[start:end] for sentence in sentences for start, end in _names(sentence))]
    return list(dict.fromkeys(name for name in names if name.strip()))


def _triples(title: str, sentences: list[str]) -> list[list[str]]:
    triples = []
    for sentence in sentences:
        names = _names(sentence)
        if names and title and sentence[slice(*names[0])] != title:
            triples.append([title, "speaks of", sentence[slice(*names[0])]])
        for (start, end), (after, last) in pairwise(names):
            words = _WORD.findall(sentence[end:after])[:_LONGEST]
            triples.append([sentence[start:end], " ".join(words) or "and", sentence[after:last]])
    return triples


def _names(sentence: str) -> list[tuple[int, int]]:
    """Where the names of a sentence begin and end; a small word that opens the sentence is none."""
    spans = []
    for found in _NAME.finditer(sentence):
        start, end = found.span()
        first = found[0].partition(" ")[0]
        if first.casefold() in _STOP:
            start += len(first) + 1
        if start < end:
            spans.append((start, end))
    return spans


def _words(text: str) -> set[str]:
    return {word for word in _WORD.findall(text.casefold()) if word not in _STOP}


def _choose(question: str, facts: str) -> str:
    """Numbers of the facts that share words with the question."""
    sought = _words(_unquoted(question))
    return json.dumps({"keep": [int(n) for n, fact in _FACT.findall(facts) if sought & _words(_unquoted(fact))]})


def _unquoted(text: str) -> str:
    try:
        return str(json.loads(text))
    except ValueError:
        return text


def _read(code: str, text: str, system: str) -> str:
    """An answer from numbered passages, or the next thought, in the form that the prompt asks for.

    The answer is the sentence that shares most words with the question; where none shares any it is `[none]`.
    """
    passages: list[tuple[str, str]] = []
    question, earlier, said = "", "", ""
    for section in text.split(f"\n{code} ")[1:]:
        head, _, body = section.partition("\n")
        if head.startswith("["):
            passages.append((head, body))
        elif head == "question":
            question = body
        elif head == "thoughts so far":
            earlier = body
        elif head == "conversation so far":
            said = body
    if not passages and said:
        names = dict.fromkeys(said[start:end] for start, end in _names(said))
        return f"{question} ({', '.join(names)})" if names else question
    sought = _words(question)
    best = (0, "", "")
    for number, body in passages:
        for found in _SENTENCE.finditer(body):
            sentence = found[0].strip()
            shared = len(sought & _words(sentence))
            if shared > best[0] and sentence not in earlier:
                best = shared, sentence, number
    shared, sentence, number = best
    if "[enough]" in system:
        thoughts = sum(line.startswith("- ") for line in earlier.splitlines())
        return sentence if shared and thoughts < _THOUGHTS else "[enough]"
    answer = f"{sentence} {number}" if shared else "[none] No passage shares a word with the question."
    thought = f"[thought] {number or 'No passage'} comes nearest. " if "[thought]" in system else ""
    return f"{thought}[answer] {answer}"
