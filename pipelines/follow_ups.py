"""Whether a question that goes on a conversation finds its passage.

    python -m pipelines.follow_ups --dataset musique_train --index my-index

MuSiQue's questions are made of steps. Told one after another they are a conversation: each step is asked and answered,
and the next one says "it". Recall@k of the passage that answers it is printed for the question alone, with what was
said before (as `Hippo.ask(history=...)` looks it up), with all of that in one text, and written out by hand. There are
three cases: "it" is what was answered last; it is what was asked about last ("And what else is known of it?", after a
question that names it); and the conversation was about something else, while the question is written out.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hippo import Hippo, ProgressBars
from hippo.evaluation import load_dataset
from hippo.ids import content_id
from hippo.reader import History, mix
from pipelines.common import new_parser, publish, table

__all__ = ["main", "measure", "talks"]

_KS = (2, 5, 10)
_ALONE, _JOINED, _ONE_TEXT, _BY_HAND = "alone", "with history", "in one text", "written out"
_MORE = "And what else is known of it?"


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation, and the question that goes on it.

    Attributes:
        history: What was said.
        question: What is asked, with "it" for what was said.
        whole: The same, written out.
        gold: Id of the passage that answers it.
    """

    history: History
    question: str
    whole: str
    gold: str


def main() -> None:
    """Parse arguments, measure, print."""
    parser = new_parser(__doc__)
    parser.add_argument("--dataset", type=Path, required=True, help="folder of a MuSiQue file, which has its name")
    parser.add_argument("--index", type=Path, required=True, help="folder of its index; filled if it is new")
    parser.add_argument("--profile", help="retrieval profile")
    arguments = parser.parse_args()
    documents = load_dataset(arguments.dataset, arguments.dataset.name).documents
    raw = json.loads((arguments.dataset / f"{arguments.dataset.name}.json").read_text("utf-8"))
    with (
        Hippo.open(arguments.index, config={"chunking": {"method": "document"}}) as memory,
        ProgressBars() as bars,
    ):
        memory.add(documents, progress=bars)
        found = measure(memory, talks(raw), arguments.profile)
    rows = [
        [case, found["questions"][case], way, *(f"{value:.1f}" for value in recalls)]
        for case, ways in found["recall"].items()
        for way, recalls in ways.items()
    ]
    publish(arguments, found, table(["it is", "questions", "looked up", *(f"R@{k}" for k in _KS)], rows))


def talks(items: Sequence[dict[str, Any]]) -> dict[str, list[Talk]]:
    """The conversations that questions of MuSiQue are made of, by what "it" is."""
    answers, subjects = [], []
    for item in items:
        steps = item["question_decomposition"]
        known = {f"#{place}": step["answer"] for place, step in enumerate(steps, 1)}
        turns: list[tuple[str, str]] = []
        for step in steps:
            asked = _spoken(step["question"])
            whole = _with(known, asked)
            paragraph = item["paragraphs"][step["paragraph_support_idx"]]
            gold = content_id(paragraph["title"], paragraph["paragraph_text"])
            if len(set(re.findall(r"#\d", asked))) == 1:
                question = re.sub(r"#\d( ?'s)?", lambda found: "its" if found[1] else "it", asked)
                answers.append(Talk(History(tuple(turns)), question, whole, gold))
            elif not turns and "#" not in asked:
                said = (("user", whole), ("assistant", step["answer"]))
                subjects.append(Talk(History(said), _MORE, whole, gold))
            turns += [("user", whole), ("assistant", step["answer"])]
    half = len(answers) // 2
    strangers = [one.history for one in (*answers[half:], *answers[:half])]
    others = [Talk(talk, one.whole, one.whole, one.gold) for talk, one in zip(strangers, answers, strict=True)]
    return {"the last answer": answers, "the subject": subjects, "nothing said": others}


def _with(answers: Mapping[str, str], question: str) -> str:
    return re.sub(r"#\d", lambda found: answers.get(found[0], found[0]), question)


def _spoken(question: str) -> str:
    """A step as one would ask it; many are given as the name of a relation."""
    subject, arrow, relation = question.partition(" >> ")
    return f"What is the {relation.strip()} of {subject.strip()}?" if arrow else question.strip()


def measure(memory: Hippo, cases: Mapping[str, Sequence[Talk]], profile: str | None = None) -> dict[str, Any]:
    """Recall@k in percent, of each case and each way to look a question up."""
    most = max(_KS)
    texts = sorted({text for talks in cases.values() for talk in talks for way in _ways(talk).values() for text in way})
    found = dict(zip(texts, memory.retrieve_many(texts, k=most, profile=profile), strict=True))
    recall: dict[str, dict[str, list[float]]] = {case: {} for case in cases}
    for case, talks in cases.items():
        for way in _ways(talks[0]):
            asked = [_ways(talk)[way] for talk in talks]
            hits = [mix([found[text].hits for text in one], list(one.values()), most) for one in asked]
            ranked = [[hit.document_id for hit in one] for one in hits]
            recall[case][way] = [_recall(k, ranked, [talk.gold for talk in talks]) for k in _KS]
    return {"questions": {case: len(talks) for case, talks in cases.items()}, "profile": profile, "recall": recall}


def _ways(talk: Talk) -> dict[str, dict[str, float]]:
    """What is looked up, with weights."""
    last = " ".join(text for _, text in talk.history.turns[-2:])
    return {
        _ALONE: {talk.question: 1.0},
        _JOINED: talk.history.queries(talk.question),
        _ONE_TEXT: {f"{talk.question} {last}": 1.0},
        _BY_HAND: {talk.whole: 1.0},
    }


def _recall(k: int, ranked: Sequence[Sequence[str]], golds: Sequence[str]) -> float:
    hits = sum(gold in ids[:k] for ids, gold in zip(ranked, golds, strict=True))
    return round(100 * hits / len(golds), 1)


if __name__ == "__main__":
    main()
