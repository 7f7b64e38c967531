"""What known models expect in front of a text. Keyed by the exact name of the model, never by a part of it."""

from dataclasses import dataclass

from hippo.types import TextKind

__all__ = ["KNOWN", "Instructions"]

_TASKS: dict[TextKind, str] = {
    "query_to_passage": "Given a question, retrieve passages that help to answer it",
    "query_to_fact": "Given a question, retrieve facts that help to answer it",
    "query_to_entity": "Given a question, retrieve the entities that it is about",
}


@dataclass(frozen=True, slots=True)
class Instructions:
    r"""Prefixes of queries and of everything else. `{task}` in the former becomes a sentence on what is searched.

    Examples:
        >>> Instructions("query: ", "passage: ").prefix("fact")
        'passage: '
        >>> Instructions("Instruct: {task}\nQuery: ").prefix("query_to_fact")
        'Instruct: Given a question, retrieve facts that help to answer it\nQuery: '
    """

    query: str = ""
    passage: str = ""

    def prefix(self, kind: TextKind) -> str:
        """What goes in front of a text of this kind."""
        task = _TASKS.get(kind)
        return self.passage if task is None else self.query.replace("{task}", task)


_E5 = Instructions("query: ", "passage: ")
_INSTRUCT = Instructions("Instruct: {task}\nQuery: ")
_BGE_ENGLISH = Instructions("Represent this sentence for searching relevant passages: ")
_BGE_CHINESE = Instructions("为这个句子生成表示以用于检索相关文章：")
_PLAIN = Instructions()

KNOWN: dict[str, Instructions] = {
    "BAAI/bge-base-en": _BGE_ENGLISH,
    "BAAI/bge-base-en-v1.5": _BGE_ENGLISH,
    "BAAI/bge-base-zh-v1.5": _BGE_CHINESE,
    "BAAI/bge-large-en": _BGE_ENGLISH,
    "BAAI/bge-large-en-v1.5": _BGE_ENGLISH,
    "BAAI/bge-large-zh-v1.5": _BGE_CHINESE,
    "BAAI/bge-m3": _PLAIN,
    "BAAI/bge-small-en": _BGE_ENGLISH,
    "BAAI/bge-small-en-v1.5": _BGE_ENGLISH,
    "BAAI/bge-small-zh-v1.5": _BGE_CHINESE,
    "Alibaba-NLP/gte-Qwen2-1.5B-instruct": _INSTRUCT,
    "Alibaba-NLP/gte-Qwen2-7B-instruct": _INSTRUCT,
    "GritLM/GritLM-7B": Instructions("<|user|>\n{task}\n<|embed|>\n", "<|embed|>\n"),
    "Qwen/Qwen3-Embedding-0.6B": Instructions("Instruct: {task}\nQuery:"),
    "Qwen/Qwen3-Embedding-4B": Instructions("Instruct: {task}\nQuery:"),
    "Qwen/Qwen3-Embedding-8B": Instructions("Instruct: {task}\nQuery:"),
    "intfloat/e5-base": _E5,
    "intfloat/e5-base-v2": _E5,
    "intfloat/e5-large": _E5,
    "intfloat/e5-large-v2": _E5,
    "intfloat/e5-mistral-7b-instruct": _INSTRUCT,
    "intfloat/e5-small": _E5,
    "intfloat/e5-small-v2": _E5,
    "intfloat/multilingual-e5-base": _E5,
    "intfloat/multilingual-e5-large": _E5,
    "intfloat/multilingual-e5-large-instruct": _INSTRUCT,
    "intfloat/multilingual-e5-small": _E5,
    "nvidia/NV-Embed-v1": _INSTRUCT,
    "nvidia/NV-Embed-v2": _INSTRUCT,
    "thenlper/gte-base": _PLAIN,
    "thenlper/gte-large": _PLAIN,
    "thenlper/gte-small": _PLAIN,
}
"""Instructions of models whose authors ask for them, or say that none are needed."""
