"""Language of a chunk, as far as extraction needs it: which words are stop words, and whether its script has case.

Stop words are those of spaCy's blank language pipelines. Among the languages of a script, the one whose stop words
cover most of the text is taken, but English unless another covers clearly more; no model is involved.
"""

from collections import Counter
from functools import lru_cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

import regex

from hippo.errors import MissingExtraError
from hippo.extraction.letters import Letters

__all__ = ["detect_language", "is_cased", "stop_words"]

_SCRIPTS: dict[str, tuple[str, ...]] = {
    "Latin": ("en", "es", "fr", "de", "it", "pt", "nl", "sv", "pl", "tr"),
    "Cyrillic": ("ru", "uk", "bg", "sr"),
    "Greek": ("el",),
    "Armenian": ("hy",),
    "Arabic": ("ar", "fa", "ur"),
    "Hebrew": ("he",),
    "Devanagari": ("hi", "mr", "ne"),
    "Bengali": ("bn",),
    "Gujarati": ("gu",),
    "Gurmukhi": ("pa",),
    "Kannada": ("kn",),
    "Malayalam": ("ml",),
    "Sinhala": ("si",),
    "Tamil": ("ta",),
    "Telugu": ("te",),
    "Tibetan": ("bo",),
    "Georgian": ("ka",),
    "Ethiopic": ("am", "ti"),
    "Khmer": ("km",),
    "Lao": ("lo",),
    "Myanmar": ("my",),
    "Thai": ("th",),
    "Han": ("zh",),
    "Kana": ("ja",),
    "Hangul": ("ko",),
}
_CASED = frozenset({"Latin", "Cyrillic", "Greek", "Armenian"})
_SCRIPT_OF = {language: script for script, languages in _SCRIPTS.items() for language in languages}
_CLASSES = {script: rf"\p{{{script}}}" for script in _SCRIPTS} | {"Kana": r"\p{Hiragana}\p{Katakana}"}
_LETTERS = regex.compile("|".join(f"(?P<{script}>[{letters}]+)" for script, letters in _CLASSES.items()))
_WORD = Letters(r"[\p{L}\p{M}]+")
_SAMPLE = 2000
"""Characters looked at; a chunk is rarely longer."""
_MARGIN = 2
"""Words by which a language must lead English: a single one is often a name or a word of both ("met", "die")."""


@lru_cache
def stop_words(language: str) -> frozenset[str]:
    """Stop words of a language, casefolded; empty for one that spaCy has no list of.

    Args:
        language: ISO 639-1 code.

    Examples:
        >>> "the" in stop_words("en"), "где" in stop_words("ru"), stop_words("xx")
        (True, True, frozenset())
    """
    # The list is a file of its own; importing it the usual way would first import all of spaCy, and with it torch.
    spacy = find_spec("spacy")
    if spacy is None or not spacy.origin:
        raise MissingExtraError("the list of stop words", "spacy", "local")
    file = Path(spacy.origin).parent / "lang" / language / "stop_words.py"
    if not language.isalpha() or not file.is_file():
        return frozenset()
    spec = spec_from_file_location(f"hippo_stop_words_{language}", file)
    if spec is None or spec.loader is None:
        return frozenset()
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return frozenset(word.casefold() for word in module.STOP_WORDS)


def detect_language(text: str) -> str:
    """ISO 639-1 code of the likeliest language; "en" for a text without letters of a known script.

    Examples:
        >>> detect_language("El río nace en la sierra y muere en el mar."), detect_language("Где живёт кит?")
        ('es', 'ru')
        >>> detect_language("東京は日本の首都です。"), detect_language("北京是中国的首都。"), detect_language("42")
        ('ja', 'zh', 'en')
        >>> detect_language("Bob met Ada.")
        'en'
    """
    sample = text[:_SAMPLE]
    if sample.isascii():
        script = "Latin"
    else:
        sizes: Counter[str] = Counter()
        for match in _LETTERS.finditer(sample):
            sizes[match.lastgroup or "Latin"] += len(match.group())
        if not sizes:
            return "en"
        script = sizes.most_common(1)[0][0]
        # Japanese is written mostly in Han characters, but never without kana.
        if script == "Han" and sizes["Kana"]:
            script = "Kana"
    languages = _SCRIPTS[script]
    if len(languages) == 1:
        return languages[0]
    covered, spoken = [0] * len(languages), _spoken(script)
    for word in _WORD.of(sample).findall(sample):
        for place in spoken.get(word.casefold(), ()):
            covered[place] += 1
    most = max(covered)
    if languages[0] == "en" and most < covered[0] + _MARGIN:
        return "en"
    return languages[covered.index(most)]


@lru_cache
def _spoken(script: str) -> dict[str, tuple[int, ...]]:
    """Which languages of a script, by their places, have each stop word."""
    places: dict[str, list[int]] = {}
    for place, language in enumerate(_SCRIPTS[script]):
        for word in stop_words(language):
            places.setdefault(word, []).append(place)
    return {word: tuple(own) for word, own in places.items()}


def is_cased(language: str) -> bool:
    """Whether names are told by capitals in the script of a language; unknown languages count as cased.

    Examples:
        >>> is_cased("en"), is_cased("ar"), is_cased("fi")
        (True, False, True)
    """
    script = _SCRIPT_OF.get(language)
    return script is None or script in _CASED
