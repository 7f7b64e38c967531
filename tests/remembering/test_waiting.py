"""When a memory sees what others remember, where laying it over an index is much work."""

from hippo import Hippo, renewing

MANUAL = {"indexing": {"merge_after": 0}}


def found(memory: Hippo, question: str, *, k: int = 10) -> list[str]:
    return [hit.text for hit in memory.recall(question, k=k).hits]


def test_what_others_remember_waits_a_moment_where_putting_together_is_much_work(tmp_path, monkeypatch):
    monkeypatch.setattr(renewing, "_SHORT", -1.0)
    monkeypatch.setattr(renewing, "_PAUSE", 1000.0)
    with Hippo.open(tmp_path, encoder="hashing", config=MANUAL) as memory:
        memory.add(["Ada Lovelace met Charles Babbage."])
        other = Hippo.open(tmp_path, config=MANUAL)
        [key] = memory.remember("Zoe Zeller leads Acme.")
        assert found(memory, "Who leads Acme?", k=1) == ["Zoe Zeller leads Acme."]
        other.remember("Max Mund leads Umbra.")
        assert "Max Mund leads Umbra." not in found(memory, "Who leads Umbra?")
        memory.remember("Kim Kern leads Penta.")
        assert found(memory, "Who leads Penta?", k=1) == ["Kim Kern leads Penta."]
        assert found(memory, "Who leads Umbra?", k=1) == ["Max Mund leads Umbra."]
        other.forget(key)
        assert "Zoe Zeller leads Acme." not in found(memory, "Who leads Acme?")
        monkeypatch.setattr(renewing, "_PAUSE", 0.0)
        memory.remember("Uwe Uhl leads Kappa.")
        assert found(memory, "Who leads Kappa?", k=1) == ["Uwe Uhl leads Kappa."]
        other.remember("Lea Lang leads Sigma.")
        assert found(memory, "Who leads Sigma?", k=1) == ["Lea Lang leads Sigma."]
        other.close()
