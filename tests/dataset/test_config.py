import dataclasses
from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from curate.dataset import DatasetConfig
from curate.errors import DatasetError

DEFAULT = Path(__file__).parents[2] / "configs" / "dataset" / "default.yaml"


def options() -> dict[str, object]:
    told = yaml.safe_load(DEFAULT.read_text(encoding="utf-8"))
    assert told.pop("_target_") == "curate.dataset.base.DatasetConfig"
    return told


def test_yaml_lists_exactly_the_options_with_their_defaults() -> None:
    told = options()
    assert list(told) == [field.name for field in dataclasses.fields(DatasetConfig)]
    assert TypeAdapter(DatasetConfig).validate_python(told) == DatasetConfig()


def test_every_option_in_the_yaml_has_a_comment() -> None:
    lines = DEFAULT.read_text(encoding="utf-8").splitlines()
    assert [
        line for line in lines if line[0] not in "#_" and "#" not in line.split(":", 1)[1]
    ] == []


def test_ratios_that_do_not_sum_to_one_are_told() -> None:
    with pytest.raises(DatasetError) as error:
        DatasetConfig(split_ratios={"train": 0.8, "validation": 0.15, "test": 0.1})
    assert str(error.value) == (
        "split ratios sum to 1.05 (train 0.80, validation 0.15, test 0.10); they must sum to 1"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split_ratios": {"train": 0.9, "dev": 0.1}}, "'dev' is no split"),
        ({"min_chars": 10, "max_chars": 5}, "max_chars=5 is below dataset.min_chars=10"),
        ({"shapes": ("pages",)}, "lacks 'segments'"),
        ({"push_to_hub": "just-a-name"}, "'just-a-name' is no repository"),
    ],
)
def test_contradictions_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        DatasetConfig(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [{"min_score": 1.5}, {"shard_mb": 0}, {"near_duplicates": "no"}])
def test_values_out_of_range_are_refused_by_validation(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(DatasetConfig).validate_python(options() | bad)
