"""What an index was made with, so that it is never mixed with what does not fit."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hippo.config import Config
from hippo.durable import replace_text, writing
from hippo.errors import IndexCorruptError, IndexMismatchError
from hippo.ids import ASCII_NORMALISER, KEY_NORMALISER

__all__ = ["IDENTITY_FILE", "Identity"]

IDENTITY_FILE = "identity.json"

_META = "identity"
_NORMALISERS = {"hippo": KEY_NORMALISER, "hipporag": ASCII_NORMALISER}
"""How names become keys, by `graph.rules`."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Settings that all content of an index shares.

    Attributes:
        encoder: Fingerprint of the encoder; None: no vectors.
        key_normaliser: Name and version of the entity key.
        settings: Sections of the configuration that shape the content, as plain data, so that opening the index again
            needs no configuration: chunking, encoder, extractor, graph.
    """

    encoder: str | None
    key_normaliser: str
    settings: Mapping[str, Any]

    @classmethod
    def of(cls, config: Config, encoder: str | None) -> "Identity":
        """Identity of an index made now."""
        sections = asdict(config)
        settings = {name: sections[name] for name in ("chunking", "encoder", "extractor", "graph")}
        for name in ("encoder", "extractor"):
            settings[name] |= settings[name].pop("options")
        return cls(encoder, _NORMALISERS[config.graph.rules], settings)

    def to_meta(self) -> dict[str, str]:
        """For the store."""
        return {_META: json.dumps(asdict(self), sort_keys=True, default=str)}

    @classmethod
    def from_meta(cls, meta: Mapping[str, str]) -> "Identity | None":
        """From the store; None for a store that nothing was added to."""
        return cls(**json.loads(meta[_META])) if _META in meta else None

    def write(self, root: Path) -> None:
        """Into the folder of an index, for whoever opens it without store and snapshot; durable.

        Raises:
            IndexStateError: The disk refused.
        """
        text = json.dumps(asdict(self), sort_keys=True, indent=1, default=str) + "\n"
        file = root / IDENTITY_FILE
        if not file.is_file() or file.read_bytes() != text.encode():
            with writing(file):
                replace_text(file, text)

    @classmethod
    def read(cls, root: Path) -> "Identity | None":
        """From the folder of an index; None if nothing was ever added to it.

        Raises:
            IndexCorruptError: The file is damaged.
        """
        file = root / IDENTITY_FILE
        if not file.is_file():
            return None
        try:
            return cls(**json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, RecursionError) as error:
            raise IndexCorruptError(
                str(file), f"it cannot be read: {error}. Delete it and run `hippo index` again"
            ) from error

    def to_info(self) -> dict[str, Any]:
        """For a manifest."""
        return {_META: asdict(self)}

    @classmethod
    def from_info(cls, info: Mapping[str, Any]) -> "Identity":
        """From a manifest."""
        return cls(**info[_META])

    def check(self, path: str, other: "Identity") -> None:
        """Refuse to go on with other settings than those of the index at `path`.

        Raises:
            IndexMismatchError: The encoder, the entity keys or the chunking differ.
        """
        again = "Leave that setting out, so that the former is used, or make a new index in another folder."
        if self.encoder != other.encoder:
            stored, given = self.encoder or "none", other.encoder or "none"
            raise IndexMismatchError(path, "encoder", stored, given, again)
        if self.key_normaliser != other.key_normaliser:
            raise IndexMismatchError(path, "entity keys", self.key_normaliser, other.key_normaliser, again)
        if self.settings["chunking"] != other.settings["chunking"]:
            stored, given = _brief(self.settings["chunking"]), _brief(other.settings["chunking"])
            raise IndexMismatchError(path, "chunking", stored, given, again)


def _brief(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in settings.items())
