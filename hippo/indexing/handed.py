"""Batches that were handed over to a provider and not collected yet, as the store remembers them."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from hippo.store import Store

__all__ = ["Batch", "Handed"]

_KEY = "batches_under_way"


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that is handed over, or about to be.

    Attributes:
        label: Our name for it, by which the provider finds it.
        name: The provider's; "" until it has answered.
        size: Number of requests.
    """

    label: str
    name: str
    size: int


class Handed:
    """The batches of one model; every change is committed at once.

    Args:
        store: Keeps them.
        model: Fingerprint of the model.
    """

    def __init__(self, store: Store, model: str) -> None:
        self._store, self._model = store, model
        self._batches = {item["label"]: Batch(**item) for item in self._kept().get(model, [])}

    @property
    def batches(self) -> tuple[Batch, ...]:
        """All of them, the oldest first."""
        return tuple(self._batches.values())

    def put(self, batch: Batch) -> None:
        """Add a batch, or replace the one with its label."""
        self._batches[batch.label] = batch
        self._commit()

    def remove(self, batch: Batch) -> None:
        """Forget a batch."""
        del self._batches[batch.label]
        self._commit()

    def _kept(self) -> dict[str, list[dict[str, Any]]]:
        kept: dict[str, list[dict[str, Any]]] = json.loads(self._store.meta().get(_KEY, "{}"))
        return kept

    def _commit(self) -> None:
        kept = {**self._kept(), self._model: [asdict(batch) for batch in self.batches]}
        self._store.set_meta({_KEY: json.dumps(kept)})
