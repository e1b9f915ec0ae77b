"""What users do with a published version: read it with their own tools."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import yaml

from curate.dataset import Published
from curate.dataset.columns import arrow_schema, columns_of

from .conftest import LABELS, Bench, make_docs

NAMES = list(LABELS.names)

OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}


def python(code: str, tmp_path: Path, cwd: Path) -> str:
    """Output of a script in a process of its own, with an empty cache."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        env=os.environ | OFFLINE | {"HF_HOME": str(tmp_path / "hf")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def plain(path: Path, shape: str) -> list[dict]:
    files = sorted((path / shape).glob("train-*.parquet"))
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def test_datasets_sees_class_labels_in_both_shapes_and_streaming(
    published: Published, tmp_path: Path
) -> None:
    code = f"""
import json
from datasets import ClassLabel, load_dataset
path = {str(published.path)!r}
told = {{}}
for streaming in (False, True):
    for shape in ("segments", "pages"):
        data = load_dataset(path, shape, streaming=streaming)
        train = data["train"]
        spans = train.features.get("segments")
        label = train.features["label"] if shape == "segments" else spans.feature["label"]
        assert isinstance(label, ClassLabel), label
        told[f"{{shape}} {{streaming}}"] = [sorted(data), label.names, list(train)]
print(json.dumps(told))
"""
    told = json.loads(python(code, tmp_path, tmp_path))
    assert len(told) == 4
    for key, (splits, names, rows) in told.items():
        assert splits == ["test", "train", "validation"]
        assert names == NAMES
        assert rows == plain(published.path, key.split()[0])


def test_default_configuration_is_segments(published: Published, tmp_path: Path) -> None:
    code = (
        "from datasets import load_dataset\n"
        f"print(load_dataset({str(published.path)!r}, split='test').column_names[0])"
    )
    assert python(code, tmp_path, tmp_path) == "segment_id\n"


def test_schema_is_what_datasets_itself_would_write(tmp_path: Path, published: Published) -> None:
    code = f"""
import json, yaml
from datasets import Features, List, Value
import pyarrow.parquet as pq
told = []
for shape in ("segments", "pages"):
    schema = pq.read_schema({str(published.path)!r} + f"/{{shape}}/train-00000-of-00001.parquet")
    features = Features.from_arrow_schema(schema)
    assert features.arrow_schema.equals(schema)
    assert features.arrow_schema.metadata == schema.metadata
    head = yaml.safe_load(open({str(published.path)!r} + "/README.md").read().split("---")[1])
    info = next(i for i in head["dataset_info"] if i["config_name"] == shape)
    assert Features._from_yaml_list(info["features"]) == features
    assert info["features"] == features._to_yaml_list()
    told.append(shape)
print(told)
"""
    assert python(code, tmp_path, tmp_path) == "['segments', 'pages']\n"


def test_pandas_and_polars_read_equal_values(published: Published) -> None:
    for shape in ("segments", "pages"):
        rows = plain(published.path, shape)
        by_polars = pl.read_parquet(published.path / shape / "train-*.parquet")
        assert by_polars.to_dicts() == rows
        frame = pd.read_parquet(
            sorted((published.path / shape).glob("train-*.parquet")), dtype_backend="pyarrow"
        )
        assert len(frame) == len(rows)
        for name in frame.columns:
            values = frame[name].array._pa_array.to_pylist()
            assert values == [row[name] for row in rows], name


def test_duckdb_reads_label_names(published: Published) -> None:
    import duckdb

    counts = dict(
        duckdb.sql(
            f"SELECT label_name, count(*) FROM '{published.path}/segments/*.parquet' GROUP BY 1"
        ).fetchall()
    )
    assert counts == {name: published.counts[f"label/{name}"] for name in NAMES}


def test_snippets_of_the_card_run(published: Published, tmp_path: Path) -> None:
    card = (published.path / "README.md").read_text(encoding="utf-8")
    snippets = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    assert len(snippets) == 4
    outputs = [python(snippet, tmp_path, published.path.parent) for snippet in snippets]
    assert "['article', 'teaser', 'caption', 'boilerplate']" in outputs[0]
    for output in outputs[1:2] + outputs[3:]:
        assert "boilerplate" in output
    assert "https://" in outputs[2]


def test_croissant_validates_and_yields_the_records(published: Published) -> None:
    script = Path(sys.executable).with_name("mlcroissant")
    done = subprocess.run(
        [str(script), "validate", "--jsonld", str(published.path / "croissant.json")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    code = f"""
import json, mlcroissant
data = mlcroissant.Dataset({str(published.path / "croissant.json")!r})
def plain(value):
    if isinstance(value, bytes): return value.decode()
    if isinstance(value, dict): return {{k.split("/")[-1]: plain(v) for k, v in value.items()}}
    if isinstance(value, (list, tuple)): return [plain(v) for v in value]
    return value.item() if hasattr(value, "item") else value
print(json.dumps({{s: [plain(r) for r in data.records(s)] for s in ("segments", "pages")}}))
"""
    told = json.loads(
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
        ).stdout
    )
    key = {"segments": "segment_id", "pages": "page_key"}
    for shape, name in key.items():
        wanted = [
            row
            for file in (published.path / shape).glob("*.parquet")
            for row in pq.read_table(file).to_pylist()
        ]
        met = {row[name]: row for row in told[shape]}
        assert met.keys() == {row[name] for row in wanted}
        for row in wanted:
            spans = met[row[name]]
            assert spans == row


def test_card_yaml_counts_are_right(published: Published) -> None:
    head = yaml.safe_load((published.path / "README.md").read_text().split("---")[1])
    assert head["license"] == "other"
    assert head["language"] == ["de", "en"]
    assert head["size_categories"] == ["n<1K"]
    info = {entry["config_name"]: entry for entry in head["dataset_info"]}
    for shape, counted in (("segments", "segments"), ("pages", "pages")):
        told = {split["name"]: split["num_examples"] for split in info[shape]["splits"]}
        assert told == {
            split: getattr(counts, counted) for split, counts in published.splits.items()
        }
        files = list((published.path / shape).glob("*.parquet"))
        assert info[shape]["download_size"] == sum(path.stat().st_size for path in files)


def test_files_are_written_as_the_facts_ask(published: Published) -> None:
    config = json.loads((published.path / "manifest.json").read_text())["config"]
    assert config["shapes"] == ["segments", "pages"]
    for path in sorted(published.path.glob("segments/*")):
        group = pq.ParquetFile(path).metadata.row_group(0)
        by_name = {
            group.column(n).path_in_schema: group.column(n) for n in range(group.num_columns)
        }
        assert {column.compression for column in by_name.values()} == {"ZSTD"}
        assert {column.has_offset_index for column in by_name.values()} == {True}
        coded = {name for name, column in by_name.items() if column.has_dictionary_page}
        assert {"label", "label_name", "site", "language", "kind"} <= coded
        assert not {"segment_id", "text", "page_id", "start"} & coded


def test_schema_names_every_column() -> None:
    from curate.dataset import DatasetConfig

    config = DatasetConfig(shapes=("segments", "pages", "annotations"), html=True, paths=True)
    for shape in config.shapes:
        schema = arrow_schema(columns_of(shape, config), NAMES)
        told = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
        assert list(told) == schema.names


def test_a_hand_written_paragraph_survives_three_publishes(bench: Bench, fast: None) -> None:
    told = bench.publish(make_docs())
    card = told.path / "README.md"
    text = card.read_text()
    note = "\nThanks to the readers of *site1*. Mail us: team@example.org\n\n--- \\g<1>\n"
    card.write_text(
        re.sub(
            r"(<!-- curate:notes -->).*?(<!-- /curate:notes -->)",
            lambda match: match[1] + note + match[2],
            text,
            flags=re.DOTALL,
        )
    )
    for n_sites in (13, 14, 15):
        told = bench.publish(make_docs(n_sites))
        assert (
            f"<!-- curate:notes -->{note}<!-- /curate:notes -->"
            in (told.path / "README.md").read_text()
        )
    assert told.version == "v0004"
