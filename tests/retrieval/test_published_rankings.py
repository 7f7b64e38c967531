"""Seeds, walks and rankings of the published systems, against a small program that was written from their description.

It holds everything in dictionaries and dense matrices, and shares nothing with hippo but the vectors.
"""

import re
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from hippo import Document, Hippo
from hippo.backends.pagerank.auto import AutoPageRank
from hippo.ids import text_hash
from hippo.retrieval.profiles import PROFILES
from hippo.retrieval.retrieve import Retriever
from hippo.types import Chunk, Extraction, Fact, Triple

CAP, FACTS, PASSAGE_WEIGHT, DAMPING, THRESHOLD = 5, 5, 0.05, 0.5, 0.8


class RandomEncoder:
    """A vector for every text, in few dimensions: many names are similar."""

    fingerprint, dimension = "random/1", 6

    def encode(self, texts, *, kind="passage"):
        rows = [np.random.default_rng(int(text_hash(text), 16)).standard_normal(6) for text in texts]
        vectors = np.array(rows, np.float32).reshape(-1, 6)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class GivenTriples:
    """Hands out the triples of each passage."""

    fingerprint = "given/1"

    def __init__(self, triples):
        self.triples = triples

    def extract(self, chunks: list[Chunk]):
        return [Extraction(chunk.id, (), tuple(map(self.fact, self.triples[chunk.text]))) for chunk in chunks]

    def fact(self, parts):
        triple = Triple(*parts)
        keys = tuple(dict.fromkeys([triple.subject, triple.object]))
        return Fact(" ".join(parts), keys, ((keys[0], keys[1]),) if len(keys) > 1 else (), 0, 1, triple)


def key(text):
    return re.sub("[^A-Za-z0-9 ]", " ", text.lower()).strip()


class Published:
    """The published systems on a few passages."""

    def __init__(self, triples, encode):
        self.encode = encode
        self.passages = sorted(triples)
        self.chunk_facts = [
            [tuple(map(key, triple)) for triple in dict.fromkeys(triples[passage])] for passage in self.passages
        ]
        self.facts = sorted({fact for facts in self.chunk_facts for fact in facts})
        self.entities = sorted({name for subject, _, target in self.facts for name in (subject, target)})
        self.chunks_of = {
            name: sum(any(name in (fact[0], fact[2]) for fact in facts) for facts in self.chunk_facts)
            for name in self.entities
        }

    def weights(self, passages=True):
        """Undirected weights over entities, then passages."""
        written = {}
        for facts in self.chunk_facts:
            for subject, _, target in facts:
                for way in ((subject, target), (target, subject)):
                    written[way] = written.get(way, 0.0) + 1.0
        vectors = self.encode(self.entities)
        for name, vector in zip(self.entities, vectors, strict=True):
            if len(re.sub("[^A-Za-z0-9]", "", name)) <= 2:
                continue
            cosines = vectors @ vector
            for row in np.argsort(-cosines):
                if cosines[row] < THRESHOLD:
                    break
                if self.entities[row] not in (name, ""):
                    written[name, self.entities[row]] = float(cosines[row])
        rows = {name: row for row, name in enumerate(self.entities)}
        matrix = np.zeros((len(rows) + len(self.passages),) * 2)
        for (start, end), weight in written.items():
            if start != end:
                matrix[rows[start], rows[end]] += weight
                matrix[rows[end], rows[start]] += weight
        if passages:
            for passage, facts in enumerate(self.chunk_facts, len(rows)):
                for name in {name for subject, _, target in facts for name in (subject, target)}:
                    matrix[passage, rows[name]] = matrix[rows[name], passage] = 1.0
        return matrix

    def walk(self, matrix, restart):
        """x = d Pᵀ x + (1 - d) r, where nodes without edges lead back to r."""
        restart = restart / restart.sum()
        strength = matrix.sum(axis=1, keepdims=True)
        transition = np.where(strength > 0, matrix / np.where(strength > 0, strength, 1.0), restart)
        return np.linalg.solve(np.eye(len(matrix)) - DAMPING * transition.T, (1 - DAMPING) * restart)

    def dense(self, question):
        return minmax((self.encode(self.passages) @ self.encode([question])[0]).astype(np.float64))

    def seeds2(self, question):
        """Restart vector of HippoRAG 2; None where there are no facts."""
        if not self.facts:
            return None
        texts = [str(fact) for fact in self.facts]
        scores = minmax((self.encode(texts) @ self.encode([question])[0]).astype(np.float64))
        total, times = dict.fromkeys(self.entities, 0.0), dict.fromkeys(self.entities, 0)
        for row in np.argsort(-scores, kind="stable")[:FACTS]:
            for name in (self.facts[row][0], self.facts[row][2]):
                total[name] += scores[row] / self.chunks_of[name]
                times[name] += 1
        means = {name: total[name] / times[name] if times[name] else 0.0 for name in self.entities}
        kept = sorted(self.entities, key=lambda name: (-round(means[name], 12), name))[:CAP]
        names = [means[name] if name in kept else 0.0 for name in self.entities]
        return np.concatenate([names, PASSAGE_WEIGHT * self.dense(question)])

    def rank2(self, question):
        restart = self.seeds2(question)
        if restart is None:
            return self.dense(question)
        return self.walk(self.weights(), restart)[len(self.entities) :]

    def seeds1(self, names):
        """Restart vector of HippoRAG 1 for names in a question; None without any."""
        keys = [key(name) for name in names if key(name)]
        if not keys or not self.entities:
            return None
        restart = np.zeros(len(self.entities) + len(self.passages))
        for vector in self.encode(keys):
            row = int(np.argmax(self.encode(self.entities) @ vector))
            restart[row] = 1.0 / self.chunks_of[self.entities[row]]
        return restart

    def rank1(self, question, names):
        restart = self.seeds1(names)
        if restart is None:
            return self.dense(question)
        walked = dict(zip(self.entities, self.walk(self.weights(passages=False), restart), strict=False))
        return minmax(
            np.array([sum(walked[fact[0]] + walked[fact[2]] for fact in set(facts)) for facts in self.chunk_facts])
        )


def minmax(values):
    low, high = values.min(), values.max()
    return np.ones(len(values)) if high == low else (values - low) / (high - low)


NAMES = [
    "Ada",
    "ADA",
    "ada.",
    "Bo",
    "U.S. Army",
    "u s  army",
    "Café",
    "北京",
    "Rome",
    "Rome!",
    "Oslo",
    "Paris 1911",
    "x",
]
VERBS = ["knew", "Knew", "saw", "left for", "has"]


CASES = range(7)


def cases(number):
    return Published(triples_of(number), RandomEncoder().encode)


def triples_of(seed):
    rng = np.random.default_rng(seed)
    found = {}
    for number in range(3 + 2 * seed):
        triples = [
            (str(rng.choice(NAMES)), str(rng.choice(VERBS)), str(rng.choice(NAMES))) for _ in range(rng.integers(0, 7))
        ]
        again = [tuple(map(str.upper, triple)) for triple in triples[:1] if number % 2]
        found[f"passage {number}"] = [*triples, *triples[:1], *again]
    found["passage 1"].append((f"Hermit {seed}", "knew", f"hermit {seed}."))
    return found


class Recorder:
    """An engine that keeps what it was asked."""

    def __init__(self):
        self.asked = []

    def rank(self, walk, restart, **options):
        self.asked.append((walk, restart, options))
        return AutoPageRank().rank(walk, restart, **options)


@pytest.fixture(scope="module", params=CASES)
def index(request, tmp_path_factory):
    """A few passages in an index, and the published program on the same."""
    triples = triples_of(request.param)
    config = {"chunking": {"method": "document"}, "graph": {"rules": "hipporag"}}
    path = tmp_path_factory.mktemp("published")
    with Hippo.open(path, encoder=RandomEncoder(), extractor=GivenTriples(triples), config=config) as memory:
        memory.add([Document(text, id=text) for text in triples])
        yield memory.contents(), Published(triples, RandomEncoder().encode)


@pytest.fixture
def case(index):
    """A retriever, the engine that it asks, and the published program."""
    contents, published = index
    recorder = Recorder()
    names = {"names": lambda text: text.split(", "), "encode": RandomEncoder().encode}
    return Retriever(contents, recorder, tolerance=1e-12, **names), recorder, published


QUESTIONS = ["Ada, Rome", "Oslo", "somebody, Paris 1911, Bo", "...", "北京, the US army"]


def answers(retriever, profile):
    queries = RandomEncoder().encode(QUESTIONS)
    return retriever.retrieve(QUESTIONS, queries, PROFILES[profile], k=100)


def assert_ranked(found, published, expected):
    scores = dict(zip(published.passages, expected, strict=True))
    assert {hit.document_id for hit in found.hits} == set(published.passages)
    np.testing.assert_allclose(
        [hit.score for hit in found.hits], [scores[hit.document_id] for hit in found.hits], atol=1e-6
    )
    in_order = [scores[hit.document_id] for hit in found.hits]
    assert all(later <= earlier + 1e-6 for earlier, later in pairwise(in_order))


def assert_seeds(recorder, column, expected):
    _, restart, options = recorder.asked[0]
    np.testing.assert_allclose(restart[:, column], expected / expected.sum(), atol=1e-6)
    assert options["top"] is None


def test_the_graph_is_the_published_one(case):
    retriever, _, published = case
    assert retriever.contents.entities.column("key").to_pylist() == published.entities
    assert retriever.contents.entities.column("chunks").to_pylist() == list(published.chunks_of.values())
    for profile, passages in (("hipporag2", True), ("hipporag1", False)):
        found = retriever.contents.graph.adjacency(PROFILES[profile].kind_weights).toarray()
        np.testing.assert_allclose(found, published.weights(passages), atol=1e-6)


def test_hipporag2_is_the_published_one(case):
    retriever, recorder, published = case
    found = answers(retriever, "hipporag2")
    for column, (question, one) in enumerate(zip(QUESTIONS, found, strict=True)):
        assert_seeds(recorder, column, published.seeds2(question))
        assert_ranked(one, published, published.rank2(question))


def test_hipporag1_is_the_published_one(case):
    retriever, recorder, published = case
    found = answers(retriever, "hipporag1")
    walked = 0
    for question, one in zip(QUESTIONS, found, strict=True):
        names = question.split(", ")
        seeds = published.seeds1(names)
        if seeds is not None:
            assert_seeds(recorder, walked, seeds)
            walked += 1
        assert ("fallback" in one.parameters) == (seeds is None)
        assert_ranked(one, published, published.rank1(question, names))
    assert walked == len(QUESTIONS) - 1


def test_cases_are_hard_enough():
    """What a wrong program would get wrong does occur."""
    seen = Counter()
    for number in CASES:
        published = cases(number)
        texts = published.entities
        matrix = published.weights(passages=False)
        chunk_facts = published.chunk_facts
        seen["one side alone lists the other"] += one_sided(published)
        seen["more names than the cap"] += len(texts) > CAP
        seen["two spellings of a triple"] += any(len(set(facts)) < len(facts) for facts in chunk_facts)
        seen["a fact of two passages"] += sum(map(len, map(set, chunk_facts))) > len(published.facts)
        seen["subject and object alike"] += any(fact[0] == fact[2] for fact in published.facts)
        seen["the empty name"] += "" in texts
        seen["a name without edges"] += not matrix[: len(texts)].any(axis=1).all()
    assert min(seen.values()) >= 2, seen


def one_sided(published):
    vectors, names = published.encode(published.entities), published.entities
    cosines = vectors @ vectors.T
    short = [len(name.replace(" ", "")) <= 2 for name in names]
    return any(
        cosines[row, other] >= THRESHOLD and short[row] and not short[other] and names[row]
        for row in range(len(names))
        for other in range(len(names))
    )
