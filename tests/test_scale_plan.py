"""The plan for internet scale computes what its docstring says."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FIGURES: dict[str, Any] = {
    "sizes": {
        "pages": 100,
        "published_pages": 100,
        "segments": 20_000,
        "html_bytes": 10_000_000,
        "gzip_bytes": 2_000_000,
        "store_bytes": {"pages": 3_000_000, "labels": 1_000_000},
        "published_bytes": 500_000,
        "evidence_rows": 18_000,
        "worker_mb": 500.0,
        "cpu_seconds": {"pages": 0.4, "segments": 0.6, "predictions": 2.0, "labels": 0.2},
        "index_bytes_per_page": 400.0,
    },
    "aggregation": {"rows": 1_000_000, "cost": {"cpu_seconds": 1.0}},
    "publish": {"segments_per_cpu_s": 50_000.0},
}


@pytest.fixture(scope="module")
def script() -> ModuleType:
    path = Path(__file__).parent / "benchmarks" / "scale_plan.py"
    spec = importlib.util.spec_from_file_location("scale_plan", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["scale_plan"] = module
    spec.loader.exec_module(module)
    return module


def test_ten_million_pages(script: ModuleType) -> None:
    rates = script.Rates.from_figures(FIGURES)
    cluster = script.Cluster(10, 8, 64, 0.02, 20.0)
    made = script.plan(rates, script.Scenario("", 1e7), cluster)
    hours = {name: round(hours, 3) for name, hours in made.core_hours.items()}
    assert hours == {
        "pages": 11.111,
        "segments": 16.667,
        "predictions": 55.556,
        "labels": 5.556,
        "adding up lines": 0.5,
        "publish": 11.111,
    }
    assert (made.nodes, made.workers) == (2, 16)  # 88.9 core hours in 10 hours
    assert made.bottleneck == "publish"  # 11.1 hours by itself, the stages 5.6
    assert made.parts == 2  # so that a publish ends in 10 hours
    assert round(made.hours, 2) == round(88.889 / 16 + 11.611 / 2, 2)
    assert round(made.index_gb, 6) == 4.0
    assert (round(made.read_tb, 6), round(made.store_tb, 6), round(made.published_tb, 6)) == (
        0.2,
        0.4,
        0.05,
    )
    assert round(made.cost_compute, 2) == round(100.5 * 0.02, 2)
    assert round(made.cost_storage, 2) == 9.0


def test_larger_pages_cost_more_and_pipelines_figures_come_first(script: ModuleType) -> None:
    figures = FIGURES | {"pipeline": {"pages": 100, "predictions_cpu_seconds": 1.0}}
    rates = script.Rates.from_figures(figures)
    assert rates.stage_cpu["predictions"] == 0.01
    assert rates.stage_cpu["pages"] == 0.004
    cluster = script.Cluster(10, 8, 64, 0.02, 20.0)
    plain = script.plan(rates, script.Scenario("", 1e6), cluster)
    large = script.plan(rates, script.Scenario("", 1e6, 200_000.0, 50_000.0), cluster)
    assert large.core_hours["predictions"] == 2 * plain.core_hours["predictions"]
    assert (large.index_gb, large.read_tb) == (plain.index_gb, 0.05)


def test_a_billion_pages_are_divided_by_memory_and_tasks_stay_few(script: ModuleType) -> None:
    rates = script.Rates.from_figures(FIGURES)
    cluster = script.Cluster(240, 64, 64, 0.02, 20.0)
    made = script.plan(rates, script.Scenario("", 1e9), cluster)
    assert made.parts == 13  # 400 GB of index at 32 GB a part; a publish takes 1,111 hours
    assert made.tasks / made.parts <= script.MAX_TASKS
    told = script.advice(made, rates, cluster)
    assert told[0] == "engine=local engine.workers=64 on one machine"
    assert any("13 datasets" in line for line in told)


def test_the_command(script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    file = tmp_path / "figures.json"
    file.write_text(json.dumps(FIGURES))
    script.main([str(file)])
    out = capsys.readouterr().out
    for words in ("10 million pages", "1 billion pages", "a Common Crawl month", "unit_bytes="):
        assert words in out
    file.write_text(json.dumps({"sizes": {}}))
    with pytest.raises(SystemExit, match=r"no figures of aggregation: run tests/benchmarks/"):
        script.main([str(file)])
