"""The model folder: plain arrays, JSON, and LightGBM's own text, compressed.

Nothing in it is code: no pickle, and reading it runs nothing but parsers.

    model.json          what each file holds, columns, calibration, versions
    html-words.npy.xz   int16 weights of the first score (and pairs, nodes)
    html-main.txt.xz    trees of the main head; html-labels.txt.xz of the labels
    html-net.npy.xz     int16 weights of the network; html-inputs: scales and levels
    text-...            the same for bare text
    text-rules.json.xz  weights of the rules, measured on the same pages
    card.md             data, licences, figures
"""

from __future__ import annotations

import io
import json
import lzma
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.errors import LabelerError
from curate.io import atomic_path, file_digest
from curate.labelers.batch import Floats, Ints
from curate.labelers.first import N_OUTPUTS, FirstWeights
from curate.labelers.net import NetModel, net_arrays, net_from
from curate.text import digest

__all__ = [
    "FORMAT",
    "KindModel",
    "ModelFiles",
    "column_index",
    "folder_digest",
    "read_folder",
    "read_kind",
    "write_folder",
]

FORMAT = 1

WEIGHT_STEP = 1.0 / 256
"""Weights are stored as multiples of this: sums over them are exact, so that a
page's score is the same whatever stands beside it, and they compress."""

MIN_WEIGHT = 0.03
"""Smaller weights are dropped; together they move no label (measured)."""

_XZ = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME}]


@dataclass(frozen=True, slots=True, eq=False)
class KindModel:
    """Both heads for one kind of input, as stored.

    Attributes:
        first: weights of the first score.
        main_trees, label_trees: LightGBM model texts.
        main_columns, label_columns: names of the features they read, in order.
        temperature, bias: calibration of the labels' log-probabilities.
        main_scale: slope and offset of the main head's log-odds.
        type_trees, type_columns: the page-type head.
        type_sharpness: factor of the type log-probabilities that are told.
        net: the network.
        shares: weights of trees, network and rules in the labels' log-probabilities.
        sure_shares: the same for segments where the rules are sure.
        rules_sure: probability of the rules' best label from which they are.
        net_main_share: the network's weight in the log-odds of main content.
        decision: what each label's probability counts when the label is chosen.
        rules: the rules' weights as `rules_fit` measures them; None for the package's.
    """

    first: FirstWeights
    main_trees: str
    label_trees: str
    main_columns: tuple[str, ...]
    label_columns: tuple[str, ...]
    temperature: float
    bias: tuple[float, ...]
    main_scale: tuple[float, float]
    type_trees: str
    type_columns: tuple[str, ...]
    type_sharpness: float
    net: NetModel | None
    shares: tuple[float, float, float]
    sure_shares: tuple[float, float, float]
    rules_sure: float
    net_main_share: float
    decision: tuple[float, ...]
    rules: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ModelFiles:
    """A whole model folder in memory."""

    html: KindModel
    text: KindModel
    meta: Mapping[str, Any]


def _pack(array: npt.NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return lzma.compress(buffer.getvalue(), format=lzma.FORMAT_XZ, filters=_XZ)


def _unpack(path: Path) -> npt.NDArray[Any]:
    buffer = io.BytesIO(lzma.decompress(path.read_bytes()))
    out: npt.NDArray[Any] = np.load(buffer, allow_pickle=False)
    return out


def _pressed(text: str) -> bytes:
    return lzma.compress(text.encode(), format=lzma.FORMAT_XZ, filters=_XZ)


def stored(weights: Floats) -> npt.NDArray[np.int16]:
    """Weights as stored: small ones dropped, the others rounded to the step."""
    kept = np.where(np.abs(weights) < MIN_WEIGHT, 0, weights)
    return np.clip(np.rint(kept / WEIGHT_STEP), -32767, 32767).astype(np.int16)


def _weights(packed: npt.NDArray[np.int16]) -> Floats:
    out: Floats = packed.astype(np.float32) * np.float32(WEIGHT_STEP)
    return out


def write_folder(folder: Path, files: ModelFiles, card: str) -> str:
    """Write a model folder; the same model gives the same bytes.

    Returns:
        The folder's digest, the labeler's version.
    """
    parts: dict[str, bytes] = {}
    kinds: dict[str, Any] = {}
    for name, kind in (("html", files.html), ("text", files.text)):
        for part in ("words", "pairs", "nodes"):
            array = getattr(kind.first, part)
            if array.size:
                # Columns one after the other compress better than rows.
                parts[f"{name}-{part}.npy.xz"] = _pack(stored(array).T)
        trees = (
            ("main", kind.main_trees),
            ("labels", kind.label_trees),
            ("types", kind.type_trees),
        )
        for part, text in trees:
            parts[f"{name}-{part}.txt.xz"] = _pressed(text)
        told = None
        if kind.net is not None:
            whole, real, told = net_arrays(kind.net)
            parts[f"{name}-net.npy.xz"] = _pack(whole)
            parts[f"{name}-inputs.npy.xz"] = _pack(real)
        if kind.rules is not None:
            parts[f"{name}-rules.json.xz"] = _pressed(json.dumps(kind.rules))
        kinds[name] = {
            "bias": [round(float(value), 6) for value in kind.first.bias],
            "main_columns": list(kind.main_columns),
            "label_columns": list(kind.label_columns),
            "type_columns": list(kind.type_columns),
            "type_sharpness": round(kind.type_sharpness, 6),
            "net": told,
            "shares": [round(float(value), 6) for value in kind.shares],
            "sure_shares": [round(float(value), 6) for value in kind.sure_shares],
            "rules_sure": kind.rules_sure,
            "net_main_share": kind.net_main_share,
            "decision": list(kind.decision),
            "temperature": round(kind.temperature, 6),
            "label_bias": [round(float(value), 6) for value in kind.bias],
            "main_scale": [round(float(value), 6) for value in kind.main_scale],
        }
    meta = {"format": FORMAT, **files.meta, "kinds": kinds}
    parts["model.json"] = (json.dumps(meta, indent=1, ensure_ascii=False) + "\n").encode()
    parts["card.md"] = card.encode()
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in sorted(parts.items()):
        with atomic_path(folder / name) as temp:
            temp.write_bytes(data)
    return folder_digest(folder)


def folder_digest(folder: Path) -> str:
    """Digest of all that decides a prediction: every file but the card, 16 hex digits."""
    names = sorted(path.name for path in folder.iterdir() if path.suffix in (".xz", ".json"))
    return digest(*(f"{name} {file_digest(folder / name)}" for name in names), chars=16)


def read_folder(folder: Path) -> ModelFiles:
    """Read a model folder.

    Raises:
        LabelerError: it is missing, of another format, or damaged.
    """
    meta = _read_head(folder)
    html, text = (_read_kind(folder, name, meta) for name in ("html", "text"))
    return ModelFiles(html, text, meta)


def read_kind(folder: Path, html: bool) -> KindModel:
    """Read the heads of one kind of input: half of the folder.

    Raises:
        LabelerError: it is missing, of another format, or damaged.
    """
    return _read_kind(folder, "html" if html else "text", _read_head(folder))


def _read_head(folder: Path) -> dict[str, Any]:
    try:
        meta: dict[str, Any] = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise LabelerError(
            f"{folder}: no model.json; a model folder is what `curate train` writes"
        ) from error
    except ValueError as error:
        raise LabelerError(
            f"{folder}/model.json: not JSON ({error}); train the model again"
        ) from error
    if meta.get("format") != FORMAT:
        raise LabelerError(
            f"{folder}: model format {meta.get('format')!r}, this version reads {FORMAT}; "
            "train the model again"
        )
    return meta


def _read_kind(folder: Path, name: str, meta: Mapping[str, Any]) -> KindModel:
    try:
        return _kind_from(folder, name, meta["kinds"][name])
    except (OSError, KeyError, ValueError, lzma.LZMAError) as error:
        raise LabelerError(
            f"{folder}: damaged ({type(error).__name__}: {error}); train the model again"
        ) from error


def _kind_from(folder: Path, name: str, told: Mapping[str, Any]) -> KindModel:
    def array(part: str) -> Floats:
        return np.ascontiguousarray(_weights(_unpack(folder / f"{name}-{part}.npy.xz")).T)

    nodes = array("nodes") if name == "html" else np.zeros((0, 3 * N_OUTPUTS), np.float32)
    first = FirstWeights(array("words"), array("pairs"), nodes, np.array(told["bias"], np.float32))

    def trees(part: str) -> str:
        return lzma.decompress((folder / f"{name}-{part}.txt.xz").read_bytes()).decode()

    net = None
    rules = float(told.get("rules_share", 0.0))
    shares = (1.0 - rules, 0.0, rules)
    if told.get("net"):
        packed = _unpack(folder / f"{name}-net.npy.xz")
        net = net_from(packed, _unpack(folder / f"{name}-inputs.npy.xz"), told["net"])
        trees_share, net_share, rules = map(float, told["shares"])
        shares = (trees_share, net_share, rules)
    weights: Mapping[str, Any] | None = None
    if (folder / f"{name}-rules.json.xz").is_file():
        weights = json.loads(lzma.decompress((folder / f"{name}-rules.json.xz").read_bytes()))
    sure_trees, sure_net, sure_rules = map(float, told.get("sure_shares", shares))
    return KindModel(
        first,
        trees("main"),
        trees("labels"),
        tuple(told["main_columns"]),
        tuple(told["label_columns"]),
        float(told["temperature"]),
        tuple(map(float, told["label_bias"])),
        (float(told["main_scale"][0]), float(told["main_scale"][1])),
        trees("types"),
        tuple(told["type_columns"]),
        float(told.get("type_sharpness", 1.0)),
        net,
        shares,
        (sure_trees, sure_net, sure_rules),
        float(told.get("rules_sure", 1.0)),
        float(told.get("net_main_share", 0.0)),
        tuple(map(float, told["decision"])),
        weights,
    )


def column_index(names: Collection[str], known: Sequence[str]) -> Ints:
    """Positions of feature names among those this version computes.

    Raises:
        LabelerError: the model reads a feature that this version doesn't know.
    """
    where = {name: index for index, name in enumerate(known)}
    unknown = [name for name in names if name not in where]
    if unknown:
        raise LabelerError(
            f"the model reads {len(unknown)} features that this version doesn't compute "
            f"({', '.join(unknown[:3])}); train it again"
        )
    return np.array([where[name] for name in names], np.int64)
