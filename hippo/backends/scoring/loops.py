"""The inner loops of scoring: plain Python over arrays, compiled by numba where it is installed."""

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hippo.protocols import Float32, Float64, Int64

__all__ = [
    "BUCKETS",
    "ROWS",
    "add_words",
    "approach",
    "encode",
    "expect",
    "fuse",
    "highest",
    "largest",
    "moments",
    "multiply",
    "multiply_halves",
    "widen",
]

ROWS = 8
"""Vectors that meet a query at once."""
BUCKETS = 1024
"""Into which scores are counted."""


def multiply(vectors: "Float32", queries: "Float32", found: "Float32") -> None:
    """Inner product of every vector and every query.

    Eight vectors at a time meet all queries: a query's part is read once for the eight, they come from memory once for
    all queries, from two places of it at a time. Every product is added up by the same instructions, the last vectors
    being met with some before them, so that it depends on its two vectors alone.

    Args:
        vectors: float32 `(n, d)`, n at least `ROWS`.
        queries: float32 `(m, d)`.
        found: Receives them, float32 `(m, n)`.
    """
    count, width = vectors.shape
    part, zero = (count + 1) // 2, np.float32(0.0)
    for first in range(0, part, ROWS // 2):
        row, other = min(first, part - ROWS // 2), min(part + first, count - ROWS // 2)
        r, s, t, u = vectors[row], vectors[row + 1], vectors[row + 2], vectors[row + 3]
        v, w, x, y = vectors[other], vectors[other + 1], vectors[other + 2], vectors[other + 3]
        for j in range(len(queries)):
            query = queries[j]
            a, b, c, d, e, f, g, h = zero, zero, zero, zero, zero, zero, zero, zero
            for i in range(width):
                q = query[i]
                a += r[i] * q
                b += s[i] * q
                c += t[i] * q
                d += u[i] * q
                e += v[i] * q
                f += w[i] * q
                g += x[i] * q
                h += y[i] * q
            o = found[j]
            o[row], o[row + 1], o[row + 2], o[row + 3] = a, b, c, d
            o[other], o[other + 1], o[other + 2], o[other + 3] = e, f, g, h


def multiply_halves(halves: "NDArray[np.uint16]", wide: "Float32", queries: "Float32", found: "Float32") -> None:
    """`multiply` for vectors in float16, to the same bits: eight at a time are widened, and stay near the processor.

    A half is a float32 of the same digits whose exponent is less by 112, small ones included.

    Args:
        halves: The bits of finite numbers, uint16 `(n, d)`, n at least `ROWS`.
        wide: Scratch, float32 `(ROWS, d)`.
        queries: float32 `(m, d)`.
        found: Receives the products, float32 `(m, n)`.
    """
    count, width = halves.shape
    zero, scale = np.float32(0.0), np.float32(2.0**112)
    r, s, t, u, v, w, x, y = wide[0], wide[1], wide[2], wide[3], wide[4], wide[5], wide[6], wide[7]
    for first in range(0, count, ROWS):
        row = min(first, count - ROWS)
        for place in range(ROWS):
            half, whole = halves[row + place], wide[place]
            for i in range(width):
                bits = np.uint32(half[i])
                size = np.uint32(np.uint32(bits & np.uint32(0x7FFF)) << np.uint32(13))
                sign = np.uint32(np.uint32(bits & np.uint32(0x8000)) << np.uint32(16))
                whole[i] = np.uint32(size | sign).view(np.float32) * scale
        for j in range(len(queries)):
            query = queries[j]
            a, b, c, d, e, f, g, h = zero, zero, zero, zero, zero, zero, zero, zero
            for i in range(width):
                q = query[i]
                a += r[i] * q
                b += s[i] * q
                c += t[i] * q
                d += u[i] * q
                e += v[i] * q
                f += w[i] * q
                g += x[i] * q
                h += y[i] * q
            o = found[j]
            o[row], o[row + 1], o[row + 2], o[row + 3] = a, b, c, d
            o[row + 4], o[row + 5], o[row + 6], o[row + 7] = e, f, g, h


def widen(halves: "NDArray[np.uint16]", wide: "Float32") -> None:
    """Vectors in float16 as float32, exactly: compilers have no arithmetic of halves on a processor.

    Args:
        halves: The bits of finite numbers, uint16 `(n, d)`.
        wide: Receives them, float32 `(n, d)`.
    """
    for row in range(len(halves)):
        half, whole = halves[row], wide[row]
        for i in range(len(half)):
            bits = np.uint32(half[i])
            size = np.uint32(bits & np.uint32(0x7FFF))
            # Exponents are counted from 15 in one and from 127 in the other, and the least is that of 2^-24 as it is.
            normal = np.uint32(np.uint32(size << np.uint32(13)) + np.uint32(112 << 23)).view(np.float32)
            value = np.float32(np.int32(size)) * np.float32(2.0**-24) if size < np.uint32(0x400) else normal
            whole[i] = -value if bits > np.uint32(0x7FFF) else value


def add_words(
    texts: "NDArray[np.int32]", weights: "Float32", spans: "Int64", bounds: "Int64", scores: "Float64", found: "Float64"
) -> None:
    """For each question, the weights of its words added up for the texts that say them.

    Args:
        texts: Rows of texts, of all words one after another, int32 `(p,)`.
        weights: What each is worth, float32 `(p,)`.
        spans: First and past-the-last place of each word that counts, int64 `(w, 2)`.
        bounds: Which of them are of each question: from one number to the next, int64 `(m + 1,)`.
        scores: Receives them, float64 `(m, n)`.
        found: Receives mean and standard deviation, float64 `(m, 2)`.
    """
    for question in range(len(scores)):
        own = scores[question]
        own[:] = 0.0
        total = 0.0
        square = 0.0
        for word in range(bounds[question], bounds[question + 1]):
            for place in range(spans[word, 0], spans[word, 1]):
                text, weight = texts[place], float(weights[place])
                before = own[text]
                own[text] = before + weight
                total += weight
                square += weight * (2.0 * before + weight)
        count = max(len(own), 1)
        mean = total / count
        found[question, 0], found[question, 1] = mean, math.sqrt(max(square / count - mean * mean, 0.0))


def moments(values: "NDArray[np.floating]", found: "Float64") -> None:
    """Mean and standard deviation of each row, zeros if it is empty: float64 `(m, 2)` into `found`."""
    for row in range(len(values)):
        own = values[row]
        count = max(len(own), 1)
        total = 0.0
        for i in range(len(own)):
            total += own[i]
        mean = total / count
        square = 0.0
        for i in range(len(own)):
            apart = own[i] - mean
            square += apart * apart
        found[row, 0], found[row, 1] = mean, math.sqrt(square / count)


def expect(mean: "Float64", covariance: "Float64", queries: "Float32", found: "Float64") -> None:
    """Mean and standard deviation of the similarities of each query to vectors: μ · q, and the root of q · C q.

    Args:
        mean: μ of the vectors, float64 `(d,)`.
        covariance: C, float64 `(d, d)`.
        queries: float32 `(m, d)`.
        found: Receives them, float64 `(m, 2)`.
    """
    found[:] = 0.0
    wide = queries.astype(np.float64)
    for i in range(len(covariance)):
        row = covariance[i]
        for j in range(len(wide)):
            query = wide[j]
            total = 0.0
            for k in range(len(row)):
                total += row[k] * query[k]
            found[j, 0] += mean[i] * query[i]
            found[j, 1] += query[i] * total
    for j in range(len(wide)):
        found[j, 1] = math.sqrt(max(found[j, 1], 0.0))


def fuse(
    cosines: "Float32",
    of_cosines: "Float64",
    words: "Float64",
    of_words: "Float64",
    weight: float,
    least: float,
    found: "Float64",
) -> None:
    """Standard score of the cosine and weight times that of the words, of every text for every question.

    Args:
        cosines: float32 `(m, n)`.
        of_cosines: Their means and deviations, float64 `(m, 2)`.
        words: float64 `(m, n)`.
        of_words: Their means and deviations, float64 `(m, 2)`.
        weight: β.
        least: Least deviation that counts: with less, standard scores are 0.
        found: Receives them, float64 `(m, n)`.
    """
    for row in range(len(found)):
        cosine, word, own = cosines[row], words[row], found[row]
        mean, other = of_cosines[row, 0], of_words[row, 0]
        slope = 1.0 / of_cosines[row, 1] if of_cosines[row, 1] > least else 0.0
        other_slope = weight / of_words[row, 1] if of_words[row, 1] > least else 0.0
        for i in range(len(own)):
            own[i] = (cosine[i] - mean) * slope + (word[i] - other) * other_slope


def largest(scores: "Float64", found: "Int64") -> None:
    """Positions of the highest scores, highest first, ties by position.

    The best so far are a heap with the least of them on top, so that nearly every score is compared once.

    Args:
        scores: float64 `(n,)`.
        found: Receives as many as it is long, int64, at most n and at least 1.
    """
    count, size = len(found), len(scores)
    for i in range(count):
        place = i
        # Of two equal ones the later is the worse.
        while place > 0 and scores[i] <= scores[found[(place - 1) // 2]]:
            found[place] = found[(place - 1) // 2]
            place = (place - 1) // 2
        found[place] = i
    # First the others are tried, then the heap is emptied from its end.
    for step in range(count, size + count - 1):
        end = count if step < size else size + count - 1 - step
        text = step if step < size else found[end]
        top = found[0]
        if step < size and scores[text] <= scores[top]:
            continue
        place, child = 0, 1
        while child < end:
            if child + 1 < end:
                one, other = found[child], found[child + 1]
                if scores[other] < scores[one] or (scores[other] == scores[one] and other > one):
                    child += 1
            one = found[child]
            if scores[one] > scores[text] or (scores[one] == scores[text] and one < text):
                break
            found[place] = one
            place, child = child, 2 * child + 1
        found[place] = text
        if step >= size:
            found[end] = top


def highest(scores: "Float64", count: int, found: "Int64") -> int:
    """Positions of the highest scores and of those about as high as the last of them, ascending.

    Scores are counted by buckets of one width, of which the upper ones are taken: three passes whatever the count,
    where `largest` compares most scores with a changing heap once the count is large.

    Args:
        scores: float64 `(n,)`.
        count: How many at least, at most n.
        found: Receives them, int64 `(n,)`.

    Returns:
        Number of positions found; 0 where a score is not finite, or the difference of two is not.
    """
    low, high = math.inf, -math.inf
    finite = True
    for i in range(len(scores)):
        finite &= abs(scores[i]) < math.inf
        low, high = min(low, scores[i]), max(high, scores[i])
    if not finite or not high - low < math.inf:
        return 0
    slope = (BUCKETS - 1) / (high - low) if high > low else 0.0
    slope = slope if slope < math.inf else 0.0
    sizes = np.zeros(BUCKETS, np.int64)
    for i in range(len(scores)):
        sizes[np.int64((scores[i] - low) * slope)] += 1
    bucket, above = BUCKETS, 0
    while above < count:
        bucket -= 1
        above += sizes[bucket]
    place = 0
    for i in range(len(scores)):
        if np.int64((scores[i] - low) * slope) >= bucket:
            found[place] = i
            place += 1
    return place


def encode(vectors: "Float32", codes: "NDArray[np.int8]", scales: "Float32", errors: "Float32") -> None:
    """Vectors in 8 bits: the whole numbers c for which scale · c is nearest.

    Args:
        vectors: float32 `(n, d)`.
        codes: Receives c, -127 to 127, int8 `(n, d)`.
        scales: Receives a 127th of the greatest entry of each vector, float32 `(n,)`.
        errors: Receives the length of what is left of each, float32 `(n,)`.
    """
    for row in range(len(vectors)):
        vector, code = vectors[row], codes[row]
        greatest = np.float32(0.0)
        for i in range(len(vector)):
            greatest = max(greatest, abs(vector[i]))
        scale = greatest / np.float32(127.0)
        # What is so small has no inverse in float32, and is all rounding.
        slope = np.float32(1.0) / scale if scale > 1e-30 else np.float32(0.0)
        square = 0.0
        for i in range(len(vector)):
            code[i] = np.int8(np.rint(vector[i] * slope))
            left = vector[i] - scale * code[i]
            square += left * left
        scales[row], errors[row] = scale, math.sqrt(square)


def approach(
    codes: "NDArray[np.int8]",
    scales: "Float32",
    queries: "NDArray[np.int16]",
    slopes: "Float32",
    found: "Float32",
) -> None:
    """Inner products of all vectors and every query, both in whole numbers: exact but for their rounding.

    Args:
        codes: int8 `(n, d)`.
        scales: What one is worth, float32 `(n,)`.
        queries: int16 `(m, d)`, so small that no sum leaves 32 bits.
        slopes: What one is worth, float32 `(m,)`.
        found: Receives them, float32 `(m, n)`.
    """
    for row in range(len(codes)):
        code, scale = codes[row], scales[row]
        for j in range(len(queries)):
            query, total = queries[j], np.int32(0)
            # Numbers of 32 bits throughout: of 64, half as many are added at once.
            for i in range(len(code)):
                total = np.int32(total + np.int32(np.int32(code[i]) * np.int32(query[i])))
            found[j, row] = np.float32(total) * scale * slopes[j]
