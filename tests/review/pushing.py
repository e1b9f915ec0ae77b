"""A push in a process of its own, to be killed.

python -m tests.review.pushing PICKLE STATE NAME BATCH
"""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path

import yaml
from pydantic import TypeAdapter

from curate.review.config import ReviewConfig
from curate.review.connection import connect
from curate.review.project import ReviewProject
from curate.schema import LabelSet


def main(pages: str, state: str, name: str, batch: str) -> None:
    config = yaml.safe_load(Path("configs/schema/web4.yaml").read_text(encoding="utf-8"))
    del config["_target_"]
    label_set = TypeAdapter(LabelSet).validate_python(config)
    options = ReviewConfig(push_batch=int(batch))
    tasks = pickle.loads(Path(pages).read_bytes())
    with connect(options, Path(state)) as connection:
        project = ReviewProject.open(connection, name, label_set, options, Path(state))
        assert project is not None
        result = project.push(project.plan(tasks))
        told = {"created": result.created, "failed": result.failed, "doubled": result.doubled}
        sys.stdout.write(json.dumps({"project": project.number, **told}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
