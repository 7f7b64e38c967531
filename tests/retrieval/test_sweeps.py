"""Sweeps of the plain walk: they keep their mass, and end where the exact solver does."""

from itertools import islice

import numpy as np
import pytest
import scipy.sparse as sp

from hippo.graph.pagerank import exact_pagerank
from hippo.protocols import Walk
from hippo.retrieval.sweeps import sweeps


def walk(gained: bool) -> Walk:
    chance = np.random.default_rng(3)
    dense = np.triu(chance.random((30, 30)) * (chance.random((30, 30)) < 0.1), 1)
    dense[:, 7] = dense[7, :] = 0.0  # a node without edges
    gain = chance.random((30, 1)) + 0.1 if gained else None
    return Walk(sp.csr_array(dense + dense.T), 0.8, gain)


@pytest.mark.parametrize("gained", [False, True])
def test_they_end_where_the_exact_solver_does(gained: bool) -> None:
    one, restart = walk(gained), np.zeros(30)
    restart[[2, 7, 11]] = 0.5, 0.3, 0.2
    exact = exact_pagerank(one, restart[:, None])[:, 0]
    found = list(islice(sweeps(one, restart), 80))
    assert np.array_equal(found[0], restart)
    for number, now in enumerate(found):
        assert now.min() >= 0
        assert now.sum() == pytest.approx(1.0)
        assert np.abs(now - exact).sum() <= 2 * 0.8**number + 1e-12
    assert np.abs(found[1] - restart).sum() > 0.1
