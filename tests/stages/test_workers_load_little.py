"""What a worker loads before its first task: each of them pays for it."""

from __future__ import annotations

import subprocess
import sys

BODIES = ("pages", "segments", "predictions", "recurring", "looking", "labels")


def test_task_bodies_load_neither_the_pipeline_nor_the_check_of_options() -> None:
    modules = ", ".join(f"curate.stages.{name}" for name in BODIES)
    code = (
        f"import sys, curate.runs.local, curate.labelers.model, curate.segments.blocks, {modules}; "
        "found = {'pydantic', 'hydra', 'rich', 'duckdb', 'curate.stages.context', "
        "'curate.stages.settings'} & set(sys.modules); sys.exit(str(found) if found else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
