"""Label colours that can be read on light and on dark grounds."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable, Mapping

from curate.errors import ReportError

__all__ = ["WEB4", "contrast_ratio", "label_colors", "luminance", "toned"]

WEB4: Mapping[str, str] = {
    "article": "#2e7d32",
    "boilerplate": "#c62828",
    "teaser": "#1565c0",
    "caption": "#f9a825",
}
"""Colours of the default label set, for views that are given no label set."""

SPARE = ("#6a1b9a", "#00838f", "#ad1457", "#4e342e", "#37474f", "#9e9d24")
"""For labels of unknown colour, in the order they are met."""

EITHER = 0.179
"""Relative luminance that stands out equally from black and from white: solves
(1.05)/(L + .05) = (L + .05)/.05, and gives 4.58 : 1 on both (4.5 is WCAG's AA)."""


def label_colors(names: Iterable[str], known: Mapping[str, str] | None = None) -> dict[str, str]:
    """A colour `#rrggbb` for each name: as known, else of web4, else a spare one."""
    colors: dict[str, str] = {}
    spare = 0
    for name in names:
        color = (known or {}).get(name) or WEB4.get(name)
        if color is None:
            color, spare = SPARE[spare % len(SPARE)], spare + 1
        colors[name] = color
    return colors


def contrast_ratio(first: str, second: str) -> float:
    """Contrast of two colours as WCAG 2 defines it, 1 to 21."""
    light, dark = sorted((_luminance(_rgb(first)), _luminance(_rgb(second))), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(color: str) -> float:
    """Relative luminance as WCAG 2 defines it, 0 (black) to 1 (white)."""
    return _luminance(_rgb(color))


def toned(color: str, luminance: float = EITHER) -> str:
    """The same hue, lighter or darker, with the given relative luminance (0-1).

    The default is readable as text on a black and on a white ground alike.
    """
    hue, _, saturation = colorsys.rgb_to_hls(*_rgb(color))
    low, high = 0.0, 1.0
    for _ in range(20):  # Luminance grows with lightness: bisect to below 1/255.
        middle = (low + high) / 2
        if _luminance(colorsys.hls_to_rgb(hue, middle, saturation)) < luminance:
            low = middle
        else:
            high = middle
    rgb = colorsys.hls_to_rgb(hue, (low + high) / 2, saturation)
    return "#" + "".join(f"{round(part * 255):02x}" for part in rgb)


def _rgb(color: str) -> tuple[float, float, float]:
    digits = color.removeprefix("#")
    try:
        red, green, blue = (int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4))
    except ValueError as error:
        raise ReportError(
            f"color {color!r} can't be read; give #rrggbb, for example #2e7d32"
        ) from error
    return red, green, blue


def _luminance(rgb: tuple[float, float, float]) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in rgb
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
