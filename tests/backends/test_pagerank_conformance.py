import numpy as np
import pytest

from hippo.backends.pagerank import power as power_module
from hippo.backends.pagerank.auto import AutoPageRank
from hippo.backends.pagerank.cuda import TorchArrays
from hippo.backends.pagerank.igraph import IgraphPageRank
from hippo.backends.pagerank.power import PowerPageRank
from hippo.backends.pagerank.problem import Problem
from hippo.backends.pagerank.push import PushPageRank
from hippo.testing.pagerank import PageRankConformance


class TestPower(PageRankConformance):
    @pytest.fixture
    def engine(self):
        return PowerPageRank()


class TestPush(PageRankConformance):
    @pytest.fixture
    def engine(self):
        return PushPageRank(max_work=np.inf)


class TestPushThatFallsBack(PageRankConformance):
    @pytest.fixture
    def engine(self):
        return PushPageRank(max_work=50)


class TestIgraph(PageRankConformance):
    @pytest.fixture
    def engine(self):
        return IgraphPageRank()


class TestAuto(PageRankConformance):
    @pytest.fixture
    def engine(self):
        return AutoPageRank()


class OnTorch:
    """The sweep on torch tensors in main memory: all of the CUDA path but the device."""

    def rank(self, walk, restart, *, tolerance=1e-9, top=None, candidates=None):
        problem = Problem.of(walk, restart, tolerance, top, candidates)
        return power_module.solve(problem, TorchArrays("cpu"), 200, 1, 64, 2**24)


class TestTorch(PageRankConformance):
    @pytest.fixture
    def engine(self):
        pytest.importorskip("torch")
        return OnTorch()


@pytest.mark.gpu
class TestCuda(PageRankConformance):
    @pytest.fixture
    def engine(self):
        torch = pytest.importorskip("torch")
        if not torch.cuda.is_available():
            pytest.skip("no CUDA device")
        return PowerPageRank(device="cuda")
