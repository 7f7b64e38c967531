"""The comparison of a device with the processor: the same code on both; a machine without a device is told apart."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

from hippo.protocols import Walk
from hippo.testing import PageRankConformance
from hippo.testing.pagerank import GRAPHS, restart_block
from pipelines import bench_gpu

pytest.importorskip("torch", reason="torch is not installed; it comes with hippo-memory[local]")


class TestTorchPageRank(PageRankConformance):
    """What runs on the device solves the problem that the other engines solve."""

    @pytest.fixture
    def engine(self) -> bench_gpu.TorchPageRank:
        return bench_gpu.TorchPageRank("cpu")


def test_a_device_and_the_processor_take_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("faiss", reason="faiss is not installed; it comes with hippo-memory[local]")
    options = "--nodes 2000 --questions 5 --vectors 500 --dimension 16 --passages 0 --rounds 2".split()
    monkeypatch.setattr(bench_gpu, "_COPIED", {"cpu": 2**16})
    monkeypatch.setattr("sys.argv", ["bench_gpu", "--device", "cpu", *options, "--out", str(tmp_path / "gpu.json")])
    bench_gpu.main()
    said = capsys.readouterr().out
    assert "the same 20 passages in the same order: 100%" in said
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert list(found["parts"]) == ["walk", "product", "search, 1 at once", "search, 5 at once"]
    for part in found["parts"].values():
        assert part["times_faster"]["runs"] == 2
        for way in ("device", "cpu"):
            assert part[way]["ms"]["p10"] <= part[way]["ms"]["median"] <= part[way]["ms"]["p90"]
            assert part[way]["share_of_copy"] > 0
    search = found["parts"]["search, 1 at once"]["device"]
    assert search["bytes"] == 500 * 16 * 4
    assert all(part["same_order"] == 1.0 for name, part in found["parts"].items() if name != "product")
    assert "the same 20 vectors in the same order: 100%" in said
    assert found["machine"]["packages"]["torch"]


def test_bytes_are_those_of_all_sweeps() -> None:
    """Three questions, two of them together: the graph is read 5 times for these and 7 times for the third."""
    assert bench_gpu._swept(np.array([3, 5, 7]), 2, 100.0, 8.0) == 12 * 100 + 4 * 8 * 15


def test_bytes_of_relaxations_are_those_of_float32() -> None:
    """Twenty questions: two blocks, of which each reads the weights in float64 once, in the sweep that is measured."""
    matrix = csr_array(np.ones((3, 3)))
    pattern = matrix.indices.nbytes + matrix.indptr.nbytes
    blocks = [6 * (pattern + 9 * 4) + pattern + 9 * 8, 3 * (pattern + 9 * 4) + pattern + 9 * 8]
    iterations = np.array([7, *[2] * 15, 4, 4, 4, 1])
    assert bench_gpu._relaxed(iterations, matrix) == sum(blocks) + 12 * 3 * iterations.sum()


@pytest.mark.parametrize("there", [True, False])
def test_without_a_device_nothing_is_measured(
    there: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if there:
        monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    else:
        monkeypatch.setitem(__import__("sys").modules, "torch", None)
    monkeypatch.setattr("sys.argv", ["bench_gpu"])
    with pytest.raises(SystemExit) as ended:
        bench_gpu.main()
    assert ended.value.code == bench_gpu.NO_DEVICE == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("torch sees no CUDA device:" if there else "torch is not installed:")


@pytest.mark.gpu
def test_a_device_agrees_with_the_processor() -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    walk, restart = Walk(GRAPHS["path"], 0.6), restart_block(30)
    there, here = (bench_gpu.TorchPageRank(device).rank(walk, restart) for device in ("cuda", "cpu"))
    np.testing.assert_allclose(there.scores, here.scores, atol=2e-9)
