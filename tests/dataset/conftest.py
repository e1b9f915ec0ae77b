"""Synthetic shards of the store, and what tests of the publish share."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.dataset import DatasetConfig, Published, ShardPair, publish
from curate.schema import (
    LABELED_SCHEMA,
    PAGE_SCHEMA,
    PREDICTED_SCHEMA,
    SEGMENTED_SCHEMA,
    LabelDef,
    LabelSet,
    page_id_of,
)
from curate.text import text_hash

LABELS = LabelSet(
    name="web4",
    labels=(
        LabelDef(
            "article", "#2e7d32", "1", "Text that this page exists to deliver.", ("A headline",)
        ),
        LabelDef("teaser", "#1565c0", "2", "Text that advertises another page's content."),
        LabelDef("caption", "#ef6c00", "3", "Text that describes one picture | or credits it."),
        LabelDef("boilerplate", "#757575", "4", "What the site prints whatever the story."),
    ),
    guideline="Label what the reader sees.",
    from_labels={"ad": "boilerplate"},
)

VOCABULARY = [
    "harbour",
    "lantern",
    "quarry",
    "meadow",
    "copper",
    "violin",
    "thunder",
    "orchard",
    "pebble",
    "saddle",
    "marble",
    "canyon",
    "feather",
    "ribbon",
    "glacier",
    "timber",
    "walnut",
    "compass",
    "ember",
    "harvest",
    "lagoon",
    "mosaic",
    "nectar",
    "parcel",
    "quiver",
    "rafter",
    "sonnet",
    "tunnel",
    "umbrella",
    "velvet",
    "willow",
    "zephyr",
    "anchor",
    "basket",
    "cradle",
    "dagger",
]

EMOJI = ("", "", "", " 👩‍👩‍👧‍👦", " 🇨🇭", " é", " שלום", " 你好", "\u00a0—")


@dataclass(frozen=True)
class Seg:
    """One segment of a synthetic page."""

    text: str
    label: str | None
    origin: str = "model"
    action: str | None = None
    score: float | None = 0.75
    annotators: tuple[str, ...] = ()
    agreement: float | None = None
    adjudicated: bool = False
    main: bool = False
    kind: str = "p"
    suggested: str | None = None  # what the labeler says, if not the label


@dataclass(frozen=True)
class Doc:
    """A synthetic page; its text is its segments, one a paragraph."""

    key: str
    site: str
    segments: tuple[Seg, ...]
    url: str | None = None
    title: str | None = None
    language: str | None = "en"
    page_type: str | None = "article"
    labeler: str = "rules-1"
    reviewed: bool = False
    verdict: str | None = None
    labeled: bool = True
    html: str | None = None

    @property
    def text(self) -> str:
        return "\n\n".join(segment.text for segment in self.segments)

    @property
    def spans(self) -> list[tuple[int, int]]:
        spans, at = [], 0
        for segment in self.segments:
            spans.append((at, at + len(segment.text)))
            at += len(segment.text) + 2
        return spans

    @property
    def page_id(self) -> str:
        return page_id_of(self.key, self.text)


def key_of(name: str) -> str:
    """A page_key as the readers make them: 32 hex digits."""
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def sentence(rng: random.Random, n_words: int) -> str:
    words = [rng.choice(VOCABULARY) for _ in range(n_words)]
    return " ".join(words).capitalize() + "." + rng.choice(EMOJI)


def make_doc(name: str, site: str, *, human: bool = False, n_segments: int = 8) -> Doc:
    """A page of its own words; the same name gives the same page."""
    rng = random.Random(name)
    segments = []
    for number in range(n_segments):
        label = rng.choice([label for label in LABELS.names for _ in (0, 1)] + ["article"])
        people = ("ann-1f", "ann-2c")[: rng.choice((1, 2))] if human else ()
        segments.append(
            Seg(
                text=sentence(rng, 5 if number == 0 else rng.randint(6, 30)),
                label=label,
                origin="human" if human else "model",
                action=rng.choice(("accepted", "accepted", "relabelled")) if human else None,
                score=round(rng.random(), 3),
                annotators=people,
                agreement=1.0 if len(people) == 2 else None,
                main=label == "article",
                kind=rng.choice(("p", "h1", "li", "line")),
            )
        )
    return Doc(
        key=key_of(name),
        site=site,
        segments=tuple(segments),
        url=f"https://{site}/{name}",
        title=f"{name} 🎈",
        language=rng.choice(("en", "de")),
        page_type=rng.choice(("article", "forum")),
        reviewed=human,
        verdict="ok" if human else None,
    )


def make_docs(n_sites: int = 12, pages_a_site: int = 3) -> list[Doc]:
    """Pages of several sites; every third is reviewed."""
    docs = []
    for site in range(n_sites):
        for page in range(pages_a_site):
            number = site * pages_a_site + page
            docs.append(make_doc(f"page-{number}", f"site{site}.example", human=number % 3 == 0))
    return docs


def segmented_row(doc: Doc) -> dict[str, Any]:
    html = doc.html is not None
    n = len(doc.segments)
    return {
        "page_key": doc.key,
        "page_id": doc.page_id,
        "url": doc.url,
        "site": doc.site,
        "source": f"pages.jsonl#{doc.key[:6]}",
        "media_type": "text/html" if html else "text/plain",
        "title": doc.title,
        "text_hash": text_hash(doc.text),
        "text": doc.text,
        "starts": [start for start, _ in doc.spans],
        "ends": [end for _, end in doc.spans],
        "kinds": [segment.kind for segment in doc.segments],
        "node_parent": [-1, 0, 1] if html else None,
        "node_tag": ["html", "body", "p"] if html else None,
        "node_attrs": ["", "", "lead"] if html else None,
        "segment_node": [2] * n if html else None,
        "link_chars": [0] * n if html else None,
    }


def labeled_row(doc: Doc) -> dict[str, Any]:
    segments = doc.segments
    return {
        "page_key": doc.key,
        "page_id": doc.page_id,
        "starts": [start for start, _ in doc.spans],
        "ends": [end for _, end in doc.spans],
        "kinds": [segment.kind for segment in segments],
        "labels": [segment.label for segment in segments],
        "origins": [segment.origin for segment in segments],
        "actions": [segment.action for segment in segments],
        "scores": [segment.score for segment in segments],
        "n_annotators": [len(segment.annotators) for segment in segments],
        "agreement": [segment.agreement for segment in segments],
        "adjudicated": [segment.adjudicated for segment in segments],
        "annotators": [list(segment.annotators) for segment in segments],
        "main": [segment.main for segment in segments],
        "page_type": doc.page_type,
        "language": doc.language,
        "labeler": doc.labeler,
        "guideline": LABELS.guideline_digest if doc.reviewed else None,
        "reviewed": doc.reviewed,
        "verdict": doc.verdict,
    }


def predicted_row(doc: Doc) -> dict[str, Any]:
    scores: list[float] = []
    for segment in doc.segments:
        rest = (1 - (segment.score or 0.0)) / (len(LABELS.names) - 1)
        scores += [
            (segment.score or 0.0) if name == segment.label else rest for name in LABELS.names
        ]
    n = len(doc.segments)
    return {
        "page_key": doc.key,
        "page_id": doc.page_id,
        "labels": [s.suggested or s.label or "article" for s in doc.segments],
        "scores": scores,
        "main": [segment.main for segment in doc.segments],
        "reasons": [[]] * n,
        "page_type": doc.page_type,
        "language": doc.language,
        "labeler": doc.labeler,
    }


def page_row(doc: Doc) -> dict[str, Any]:
    return {
        "page_key": doc.key,
        "url": doc.url,
        "site": doc.site,
        "source": "pages",
        "media_type": "text/html" if doc.html is not None else "text/plain",
        "content": doc.html if doc.html is not None else doc.text,
    }


def write_shards(folder: Path, docs: Sequence[Doc], *, per_shard: int = 10) -> list[ShardPair]:
    """The store's shards of these pages."""
    folder.mkdir(parents=True, exist_ok=True)
    pairs = []
    for number, first in enumerate(range(0, len(docs), per_shard)):
        part = docs[first : first + per_shard]
        paths = {
            kind: folder / f"{kind}-{number:05d}.parquet"
            for kind in ("segmented", "labeled", "predicted", "pages")
        }
        known = [doc for doc in part if doc.labeled]
        rows = {
            "segmented": (SEGMENTED_SCHEMA, [segmented_row(doc) for doc in part]),
            "labeled": (LABELED_SCHEMA, [labeled_row(doc) for doc in known]),
            "predicted": (PREDICTED_SCHEMA, [predicted_row(doc) for doc in known]),
            "pages": (PAGE_SCHEMA, [page_row(doc) for doc in part]),
        }
        for kind, (schema, table) in rows.items():
            pq.write_table(pa.Table.from_pylist(table, schema=schema), paths[kind])
        pairs.append(ShardPair(**paths))
    return pairs


@dataclass
class Bench:
    """Publishes synthetic pages into a folder of its own."""

    folder: Path
    calls: int = field(default=0)

    @property
    def exports(self) -> Path:
        return self.folder / "exports"

    @property
    def home(self) -> Path:
        return self.exports / "demo"

    def publish(self, docs: Sequence[Doc], **options: Any) -> Published:
        self.calls += 1
        kwargs: dict[str, Any] = {
            name: options.pop(name)
            for name in (
                *("facts", "report", "annotations", "progress", "withdrawn", "exports_url"),
                "workers",
            )
            if name in options
        }
        kwargs.setdefault("facts", {"code": "curate 0.1.0", "labeler": {"name": "rules-1"}})
        labels = options.pop("labels", LABELS)
        per_shard = options.pop("per_shard", 10)
        shards = write_shards(self.folder / f"store-{self.calls}", docs, per_shard=per_shard)
        return publish(
            replace(DatasetConfig(), **options),
            labels,
            shards,
            exports=self.exports,
            name="demo",
            **kwargs,
        )

    def data_bytes(self, version: str = "v0001") -> dict[str, bytes]:
        folder = self.home / version
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.glob("*/*.parquet"))
        }


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


class NoReaders:
    """In place of the readers in a process of their own."""

    def __init__(self, *_: object) -> None:
        pass

    def __enter__(self) -> NoReaders:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def read(self, *_: object) -> None:
        pass

    def compare(self, *_: object) -> None:
        pass


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the reload and fsync, which cost seconds; they have tests of their own."""
    monkeypatch.setattr("curate.dataset.publishing.Readers", NoReaders)
    monkeypatch.setattr("curate.dataset.versions._sync", lambda path: None)


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """One version with everything on, which tests only read."""
    return Bench(tmp_path_factory.mktemp("published")).publish(
        make_docs(), facts={"code": "curate 0.1.0"}
    )


@pytest.fixture
def s3() -> Iterator[str]:
    """URL of a folder on an S3 server on loopback."""
    from .servers import s3_server

    with s3_server() as (_, url):
        yield url


@pytest.fixture
def memory() -> Iterator[str]:
    """URL of a folder in memory."""
    import fsspec

    store = fsspec.filesystem("memory")
    store.store.clear()
    yield "memory://exports"
    store.store.clear()


@pytest.fixture(params=["memory", pytest.param("s3", marks=pytest.mark.acceptance)])
def url(request: pytest.FixtureRequest) -> str:
    """Both, one after the other."""
    return str(request.getfixturevalue(request.param))


DocMaker = Callable[..., Doc]
