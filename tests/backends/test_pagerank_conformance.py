import numpy as np
import pytest

from hippo.backends.pagerank.auto import AutoPageRank
from hippo.backends.pagerank.cuda import TorchArrays
from hippo.backends.pagerank.igraph import IgraphPageRank
from hippo.backends.pagerank.power import PowerPageRank, solve
from hippo.backends.pagerank.problem import Problem
from hippo.backends.pagerank.push import PushPageRank
from hippo.testing.pagerank import PageRankConformance


class TestPower(PageRankConformance):
    @pytest.fixture
    def engine(self):
        return PowerPageRank()


class TestRelaxation(PageRankConformance):
    @pytest.fixture
    def engine(self):
        return PowerPageRank(compiled=True)


class TestPush(PageRankConformance):
    @pytest.fixture
    def engine(self):
        return PushPageRank(max_work=np.inf, threads=1)


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
    """The sweep on torch tensors: on a CUDA device, or in main memory, which is all of that path but the device."""

    def __init__(self, torch):
        self._arrays = TorchArrays("cuda" if torch.cuda.is_available() else "cpu")

    def rank(self, walk, restart, *, tolerance=1e-9, top=None, candidates=None):
        problem = Problem.of(walk, restart, tolerance, top, candidates)
        return solve(problem, self._arrays, max_iterations=200, threads=1, width=64, numbers=2**24)


class TestTorch(PageRankConformance):
    @pytest.fixture
    def engine(self):
        return OnTorch(pytest.importorskip("torch"))
