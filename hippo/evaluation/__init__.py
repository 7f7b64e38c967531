"""Questions with known answers, measures of quality, and comparisons with confidence intervals."""

from hippo.evaluation.compare import Difference, Interval, bootstrap_interval, paired_difference
from hippo.evaluation.datasets import Dataset, load_dataset
from hippo.evaluation.metrics import (
    exact_match,
    f1,
    full_chain_recall_at,
    ndcg_at,
    normalise_answer,
    recall_at,
    reciprocal_rank,
)
from hippo.evaluation.outcome import Outcome
from hippo.evaluation.questions import GoldPassage, Question, RawQuestion, load_questions
from hippo.evaluation.read import read_scores
from hippo.evaluation.report import Table, comparison_table, retrieval_table

__all__ = [
    "Dataset",
    "Difference",
    "GoldPassage",
    "Interval",
    "Outcome",
    "Question",
    "RawQuestion",
    "Table",
    "bootstrap_interval",
    "comparison_table",
    "exact_match",
    "f1",
    "full_chain_recall_at",
    "load_dataset",
    "load_questions",
    "ndcg_at",
    "normalise_answer",
    "paired_difference",
    "read_scores",
    "recall_at",
    "reciprocal_rank",
    "retrieval_table",
]
