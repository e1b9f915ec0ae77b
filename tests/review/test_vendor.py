"""What Label Studio's own SDK refuses is not sent."""

from __future__ import annotations

from dataclasses import replace

from curate.review.interface import labeling_config
from curate.review.plan import SyncPlan
from curate.review.tasks import ReviewTask
from curate.review.vendor import checked
from curate.schema import LabelSet


def task(page_id: str, labels: list[str]) -> ReviewTask:
    return ReviewTask(
        page_key="k",
        page_id=page_id,
        text="One. Two.",
        url=None,
        site=None,
        title=None,
        starts=[0, 5],
        ends=[4, 9],
        labels=labels,
        scores=[0.9, 0.8],
        model_version="rules@1",
    )


def test_good_predictions_pass_and_a_label_the_project_lacks_is_refused(
    label_set: LabelSet,
) -> None:
    good, bad = task("a-1", ["article", "teaser"]), task("b-1", ["article", "advert"])
    steps = checked(SyncPlan(1, new=(good, bad)), labeling_config(label_set))
    assert steps.new == (good,)
    ((page_id, why),) = steps.refused
    assert page_id == "b-1"
    assert why.startswith("Label Studio: Region 1: Invalid value")


def test_a_label_set_that_lost_a_label_is_noticed(label_set: LabelSet) -> None:
    less = replace(label_set, labels=label_set.labels[:2])
    steps = checked(SyncPlan(1, new=(task("a-1", ["article", "teaser"]),)), labeling_config(less))
    assert steps.new == ()
    assert [page_id for page_id, _ in steps.refused] == ["a-1"]
