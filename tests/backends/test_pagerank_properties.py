import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from hippo.backends.pagerank.igraph import IgraphPageRank
from hippo.backends.pagerank.power import PowerPageRank
from hippo.backends.pagerank.push import PushPageRank
from hippo.protocols import Walk

ENGINES = {
    "power": PowerPageRank(threads=1),
    "push": PushPageRank(max_work=np.inf),
    "igraph": IgraphPageRank(),
}


@st.composite
def questions(draw):
    """A connected or disconnected random walk without dangling nodes (there scores are linear), two questions."""
    n = draw(st.integers(2, 15))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    upper = np.triu(10 ** random.uniform(-3, 3, (n, n)) * (random.random((n, n)) < 0.3), 1)
    for u in range(0, n - 1, 2):
        upper[u, u + 1] = 10 ** random.uniform(-1, 1)
    if n % 2:
        upper[n - 2, n - 1] = 1.0
    gain = 10 ** random.uniform(-2, 2, (n, 1)) if draw(st.booleans()) else None
    restart = random.random((n, 2)) ** 4
    return Walk(sp.csr_array(upper + upper.T), draw(st.floats(0.1, 0.9)), gain), restart / restart.sum(axis=0)


@pytest.mark.parametrize("name", sorted(ENGINES))
@settings(deadline=None, max_examples=60)
@given(drawn=questions(), share=st.floats(0, 1), seed=st.integers(0, 2**32 - 1))
def test_scores_are_a_distribution_linear_in_the_seeds_and_free_of_numbering(name, drawn, share, seed):
    walk, restart = drawn
    engine = ENGINES[name]
    scores = engine.rank(walk, restart).scores
    assert (scores >= 0).all()
    np.testing.assert_allclose(scores.sum(axis=0), 1.0, atol=2e-9)

    mixed = restart @ [[share], [1 - share]]
    np.testing.assert_allclose(engine.rank(walk, mixed).scores[:, 0], scores @ [share, 1 - share], atol=3e-9)

    order = np.random.default_rng(seed).permutation(len(restart))
    moved = sp.csr_array(walk.adjacency[order][:, order])
    moved.sort_indices()
    renumbered = Walk(moved, walk.damping, None if walk.gain is None else walk.gain[order])
    np.testing.assert_allclose(engine.rank(renumbered, restart[order]).scores, scores[order], atol=3e-9)
