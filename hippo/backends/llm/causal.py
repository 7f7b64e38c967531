"""A causal language model in memory: prompts in, replies out, a batch at a time."""

import copy
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hippo.backends.llm.reply import sendable
from hippo.errors import LLMRequestError, MissingExtraError, ModelNotFoundError
from hippo.types import LLMRequest, Message

__all__ = ["CausalModel", "Prompt", "Written"]

_WHAT = "language model 'transformers'"
_NAMES = {"system": "System", "user": "User", "assistant": "Assistant"}


@dataclass(eq=False)
class Prompt:
    """What is to be continued.

    Attributes:
        tokens: Tokens of the prompt.
        limit: Most tokens of the reply, at least 1.
        wanted: Tells while the reply is written whether anybody still waits for it.
    """

    tokens: Sequence[int]
    limit: int
    wanted: Callable[[], bool] = field(default=lambda: True)


@dataclass(frozen=True, slots=True)
class Written:
    """A reply.

    Attributes:
        text: Without the prompt and without special tokens.
        tokens: Number of tokens written, the one that ends the reply included.
        complete: Whether the model ended it itself.
    """

    text: str
    tokens: int
    complete: bool


class CausalModel:
    """A model and its tokenizer, loaded from a folder. To be used by one thread at a time.

    Args:
        name: Name for messages.
        folder: Folder with safetensors weights.
        device: As torch names it, or "auto": CUDA where there is one, else MPS, else the CPU.
        dtype: As torch names it, or "auto": float32 on a CPU, elsewhere as the weights are stored.
        temperature: Randomness; 0: always the likeliest token.

    Raises:
        ModelNotFoundError: The folder cannot be loaded.
        MissingExtraError: torch or transformers is not installed.
    """

    def __init__(self, name: str, folder: Path, *, device: str, dtype: str, temperature: float) -> None:
        try:
            import torch
            from transformers import AutoModelForCausalLM, AutoTokenizer
        except ImportError as error:
            raise MissingExtraError(_WHAT, (error.name or "transformers").replace("_", "-"), "local") from error
        self._name = name
        place = _best_device(torch) if device == "auto" else device
        precision = ("float32" if place == "cpu" else "auto") if dtype == "auto" else dtype
        options = {"local_files_only": True, "trust_remote_code": False}
        try:
            with _quiet():
                self.tokenizer: Any = AutoTokenizer.from_pretrained(str(folder), padding_side="left", **options)
                model: Any = AutoModelForCausalLM.from_pretrained(
                    str(folder), torch_dtype=precision, use_safetensors=True, **options
                )
                self._model = model.to(place).eval()
        except Exception as error:  # the loaders of three libraries, each with errors of its own
            remedy = "Models that need code of their authors are not supported; otherwise fetch it again"
            reason = f"it cannot be loaded ({' '.join(str(error).split())[:300]})"
            raise ModelNotFoundError(name, reason, remedy) from error
        self._ends = _end_tokens(self._model, self.tokenizer)
        pad = self.tokenizer.pad_token_id
        self._pad = int(pad) if pad is not None else min(self._ends, default=0)
        self._settings = _generation(self._model, temperature, self._pad, self._ends)
        positions = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)
        self._longest = positions if isinstance(positions, int) and positions > 0 else None

    def prompt(self, request: LLMRequest, wanted: Callable[[], bool]) -> Prompt:
        """The request as the model is to read it: by its chat template, or with the speakers' names.

        Raises:
            LLMRequestError: It leaves no room for a reply in the model's context.
        """
        tokens = self._encode(request.messages)
        limit = request.max_tokens
        if self._longest is not None:
            if len(tokens) >= self._longest:
                problem = f"it has {len(tokens)} tokens, longer than the model's context of {self._longest}"
                raise LLMRequestError(self._name, problem)
            limit = min(limit, self._longest - len(tokens))
        return Prompt(tokens, limit, wanted)

    def write(self, prompts: Sequence[Prompt], streamer: Any = None) -> list[Written]:
        """Replies to prompts, in order. A batch that does not fit into memory is cut in two.

        Raises:
            LLMRequestError: A single prompt does not fit.
        """
        import torch

        try:
            return self._generate(prompts, streamer)
        except torch.cuda.OutOfMemoryError as error:
            if len(prompts) == 1:
                raise LLMRequestError(self._name, "it does not fit into the memory of the device") from error
        torch.cuda.empty_cache()
        half = len(prompts) // 2
        return self.write(prompts[:half]) + self.write(prompts[half:])

    def _generate(self, prompts: Sequence[Prompt], streamer: Any) -> list[Written]:
        import torch
        from transformers import StoppingCriteriaList

        width = max(len(prompt.tokens) for prompt in prompts)
        rows = [[self._pad] * (width - len(prompt.tokens)) + list(prompt.tokens) for prompt in prompts]
        mask = [[0] * (width - len(prompt.tokens)) + [1] * len(prompt.tokens) for prompt in prompts]
        place = self._model.device

        def enough(tokens: Any, _scores: Any, **_: Any) -> Any:
            written = tokens.shape[1] - width
            done = [written >= prompt.limit or not prompt.wanted() for prompt in prompts]
            return torch.tensor(done, device=tokens.device)

        with torch.inference_mode(), _quiet():
            output = self._model.generate(
                input_ids=torch.tensor(rows, device=place),
                attention_mask=torch.tensor(mask, device=place),
                generation_config=self._settings,
                max_new_tokens=max(prompt.limit for prompt in prompts),
                stopping_criteria=StoppingCriteriaList([enough]),
                streamer=streamer,
            )
        new = output[:, width:].tolist()
        return [self._written(tokens, prompt) for tokens, prompt in zip(new, prompts, strict=True)]

    def _written(self, tokens: list[int], prompt: Prompt) -> Written:
        tokens = tokens[: prompt.limit]
        end = next((place for place, token in enumerate(tokens) if token in self._ends), None)
        kept = tokens if end is None else tokens[: end + 1]
        return Written(self.tokenizer.decode(kept, skip_special_tokens=True), len(kept), end is not None)

    def _encode(self, messages: Sequence[Message]) -> list[int]:
        turns = [{"role": item.role, "content": sendable(item.content)} for item in messages]
        if self.tokenizer.chat_template:
            return list(self.tokenizer(self._templated(turns), add_special_tokens=False)["input_ids"])
        plain = "".join(f"{_NAMES[turn['role']]}: {turn['content']}\n\n" for turn in turns)
        return list(self.tokenizer(f"{plain}Assistant:")["input_ids"])

    def _templated(self, turns: list[dict[str, str]]) -> str:
        from jinja2 import TemplateError

        render = self.tokenizer.apply_chat_template
        try:
            return str(render(turns, tokenize=False, add_generation_prompt=True))
        except TemplateError as error:
            if len(turns) < 2 or turns[0]["role"] != "system":
                raise LLMRequestError(self._name, f"its chat template refuses the messages ({error})") from error
        # Some templates know no system role: what it says goes in front of the user's turn.
        first = {"role": turns[1]["role"], "content": f"{turns[0]['content']}\n\n{turns[1]['content']}"}
        return self._templated([first, *turns[2:]])


def _best_device(torch: Any) -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    ends = model.generation_config.eos_token_id
    several = ends if isinstance(ends, list) else [ends]
    return frozenset(int(token) for token in (*several, tokenizer.eos_token_id) if token is not None)


def _generation(model: Any, temperature: float, pad: int, ends: frozenset[int]) -> Any:
    """The model's own settings for writing, with our temperature; greedy where that is 0."""
    settings = copy.deepcopy(model.generation_config)
    settings.update(pad_token_id=pad, eos_token_id=sorted(ends) or None, max_length=None, num_beams=1)
    if temperature:
        settings.update(do_sample=True, temperature=temperature)
    else:
        settings.update(do_sample=False, temperature=None, top_p=None, top_k=None, min_p=None, typical_p=None)
    return settings


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep notices and progress bars of the libraries from the caller."""
    import transformers

    logs = transformers.utils.logging
    level, bars = logs.get_verbosity(), logs.is_progress_bar_enabled()
    logs.set_verbosity_error()
    logs.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logs.set_verbosity(level)
        if bars:
            logs.enable_progress_bar()
