"""What back-ends that run a model of a folder share: it is found when it is first needed, and once."""

import threading
from typing import Any, ClassVar

from hippo.backends.folder import ModelFolder, find_folder
from hippo.errors import ConfigError

__all__ = ["FoundModel"]


class FoundModel:
    """A model by name. Any number of threads may use it. It can be pickled; the copy finds and loads the model anew.

    Args:
        model: Folder, or name on the hub.
    """

    what: ClassVar[str]
    """What it serves, as errors name it."""
    _LOADED: ClassVar[tuple[str, ...]] = ("_loaded",)
    """Attributes that are None until they are needed, and do not travel with a pickle."""

    _lock: threading.RLock
    _folder: ModelFolder | None

    def __init__(self, model: str) -> None:
        self._model = model
        self._reset()

    @property
    def folder(self) -> ModelFolder:
        """The model's folder, found once.

        Raises:
            ModelNotFoundError: The model is not on this machine and cannot be fetched.
        """
        with self._lock:
            if self._folder is None:
                self._folder = self._find()
            return self._folder

    def _length(self, name: str, asked: int | None) -> int:
        """Tokens that are read: those asked for under an option's name, or else as the model's authors set it.

        Raises:
            ConfigError: More were asked for than the model has positions for.
        """
        longest = self.folder.longest
        if asked is not None and longest is not None and asked > longest:
            raise ConfigError(self.what, name, f"the model reads at most {longest}, got {asked}")
        return asked or self.folder.max_tokens or 512

    def _find(self) -> ModelFolder:
        return find_folder(self._model)

    def _reset(self) -> None:
        self._lock = threading.RLock()
        self._folder = None
        for name in self._LOADED:
            setattr(self, name, None)

    def __getstate__(self) -> dict[str, Any]:
        left_out = ("_lock", "_folder", *self._LOADED)
        return {key: value for key, value in self.__dict__.items() if key not in left_out}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._reset()
