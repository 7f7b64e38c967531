"""Abbreviations, sorted by what a full stop after them says about the end of the sentence.

Keys are lower case, without the last full stop. Dotted acronyms ("U.S", "e.g", "Ph.D") and initials need no list.
"""

__all__ = [
    "ENDS_BEFORE_CAPITAL",
    "MAYBE_LAST",
    "NEVER_LAST",
    "ORDINAL_LANGUAGES",
    "STARTERS",
    "WITH_NUMBER",
    "of_language",
]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


NEVER_LAST = _words(
    """
    mr mrs ms dr prof rev fr gen sen rep gov pres capt cpt col lt sgt maj cmdr adm amb atty insp supt hon messrs mme
    mlle st ste mt ft vs cf viz e.g i.e eg ie ca approx resp z.b d.h bzw sra srta dña herr hr
    """
)
"""Always followed by what they introduce."""

WITH_NUMBER = _words(
    """
    no nos nr fig figs eq eqs sec sect ch chap vol vols pp pg pt art op ex ver bd jan feb mar apr jun jul aug sep sept
    oct nov dec tab ref refs par para lib circa
    """
)
"""Followed by a number; before anything else they are words that end a sentence ("He said no.")."""

ENDS_BEFORE_CAPITAL = frozenset(["a.m", "p.m", "etc", "b.c", "a.d"])
"""Stand at the end of a phrase, so that a capital after them begins a sentence."""

MAYBE_LAST = _words(
    """
    inc corp ltd co cos bros llc plc assn dept dist div univ inst jr sr esq al ave blvd rd sq bldg est intl natl govt
    ed eds trans orig repr abbr misc mfg tel ext min max avg lat lon alt feat
    """
)
"""Stand at the end of a sentence or within one; the next word decides."""

STARTERS = _words(
    """
    the this that these those there then they it its he his she her hers we our you your i my a an in on at as after
    although and but or so yet if when while where who what why how however since because before during for from by
    with some many most all both each no not one two also among although according under until despite
    """
)
"""Words that, with a capital, are far more likely to begin a sentence than to be part of a name."""

ORDINAL_LANGUAGES = frozenset(
    ["cs", "da", "de", "et", "fi", "hr", "hu", "is", "lb", "lv", "nb", "nn", "no", "sk", "sl", "sr"]
)
"""Languages that write "3." for "third"."""


_OF_LANGUAGE = {
    "de": _words(
        """
        fa abs abt allg bspw bzgl ca dipl ebd evtl fam ggf inkl insb jh kap mio mrd nr o.ä sog str tel u.a usw vgl zzgl
        """
    ),
    "es": _words(
        """
        admón aprox apdo avda cap cía dpto ed ee.uu excmo ej fdo gral ing lic núm pág págs prof sr sra srta sres ud uds
        """
    ),
    "fr": _words(
        """
        adj apr av bd boul cf chap dép env éd fig hab ing janv juil m mm mgr min p.ex pl sept tél vol
        """
    ),
    "it": _words("all arch art avv cap cfr dott ecc es fig geom gent ing l.go mons p.es pag pagg prof rag sig tel vol"),
    "nl": _words(
        """
        afb afd art bijv blz bv dhr drs enz evt excl fig incl ing jhr max mevr mr mw nl nr o.a red st tel vgl zgn
        """
    ),
    "pl": _words("al br dr hab im inż itd itp jw ks lic m.in max min np nr ok os par pkt pl pn por prof pt red ul tzw"),
    "pt": _words("apto av cap cia dr dra ed eng esq ex exa fig ltda núm obs pág págs prof profa séc sr sra tel vol"),
    "ru": _words(
        "акад гг гл гр др доц им кв млн млрд обл пер пл пр проф просп р-н руб рис ст стр см т.д т.е тыс ул чел"
    ),
    "sv": _words(
        "bl.a ca dir dvs e.kr enl f.d f.kr fig forts inkl jfr kap kl m.fl m.m max mfl nr o.s.v osv resp st tel"
    ),
}


def of_language(language: str) -> frozenset[str]:
    """Abbreviations of a language besides those above, which may stand at the end of a sentence or within one.

    Args:
        language: ISO 639-1 code; the result is empty for one without a list, whose text is then cut by the rules that
            all scripts share.

    Examples:
        >>> "usw" in of_language("de"), of_language("xx")
        (True, frozenset())
    """
    return _OF_LANGUAGE.get(language, frozenset())
