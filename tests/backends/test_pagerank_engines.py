import gc
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse as sp

from hippo.backends.pagerank import auto, power, problem, push_kernel, relaxation_kernel
from hippo.backends.pagerank.auto import AutoPageRank
from hippo.backends.pagerank.cuda import TorchArrays
from hippo.backends.pagerank.power import PowerPageRank
from hippo.backends.pagerank.push import PushPageRank
from hippo.backends.pagerank.relaxation import relax
from hippo.errors import ConfigError, InputError, MissingExtraError
from hippo.protocols import PageRank, Walk
from hippo.testing.pagerank import GRAPHS, adjacency, bipartite_graph, restart_block

PASSAGES = slice(0, 2000)


@pytest.fixture(scope="module")
def large():
    return bipartite_graph(2000, 3000, 12_000, seed=8)


@pytest.fixture(scope="module")
def asked(large):
    return restart_block(large.shape[0], 6, seed=9)[:, 2:]


@pytest.fixture
def no_numba(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    kernels = push_kernel, relaxation_kernel
    for kernel in kernels:
        kernel.compiled.cache_clear()
    yield
    for kernel in kernels:
        kernel.compiled.cache_clear()


@pytest.mark.parametrize("engine", [AutoPageRank, PowerPageRank, PushPageRank])
def test_engines_satisfy_the_protocol(engine):
    assert isinstance(engine(), PageRank)


def test_push_stays_local(large, asked):
    result = PushPageRank().rank(Walk(large, 0.3), asked, top=3, candidates=PASSAGES)
    assert result.engine == "push"
    assert result.certified.all()
    assert ((result.scores > 0).sum(axis=0) < large.shape[0] / 2).all()


@pytest.mark.parametrize("damping", [0.5, 0.8])
def test_push_says_what_ended_a_question(large, asked, damping):
    walk = Walk(large, damping)
    strict = PushPageRank(max_work=np.inf).rank(walk, asked, top=5, candidates=PASSAGES)
    loose = PushPageRank(max_work=np.inf, slack=3.0).rank(walk, asked, top=5, candidates=PASSAGES)
    assert set(strict.stopped) == {"proven"}
    assert "slack" in loose.stopped
    assert [one == "proven" for one in loose.stopped] == loose.certified.tolist()
    assert loose.iterations.sum() < strict.iterations.sum()
    best = [np.argsort(-result.scores[PASSAGES], axis=0, kind="stable")[:5] for result in (strict, loose)]
    np.testing.assert_array_equal(*best)
    assert set(PushPageRank(max_work=np.inf).rank(walk, asked).stopped) == {"tolerance"}


@pytest.mark.parametrize("wide", [True, False])
def test_spread_equals_rank_and_looks_at_seeds_alone(large, asked, wide):
    gain = np.random.default_rng(4).uniform(0.1, 1.0, (large.shape[0], 1)) if wide else None
    walk, engine = Walk(large, 0.5, gain), PushPageRank(max_work=np.inf)
    whole = engine.rank(walk, asked, top=5, candidates=PASSAGES)
    for column in range(asked.shape[1]):
        seeds = np.flatnonzero(asked[:, column])
        local = engine.spread(walk, seeds, asked[seeds, column], top=5, candidates=PASSAGES)
        dense = np.zeros(large.shape[0])
        dense[local.nodes] = local.scores
        np.testing.assert_allclose(dense, whole.scores[:, column], rtol=1e-12)
        assert local.stopped == whole.stopped[column]
    assert PushPageRank(max_work=10).spread(walk, seeds, asked[seeds, column], top=5) is None


@pytest.mark.parametrize(
    ("nodes", "weights", "gain", "message"),
    [
        ([0, 0], [0.5, 0.5], None, "without repeats"),
        ([0, 30], [0.5, 0.5], None, r"\[0, 30\), they span 0 to 30"),
        ([0, 1], [0.5, 0.6], None, "sum to 1"),
        ([0, 1], [1.0], None, "one length"),
        ([0], [1.0], np.zeros((30, 1)), "positive and finite"),
        ([0], [1.0], np.ones((30, 2)), "must have shape"),
    ],
)
def test_unusable_seeds_are_refused(nodes, weights, gain, message):
    engine = PushPageRank(max_work=np.inf)
    with pytest.raises(InputError, match=message):
        engine.spread(Walk(GRAPHS["path"], 0.5, gain), np.array(nodes), np.array(weights))


@pytest.mark.parametrize("highest", [None, 1.0])
@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
def test_a_gain_that_cannot_be_used_is_found_where_it_is_reached(value, highest):
    gain = np.ones((30, 1))
    gain[7] = value
    with pytest.raises(InputError, match="positive and finite"):
        PushPageRank(max_work=np.inf).spread(
            Walk(GRAPHS["path"], 0.9, gain), np.array([2]), np.ones(1), highest=highest
        )


def test_push_leaves_dense_seeds_to_power(large):
    spread = np.full((large.shape[0], 1), 1 / large.shape[0])
    result = PushPageRank().rank(Walk(large, 0.5), spread)
    assert result.engine == "power"
    assert result.residual[0] <= 1e-9


def test_push_leaves_nothing_behind(large, asked):
    engine = PushPageRank(max_work=np.inf)
    first = engine.rank(Walk(large, 0.5), asked, top=5, candidates=PASSAGES)
    PushPageRank.rank(engine, Walk(large, 0.8), asked[:, ::-1], top=20)
    again = engine.rank(Walk(large, 0.5), asked, top=5, candidates=PASSAGES)
    np.testing.assert_array_equal(first.scores, again.scores)
    stopped = PushPageRank(max_work=100)
    assert stopped.rank(Walk(large, 0.5), asked, top=5).engine == "power"
    assert stopped._free
    left = [(state.table, state.estimate, state.waits) for state in (*stopped._free, *engine._free)]
    assert not any(array.any() for arrays in left for array in arrays)


def test_a_graph_known_to_be_symmetric_is_not_compared_with_its_mirror_image():
    lopsided = sp.csr_array(np.array([[0.0, 1.0, 2.0], [1.0, 0.0, 0.0], [3.0, 0.0, 0.0]]))
    with pytest.raises(InputError, match="symmetric"):
        problem.graph_of(lopsided.copy())
    assert problem.graph_of(lopsided, symmetric=True).n == 3
    with pytest.raises(InputError, match="symmetric"):
        problem.graph_of(lopsided)
    # What would lead compiled loops out of their arrays is found in any case.
    astray = lopsided.copy()
    astray.indices[0] = 7
    with pytest.raises(InputError, match="lie within it"):
        problem.graph_of(astray, symmetric=True)


def test_interpreted_push_equals_compiled_push():
    graph, gain = GRAPHS["heavy weights"], 10 ** np.random.default_rng(2).uniform(-1, 1, 270)
    tables = []
    for loop in (push_kernel.push, push_kernel.compiled().push):
        table = np.zeros((270, push_kernel.COLUMNS))
        estimate, waits = np.zeros(270), np.zeros(270, dtype=np.bool_)
        queue, touched = (np.zeros(270, dtype=np.int64) for _ in range(2))
        seed = int(np.diff(graph.indptr).argmax())
        touched[0], table[seed, :2], table[seed, push_kernel.CURSOR] = seed, (0.5, gain[seed]), graph.indptr[seed]
        arrays = graph.indptr, graph.indices, graph.data, np.asarray(graph.sum(axis=1)).ravel(), gain
        counts = loop(*arrays, 0, 0.5, 1.1, 1e-5, 1e9, table, estimate, waits, queue, touched, 1)
        assert counts[3] == 0
        assert table[:, push_kernel.RESIDUE].sum() == pytest.approx(0.5 - 0.5 * estimate.sum())
        potential = table[:, 0] / np.maximum(table[:, 1] * (graph @ gain), 1e-300)
        assert potential[touched[: counts[0]]].max() <= 1e-5
        assert not waits.any()
        tables.append((table, estimate))
    for one, other in zip(*tables, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9)
    assert (tables[0][1] > 0).sum() > 1


@pytest.mark.parametrize("columns", [1, 2, 11])
def test_relaxation_takes_fewer_sweeps_to_the_same_order(large, columns):
    gain = 10 ** np.random.default_rng(3).uniform(-1, 0, (large.shape[0], columns))
    walk, restart = Walk(large, 0.8, gain), restart_block(large.shape[0], columns + 2, seed=4)[:, 2:]
    asked = {"top": 10, "candidates": PASSAGES}
    swept, relaxed = (PowerPageRank(compiled=one).rank(walk, restart, **asked) for one in (False, True))
    assert swept.certified.all()
    assert relaxed.certified.all()
    assert relaxed.iterations.sum() < 0.8 * swept.iterations.sum()
    best = [np.argsort(-result.scores[PASSAGES], axis=0, kind="stable")[:10] for result in (swept, relaxed)]
    np.testing.assert_array_equal(*best)


def test_interpreted_relaxation_equals_compiled_relaxation():
    graph = GRAPHS["heavy weights"]
    walk, restart = Walk(graph, 0.7), restart_block(graph.shape[0], 10)
    for columns in ([0], [3, 4, 5]):
        asked = problem.Problem.of(walk, restart[:, columns], 1e-9, None, None)
        found = [
            relax(asked, loops, 200, 1) for loops in (relaxation_kernel.interpreted(), relaxation_kernel.compiled())
        ]
        # Two roundings where the compiled sweep has one; float64 has the last word.
        np.testing.assert_allclose(found[0].scores, found[1].scores, rtol=1e-6, atol=1e-11)
        np.testing.assert_array_equal(found[0].iterations, found[1].iterations)


def test_relaxation_leaves_nothing_behind(large):
    engine = PowerPageRank(compiled=True)
    restarts = [restart_block(large.shape[0], count, seed=count) for count in (1, 19)]
    found = []
    for damping, order in ((0.8, (0, 1)), (0.5, (1, 0)), (0.8, (1, 0))):
        found.append([engine.rank(Walk(large, damping), restarts[one], top=10).scores for one in order])
    for first, again in zip(found[0], reversed(found[2]), strict=True):
        np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("top", [10, None])
def test_relaxation_gives_a_question_the_same_bits_alone_and_among_others(large, top):
    restart = restart_block(large.shape[0], 21, seed=4)
    gain = 10 ** np.random.default_rng(6).uniform(-3, 0, restart.shape)
    engine = PowerPageRank(compiled=True)
    together = engine.rank(Walk(large, 0.8, gain), restart, top=top, candidates=PASSAGES)
    for column in (0, 7, 20):
        part = slice(column, column + 1)
        alone = engine.rank(Walk(large, 0.8, gain[:, part]), restart[:, part], top=top, candidates=PASSAGES)
        np.testing.assert_array_equal(alone.scores[:, 0], together.scores[:, column])
        assert alone.iterations[0] == together.iterations[column]


@pytest.mark.parametrize(
    "engine",
    [PowerPageRank(compiled=True), PowerPageRank(compiled=False), PushPageRank(max_work=np.inf), AutoPageRank()],
)
@pytest.mark.parametrize("gained", [True, False])
def test_seeds_are_ranked_as_their_restart_vectors_are(large, asked, engine, gained):
    n, m = asked.shape
    candidates = slice(100, 2000)
    gain = 10 ** np.random.default_rng(6).uniform(-3, 0, (1900, m)) if gained else None
    whole = np.ones((n, m))
    whole[candidates] = 1.0 if gain is None else gain
    nodes = [np.flatnonzero(column) for column in asked.T]
    seeds = [(rows[::-1], asked[rows, column][::-1]) for column, rows in enumerate(nodes)]
    expected = engine.rank(Walk(large, 0.7, whole), asked, top=5, candidates=candidates)
    for everywhere in (False, True):
        found = engine.rank_seeds(Walk(large, 0.7, gain), seeds, top=5, candidates=candidates, everywhere=everywhere)
        rows = slice(None) if everywhere else candidates
        np.testing.assert_allclose(found.scores, expected.scores[rows], rtol=1e-6, atol=1e-10)
        np.testing.assert_array_equal(found.certified, expected.certified)


def test_seeds_that_cannot_be_used_are_refused(large):
    walk, engine = Walk(large, 0.7), PowerPageRank()
    for nodes, weights, problem_ in (
        ([3, 3], [0.5, 0.5], "without repeats"),
        ([large.shape[0]], [1.0], "must lie in"),
        ([1, 2], [0.5, 0.6], "sum to 1"),
    ):
        with pytest.raises(InputError, match=problem_):
            engine.rank_seeds(walk, [(np.array(nodes), np.array(weights))])
    with pytest.raises(InputError, match="gain must have shape"):
        engine.rank_seeds(Walk(large, 0.7, np.ones((7, 1))), [(np.array([1]), np.ones(1))], candidates=PASSAGES)


def test_equal_nodes_have_equal_scores_after_relaxation():
    """Two nodes with the same neighbours: nothing but their rows could tell them apart."""
    twins = adjacency(7, [(0, 1, 0.3), (0, 2, 0.7), (1, 3, 1.1), (2, 3, 0.9), (1, 6, 1.1), (2, 6, 0.9), (4, 0, 2.0)])
    result = PowerPageRank(compiled=True).rank(Walk(twins, 0.8), np.array([[1.0], *[[0.0]] * 6]), top=5)
    assert result.scores[3, 0] == result.scores[6, 0] > 0
    assert not result.certified[0]


def test_graphs_of_some_size_are_relaxed_where_numba_is(large, asked, monkeypatch):
    walk = Walk(large, 0.5)
    few = PowerPageRank(compiled=True).rank(walk, asked, top=3).iterations
    assert (PowerPageRank().rank(walk, asked, top=3).iterations != few).any()
    monkeypatch.setattr(power, "_COMPILED_ENTRIES", 1000)
    np.testing.assert_array_equal(PowerPageRank().rank(walk, asked, top=3).iterations, few)


def test_auto_sweeps_small_graphs_and_pushes_on_large_ones(large, asked, monkeypatch):
    walk = Walk(large, 0.3)
    engine = AutoPageRank()
    assert engine.rank(walk, asked, top=3, candidates=PASSAGES).engine == "power"
    monkeypatch.setattr(auto, "_LEAST_ENTRIES", 1000)
    pushed = engine.rank(walk, asked, top=3, candidates=PASSAGES)
    swept = PowerPageRank().rank(walk, asked, top=3, candidates=PASSAGES)
    assert pushed.engine == "push"
    best = [np.argsort(-result.scores[PASSAGES], axis=0, kind="stable")[:3] for result in (pushed, swept)]
    np.testing.assert_array_equal(*best)
    assert engine.rank(walk, asked).engine == "power"
    dense = np.full((large.shape[0], 1), 1 / large.shape[0])
    assert engine.rank(walk, dense, top=3).engine == "power"
    # Each question goes where it goes alone.
    mixed = engine.rank(walk, np.hstack([asked[:, :1], dense, asked[:, 1:2]]), top=3, candidates=PASSAGES)
    alone = engine.rank(walk, dense, top=3, candidates=PASSAGES)
    np.testing.assert_array_equal(mixed.scores[:, [0, 2]], pushed.scores[:, :2])
    np.testing.assert_array_equal(mixed.scores[:, 1], alone.scores[:, 0])
    np.testing.assert_array_equal(mixed.iterations, [pushed.iterations[0], alone.iterations[0], pushed.iterations[1]])
    assert mixed.engine == "power"
    assert mixed.stopped == (pushed.stopped[0], alone.stopped[0], pushed.stopped[1])


@pytest.mark.usefixtures("no_numba")
def test_without_numba_relaxation_says_so_and_power_sweeps(large, asked, monkeypatch):
    with pytest.raises(MissingExtraError, match=r"relaxation.*numba.*\[local\]"):
        PowerPageRank(compiled=True)
    monkeypatch.setattr(power, "_COMPILED_ENTRIES", 1000)
    monkeypatch.setattr(power.importlib.util, "find_spec", lambda name: None)
    assert PowerPageRank().rank(Walk(large, 0.3), asked, top=3).certified.all()


@pytest.mark.usefixtures("no_numba")
def test_without_numba_push_says_so_and_auto_sweeps(large, asked, monkeypatch):
    with pytest.raises(MissingExtraError, match=r"'push'.*numba.*\[local\]"):
        PushPageRank()
    monkeypatch.setattr(auto, "_LEAST_ENTRIES", 1000)
    assert AutoPageRank().rank(Walk(large, 0.3), asked, top=3).engine == "power"


def test_without_a_cuda_device_asking_for_one_is_an_error(monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="no CUDA device"):
        PowerPageRank(device="cuda").rank(Walk(GRAPHS["path"], 0.5), restart_block(30))
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match="torch"):
        TorchArrays("cpu")


def test_questions_go_to_a_cuda_device_all_at_once(monkeypatch):
    assert PowerPageRank(device="cpu").together == AutoPageRank(device="cpu").together == 16
    assert PowerPageRank(device="cuda").together is None
    seeing = SimpleNamespace(cuda=SimpleNamespace(is_available=lambda: True))
    monkeypatch.setitem(sys.modules, "torch", seeing)
    assert AutoPageRank().together is None


@pytest.mark.gpu
def test_cuda_equals_cpu(large, asked):
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    walk = Walk(large, 0.6)
    there, here = (PowerPageRank(device=device).rank(walk, asked) for device in ("cuda", "cpu"))
    np.testing.assert_allclose(there.scores, here.scores, atol=2e-9)


@pytest.mark.parametrize(
    ("engine", "options"),
    [
        (PowerPageRank, {"device": "tpu"}),
        (PowerPageRank, {"threads": 0}),
        (PowerPageRank, {"max_iterations": 0}),
        (PushPageRank, {"max_work": -1}),
        (PushPageRank, {"slack": 0.5}),
        (PushPageRank, {"threads": 0}),
    ],
)
def test_wrong_options_are_refused(engine, options):
    with pytest.raises(ConfigError, match=next(iter(options))):
        engine(**options)


def test_power_that_runs_out_of_sweeps_says_how_far_it_came():
    result = PowerPageRank(max_iterations=3).rank(Walk(GRAPHS["path"], 0.9), restart_block(30), top=5)
    assert (result.iterations == 3).all()
    assert (result.residual > 1e-9).all()
    np.testing.assert_allclose(result.scores.sum(axis=0), 1.0, atol=result.residual.max())


def test_one_thread_and_many_give_the_same_scores(large):
    restart = restart_block(large.shape[0], 24)
    one, many = (PowerPageRank(threads=threads).rank(Walk(large, 0.5), restart, top=10) for threads in (1, 5))
    np.testing.assert_allclose(one.scores, many.scores, rtol=1e-12, atol=1e-16)
    np.testing.assert_array_equal(one.iterations, many.iterations)


def test_what_is_known_of_a_graph_dies_with_it():
    before = len(problem._graphs)
    graph = bipartite_graph(20, 20, 50)
    PowerPageRank().rank(Walk(graph, 0.5), restart_block(40))
    assert len(problem._graphs) == before + 1
    del graph
    gc.collect()
    assert len(problem._graphs) == before


def test_small_problems_load_neither_numba_nor_torch():
    program = (
        "import sys; from hippo.testing.pagerank import GRAPHS, restart_block; from hippo.protocols import Walk\n"
        "from hippo.backends.pagerank.auto import AutoPageRank\n"
        "AutoPageRank().rank(Walk(GRAPHS['bipartite'], 0.5), restart_block(270), top=5)\n"
        "print(sorted({'numba', 'torch', 'igraph'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
