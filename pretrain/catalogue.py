"""Step 2: the list of all pictures that may be trained on, and what is known of each.

A row is one picture: where it comes from, its family (one hand), what it shows, its licence, and whether
its (concept, family) cell is held out to measure recombination. What `DATA.md` forbids never gets a row.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from .concepts import Concept, Concepts, plain_codepoint

HELD_OUT_SHARE = 0.1

EMOJI_SETS = [
    "noto", "noto-v1", "twemoji", "fluent-emoji", "fluent-emoji-flat",
    "fluent-emoji-high-contrast", "emojione", "emojione-monotone", "fxemoji",
]
ICON_SETS = [
    "icon-park", "game-icons", "streamline-plump-color", "streamline-flex-color", "streamline-sharp-color",
    "streamline-ultimate-color", "streamline-cyber-color", "streamline-pixel", "glyphs-poly",
    "flat-color-icons", "fluent-color", "meteocons",
]

NEVER = {
    "openmoji", "streamline-emojis", "emojione-v1", "streamline-stickies-color", "streamline-freehand-color",
    "streamline-kameleon-color", "flat-ui",
}
"""Icon sets that adapters are measured on, or that are share-alike. A test would be worth nothing if one slipped in."""

BRANDS = re.compile(
    r"\b(logo|brand|github|gitlab|google|apple-(?:one|music|pay)|facebook|twitter|tiktok|wechat|weibo|alipay|paypal|youtube|"
    r"instagram|linkedin|android|windows|microsoft|figma|adobe|dropbox|slack|snapchat|whatsapp|telegram|spotify|netflix|"
    r"amazon|aliwangwang|baidu|bilibili|bytedance|oculus|steam|trello|skype|codepen|behance|dribbble|medium|pinterest|"
    r"reddit|tumblr|vk|xbox|playstation|visa|mastercard|bitcoin|ethereum|dingtalk|qq|taobao|tencent|huawei|xiaomi)\b"
)
INTERFACE = re.compile(
    r"\b(align|arrow|arrows|angle|border|bracket|brackets|branch|bulleted|button|caret|checkbox|checkmark|chevron|click|"
    r"code|column|columns|command|copy|corner|crop|cursor|cut|dashboard|delete|direction|distribute|distribution|dot|dots|download|drag|"
    r"eject|enter|exclude|expand|export|fill|filter|font|format|full|fullscreen|graphic|grid|group|hamburger|heading|"
    r"hide|html|import|indent|insert|intersect|intersection|italic|justify|kerning|layer|layers|layout|left|letter|letters|level|"
    r"list|loading|login|logout|margin|maximize|menu|merge|minimize|minus|modify|more|move|node|number|numbers|out|padding|page|"
    r"paragraph|password|paste|pause|percentage|pivot|pointer|preview|radio-button|rectangle|redo|refresh|reset|resize|return|rotate|row|rows|"
    r"scale|scroll|search|select|selection|setting|settings|share|shrink|sort|spacing|split|square|strikethrough|switch|symbol|tab|table|tag|text|toggle|"
    r"transform|underline|undo|ungroup|unlink|upload|user-interface|vertical|horizontal|view|viewport|widget|window|zoom|version|vector|api|sql|pdf|doc|csv|url|http|app|application)\b"
)
OPENCLIPART_SKIPPED = ("shapes/stars", "flags", "map", "buttons", "logos", "/led/", "roadsigns", "signs_and_symbols", "icons", "cards")
OPENCLIPART_NEVER = ("Jose Hevia", "Gerald G")


@dataclass(frozen=True)
class Row:
    """One picture. `reference` is `set#name` (iconify) or a path under `sources/` (webp, png)."""

    kind: str
    reference: str
    family: str
    label: str
    keywords: tuple[str, ...]
    group: str
    concept: str | None
    licence: str
    held_out: bool

    @property
    def key(self) -> str:
        """A name that stays the same from run to run."""
        return f"{self.family}/{self.reference}"


def share_of(text: str) -> float:
    """A fixed number in 0..1 for a text; the same on every machine, and no seed changes it."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) / 2**64


def is_held_out(concept: str | None, style: str) -> bool:
    """Whether this concept in this style is kept out of training."""
    return concept is not None and share_of(f"{concept}|{style}") < HELD_OUT_SHARE


def catalogue(work: Path) -> list[Row]:
    """All rows, written to `work/catalogue.jsonl` at the first call and read from there afterwards."""
    file = work / "catalogue.jsonl"
    if not file.exists():
        rows = list(listed(work, {*EMOJI_SETS, *ICON_SETS, "fluent-3d", "openclipart"}))
        partial = file.with_suffix(".partial")
        partial.write_text("".join(json.dumps(asdict(row)) + "\n" for row in rows))
        partial.rename(file)
        print(f"catalogue: {len(rows)} pictures, {sum(row.held_out for row in rows)} held out")
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    return [Row(**{**row, "keywords": tuple(row["keywords"])}) for row in rows]


def listed(work: Path, families: set[str]) -> Iterator[Row]:
    """The rows of some families, from their fetched sources."""
    concepts = Concepts(work)
    yield from _emoji(work, concepts, [family for family in EMOJI_SETS if family in families])
    if "fluent-3d" in families:
        yield from _fluent_3d(work, concepts)
    yield from _icons(work, concepts, [family for family in ICON_SETS if family in families])
    if "openclipart" in families:
        yield from _openclipart(work, concepts)


def _row(kind: str, reference: str, family: str, licence: str, concept: Concept | None, label: str, keywords=(), group="") -> Row:
    if concept is not None:
        keywords, group = concept.keywords, concept.group
    codepoint = concept.codepoint if concept else None
    return Row(kind, reference, family, label, tuple(keywords), group, codepoint, licence, is_held_out(codepoint, family))


def _icon_set(work: Path, name: str) -> dict:
    assert name not in NEVER, f"{name} is held out"
    return json.loads((work / "sources" / "iconify" / "package" / "json" / f"{name}.json").read_text())


def _emoji(work: Path, concepts: Concepts, families: list[str]) -> Iterator[Row]:
    """One picture a concept from each emoji set, found by code point first, then by name."""
    for family in families:
        icons = _icon_set(work, family)
        names: dict[str, str] = {}
        for codepoint, name in icons.get("chars", {}).items():
            names.setdefault(plain_codepoint(codepoint), name)
        for name in [*icons["icons"], *icons.get("aliases", {})]:
            if concept := concepts.find(name):
                names.setdefault(concept.codepoint, name)
        for codepoint, name in names.items():
            if concept := concepts.by_codepoint.get(codepoint):
                yield _row("iconify", f"{family}#{name}", family, icons["info"]["license"]["spdx"], concept, concept.label)


def _fluent_3d(work: Path, concepts: Concepts) -> Iterator[Row]:
    folder = work / "sources" / "fluent-3d"
    for file in sorted(folder.glob("package/assets/*.webp")):
        if concept := concepts.by_codepoint.get(plain_codepoint(file.stem)):
            yield _row("file", str(file.relative_to(work / "sources")), "fluent-3d", "MIT", concept, concept.label)


def _icons(work: Path, concepts: Concepts, families: list[str]) -> Iterator[Row]:
    """Icon sets, named by their cleaned file names; interface signs and brands are left out."""
    for family in families:
        icons = _icon_set(work, family)
        seen = set()
        for name, icon in icons["icons"].items():
            label = _icon_label(name)
            # fluent-color has each icon at several sizes, others have outline and filled twins: one is enough.
            if icon.get("hidden") or label in seen or not _shows_a_thing(label):
                continue
            seen.add(label)
            yield _row("iconify", f"{family}#{name}", family, icons["info"]["license"]["spdx"], concepts.find(label), label)


def _icon_label(name: str) -> str:
    return re.sub(r"(-(duo|flat|remix|fill|\d+))+$", "", name).replace("-", " ")


def _shows_a_thing(label: str) -> bool:
    """False for brands, interface words, bare letters and digits."""
    words = label.replace(" ", "-")
    return not (BRANDS.search(words) or INTERFACE.search(words) or len(label) < 3 or label.isdigit())


def _openclipart(work: Path, concepts: Concepts) -> Iterator[Row]:
    """Public-domain clip art; titles and tags are in the SVG, Debian's PNG is the picture."""
    base = work / "sources"
    drawings = base / "openclipart-svg" / "usr" / "share" / "openclipart" / "svg"
    pictures = base / "openclipart-png" / "usr" / "share" / "openclipart" / "png"
    for drawing in sorted(drawings.rglob("*.svg")):
        place = drawing.relative_to(drawings)
        picture = pictures / place.with_suffix(".png")
        about = openclipart_metadata(drawing)
        if not picture.exists() or not about["title"] or not about["public_domain"]:
            continue
        if any(part in str(place) for part in OPENCLIPART_SKIPPED) or about["creator"].startswith(OPENCLIPART_NEVER):
            continue
        concept = concepts.find(about["title"])
        yield _row("crop", str(picture.relative_to(base)), "openclipart", "CC-PDDC", concept, about["title"].lower()[:60], about["tags"], place.parts[0])


def openclipart_metadata(drawing: Path) -> dict:
    """Title, creator, tags and whether the drawing is in the public domain, from its RDF."""
    found = re.search(r"<(?:\w+:)?RDF.*?</(?:\w+:)?RDF>", drawing.read_text(errors="replace"), re.S)
    rdf = found.group(0) if found else ""

    def all_of(pattern: str) -> list[str]:
        texts = [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)).strip() for text in re.findall(pattern, rdf, re.S)]
        return [text for text in texts if text]

    licences = re.findall(r'license[^>]*rdf:resource="([^"]*)"', rdf)
    return {
        "title": next(iter(all_of(r"<dc:title[^>]*>(.*?)</dc:title>")), ""),
        "creator": next(iter(all_of(r"<dc:creator[^>]*>(.*?)</dc:creator>")), ""),
        "tags": [tag.lower() for tag in all_of(r"<rdf:li[^>]*>(.*?)</rdf:li>") if tag != "hash"][:8],
        "public_domain": not licences or "publicdomain" in licences[0].lower(),
    }
