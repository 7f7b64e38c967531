"""What the parts of a store share: the connection."""

from hippo.store.connection import Connection

__all__ = ["Part"]


class Part:
    """A group of tables of a store and what can be done with them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
