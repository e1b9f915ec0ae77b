"""Fingerprints: every edit that matters, none that doesn't."""

from __future__ import annotations

import os
from pathlib import Path
from unittest.mock import Mock

import pytest

from curate.runs import fingerprint
from curate.runs.fingerprint import Recipe, code_digests, library_versions

FILES = {
    "__init__.py": '"""Package."""\n',
    "a.py": '"""A."""\nimport numpy as np\nfrom curate.b import two\ndef one():\n    return two()',
    "b.py": "def two():\n    from curate.sub import c\n    return c.three()\n",
    "sub/__init__.py": "",
    "sub/c.py": "import os\n\ndef three():\n    return 3\n",
    "other.py": "X = 1\n",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(fingerprint, "_ROOT", tmp_path)
    clear()
    yield tmp_path
    clear()


def clear() -> None:
    fingerprint._remembered.clear()
    for function in (code_digests, library_versions, fingerprint._parsed):
        function.cache_clear()


def digests() -> dict[str, str]:
    clear()
    return code_digests(("curate.a",))


def test_imports_are_followed_also_inside_functions(package: Path) -> None:
    assert set(digests()) == {"curate.a", "curate.b", "curate.sub", "curate.sub.c"}


def test_libraries_are_those_the_code_imports(package: Path) -> None:
    from importlib import metadata

    clear()
    versions = library_versions(tuple(digests()))
    assert versions["numpy"] == metadata.version("numpy")
    assert set(versions) == {"numpy", "python"}


BLOCKS = """
def one(x):
    try:
        with x:
            import in_with
        for _ in x:
            import in_for
        else:
            import in_for_else
    except OSError:
        import in_except
    finally:
        import in_finally
    match x:
        case 1:
            import in_case
    class Inner:
        async def two(self):
            '''A docstring.'''
            while x:
                import in_while
if TYPE_CHECKING:
    import never
else:
    import in_if_else
"""


def test_imports_and_docstrings_are_found_in_every_block(package: Path) -> None:
    (package / "a.py").write_text(BLOCKS)
    digest, imports = fingerprint._read(package / "a.py", "curate.a")
    told = ("with", "for", "for_else", "except", "finally", "case", "while", "if_else")
    assert imports == tuple(sorted(f"in_{name}" for name in told))
    (package / "a.py").write_text(BLOCKS.replace("A docstring", "Another docstring, longer"))
    assert fingerprint._read(package / "a.py", "curate.a")[0] == digest


def test_libraries_go_by_the_name_of_their_distribution(package: Path) -> None:
    (package / "a.py").write_text("import yaml\nimport phonenumbers.geocoder\nimport of_nobody\n")
    assert set(library_versions(("curate.a",))) == {"python", "PyYAML", "phonenumberslite"}


@pytest.mark.parametrize(
    ("file", "old", "new", "changed"),
    [
        ("a.py", '"""A."""', '"""Another docstring."""', set()),
        ("a.py", "return two()", "return two()  # why", set()),
        ("other.py", "1", "2", set()),
        ("sub/c.py", "return 3", "return 4", {"curate.sub.c"}),
        ("b.py", "return c.three()", "return c.three() + 1", {"curate.b"}),
    ],
)
def test_an_edit_changes_its_own_module(
    package: Path, file: str, old: str, new: str, changed: set[str]
) -> None:
    before = digests()
    text = (package / file).read_text()
    assert old in text
    (package / file).write_text(text.replace(old, new))
    after = digests()
    assert {name for name in after if after[name] != before[name]} == changed


def test_every_part_of_a_recipe_counts() -> None:
    base = Recipe("pages", {"m": "1"}, {"numpy": "2"}, {"k": 1})
    others = [
        Recipe("segments", {"m": "1"}, {"numpy": "2"}, {"k": 1}),
        Recipe("pages", {"m": "2"}, {"numpy": "2"}, {"k": 1}),
        Recipe("pages", {"m": "1"}, {"numpy": "3"}, {"k": 1}),
        Recipe("pages", {"m": "1"}, {"numpy": "2"}, {"k": 2}),
    ]
    assert len({r.fingerprint for r in [base, *others]}) == 5
    assert Recipe("pages", {"m": "1"}, {"numpy": "2"}, {"k": 1}).fingerprint == base.fingerprint


def test_what_was_read_is_remembered_until_the_file_changes(
    package: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path_factory.mktemp("state") / "code.json"
    for path in package.rglob("*.py"):
        os.utime(path, (1e9, 1e9))

    def read() -> dict[str, str]:
        """As a new process reads: nothing is known but what the file holds."""
        clear()
        with fingerprint.remembered(file):
            return code_digests(("curate.a",))

    before = read()
    with monkeypatch.context() as patch:
        parsed = Mock(side_effect=AssertionError("parsed again"))
        patch.setattr(fingerprint, "_parsed", parsed)
        assert read() == before
    (package / "b.py").write_text("def two():\n    return 7\n")
    after = read()
    assert after["curate.b"] != before["curate.b"]
    assert set(after) == {"curate.a", "curate.b"}
    file.write_text("{")
    assert read() == after
