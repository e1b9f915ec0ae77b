"""What a record may bring into a run, and what it can't."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from curate.cli.compose import compose, group_options
from curate.errors import RunError
from curate.runs.record import Record, find_record, of_manifest, of_passport
from curate.runs.retake import Retaken, retake
from curate.stages.settings import Settings


@pytest.fixture(scope="module")
def plain() -> dict[str, Any]:
    """A composed configuration, as a passport holds it."""
    return compose(["name=t", "pages.path=pages", "labeler=rules", "segments.max_chars=900"])


@cache
def _composed(overrides: tuple[str, ...]) -> dict[str, Any]:
    return compose(list(overrides))


def composed(overrides: Sequence[str]) -> dict[str, Any]:
    return copy.deepcopy(_composed(tuple(overrides)))


def passport(config: dict[str, Any], **more: Any) -> Record:
    content = {
        "passport_version": 2,
        "run_id": "20260101-000000-abcd",
        "name": "t",
        "config": config,
        "choices": {"labeler": "rules", "experiment": None},
        **more,
    }
    return of_passport(json.loads(json.dumps(content)), Path("passport.json"))


def taken(record: Record, *overrides: str) -> Retaken:
    return retake(record, overrides, compose=composed, options=group_options)


def changed(config: dict[str, Any], key: str, value: object) -> dict[str, Any]:
    found = copy.deepcopy(config)
    place: Any = found
    *parents, last = key.split("/")
    for part in parents:
        place = place[int(part)] if isinstance(place, list) else place.setdefault(part, {})
    place[last] = value
    return found


def test_a_record_gives_its_own_configuration_back(plain: dict[str, Any]) -> None:
    found = taken(passport(plain)).config
    for group in ("pages", "segments", "labeler", "sample", "schema"):
        assert found[group] == plain[group], group
    assert found["name"] == "t"
    assert found["stages"] == ["pages", "segments", "predictions", "labels", "dataset"]
    Settings.from_config(found)


def test_nothing_is_shown_to_anyone(plain: dict[str, Any]) -> None:
    config = changed(plain, "dataset/push_to_hub", "org/name")
    config = changed(config, "dataset/mirror", "s3://bucket/x")
    config = changed(config, "review/mode", "label_studio")
    config = changed(config, "review/url", "http://127.0.0.1:1")
    found = taken(passport(config)).config
    assert found["dataset"]["push_to_hub"] is None
    assert found["dataset"]["mirror"] is None
    assert (found["review"]["mode"], found["review"]["url"]) == ("none", None)


def test_places_and_workers_are_of_this_workspace(plain: dict[str, Any]) -> None:
    config = changed(plain, "paths/exports", "/etc")
    config = changed(config, "paths/state", "/root")
    config = changed(config, "engine/kind", "ray")
    found = taken(passport(config)).config
    assert found["paths"] == compose([])["paths"]
    assert found["engine"] == compose([])["engine"]


def test_the_callers_overrides_go_over_it(plain: dict[str, Any]) -> None:
    found = taken(passport(plain), "segments.max_chars=50", "labeler=model", "sample.seed=7").config
    assert found["segments"]["max_chars"] == 50
    assert found["labeler"]["_target_"] == "curate.labelers.model.ModelLabeler"
    assert found["sample"]["seed"] == 7
    assert found["pages"]["path"] == "pages"


def test_a_label_set_of_the_users_own_needs_no_option(plain: dict[str, Any]) -> None:
    config = changed(plain, "schema/name", "mine")
    found = taken(passport(config, choices={"schema": "mine"})).config
    assert found["schema"]["name"] == "mine"


def test_options_that_are_gone_are_told(plain: dict[str, Any]) -> None:
    found = taken(passport(changed(plain, "segments/merge_below_px", 3)))
    assert found.left_aside == ("segments.merge_below_px",)
    assert "merge_below_px" not in found.config["segments"]


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("labeler/_target_", "os.system", "can't name code"),
        ("labeler/_target_", "curate.review.server.LocalServer", "can't name code"),
        ("segments/_target_", "curate.labelers.rules.RulesLabeler", "can't name code"),
        ("dataset/split_ratios/_target_", "os.system", "_target_ is not a key"),
        ("schema/labels/0/_target_", "os.system", "_target_ is not a key"),
        ("hydra", {"searchpath": ["file:///tmp/x"]}, "hydra is not a key"),
        ("hydra.searchpath", ["file:///tmp/x"], "hydra.searchpath is not a key"),
        ("pages/hydra.run.dir", {"hydra": 1}, "hydra is not a key"),
        ("pages/path", "${oc.env:HOME}", "asks for an interpolation"),
        ("schema/guideline", "read ${oc.env:LABEL_STUDIO_API_KEY}", "asks for an interpolation"),
        ("labeler", "${oc.decode:x}", "not a group of options"),
        ("dataset/decontaminate", ["/etc/passwd"], "dataset.decontaminate=/etc/passwd names"),
        ("dataset/decontaminate", ["a.txt", "../../b.txt"], "names a place outside"),
        ("dataset/mask_region", "~/.ssh/id_rsa", "names a place outside"),
        ("dataset/mask_region", "s3://elsewhere/x", "names a place outside"),
        ("pages/base_url", "http://169.254.169.254/", "names a place outside"),
        ("pages/id_field", "C:\\secrets", "names a place outside"),
        ("review/url", 3, ""),
        ("pages/path", "https://***@host/x", "a secret was taken out"),
        ("pages/path", "…/crawl", "say where it is on this one: pages.path=PATH"),
        ("evil", {"_target_": "os.system"}, "evil is not a key"),
        ("_target_", "os.system", "_target_ is not a key"),
    ],
)
def test_a_tampered_record_is_refused(
    plain: dict[str, Any], key: str, value: object, words: str
) -> None:
    record = passport(changed(plain, key, value))
    if not words:  # not taken over at all
        assert taken(record).config["review"]["url"] is None
        return
    with pytest.raises(RunError) as caught:
        taken(record)
    assert words in str(caught.value)


def test_a_model_folder_elsewhere_has_to_be_given_again() -> None:
    config = compose(["name=t", "pages.path=p", "labeler=model", "labeler.folder=/models/a"])
    record = passport(config, choices={"labeler": "model"})
    with pytest.raises(RunError, match=r"labeler\.folder=/models/a names a place outside"):
        taken(record)
    found = taken(record, "labeler.folder=/models/a").config
    assert found["labeler"]["folder"] == "/models/a"


@pytest.mark.parametrize("option", ["../../etc/x", "rules/../model", "", "a b", "model.yaml"])
def test_group_names_are_names_only(plain: dict[str, Any], option: str) -> None:
    with pytest.raises(RunError, match="can't be the name of an option"):
        taken(passport(plain, choices={"labeler": option}))


@pytest.mark.parametrize("name", ["../x", "a/b", ".hidden", "", "a\0b"])
def test_a_name_can_not_leave_the_exports(plain: dict[str, Any], name: str) -> None:
    with pytest.raises(RunError, match="can't name a dataset"):
        taken(passport(plain, name=name))


def test_annotation_files_are_named_as_ours_are(plain: dict[str, Any]) -> None:
    names = ["000001-0123456789ab.parquet", "../../../etc/passwd", "/etc/passwd", "x.parquet"]
    record = passport(plain, annotations=[{"file": name, "digest": "d"} for name in names])
    assert [entry["file"] for entry in record.annotations] == names[:1]


def test_damaged_records_are_told(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="this curate reads up to"):
        of_passport({"passport_version": 99}, tmp_path)
    odd = of_passport({"passport_version": 2, "stages": [1], "inputs": "x", "config": 3}, tmp_path)
    assert (odd.stages, odd.inputs, odd.config) == ({}, (), {})
    with pytest.raises(RunError, match="holds no configuration"):
        taken(odd)
    assert of_manifest({"name": "t", "files": [3]}, tmp_path).files == {"None": "None"}
    file = tmp_path / "manifest.json"
    file.write_text("[]")
    with pytest.raises(RunError, match="neither the passport of a run nor"):
        find_record(str(file), runs=tmp_path, exports=tmp_path)
    file.write_text("{")
    with pytest.raises(RunError, match="can't be read as a record"):
        find_record(str(tmp_path), runs=tmp_path, exports=tmp_path)


def test_records_are_found_by_what_a_user_says(tmp_path: Path) -> None:
    runs, exports = tmp_path / "runs", tmp_path / "exports"
    for run_id in ("20260101-000000-aaaa", "20260102-000000-aabb"):
        (runs / run_id).mkdir(parents=True)
        content = {"passport_version": 2, "run_id": run_id, "name": "t", "status": "done"}
        (runs / run_id / "passport.json").write_text(json.dumps(content))
    (exports / "t" / "v0001").mkdir(parents=True)
    manifest = {"name": "t", "version": "v0001", "facts": {}, "files": []}
    (exports / "t" / "v0001" / "manifest.json").write_text(json.dumps(manifest))

    def found(target: str) -> str:
        return find_record(target, runs=runs, exports=exports).title

    assert found("aabb") == found("last") == "run 20260102-000000-aabb"
    assert found("20260101") == "run 20260101-000000-aaaa"
    assert found(str(runs / "20260101-000000-aaaa")) == "run 20260101-000000-aaaa"
    assert found("t/v0001") == "t v0001"
    assert found(str(exports / "t" / "v0001" / "manifest.json")) == "t v0001"
    with pytest.raises(RunError, match="means 2 runs"):
        found("2026")
    with pytest.raises(RunError, match="is no run of"):
        found("../../etc")
