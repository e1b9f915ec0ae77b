"""The review screen: Label Studio's labeling config, and what stands above the page.

Regions are those of one `<Text>`: their offsets are code points of the text
as sent, both ways, which was tried for emoji, CRLF, tabs and the like.
"""

from __future__ import annotations

import html
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit
from xml.sax.saxutils import quoteattr

from curate.schema import LabelSet

__all__ = [
    "LABEL_CONTROL",
    "PAGE_CONTROL",
    "TEXT_OBJECT",
    "VERDICTS",
    "Doubt",
    "ParsedConfig",
    "differences",
    "guideline_html",
    "head_html",
    "is_safe_xml",
    "labeling_config",
    "parse_config",
]

LABEL_CONTROL = "label"
PAGE_CONTROL = "page"
TEXT_OBJECT = "text"

VERDICTS = (("ok", "7"), ("bad extraction", "8"), ("unsure", "9"))
"""Choices about the page as a whole, with their hotkeys."""

# No ">" or "&" in it: the server hands the style sheet on without unescaping it.
_STYLE = """
    .lsf-htx-richtext { font-size: 15px; line-height: 1.7; max-width: 100ch; padding-top: 8px; }
    .curate-bar .lsf-htx-richtext { font-size: 14px; padding: 0; max-width: none; }
    .htx-highlight[data-label]::after { opacity: .65; }
    .curate-bar { position: sticky; top: 0; z-index: 5; padding: 4px 0 6px;
      background: var(--color-neutral-background, #fff);
      border-bottom: 1px solid var(--color-neutral-border, #ddd); }
    .curate-none { display: none; }
    .curate-row { display: flex; flex-wrap: wrap; gap: 4px 32px; align-items: center; }
    .curate-row .lsf-labels, .curate-row .lsf-choices { margin: 0 !important; }
    [class*="modal"] h2, [class*="modal"] h3 { margin: 16px 0 6px; font-weight: bold; }
    [class*="modal"] p { margin: 0 0 8px; }
    [class*="modal"] ul, [class*="modal"] ol { margin: 0 0 8px 20px; padding: 0; }
    [class*="modal"] ul li { list-style: disc; margin-bottom: 4px; }
    [class*="modal"] ol li { list-style: decimal; margin-bottom: 4px; }
"""


_HEAD_OPENS = "</i>"
_HEAD = ' <i class="curate-none">$[head]'
"""The head as the screen shows it. Written so that the server, which looks for
`$name`, doesn't insist on the field: a page added by hand needs only its text.
Where the field is missing, what stands there instead is hidden; a head of ours
first ends what hides."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A segment whose label the labeler is unsure of.

    Attributes:
        start, end: the segment's span.
        label, score: what it says, and how probable that is.
        rival: the next best label, if any.
        remark: what is shown in place of score and rival.
    """

    start: int
    end: int
    label: str
    score: float
    rival: str | None = None
    remark: str = ""


@dataclass(frozen=True, slots=True)
class ParsedConfig:
    """What a labeling config holds, as far as it matters here.

    Attributes:
        labels: values of the label control's labels, in order.
        object_value: the task field that the text object shows (`$text`).
        choices: values of the page-level choices.
    """

    labels: tuple[str, ...]
    object_value: str | None
    choices: tuple[str, ...]
    granularity: str | None = None


def labeling_config(label_set: LabelSet) -> str:
    """The labeling config of a label set, as XML."""
    labels = "\n".join(
        f"        <Label value={quoteattr(label.name)} background={quoteattr(label.color)} "
        f"hotkey={quoteattr(label.hotkey)} hint={quoteattr(label.description)}/>"
        for label in label_set.labels
    )
    taken = {label.hotkey for label in label_set.labels}
    choices = "\n".join(
        f"        <Choice value={quoteattr(name)}"
        + (f" hotkey={quoteattr(key)}" if key not in taken else "")
        + "/>"
        for name, key in VERDICTS
    )
    return f"""<View>
  <Style>{_STYLE}  </Style>
  <View className="curate-bar">
    <HyperText name="head" value={quoteattr(_HEAD)} inline="true" clickableLinks="true"/>
    <View className="curate-row">
      <Labels name="{LABEL_CONTROL}" toName="{TEXT_OBJECT}" choice="single" showInline="true">
{labels}
      </Labels>
      <Choices name="{PAGE_CONTROL}" toName="{TEXT_OBJECT}" choice="single" showInline="true" \
required="false">
{choices}
      </Choices>
    </View>
  </View>
  <Text name="{TEXT_OBJECT}" value="$text" granularity="word" showLabels="true" \
saveTextResult="no"/>
</View>"""


def is_safe_xml(xml: str) -> bool:
    """Whether it declares nothing: entities are the one way in which XML does harm."""
    return "<!DOCTYPE" not in xml and "<!ENTITY" not in xml


def parse_config(xml: str) -> ParsedConfig | None:
    """Read a server's labeling config; None where it is not XML.

    The config comes from a server the user chose; declarations are refused.
    """
    if not is_safe_xml(xml):
        return None
    try:
        root = ET.fromstring(xml)  # noqa: S314 - declarations are refused above
    except ET.ParseError:
        return None
    labels: list[str] = []
    choices: list[str] = []
    value = granularity = None
    for element in root.iter():
        name = element.get("name")
        if element.tag == "Labels" and name == LABEL_CONTROL:
            labels = [child.get("value", "") for child in element if child.tag == "Label"]
        elif element.tag == "Choices" and name == PAGE_CONTROL:
            choices = [child.get("value", "") for child in element if child.tag == "Choice"]
        elif element.tag == "Text" and name == TEXT_OBJECT:
            value, granularity = element.get("value"), element.get("granularity")
    return ParsedConfig(tuple(labels), value, tuple(choices), granularity)


def differences(xml: str, label_set: LabelSet) -> list[str]:
    """What keeps a server's config from working with the label set, one line each."""
    parsed = parse_config(xml)
    if parsed is None:
        return ["its labeling config is not readable XML"]
    found = []
    if parsed.object_value is None:
        found.append(f'it has no <Text name="{TEXT_OBJECT}">')
    elif parsed.object_value != "$text":
        found.append(f"its <Text> shows {parsed.object_value}, not $text")
    if not parsed.labels:
        found.append(f'it has no <Labels name="{LABEL_CONTROL}"> with labels')
        return found
    missing = [name for name in label_set.names if name not in parsed.labels]
    known = {*label_set.names, *label_set.from_labels}
    odd = [name for name in parsed.labels if name not in known]
    if missing:
        found.append(f"labels missing there: {', '.join(missing)}")
    if odd:
        found.append(f"labels unknown to schema {label_set.name}: {', '.join(odd)}")
    return found


def head_html(
    *,
    title: str | None,
    site: str | None,
    url: str | None,
    why: str,
    labeler: str,
    n_segments: int,
    doubts: Sequence[Doubt],
) -> str:
    """What stands above the page: title, site, link, why it is here, marks.

    The marks are a style sheet that names the doubtful segments by their
    place: Label Studio writes it beside a region, and a region drawn anew
    elsewhere carries none. Everything from the page is escaped.
    """
    parts = [f"<b>{html.escape(_one_line(title or url or 'Untitled page', 160))}</b>"]
    if site:
        parts.append(html.escape(site))
    if url and urlsplit(url).scheme in ("http", "https"):
        parts.append(
            f'<a href="{html.escape(url)}" target="_blank" rel="noopener noreferrer">original</a>'
        )
    if doubts:
        parts.append(f"<b>{len(doubts)} of {n_segments} segments to look at first</b>")
    else:
        parts.append(f"{n_segments} segments, none in doubt")
    note = " · ".join(html.escape(_one_line(part, 120)) for part in (why, labeler) if part)
    if note:
        parts.append(f'<span style="opacity:.7">{note}</span>')
    return f"{_HEAD_OPENS}{_marks(doubts)}<div>{' · '.join(parts)}</div>"


def _marks(doubts: Sequence[Doubt]) -> str:
    if not doubts:
        return ""
    places = [f'.htx-highlight[data-start="{d.start}"][data-end="{d.end}"]' for d in doubts]
    rules = [
        ",".join(places) + "{outline:2px dashed #ef6c00;outline-offset:1px}",
        ",".join(f"{place}::before" for place in places)
        + "{background:#ef6c00;color:#fff;border-radius:3px;padding:0 4px;margin-right:5px;"
        "font:bold 11px sans-serif;vertical-align:1px}",
    ]
    for doubt, place in zip(doubts, places, strict=True):
        rival = f" {_css_text(doubt.rival)}?" if doubt.rival else ""
        told = _css_text(doubt.remark) or f"{round(doubt.score * 100)}%{rival}"
        rules.append(f'{place}::before{{content:"{told}"}}')
    return f"<style>{''.join(rules)}</style>"


def _css_text(name: str) -> str:
    """A label name inside a CSS string inside HTML: what could end either is left out."""
    return re.sub(r"[^\w .,:+-]", "", name)


def _one_line(text: str, max_chars: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= max_chars else line[: max_chars - 1] + "…"


def guideline_html(label_set: LabelSet) -> str:
    """The guidelines as the project's instructions, one click away on the screen.

    Reads the part of Markdown that the guidelines use: headings, lists,
    paragraphs, `**strong**` and `*emphasis*`. The server strips style
    attributes from it; the labeling config's own style sheet lays it out.
    """
    blocks: list[str] = []
    for chunk in re.split(r"\n\s*\n", label_set.guideline.strip()):
        lines = chunk.split("\n")
        while lines and (match := re.match(r"(#{1,4}) +(.*)", lines[0])):
            level = len(match[1]) + 1
            blocks.append(f"<h{level}>{_inline(match[2])}</h{level}>")
            lines = lines[1:]
        if lines:
            blocks.append(_block(lines))
    return "\n".join(blocks)


def _block(lines: Sequence[str]) -> str:
    bullet = re.compile(r"\s*(?:[-*]|(\d+)\.) +(.*)")
    first = bullet.match(lines[0])
    if first is None:
        return f"<p>{_inline(' '.join(line.strip() for line in lines))}</p>"
    items: list[list[str]] = []
    for line in lines:
        match = bullet.match(line)
        if match:
            items.append([match[2]])
        else:
            items[-1].append(line.strip())
    tag = "ol" if first[1] else "ul"
    inner = "".join(f"<li>{_inline(' '.join(item))}</li>" for item in items)
    return f"<{tag}>{inner}</{tag}>"


def _inline(text: str) -> str:
    text = html.escape(text, quote=False)
    text = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", text)
    return re.sub(r"(?<![\w*])\*([^*\s][^*]*)\*(?![\w*])", r"<em>\1</em>", text)
