"""Work that is put off to who needs it first."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from hippo.deferred import kept


class Holder:
    def __init__(self) -> None:
        self.made = 0
        self.waiting = threading.Barrier(4, timeout=60)

    @kept
    def value(self) -> object:
        """What is made."""
        self.made += 1
        time.sleep(0.001)  # others come by
        return object()

    def ask(self) -> object:
        self.waiting.wait()
        return self.value


def test_one_value_is_made_for_all_threads_and_each_object():
    for _ in range(3):
        holder = Holder()
        with ThreadPoolExecutor(4) as pool:
            found = [one.result() for one in [pool.submit(holder.ask) for _ in range(4)]]
        assert holder.made == 1
        assert found == [holder.value] * 4
    assert Holder().value is not holder.value
    assert Holder.value.__doc__ == "What is made."
