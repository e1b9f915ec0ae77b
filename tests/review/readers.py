"""Simulated annotators, each logged in as themselves, who err at known rates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import httpx

from curate.review.accounts import kept_passwords
from curate.review.client import LabelStudio
from curate.review.config import ApiKey, ReviewConfig
from curate.review.server import LocalServer


def client_of(local: LocalServer, email: str) -> LabelStudio:
    """A client that acts as the account of this address, by its own password."""
    base = local.status().url
    with httpx.Client(trust_env=False, base_url=base, timeout=60) as visitor:
        visitor.get("/user/login/")
        answer = visitor.post(
            "/user/login/",
            data={
                "email": email,
                "password": kept_passwords(local)[email],
                "csrfmiddlewaretoken": visitor.cookies["csrftoken"],
            },
            headers={"Referer": f"{base}/user/login/"},
        )
        assert answer.status_code == 302, answer.text[:300]
        token = visitor.get("/api/current-user/token").json()["token"]
    return LabelStudio(base, ApiKey("legacy", token), ReviewConfig())


def submit(
    client: LabelStudio,
    task: Mapping[str, Any],
    label_of: Callable[[int, str], str | None],
    *,
    lead_time: float = 60.0,
) -> None:
    """Submit a task's regions as the browser does.

    Args:
        label_of: what the reader says of the n-th region that carries a label;
            None: takes the region away.
    """
    result = []
    for n, region in enumerate(task["predictions"][-1]["result"]):
        suggested = region["value"]["labels"][0]
        label = label_of(n, suggested)
        if label is None:
            continue
        origin = "prediction" if label == suggested else "prediction-changed"
        value = {**region["value"], "labels": [label]}
        result.append({**region, "origin": origin, "value": value})
    body = {"result": result, "lead_time": lead_time}
    client.post(f"/api/tasks/{task['id']}/annotations/", body)


def skip(client: LabelStudio, task: Mapping[str, Any]) -> None:
    """Skip a task."""
    client.post(f"/api/tasks/{task['id']}/annotations/", {"result": [], "was_cancelled": True})


def draft(client: LabelStudio, task: Mapping[str, Any]) -> None:
    """Begin with a task and leave it."""
    result = task["predictions"][-1]["result"][:1]
    client.post(f"/api/tasks/{task['id']}/drafts", {"result": result, "lead_time": 1})
