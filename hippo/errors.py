"""Every error that hippo raises on purpose.

```
HippoError
├── ConfigError             a key, value or line of the configuration is wrong
├── UnknownNameError        no back-end of that name; the known ones are listed
├── MissingExtraError       the back-end needs a package that is not installed; the pip command is given
├── ModelNotFoundError      the weights of a model are not on this machine and cannot be fetched
├── InputError              what the caller handed over cannot be used
│   ├── DocumentError       a document, file or column
│   ├── DuplicateDocumentError  two documents with one id in one call
│   ├── FilterError         a condition on documents
│   ├── NotInIndexError     an entity or passage that the index does not hold
│   └── QuestionError       a question, or k
├── IndexStateError         the index on disk
│   ├── IndexPathError      the path is no index and cannot become one
│   ├── IndexMismatchError  the index was made with another encoder, normaliser or schema
│   ├── IndexBusyError      another process is writing
│   ├── IndexEmptyError     nothing has been published yet
│   ├── IndexClosedError    the memory was closed
│   └── IndexCorruptError   a file is damaged or missing
├── ExtractionError         an extractor could not work at all (a chunk's failure is a record, not an error)
├── RerankingError          a re-ranker returned something that is not one number per passage
├── EncodingError           an encoder returned something that is not one unit vector per text
├── StorageError            a folder that is shared, or in an object store, could not be read or written
└── LLMError                a language model could not be used
    ├── LLMUnavailableError     it did not answer: network, overload, time-out
    │   └── LLMReplyLostError   it was asked, but its reply was lost on the way; it may charge for it all the same
    ├── LLMRefusedError         it refuses every request: key, model name, permission
    ├── LLMRequestError         it refuses this request: too long, filtered, unknown parameter
    ├── LLMReplyError           its reply could not be used, not after asking again either
    └── LLMBudgetError          the limit on what may be spent was reached
```

Arguments stay positional in `args` and the text is rendered in `__str__`, so every error survives pickling.
"""

from typing import Any

__all__ = [
    "ConfigError",
    "DocumentError",
    "DuplicateDocumentError",
    "EncodingError",
    "ExtractionError",
    "FilterError",
    "HippoError",
    "IndexBusyError",
    "IndexClosedError",
    "IndexCorruptError",
    "IndexEmptyError",
    "IndexMismatchError",
    "IndexPathError",
    "IndexStateError",
    "InputError",
    "LLMBudgetError",
    "LLMError",
    "LLMRefusedError",
    "LLMReplyError",
    "LLMReplyLostError",
    "LLMRequestError",
    "LLMUnavailableError",
    "MissingExtraError",
    "ModelNotFoundError",
    "NotInIndexError",
    "QuestionError",
    "RerankingError",
    "StorageError",
    "UnknownNameError",
]


class HippoError(Exception):
    """Base of every error raised by hippo. `args` holds the values, `str()` the message with its remedy."""

    template = "{0}"

    def __str__(self) -> str:
        return self.template.format(*self.args)

    def to_dict(self) -> dict[str, Any]:
        """The error as plain data, for `--json` output: its type, message and values."""
        return {"error": type(self).__name__, "message": str(self), "values": [str(value) for value in self.args]}


class ConfigError(HippoError):
    """A configuration value is wrong. `args`: where (file and line, variable or keyword), key, problem."""

    template = "{0}: {1}: {2}"


class UnknownNameError(HippoError):
    """No such back-end, profile or option. `args`: kind, name, known names."""

    def __str__(self) -> str:
        kind, name, known = self.args
        return f"unknown {kind} {name!r}. Known: {', '.join(sorted(known))}"


class MissingExtraError(HippoError):
    """A package is not installed. `args`: what needs it, package, extra of hippo-memory that brings it."""

    template = '{0} needs the package {1!r}. Install it with: pip install "hippo-memory[{2}]"'


class ModelNotFoundError(HippoError):
    """A model is not on this machine and could not be fetched. `args`: model, reason, remedy."""

    template = "model {0!r} is not available: {1}. {2}"


class InputError(HippoError):
    """What the caller handed over cannot be used. `args`: problem."""


class DocumentError(InputError):
    """A document or file cannot be used. `args`: source, reason."""

    template = "{0}: {1}"


class DuplicateDocumentError(InputError):
    """Two documents of one call share an id. `args`: id, first source, second source."""

    template = (
        "two documents have the id {0!r} ({1} and {2}); give each its own id, or none to use a hash of its text. "
        "The id of a file is its path below the folder given: index a folder that holds both"
    )


class FilterError(InputError):
    """A condition on documents cannot be used. `args`: where (the condition, or a piece of it), problem."""

    template = "filter {0!r}: {1}"


class NotInIndexError(InputError):
    """The index holds no such thing. `args`: kind ("entity", "passage", …), name, what it may have meant."""

    def __str__(self) -> str:
        kind, name, nearest = self.args
        meant = f"Did you mean {' or '.join(map(repr, nearest))}" if nearest else "Nothing in it has a similar name"
        if kind == "passage":
            meant = "Ids of passages are shown by `hippo get` and `hippo query --json`"
        return f"the index holds no {kind} {name!r}. {meant}"


class QuestionError(InputError):
    """A question or k cannot be used. `args`: problem, value."""

    template = "{0}, got {1!r}"


class IndexStateError(HippoError):
    """Something about the index on disk. `args`: path, problem."""

    template = "{0}: {1}"


class IndexPathError(IndexStateError):
    """The path is no index and cannot become one. `args`: path, problem."""


class IndexMismatchError(IndexStateError):
    """The index was made otherwise. `args`: path, what differs, stored value, given value, remedy."""

    template = "{0} was made with {1} {2!r}, but {3!r} was asked for. {4}"


class IndexBusyError(IndexStateError):
    """Another process is writing to the index. `args`: path, who."""

    template = "{0} is being written to by {1}. Wait for it: wait=60, --wait 60; questions are answered meanwhile"


class IndexEmptyError(IndexStateError):
    """Nothing has been published yet. `args`: path."""

    template = "{0} holds no published documents yet. Add some with `hippo index` or `Hippo.add`"


class IndexClosedError(IndexStateError):
    """The memory was closed. `args`: path."""

    template = "{0} was closed. Open it again with `Hippo.open`"


class IndexCorruptError(IndexStateError):
    """A file of the index is damaged or missing. `args`: file, problem."""

    template = "{0} is damaged: {1}"


class ExtractionError(HippoError):
    """An extractor cannot work at all. `args`: extractor, reason."""

    template = "extractor {0!r}: {1}"


class EncodingError(HippoError):
    """An encoder returned something other than one unit vector per text. `args`: encoder, problem."""

    template = "encoder {0!r}: {1}"


class RerankingError(HippoError):
    """A re-ranker returned something other than one number per passage. `args`: re-ranker, problem."""

    template = "re-ranker {0!r}: {1}"


class StorageError(HippoError):
    """A folder on shared storage could not be used. `args`: path or URL, problem."""

    template = "{0}: {1}"


class LLMError(HippoError):
    """A language model could not be used. `args`: model, reason."""

    template = "model {0!r}: {1}"


class LLMUnavailableError(LLMError):
    """It did not answer; trying again may help. `args`: model, reason, seconds that it asked to wait or None."""

    template = "model {0!r} did not answer: {1}"


class LLMReplyLostError(LLMUnavailableError):
    """The request was sent, but no whole reply came back: it may be charged for. `args`: as of its base."""


class LLMRefusedError(LLMError):
    """It refuses every request. `args`: model, reason, remedy."""

    template = "model {0!r} refuses all requests: {1}. {2}"


class LLMRequestError(LLMError):
    """It refuses this request. `args`: model, reason."""

    template = "model {0!r} refused the request: {1}"


class LLMReplyError(LLMError):
    """Its reply could not be used. `args`: model, what was asked for, problem."""

    template = "model {0!r} gave no usable {1}: {2}"


class LLMBudgetError(LLMError):
    """The limit on what may be spent was reached. `args`: use, dollars spent, limit in dollars."""

    template = (
        "{0}: spent ${1:.4f} of at most ${2:.4f}. What was paid for is kept: run it again with a higher limit to go on"
    )
