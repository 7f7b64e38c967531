"""How well turns of conversations are found, by dense search, BM25, both, and the walk with what it knows of time.

Conversations are made by a seed (persons, events, plans, changes of mind, relative dates, chatter), or read from a file
of LoCoMo, LongMemEval or MemoryAgentBench. Printed are Recall@5 and Recall@10 in per cent with 95% bootstrap intervals,
by category of question; of questions about what has changed, how often the newest turn is the first one, and comes
before all that it replaced; and how often the best fact of a question with an answer scores higher than that of one
without (the area under the ROC curve, 50 for chance).

    python -m pipelines.conversations --encoder minilm
    python -m pipelines.conversations --file locomo10.json --format locomo --encoder minilm
"""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hippo import Hippo
from hippo.evaluation.compare import bootstrap_interval
from hippo.evaluation.conversations import Conversations, TurnQuestion, load_conversations
from hippo.evaluation.metrics import recall_at
from hippo.retrieval.profiles import PROFILES
from hippo.types import Retrieval
from pipelines.common import new_parser, publish, table
from pipelines.conversations.make import make_conversations

__all__ = ["PROFILES_COMPARED", "main", "measure"]

_KINDS = PROFILES["hippo"].kind_weights
_PLAIN = {"base": "hippo", "time_weight": 0.0, "kind_weights": {**_KINDS, "follows": 0.0}}
PROFILES_COMPARED: dict[str, Mapping[str, Any]] = {
    "dense": {"base": "dense"},
    "bm25": {"base": "bm25"},
    "hybrid": {"base": "hybrid"},
    "walk": _PLAIN,
    "+ follows": {"base": "hippo", "time_weight": 0.0},
    "+ time": {"base": "hippo"},
    "+ newest wins": {"base": "hippo", "newest_wins": True},
    "+ retention": {"base": "hippo", "newest_wins": True, "retention": {"turn": 365.0}},
}
"""Profiles, each with what it adds to the one before it."""
_RECALLS = (5, 10)
_CHANGED = ("present", "past (as of)")


def measure(
    memory: Hippo, questions: Sequence[TurnQuestion], k: int = 10
) -> tuple[dict[str, list[list[str]]], list[float]]:
    """Rankings of all profiles, and scores of the best facts.

    A question that says when it is asked is asked of what was known then.

    Returns:
        Ids of turns, best first, by name of the profile, in the order of the questions; and for each question the score
        of the best fact that it touches, by the last profile.
    """
    ranked: dict[str, dict[str, list[str]]] = {name: {} for name in PROFILES_COMPARED}
    best: dict[str, float] = {}

    def keep(name: str, one: TurnQuestion, result: Retrieval) -> None:
        ranked[name][one.id] = [hit.document_id for hit in result.hits]
        best[one.id] = result.seeds[0].score if result.seeds else 0.0

    scoped = {one.conversation for one in questions} if _scoped(questions) else {None}
    for scope in sorted(scoped, key=str):
        where = None if scope is None else {"conversation": scope}
        own = [one for one in questions if scope is None or one.conversation == scope]
        plain = [one for one in own if one.asked is None]
        for name in PROFILES_COMPARED:
            results = memory.retrieve_many([one.text for one in plain], k=k, profile=name, where=where)
            for one, result in zip(plain, results, strict=True):
                keep(name, one, result)
        for one in (one for one in own if one.asked is not None):
            # What was known at a time is cut out once, for all profiles.
            for name in PROFILES_COMPARED:
                keep(name, one, memory.retrieve(one.text, k=k, profile=name, where=where, as_of=one.asked))
    rankings = {name: [found[one.id] for one in questions] for name, found in ranked.items()}
    return rankings, [best[one.id] for one in questions]


def told_apart(questions: Sequence[TurnQuestion], best: Sequence[float]) -> float | None:
    """Chance in per cent that a question with an answer scores higher than one without; None: there are not both."""
    from scipy.stats import mannwhitneyu

    with_answer = [score for one, score in zip(questions, best, strict=True) if one.gold]
    without = [score for one, score in zip(questions, best, strict=True) if not one.gold]
    if not with_answer or not without:
        return None
    return round(100 * float(mannwhitneyu(with_answer, without).statistic) / (len(with_answer) * len(without)), 1)


def _scoped(questions: Sequence[TurnQuestion]) -> bool:
    """Whether questions are about one conversation each: those that are made name persons of one alone."""
    return not any((one.conversation or "").startswith("made-") for one in questions)


def summary(questions: Sequence[TurnQuestion], rankings: Mapping[str, list[list[str]]]) -> dict[str, Any]:
    """What the rankings are worth: by profile, and for each category of question."""
    categories = list(dict.fromkeys(one.category for one in questions if one.gold))
    return {name: _of_profile(questions, ranking, categories) for name, ranking in rankings.items()}


def _of_profile(
    questions: Sequence[TurnQuestion], rankings: Sequence[Sequence[str]], categories: Sequence[str]
) -> dict[str, Any]:
    result: dict[str, Any] = {}
    answered = [(one, ranking) for one, ranking in zip(questions, rankings, strict=True) if one.gold]
    for category in ["all", *categories]:
        own = [(one, ranking) for one, ranking in answered if category in ("all", one.category)]
        golds = [one.gold for one, _ in own]
        result[category] = {
            f"recall@{k}": _interval(recall_at(k, [ranking for _, ranking in own], golds)) for k in _RECALLS
        }
    for category in _CHANGED:
        own = [(one, ranking) for one, ranking in answered if one.category == category]
        if own:
            result[category] |= {
                "first": _interval([float(ranking[:1] == list(one.gold)) for one, ranking in own]),
                "before older": _interval([float(_before(one, ranking)) for one, ranking in own]),
            }
    return result


def _before(question: TurnQuestion, ranking: Sequence[str]) -> bool:
    """Whether the gold turn was found before every turn that it replaced."""
    places = {turn: place for place, turn in enumerate(ranking)}
    found = [places[turn] for turn in question.gold if turn in places]
    return bool(found) and all(places.get(turn, len(ranking)) > min(found) for turn in question.older)


def _interval(values: Any) -> list[float]:
    found = bootstrap_interval(values)
    return [round(100 * part, 1) for part in (found.mean, found.low, found.high)]


def _cell(interval: Sequence[float]) -> str:
    mean, low, high = interval
    return f"{mean:.1f} [{low:.0f}-{high:.0f}]"


def text_of(result: Mapping[str, Any]) -> str:
    """The tables for people."""
    rows = [
        [name, *(_cell(found["all"][f"recall@{k}"]) for k in _RECALLS)] for name, found in result["profiles"].items()
    ]
    parts = [
        ", ".join(f"{result[name]} {name}" for name in ("conversations", "turns", "questions")),
        table(["profile", "Recall@5", "Recall@10"], rows),
    ]
    names = list(result["profiles"])
    categories = [name for name in next(iter(result["profiles"].values())) if name != "all"]
    rows = [
        [f"{category} ({result['counts'][category]})"]
        + [f"{result['profiles'][name][category]['recall@5'][0]:.1f}" for name in names]
        for category in categories
    ]
    parts.append("Recall@5 by category:\n" + table(["category", *names], rows))
    changed = [category for category in _CHANGED if category in categories]
    rows = [
        [f"{category}: {what}", *(_cell(result["profiles"][name][category][what]) for name in names[-3:])]
        for category in changed
        for what in ("first", "before older")
    ]
    if rows:
        parts.append("What has changed (first: the right turn is the first; before older: it comes before all that it "
                     "replaced):\n" + table(["questions", *names[-3:]], rows))  # fmt: skip
    if result["told apart"] is not None:
        parts.append(f"Questions with an answer from those without, by the best fact: {result['told apart']}")
    return "\n\n".join(parts)


def main(options: Sequence[str] | None = None) -> None:
    """Index the conversations, ask, compare."""
    parser = new_parser(__doc__)
    parser.add_argument("--conversations", type=int, default=20, help="how many are made (%(default)s)")
    parser.add_argument("--sessions", type=int, default=25, help="of each conversation (%(default)s)")
    parser.add_argument("--turns", type=int, default=20, help="of each session (%(default)s)")
    parser.add_argument("--questions", type=int, default=1000, help="in all (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--file", type=Path, help="read conversations from here instead")
    parser.add_argument("--format", default="locomo", help="locomo, longmemeval or memoryagentbench (%(default)s)")
    parser.add_argument("--encoder", default="minilm")
    parser.add_argument("--index", type=Path, help="keep the index here, or use the one that is here")
    arguments = parser.parse_args(options)
    if arguments.file:
        made = load_conversations(arguments.file, arguments.format)
    else:
        sizes = arguments.conversations, arguments.sessions, arguments.turns, arguments.questions
        made = make_conversations(*sizes, seed=arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        config = {"retrieval": {"profiles": dict(PROFILES_COMPARED)}}
        with Hippo.open(arguments.index or folder, encoder=arguments.encoder, config=config) as memory:
            memory.add(made.turns)
            rankings, best = measure(memory, made.questions)
    result = {**_result(made, rankings, arguments.encoder), "told apart": told_apart(made.questions, best)}
    publish(arguments, result, text_of(result))


def _result(made: Conversations, rankings: Mapping[str, list[list[str]]], encoder: str) -> dict[str, Any]:
    counts: dict[str, int] = {}
    for one in made.questions:
        counts[one.category] = counts.get(one.category, 0) + 1
    return {
        "conversations": len({one.metadata.get("conversation") for one in made.turns}),
        "turns": len(made.turns),
        "questions": len(made.questions),
        "counts": counts,
        "encoder": encoder,
        "profiles": summary(made.questions, rankings),
    }


if __name__ == "__main__":
    main()
