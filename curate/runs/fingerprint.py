"""What a stage's output depends on: its code, libraries and configuration.

The code of a stage is found by following imports from the module that computes
it, so that no edit is forgotten and none elsewhere counts. Modules are compared
by syntax tree without docstrings: a comment or a docstring redoes nothing.
"""

from __future__ import annotations

import ast
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from curate.io import json_digest, read_json, write_json
from curate.schema import SCHEMA_VERSION
from curate.text import digest

__all__ = ["Recipe", "code_digests", "library_versions", "recipe", "remembered", "room"]

_PACKAGE = "curate"

PLUMBING = frozenset(
    f"curate.{name}"
    for name in (
        *("stages.context", "stages.settings", "stages.exports", "stages.pipeline"),
        *("stages.people", "stages.why", "stages.ahead"),
        *("runs.engine", "runs.fingerprint", "runs.store", "runs.passport", "runs.machine"),
        *("runs.calls", "runs.leases", "places", "processes", "sql"),
    )
)
"""Modules that decide whether and where a stage runs, never what comes out of it.
They import nearly everything: followed, every edit would redo every stage that
is worked out in the driver."""
_remembered: dict[str, tuple[int, int, str, tuple[str, ...]]] = {}

RACY_NS = 2 * 10**9
"""A file changed less than 2 s ago may change again within one tick of its clock."""

_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
"""Where the syntax tree keeps the statements below a statement."""

_ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides a stage's output except its input.

    Attributes:
        stage: stage name.
        code: module name to digest.
        libraries: distribution name to version.
        config: the resolved options that the stage reads, JSON-like.
    """

    stage: str
    code: dict[str, str]
    libraries: dict[str, str]
    config: object

    @property
    def fingerprint(self) -> str:
        """24 hex digits; names the stage's folder in the store."""
        return json_digest(
            [self.stage, SCHEMA_VERSION, self.code, self.libraries, self.config], chars=24
        )

    def to_json(self) -> dict[str, object]:
        """For passports, and to tell later why a stage ran again."""
        return {
            "stage": self.stage,
            "fingerprint": self.fingerprint,
            "schema_version": SCHEMA_VERSION,
            "code": self.code,
            "libraries": self.libraries,
            "config": self.config,
        }


def recipe(stage: str, modules: Iterable[str], config: object) -> Recipe:
    """The recipe of a stage computed by `modules` (full names) under `config`."""
    names = tuple(sorted(set(modules)))
    code = code_digests(names)
    return Recipe(stage, code, library_versions(tuple(code)), config)


def room(package: str) -> tuple[str, ...]:
    """All modules of a package of ours: for stages that pick one when they run."""
    folder = _ROOT.joinpath(*package.split(".")[1:])
    names = (path.relative_to(_ROOT).with_suffix("").parts for path in folder.rglob("*.py"))
    return tuple(sorted(".".join([_PACKAGE, *parts]).removesuffix(".__init__") for parts in names))


@cache
def code_digests(modules: tuple[str, ...]) -> dict[str, str]:
    """Digest of each of our modules that `modules` import, directly or not."""
    found: dict[str, str] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        file = _file_of(name)
        if file is None or (name in PLUMBING and name not in modules):
            continue
        module_digest, imports = _read(file, name)
        found[name] = module_digest
        waiting.extend(i for i in imports if i.split(".")[0] == _PACKAGE)
    return dict(sorted(found.items()))


@cache
def library_versions(modules: tuple[str, ...]) -> dict[str, str]:
    """Versions of Python and of the libraries that our `modules` import."""
    tops: set[str] = set()
    for name in modules:
        file = _file_of(name)
        if file is not None:
            tops.update(i.split(".")[0] for i in _read(file, name)[1])
    tops -= {_PACKAGE, "__future__"}
    versions = {"python": f"{sys.version_info.major}.{sys.version_info.minor}"}
    for top in sorted(tops - sys.stdlib_module_names):
        for distribution in _distributions_of(top):
            versions[distribution] = metadata.version(distribution)
    return versions


@cache
def _distributions_of(top: str) -> tuple[str, ...]:
    try:
        metadata.version(top)
    except metadata.PackageNotFoundError:
        # `metadata.packages_distributions` tells it too: it makes a path of every file of all
        # distributions and reads all their metadata (0.15 s).
        found = (each for each in metadata.distributions() if _installs(each, top))
        return tuple(sorted({each.metadata["Name"] for each in found}))
    return (top,)


def _installs(distribution: metadata.Distribution, top: str) -> bool:
    """Whether a distribution brings the module or package of this name."""
    declared = distribution.read_text("top_level.txt")
    if declared:
        return top in declared.split()
    files = "\n" + (distribution.read_text("RECORD") or "")
    return f"\n{top}/" in files or f"\n{top}." in files


def _file_of(module: str) -> Path | None:
    parts = module.split(".")[1:]
    base = _ROOT.joinpath(*parts)
    for candidate in (base.with_suffix(".py") if parts else None, base / "__init__.py"):
        if candidate is not None and candidate.is_file():
            return candidate
    return None


@contextmanager
def remembered(path: Path) -> Iterator[None]:
    """Keep what was read of our modules in a file: parsing them takes 0.3 s.

    Modules are known by place, size and time of change; what is damaged, or was
    written by another Python, is read anew.
    """
    python = list(sys.version_info[:3])
    try:
        value = read_json(path)
        rows = value["modules"] if value["python"] == python else {}
        _remembered.update({k: (r[0], r[1], r[2], tuple(r[3])) for k, r in rows.items()})
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        _remembered.clear()
    before = dict(_remembered)
    yield
    now = dict(_remembered)  # a copy: a thread may still be reading modules
    if now != before:
        with suppress(OSError):
            write_json(path, {"python": python, "modules": now})


def _read(file: Path, module: str) -> tuple[str, tuple[str, ...]]:
    """Digest of a module's code and the full names it imports, anywhere in it."""
    state = file.stat()
    key = f"{file}:{module}"
    known = _remembered.get(key)
    if known is not None and known[:2] == (state.st_mtime_ns, state.st_size):
        return known[2:]
    found = _parsed(file, module, state.st_mtime_ns, state.st_size)
    if time.time_ns() - state.st_mtime_ns > RACY_NS:
        _remembered[key] = (state.st_mtime_ns, state.st_size, *found)
    return found


@cache
def _parsed(file: Path, module: str, _mtime_ns: int, _size: int) -> tuple[str, tuple[str, ...]]:
    tree = ast.parse(file.read_bytes(), filename=str(file))
    imports = tuple(sorted(set(_imports(tree, module))))
    return digest(ast.dump(_without_docstrings(tree)), chars=16), imports


def _imports(tree: ast.Module, module: str) -> Iterator[str]:
    for node in _run_statements(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            if node.level:
                package = module.split(".")
                source = ".".join([*package[: len(package) - node.level], source]).rstrip(".")
            yield source
            # `from curate.pages import base` names a module, not an attribute.
            yield from (
                f"{source}.{alias.name}"
                for alias in node.names
                if source.split(".")[0] == _PACKAGE and _file_of(f"{source}.{alias.name}")
            )


def _run_statements(tree: ast.Module) -> Iterator[ast.AST]:
    """All statements but those below `if TYPE_CHECKING:`, which never run."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and _is_typing(node.test):
            waiting.extend(node.orelse)
            continue
        yield node
        waiting.extend(_below(node))


def _below(statement: ast.AST) -> Iterator[ast.AST]:
    """Statements right below one. Expressions, most of a tree, hold none."""
    for name in _BLOCKS:
        yield from getattr(statement, name, ())


def _is_typing(test: ast.expr) -> bool:
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", "")
    return name == "TYPE_CHECKING"


def _without_docstrings(tree: ast.Module) -> ast.Module:
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        waiting.extend(_below(node))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body = node.body[1:]
    return tree
