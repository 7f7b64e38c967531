"""Which vector search `auto` takes, and where torch is asked for it."""

import subprocess
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hippo.backends import devices
from hippo.backends import vectors as choice
from hippo.backends.vectors import open_vectors
from hippo.backends.vectors.exact import ExactVectorIndex
from hippo.backends.vectors.torch import TorchVectorIndex, fits_cuda
from hippo.testing.vectors import clustered

pytestmark = [pytest.mark.needs("torch"), pytest.mark.usefixtures("one_thread")]


def test_the_size_of_a_device_decides_not_what_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(device: Any = None) -> None:
        raise AssertionError("what is free was asked for")

    array = np.zeros((64, 32), np.float32)
    monkeypatch.setattr("torch.cuda.mem_get_info", refuse)
    for total, fits in ((8 * array.size, True), (8 * array.size - 4, False)):
        found = SimpleNamespace(total_memory=total)
        monkeypatch.setattr("torch.cuda.get_device_properties", lambda device, found=found: found)
        assert fits_cuda(array) is fits


def test_torch_that_is_just_being_imported_sees_no_device(monkeypatch: pytest.MonkeyPatch) -> None:
    started: Any = ModuleType("torch")
    monkeypatch.setitem(sys.modules, "torch", started)
    assert not devices.sees_cuda()
    started.cuda = ModuleType("torch.cuda")
    assert not devices.sees_cuda()
    started.cuda.is_available = lambda: True
    assert devices.sees_cuda()


def test_auto_takes_torch_where_faiss_sees_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    array = clustered(60)
    assert isinstance(open_vectors(array, "torch"), TorchVectorIndex)
    monkeypatch.setattr(choice, "APPROXIMATE_FROM", 60)
    assert not isinstance(open_vectors(array), TorchVectorIndex)
    # A machine with a device, of which no more is asked than whether it is there.
    monkeypatch.setattr(choice, "sees_cuda", lambda load=False: True)
    fits = [True]
    monkeypatch.setattr("hippo.backends.vectors.torch.fits_cuda", lambda vectors: fits[0])
    assert isinstance(open_vectors(array), TorchVectorIndex)
    assert isinstance(open_vectors(array[:59]), ExactVectorIndex)
    assert isinstance(open_vectors(array, "numpy"), ExactVectorIndex)
    fits[0] = False
    assert not isinstance(open_vectors(array), TorchVectorIndex)
    fits[0] = True
    pytest.importorskip("faiss")
    monkeypatch.setattr("hippo.backends.vectors.faiss.count_gpus", lambda: 1)
    assert not choice._suits_torch(array)


@pytest.mark.skipif(devices.may_have_cuda(), reason="there may be a CUDA device")
def test_torch_is_not_imported_where_there_can_be_no_device() -> None:
    code = """
import sys
import numpy as np
from hippo.backends import vectors
vectors.APPROXIMATE_FROM = 10
vectors.open_vectors(np.eye(20, dtype=np.float32))
vectors.exact_index(2**40)
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
