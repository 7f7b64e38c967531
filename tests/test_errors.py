"""Every error says what was wrong, survives pickling, and is raised with the arguments that its message needs."""

import ast
import copy
import json
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hippo
from hippo import errors
from hippo.errors import HippoError

EXAMPLES: dict[str, tuple[tuple[object, ...], str]] = {
    "HippoError": (("it broke",), "it broke"),
    "ConfigError": (("hippo.toml, line 3", "graph.x", "unknown key"), "hippo.toml, line 3: graph.x: unknown key"),
    "UnknownNameError": (("encoder", "foo", ["b", "a"]), "unknown encoder 'foo'. Known: a, b"),
    "MissingExtraError": (
        ("encoder 'minilm'", "torch", "local"),
        "encoder 'minilm' needs the package 'torch'. Install it with: pip install \"hippo-memory[local]\"",
    ),
    "ModelNotFoundError": (("m", "no network", "Copy it."), "model 'm' is not available: no network. Copy it."),
    "InputError": (("too short",), "too short"),
    "DocumentError": (("a.txt", "is empty"), "a.txt: is empty"),
    "DuplicateDocumentError": (
        ("7", "a.txt", "b.txt"),
        (
            "two documents have the id '7' (a.txt and b.txt); give each its own id, or none to use a hash of its text. "
            "The id of a file is its path below the folder given: index a folder that holds both"
        ),
    ),
    "FilterError": (("a == b", "two fields"), "filter 'a == b': two fields"),
    "NotInIndexError": (("entity", "ada", ("Ada King",)), "the index holds no entity 'ada'. Did you mean 'Ada King'"),
    "QuestionError": (("k must be at least 1", 0), "k must be at least 1, got 0"),
    "IndexStateError": (("my-index", "odd"), "my-index: odd"),
    "IndexPathError": (("my-index", "is a file"), "my-index: is a file"),
    "IndexMismatchError": (
        ("my-index", "encoder", "a", "b", "Use a."),
        "my-index was made with encoder 'a', but 'b' was asked for. Use a.",
    ),
    "IndexBusyError": (
        ("my-index", "process 12"),
        "my-index is being written to by process 12. Wait for it: wait=60, --wait 60; questions are answered meanwhile",
    ),
    "IndexClosedError": (
        ("my-index",),
        "my-index was closed. Open it again with `Hippo.open`",
    ),
    "IndexEmptyError": (
        ("my-index",),
        "my-index holds no published documents yet. Add some with `hippo index` or `Hippo.add`",
    ),
    "IndexCorruptError": (("CURRENT", "is cut off"), "CURRENT is damaged: is cut off"),
    "ExtractionError": (("spacy", "no model"), "extractor 'spacy': no model"),
    "RerankingError": (("mine", "must give numbers"), "re-ranker 'mine': must give numbers"),
    "StorageError": (("s3://bucket/index", "no such bucket"), "s3://bucket/index: no such bucket"),
    "EncodingError": (("minilm", "holds NaN"), "encoder 'minilm': holds NaN"),
    "LLMError": (("gpt", "odd"), "model 'gpt': odd"),
    "LLMUnavailableError": (("gpt", "overloaded", 2.5), "model 'gpt' did not answer: overloaded"),
    "LLMReplyLostError": (("gpt", "it took too long", None), "model 'gpt' did not answer: it took too long"),
    "LLMRefusedError": (
        ("gpt", "the key is wrong", "Set OPENAI_API_KEY."),
        "model 'gpt' refuses all requests: the key is wrong. Set OPENAI_API_KEY.",
    ),
    "LLMRequestError": (("gpt", "too long"), "model 'gpt' refused the request: too long"),
    "LLMReplyError": (("gpt", "answer", "it is empty"), "model 'gpt' gave no usable answer: it is empty"),
    "LLMBudgetError": (
        ("extraction", 0.98765, 1),
        (
            "extraction: spent $0.9877 of at most $1.0000. What was paid for is kept: run it again with a higher "
            "limit to go on"
        ),
    ),
}


def tree(root: type[HippoError] = HippoError) -> Iterator[type[HippoError]]:
    yield root
    for child in root.__subclasses__():
        yield from tree(child)


OWN = sorted({error for error in tree() if error.__module__ == errors.__name__}, key=lambda error: error.__name__)


def test_the_tree_is_complete() -> None:
    names = [error.__name__ for error in OWN]
    assert names == errors.__all__ == sorted(EXAMPLES)
    for name in names:
        assert f" {name} " in (errors.__doc__ or "") or f"\n{name}\n" in (errors.__doc__ or ""), "not in the drawing"


def test_the_drawing_is_the_tree() -> None:
    """Each name hangs below the last one that is less indented: its base class."""
    above: list[tuple[int, str]] = []
    drawn = {}
    for line in (errors.__doc__ or "").split("```")[1].strip().splitlines():
        name = line.lstrip("│├└─ ").split()[0]
        depth = line.index(name)
        above = [(column, other) for column, other in above if column < depth]
        drawn[name] = above[-1][1] if above else "Exception"
        above.append((depth, name))
    assert drawn == {error.__name__: error.__bases__[0].__name__ for error in OWN}


@pytest.mark.parametrize("error", OWN, ids=lambda error: error.__name__)
def test_message_and_pickle(error: type[HippoError]) -> None:
    values, message = EXAMPLES[error.__name__]
    made = error(*values)
    assert str(made) == message
    for again in (*(pickle.loads(pickle.dumps(made, protocol)) for protocol in range(2, 6)), copy.deepcopy(made)):
        assert (type(again), again.args, str(again)) == (error, values, message)
    plain = json.loads(json.dumps(made.to_dict()))
    assert (plain["error"], plain["message"], len(plain["values"])) == (error.__name__, message, len(values))


@given(values=st.lists(st.text(), min_size=5, max_size=5))
def test_values_with_braces_do_no_harm(values: list[str]) -> None:
    for error in OWN:
        example, _ = EXAMPLES[error.__name__]
        if error is not errors.UnknownNameError:
            # Amounts are rendered as numbers.
            made = error(
                *(
                    old if isinstance(old, float | int) else new
                    for old, new in zip(example, values[: len(example)], strict=True)
                )
            )
            assert str(pickle.loads(pickle.dumps(made))) == str(made)


def raised() -> list[tuple[str, int, str, int]]:
    """Every `SomeError(...)` in hippo: file, line, name, number of arguments."""
    root = Path(hippo.__file__).parent
    return [
        (str(path.relative_to(root)), node.lineno, node.func.id, len(node.args))
        for path in sorted(root.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in EXAMPLES
        if not any(isinstance(argument, ast.Starred) for argument in node.args)
    ]


def test_errors_are_raised_with_the_arguments_that_they_render() -> None:
    found = raised()
    assert len(found) > 50
    wrong = [place for place in found if place[3] != len(EXAMPLES[place[2]][0])]
    assert not wrong
