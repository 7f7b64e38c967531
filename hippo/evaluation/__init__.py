"""Questions with known answers, measures of quality, and comparisons of systems with confidence intervals."""

from hippo.evaluation.ablations import PARTS, without
from hippo.evaluation.compare import Difference, Interval, bootstrap_interval, paired_difference
from hippo.evaluation.datasets import Dataset, load_dataset
from hippo.evaluation.difference import Changes, compare_results
from hippo.evaluation.generate import Generated, generate_questions, write_questions
from hippo.evaluation.judging import Verdict, verdict, verdicts
from hippo.evaluation.measures import ranked_measures
from hippo.evaluation.metrics import exact_match, f1, full_chain_recall_at, normalise_answer, recall_at
from hippo.evaluation.outcome import Latency, Outcome
from hippo.evaluation.questions import GoldPassage, Question, RawQuestion, load_questions
from hippo.evaluation.read import read_scores
from hippo.evaluation.report import Table, comparison_table, retrieval_table
from hippo.evaluation.results import Evaluation, Measured, read_results
from hippo.evaluation.run import default_profiles, evaluate, match_questions
from hippo.evaluation.sources import Asked, load_beir, open_dataset
from hippo.evaluation.speed import Speed, measure_speed
from hippo.evaluation.systems import Found
from hippo.evaluation.tuning import Tuning, tune

__all__ = [
    "PARTS",
    "Asked",
    "Changes",
    "Dataset",
    "Difference",
    "Evaluation",
    "Found",
    "Generated",
    "GoldPassage",
    "Interval",
    "Latency",
    "Measured",
    "Outcome",
    "Question",
    "RawQuestion",
    "Speed",
    "Table",
    "Tuning",
    "Verdict",
    "bootstrap_interval",
    "compare_results",
    "comparison_table",
    "default_profiles",
    "evaluate",
    "exact_match",
    "f1",
    "full_chain_recall_at",
    "generate_questions",
    "load_beir",
    "load_dataset",
    "load_questions",
    "match_questions",
    "measure_speed",
    "normalise_answer",
    "open_dataset",
    "paired_difference",
    "ranked_measures",
    "read_results",
    "read_scores",
    "recall_at",
    "retrieval_table",
    "tune",
    "verdict",
    "verdicts",
    "without",
    "write_questions",
]
