"""Gold from a folder, and configuration that names nobody."""

from __future__ import annotations

import json

from curate.cli.compose import compose
from curate.review.gold import gold_scores
from curate.stages.people import gold_readings, gold_tasks, without_people
from curate.stages.settings import Settings
from tests.review.readings import reading

LINES = ["Menu", "The crane stays", "", "It was built in 1911, and it stays.", "More news"]


def settings_of(folder):
    (folder / "pages.jsonl").write_text(
        json.dumps({"id": "g1", "url": "https://www.example.org/a", "lines": LINES}) + "\n"
    )
    (folder / "labels.jsonl").write_text(json.dumps({"id": "g1", "labels": "BAAAT"}) + "\n")
    return Settings.from_config(
        compose(
            [
                "name=g",
                "pages.path=x",
                "labeler=rules",
                "review.annotators=[ada]",
                "review.gold_share=0.2",
                f"review.gold={folder}",
            ]
        )
    )


def test_pages_of_a_gold_folder_are_tasks_like_any_other_and_their_truth_is_kept_apart(tmp_path):
    settings = settings_of(tmp_path)
    (task,) = gold_tasks(settings).values()
    assert task.text == "Menu\nThe crane stays\nIt was built in 1911, and it stays.\nMore news"
    assert (task.url, task.site, task.title) == (
        "https://www.example.org/a",
        "example.org",
        "Menu",
    )
    assert set(task.labels) <= set(settings.label_set.names)
    assert len(task.starts) == 4
    truths = gold_readings(settings)
    assert list(truths) == [task.page_id]
    lines = task.text.split("\n")
    given = {"annotator-1": [task.page_id], "annotator-2": [task.page_id]}
    said = reading(task.page_key, lines, ["boilerplate", "article", None, "article"], "annotator-1")
    one, other = gold_scores([said], given, settings.label_set, truths)
    assert (one.n_pages, one.n_segments, one.missed, one.right.value) == (1, 3, 1, 2 / 3)
    assert one.recall == {"article": (1.0, 1), "boilerplate": (1.0, 1), "teaser": (0.0, 1)}
    assert (other.n_given, other.n_pages, other.right.value) == (1, 0, None)


def test_what_is_published_of_the_configuration_names_nobody():
    config = {
        "name": "x",
        "review": {"annotators": ["ada@example.org", "bo"], "adjudicator": "cy", "overlap": 0.5},
    }
    assert without_people(config) == {
        "name": "x",
        "review": {
            "annotators": ["person 1", "person 2"],
            "adjudicator": "a person",
            "overlap": 0.5,
        },
    }
    assert without_people(
        ["name=x", "review.annotators=[ada@example.org]", "+review.adjudicator=cy"]
    ) == ["name=x", "review.annotators=***", "+review.adjudicator=***"]
    assert without_people(None) is None
