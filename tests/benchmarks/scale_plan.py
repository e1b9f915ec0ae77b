"""Cores, hours, storage and cost of ten million pages, a billion, and a Common Crawl month.

python tests/benchmarks/scale_plan.py FIGURES.json [--hours 24] [--node-cores 32] ...

Computed from what the benchmarks measured on one machine; FIGURES.json is what these
wrote with `--json FIGURES.json`:

    pipeline.py     CPU seconds of each stage          (or sizes.py, where it is missing)
    sizes.py        bytes and rows a page leaves, memory of the publisher for each page
    aggregation.py  rows a second when recurring lines are added up
    publish.py      segments a second of a publish

What is not measured is an option with its value told: prices, the shape of the cluster,
and the size of a crawl. Stages are taken to cost the same for each byte of HTML; that
tasks on many machines cost what they cost on one is assumed, not measured.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from measure import table

PARALLEL = ("pages", "segments", "predictions", "evidence", "labels")
"""Stages of independent tasks; `evidence` but for its adding up, which is told apart."""

UNIT_MB = 32
MAX_UNIT_MB = 512
MAX_TASKS = 50_000
"""Tasks of a stage that one driver hands out; a unit is doubled while there are more."""

TASK_SECONDS = 60
"""A unit is doubled too while the dearest stage is through with it sooner."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What was measured, for one page of `html_bytes`."""

    html_bytes: float
    gzip_bytes: float
    stage_cpu: Mapping[str, float]
    evidence_rows: float
    rows_per_s: float
    segments: float
    segments_per_s: float
    index_bytes: float
    store_bytes: float
    published_bytes: float
    worker_mb: float

    @classmethod
    def from_figures(cls, figures: Mapping[str, Any]) -> Rates:
        """The rates in a file of figures.

        Raises:
            SystemExit: a benchmark's figures are missing.
        """
        missing = [name for name in ("sizes", "aggregation", "publish") if name not in figures]
        if missing:
            raise SystemExit(
                f"no figures of {missing[0]}: run tests/benchmarks/{missing[0]}.py with --json"
            )
        sizes, publish = figures["sizes"], figures["publish"]
        pages = sizes["pages"]
        spent = {name: s / pages for name, s in sizes["cpu_seconds"].items()}
        if pipeline := figures.get("pipeline"):
            spent |= {
                name: pipeline[f"{name}_cpu_seconds"] / pipeline["pages"]
                for name in PARALLEL
                if pipeline.get(f"{name}_cpu_seconds")
            }
        aggregation = figures["aggregation"]
        return cls(
            html_bytes=sizes["html_bytes"] / pages,
            gzip_bytes=sizes["gzip_bytes"] / pages,
            stage_cpu={name: spent[name] for name in PARALLEL if name in spent},
            evidence_rows=sizes["evidence_rows"] / pages,
            rows_per_s=aggregation["rows"] / aggregation["cost"]["cpu_seconds"],
            segments=sizes["segments"] / sizes["published_pages"],
            segments_per_s=publish["segments_per_cpu_s"],
            index_bytes=sizes["index_bytes_per_page"],
            store_bytes=sum(sizes["store_bytes"].values()) / pages,
            published_bytes=sizes["published_bytes"] / pages,
            worker_mb=sizes["worker_mb"],
        )


@dataclass(frozen=True, slots=True)
class Scenario:
    """An input; `html_bytes` and `gzip_bytes` of a page, None where they are as measured."""

    name: str
    pages: float
    html_bytes: float | None = None
    gzip_bytes: float | None = None


@dataclass(frozen=True, slots=True)
class Cluster:
    """Machines and prices that the plan is made for."""

    hours: float
    node_cores: int
    node_memory_gb: float
    core_hour: float
    tb_month: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What a scenario takes.

    Attributes:
        core_hours: of each step, all cores together.
        alone_hours: of the steps that one process does, by the clock, undivided.
        workers, nodes: so that the parallel steps end within the wanted hours.
        parts: datasets the input is divided into, so that every step of one process
            fits its machine's memory and the wanted hours.
        hours: by the clock, after dividing: parallel steps, then the longest part.
        bottleneck: the step that takes longest if nothing is divided.
    """

    scenario: Scenario
    core_hours: Mapping[str, float]
    alone_hours: Mapping[str, float]
    workers: int
    nodes: int
    parts: int
    hours: float
    bottleneck: str
    tasks: int
    unit_mb: int
    index_gb: float
    read_tb: float
    store_tb: float
    published_tb: float
    cost_compute: float
    cost_storage: float


ADD_UP, PUBLISH = "adding up lines", "publish"


def plan(rates: Rates, scenario: Scenario, cluster: Cluster) -> Plan:
    """What a scenario takes on such a cluster."""
    html = scenario.html_bytes or rates.html_bytes
    larger = html / rates.html_bytes
    pages = scenario.pages

    core_hours = {
        name: pages * seconds * larger / 3600 for name, seconds in rates.stage_cpu.items()
    }
    alone = {
        ADD_UP: pages * rates.evidence_rows * larger / rates.rows_per_s / 3600,
        PUBLISH: pages * rates.segments * larger / rates.segments_per_s / 3600,
    }
    side_by_side = sum(core_hours.values())
    nodes = max(1, math.ceil(side_by_side / cluster.hours / cluster.node_cores))
    workers = nodes * cluster.node_cores
    index_gb = pages * rates.index_bytes / 1e9
    # Half of a machine's memory: the other half is DuckDB's and the page cache's.
    parts = max(
        math.ceil(index_gb / (cluster.node_memory_gb / 2)),
        *(math.ceil(hours / cluster.hours) for hours in alone.values()),
    )
    hours = {**alone, "stages": side_by_side / workers}
    dearest = max(rates.stage_cpu.values()) / rates.html_bytes
    total_mb = pages * html / 1e6
    unit_mb = UNIT_MB
    while unit_mb < MAX_UNIT_MB and (
        total_mb / parts / unit_mb > MAX_TASKS or unit_mb * 1e6 * dearest < TASK_SECONDS
    ):
        unit_mb *= 2
    store_tb = pages * rates.store_bytes * larger / 1e12
    published_tb = pages * rates.published_bytes * larger / 1e12
    everything = core_hours | alone
    longest = max(hours, key=lambda name: hours[name])
    if longest == "stages":
        longest = max(core_hours, key=lambda name: core_hours[name])
    return Plan(
        scenario=scenario,
        core_hours=everything,
        alone_hours=alone,
        workers=workers,
        nodes=nodes,
        parts=parts,
        hours=side_by_side / workers + sum(alone.values()) / parts,
        bottleneck=longest,
        tasks=math.ceil(total_mb / unit_mb),
        unit_mb=unit_mb,
        index_gb=index_gb,
        read_tb=pages * (scenario.gzip_bytes or rates.gzip_bytes) / 1e12,
        store_tb=store_tb,
        published_tb=published_tb,
        cost_compute=sum(everything.values()) * cluster.core_hour,
        cost_storage=(store_tb + published_tb) * cluster.tb_month,
    )


def advice(made: Plan, rates: Rates, cluster: Cluster) -> list[str]:
    """What to configure, and what to mind."""
    lines = []
    if made.nodes == 1:
        lines.append(f"engine=local engine.workers={made.workers} on one machine")
    else:
        lines.append(
            f"engine=ray engine.address=HEAD:6379 on {made.nodes} machines of "
            f"{cluster.node_cores} cores ({made.workers} workers); paths.store on storage that all "
            "of them see"
        )
    need_gb = cluster.node_cores * rates.worker_mb / 1000
    lines.append(
        f"memory of a machine: at most {need_gb:.0f} GB for its workers ({rates.worker_mb:.0f} MB "
        f"each, measured with units of {UNIT_MB} MB: look again with larger ones), of "
        f"{cluster.node_memory_gb:.0f} GB"
    )
    lines.append(
        f"pages.unit_bytes={made.unit_mb * 2**20}: {made.tasks:,} tasks a stage"
        + (f", {math.ceil(made.tasks / made.parts):,} in each part" if made.parts > 1 else "")
    )
    shard_mb = 64
    while made.published_tb / made.parts * 1e6 / shard_mb > 2000 and shard_mb < 1024:
        shard_mb *= 2
    lines.append(
        f"engine.memory_limit={cluster.node_memory_gb / 4:.0f}GB dataset.shard_mb={shard_mb}; "
        "local disk of the publishing machine for DuckDB's spill and the spool, as large as a "
        "part's published files several times over"
    )
    if made.parts > 1:
        lines.append(
            f"{made.parts} datasets (name=crawl-000 …) of {made.scenario.pages / made.parts:,.0f} "
            "pages, each from its share of the input files, published side by side: a page's "
            "split is a function of its site's name, so a site is in the same split in all of "
            "them. Near-duplicates and recurring lines are found within a part only; to find "
            "them everywhere, deal pages to parts by site before"
        )
    return lines


def report(plans: Sequence[Plan], rates: Rates, cluster: Cluster) -> None:
    """Print the plans."""
    names = [made.scenario.name for made in plans]
    steps = list(plans[0].core_hours)
    table(
        "core hours by step",
        ["", *names],
        [[step, *(f"{made.core_hours[step]:,.1f}" for made in plans)] for step in steps]
        + [["all", *(f"{sum(made.core_hours.values()):,.1f}" for made in plans)]],
    )
    rows: list[tuple[str, list[str]]] = [
        ("workers (machines)", [f"{p.workers:,} ({p.nodes:,})" for p in plans]),
        (f"hours, stages + {ADD_UP} + {PUBLISH}", [f"{p.hours:,.1f}" for p in plans]),
        *(
            (f"  {step}, one process, undivided", [f"{p.alone_hours[step]:,.1f} h" for p in plans])
            for step in (ADD_UP, PUBLISH)
        ),
        ("bottleneck, undivided", [p.bottleneck for p in plans]),
        ("memory of one publisher, undivided", [f"{p.index_gb:,.1f} GB" for p in plans]),
        ("datasets to divide into", [f"{p.parts:,}" for p in plans]),
        ("input read, compressed", [f"{p.read_tb:,.2f} TB" for p in plans]),
        ("store", [f"{p.store_tb:,.2f} TB" for p in plans]),
        ("published", [f"{p.published_tb:,.2f} TB" for p in plans]),
        (
            f"compute at {cluster.core_hour} a core hour",
            [f"{p.cost_compute:,.0f}" for p in plans],
        ),
        (
            f"storage at {cluster.tb_month} a TB and month",
            [f"{p.cost_storage:,.0f}" for p in plans],
        ),
    ]
    table("plan", ["", *names], [[what, *cells] for what, cells in rows])
    for made in plans:
        sys.stdout.write(f"\n{made.scenario.name}:\n")
        for line in advice(made, rates, cluster):
            sys.stdout.write(f"- {line}\n")


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("figures", type=Path)
    parser.add_argument("--hours", type=float, default=24, help="wanted, for the stages")
    parser.add_argument("--node-cores", type=int, default=32)
    parser.add_argument("--node-memory-gb", type=float, default=128)
    parser.add_argument("--core-hour", type=float, default=0.02, help="price, any currency")
    parser.add_argument("--tb-month", type=float, default=23.0, help="price, any currency")
    crawl = parser.add_argument_group("a Common Crawl month (see its own statistics)")
    crawl.add_argument("--crawl-pages", type=float, default=2.5e9)
    crawl.add_argument("--crawl-html-tb", type=float, default=400.0, help="unpacked")
    crawl.add_argument("--crawl-gzip-tb", type=float, default=90.0)
    options = parser.parse_args(argv)
    rates = Rates.from_figures(json.loads(options.figures.read_text(encoding="utf-8")))
    cluster = Cluster(
        options.hours,
        options.node_cores,
        options.node_memory_gb,
        options.core_hour,
        options.tb_month,
    )
    scenarios = [
        Scenario("10 million pages", 1e7),
        Scenario("1 billion pages", 1e9),
        Scenario(
            "a Common Crawl month",
            options.crawl_pages,
            options.crawl_html_tb * 1e12 / options.crawl_pages,
            options.crawl_gzip_tb * 1e12 / options.crawl_pages,
        ),
    ]
    report([plan(rates, scenario, cluster) for scenario in scenarios], rates, cluster)


if __name__ == "__main__":
    main()
