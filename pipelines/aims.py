"""What hippo aims at in speed, whether it is reached, and where the time goes: Markdown of what was measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log
from typing import Any

from pipelines.common import markdown

__all__ = ["Aim", "aims", "limits", "list_aims"]

_QUESTION = """\
**A question**, by stage, medians in milliseconds by the clock: `link` finds facts and passages and makes seeds of them,
`walk` is PageRank, `hits` makes results. Then, in milliseconds of processor in the same run, the bare products that
score and sweep everything in full precision: all vectors times that of the question, by BLAS, and as many of the graph
with a vector as there were sweeps, by SciPy; last, what they are of the processor time of the question."""
_QUESTION_ENDS = """\
That is {vectors:.1f} MB of vectors and {sweeps:.0f} times {graph:.1f} MB of graph for a question, where a copy moves
{rate:.1f} GB/s. Alone these products take {alone}. In a batch, a question's take {batch}."""
_GRAPH = """\
**PageRank by push**, medians of a question: nodes that it reaches, pushes, nanoseconds of a push, and, in the same run,
nanoseconds of a read at a random place among as many numbers as there are nodes."""
_GRAPH_ENDS = """\
From 10⁶ to 10⁷ nodes a question makes {pushes:.1f} times as many pushes, a push takes {push_ns:.1f} times as long, and
a random read {random_read_ns:.1f} times: a push reads what is known of each neighbour of a node, at random places, of
which caches hold less where the graph is larger. The pushes follow from where the seeds of a question lead more than
from the size of the graph: on one {larger:,.0f} times as large as the smallest, there were {further:.1f} times as
many."""
_MILLION = """\
**A million passages**, by stage, in milliseconds by the clock, of one reader whose index was opened just before."""
_MILLION_ENDS = """\
While the questions were asked first, {read:,.0f} MiB came from the disk and {waits:,} reads waited for it. 99 of 100
took at most {first_clock:.0f} ms by the clock then, {first:.0f} ms of processor, and {again_clock:.0f} and {again:.0f}
ms when all were asked once more: that is left where everything is in memory. Of all questions {all}; of the dearest
{slowest}. Opening took {opened:.2f} s; an index of {small:,} passages took {base:.2f} s, most of it for packages that
a new process loads."""

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Aim:
    """One aim.

    Attributes:
        what: What is measured.
        bound: The figure aimed at.
        least: Whether it is the least allowed; else the most.
        value: What was measured; None: it was not.
        unit: Of both.
        spread: How far the measurement spreads, or what it lacks.
    """

    what: str
    bound: float
    least: bool
    value: float | None
    unit: str
    spread: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether it is reached; None: not measured."""
        if self.value is None:
            return None
        return self.value >= self.bound if self.least else self.value <= self.bound


def list_aims(data: Data) -> list[Aim]:
    """All aims, with what was measured."""
    ways, asked, indexing = data["query"]["ways"], data["million"]["reader"], data["indexing"]
    less, more, block = _push(data, 1e6), _push(data, 1e7), _block(data)
    alone, batch, size = ways["alone"], ways["batch"], data["query"]["batch"]
    plain, small = (data["encoder"]["times_plain"][name] for name in ("minilm", "minilm, int8"))
    langchain, saved = "LangChain invoke", data["integrations"]["batch_times_less"]
    through, beyond = (data["integrations"][part][langchain] for part in ("more_ms", "more_spread_ms"))
    clock, last = asked["clock_ms"], f"asked again {asked['again_clock_ms']['p99']:.0f} ms"
    return [
        Aim("PageRank of one question, 10⁶ nodes, to PRPACK", 100, True, less.get("times_faster"), "times", _ms(less)),
        Aim("PageRank of 64 questions at once", 25, True, block.get("times_faster"), "times", _ms(block)),
        Aim("PageRank on 10⁷ nodes, to 10⁶", 3, False, more["median_ms"] / less["median_ms"], "times", _ms(more)),
        Aim("a question alone, without its encoder", 2, False, alone["processor_ms"], "ms", _processor(alone)),
        Aim(f"a question in a batch of {size}", 0.5, False, batch["processor_ms"], "ms", _processor(batch)),
        Aim("a question through LangChain, more than a direct call", 1, False, through, "ms", _of(beyond)),
        Aim("a batch of 64 through LangChain, to single calls", 5, True, saved["median"], "times less", _of(saved)),
        Aim("indexing, to its encoder calls", 0.15, False, indexing["ratio"], "", _of(indexing["ratio_spread"])),
        Aim("encoding, to plain encoding", 1.2, True, plain["median"], "times", _of(plain)),
        Aim("encoding in 8 bits, to plain encoding", 2, True, small["median"], "times", _of(small)),
        Aim("a million passages: opening", 2, False, asked["open_s"], "s"),
        Aim("a million passages: a question, by the clock", 60, False, clock["median"], "ms", f"{_of(clock)} ms"),
        Aim("a million passages: 99 of 100 questions, by the clock", 150, False, clock["p99"], "ms", last),
        Aim("a million passages: memory of a reader", 6, False, asked["reader_mib"] / 1024, "GiB"),
        *_of_device(data["device"]),
    ]


def aims(data: Data) -> str:
    """A table of all aims."""
    rows = []
    for one in list_aims(data):
        sign = "≥" if one.least else "≤"
        value = "" if one.value is None else f"{one.value:.3g} {one.unit}".strip()
        told = {None: "not measured", True: "yes", False: "no"}[one.reached]
        rows.append([one.what, f"{sign} {one.bound:g} {one.unit}".strip(), value, one.spread, told])
    return markdown(["", "aim", "measured", "spread", "reached"], rows)


def limits(data: Data) -> str:
    """Where the time goes, and what bounds it, for a question, a large graph and a million passages."""
    return "\n\n".join([_question(data["query"]), _graph(data), _million(data["million"], data["growth"]["sizes"][0])])


def _question(found: Data) -> str:
    needed, ways = found["arithmetic"], found["ways"]
    names = list(found["stages"]["alone"])
    rows = []
    for way, label in (("alone", "alone"), ("batch", f"in a batch of {found['batch']}")):
        stages = [f"{found['stages'][way][name]['median']:.2f}" for name in names]
        products = [f"{needed[way][part]:.2f}" for part in ("vectors_ms", "walk_ms")]
        rows.append([label, *stages, *products, f"{needed[way]['ms'] / ways[way]['processor_ms']:.0%}"])
    said = _QUESTION_ENDS.format(
        vectors=needed["vector_bytes"] / 1e6,
        sweeps=needed["sweeps"],
        graph=needed["graph_bytes"] / 1e6,
        rate=found["copy_gb_per_second"]["median"],
        alone=_verdict(needed["alone"]["ms"], 2),
        batch=_verdict(needed["batch"]["ms"], 0.5),
    )
    header = ["", *(f"`{name}`" for name in names), "vectors alone", "sweeps alone", "both, of the whole"]
    return "\n\n".join([_QUESTION, markdown(header, rows), said])


def _verdict(products: float, aim: float) -> str:
    if products > aim:
        return f"{products:.2f} ms, more than the {aim:g} ms aimed at, which full precision rules out"
    return f"{products:.2f} ms, so the aim of {aim:g} ms leaves {aim - products:.2f} ms for all else"


def _graph(data: Data) -> str:
    rows = [
        [
            f"{row['nodes']:,}",
            f"{row['median_ms']:.1f}",
            *(f"{row[name]:,.0f}" for name in ("reached", "pushes", "push_ns")),
            f"{row['random_read_ns']:.1f}",
        ]
        for row in data["pagerank"]["rows"]
        if row["engine"] == "push" and "pushes" in row
    ]
    less, more, least = _push(data, 1e6), _push(data, 1e7), _push(data, 1)
    larger, further = more["nodes"] / least["nodes"], more["pushes"] / least["pushes"]
    grown = {name: more[name] / less[name] for name in ("pushes", "push_ns", "random_read_ns")}
    header = ["nodes", "ms", "reached", "pushes", "ns a push", "ns a random read"]
    return "\n\n".join([_GRAPH, markdown(header, rows, 0), _GRAPH_ENDS.format(**grown, larger=larger, further=further)])


def _million(found: Data, small: Data) -> str:
    reader = found["reader"]
    names = list(reader["stages"])
    parts = {"asked again, median": reader["stages"], "the dearest hundredth, asked first": reader["slowest"]}
    rows = [[label, *(f"{one[name]['median']:.1f}" for name in names)] for label, one in parts.items()]
    said = _MILLION_ENDS.format(
        read=reader["read_mib"],
        waits=reader["page_faults"]["major"],
        first=reader["p99_ms"],
        again=reader["again_p99_ms"],
        first_clock=reader["clock_ms"]["p99"],
        again_clock=reader["again_clock_ms"]["p99"],
        **{name: _walks(one) for name, one in reader["walks"].items()},
        opened=reader["open_s"],
        small=small["passages"],
        base=small["open_s"],
    )
    return "\n\n".join([_MILLION, markdown(["", *(f"`{name}`" for name in names)], rows), said])


def _walks(found: Data) -> str:
    """Engines, how many questions each walked for, and in how many steps."""
    units = {"power": "sweeps"}
    return " and ".join(
        f"{one['questions']} were walked by `{name}`, in {one['steps']:,.0f} {units.get(name, 'pushes')} in the median"
        for name, one in found.items()
    )


def _push(data: Data, nodes: float) -> Data:
    """Push, one question at a time, on the graph whose size is nearest."""
    rows = [row for row in data["pagerank"]["rows"] if row["engine"] == "push" and "pushes" in row]
    found: Data = min(rows, key=lambda row: abs(log(row["nodes"] / nodes)))
    return found


def _block(data: Data) -> Data:
    """The engine that chooses, many questions at once, on a million nodes."""
    rows = [row for row in data["pagerank"]["rows"] if row["engine"].startswith("auto (")]
    return min(rows, key=lambda row: abs(log(row["nodes"] / 1e6))) if rows else {}


def _of_device(found: Data) -> list[Aim]:
    there = found["device"].startswith("cuda")
    made = []
    for name, what in (("walk", "block PageRank"), ("search, 1 at once", "exact search")):
        share = found["parts"].get(name, {}).get("device", {}).get("share_of_copy") if there else None
        told = "" if there else "needs a CUDA device"
        made.append(Aim(f"{what} on a GPU, to a copy in its memory", 0.6, True, share, "", told))
    return made


def _ms(row: Data) -> str:
    return f"{row['p10_ms']:.1f} to {row['p90_ms']:.1f} ms" if row else ""


def _processor(way: Data) -> str:
    return f"{way['processor_p10_ms']:.2f} to {way['processor_p90_ms']:.2f} ms"


def _of(one: Data) -> str:
    return f"{one['p10']:.3g} to {one['p90']:.3g}"
