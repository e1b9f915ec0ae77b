"""Options and keys."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from curate.errors import ReviewError
from curate.review.config import ApiKey, ReviewConfig, key_from_environment, parse_key

CONFIGS = Path(__file__).resolve().parents[2] / "configs/review"


def jwt(claims: dict[str, object]) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'HS256'})}.{part(claims)}.c2lnbmF0dXJl"


PAT = jwt({"token_type": "refresh", "exp": 8000000000})
LEGACY = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize("around", ["{}", "{}\n", "  {} \r\n", '"{}"', "Token {}", "Bearer {}\n"])
@pytest.mark.parametrize(("value", "kind"), [(PAT, "pat"), (LEGACY, "legacy")])
def test_keys_are_told_apart_whatever_stands_around_them(around, value, kind):
    assert parse_key(around.format(value)) == ApiKey(kind, value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("a key", "blanks or odd"),
        ("schlüssel", "blanks or odd"),
        ("x" * 41, "holds 41 characters"),
        ("a.b.c", "holds 5 characters"),
        (jwt({"token_type": "access"}), "lives five minutes"),
    ],
)
def test_what_is_no_key_is_said_without_showing_it(text, told):
    with pytest.raises(ReviewError, match=told) as error:
        parse_key(text)
    assert not text.strip() or text.strip() not in str(error.value)


def test_the_key_comes_from_the_environment_only(monkeypatch):
    monkeypatch.delenv("LABEL_STUDIO_API_KEY", raising=False)
    assert key_from_environment() is None
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", LEGACY + "\n")
    assert key_from_environment() == ApiKey("legacy", LEGACY)


def test_a_key_is_not_shown():
    assert LEGACY not in repr(ApiKey("legacy", LEGACY))


@pytest.mark.parametrize("mode", ["auto", "label_studio", "none"])
def test_every_option_is_valid_and_complete(mode):
    config = yaml.safe_load((CONFIGS / f"{mode}.yaml").read_text())
    assert config.pop("_target_") == "curate.review.config.ReviewConfig"
    assert set(config) == set(ReviewConfig.__dataclass_fields__)
    assert TypeAdapter(ReviewConfig).validate_python(config) == ReviewConfig(mode=mode)


@pytest.mark.parametrize("url", ["label-studio.example.org", "ftp://x.org", "http://", "8080"])
def test_an_address_without_a_server_is_refused(url):
    with pytest.raises(ReviewError, match=r"write it in full, as https://"):
        ReviewConfig(url=url)


@pytest.mark.parametrize("title", ["ab", "x" * 51])
def test_titles_that_the_server_refuses_are_refused_before(title):
    with pytest.raises(ReviewError, match="3 to 50"):
        ReviewConfig(project=title)


def test_ranges_are_checked():
    with pytest.raises(ValidationError):
        TypeAdapter(ReviewConfig).validate_python({"annotators_per_page": 0})
