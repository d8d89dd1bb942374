"""Emoji concepts (Emojibase's labels, keywords and groups) and finding the concept that a picture's name means."""

import json
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

DROPPED_GROUPS = {"flags", "components"}

COMMON_NAMES = {
    "apple": "1f34e", "bananas": "1f34c", "bike": "1f6b2", "bird": "1f426", "boat": "26f5", "book": "1f4d6",
    "burger": "1f354", "bus": "1f68c", "cake": "1f382", "camera": "1f4f7", "car": "1f697", "cat": "1f408",
    "cherries": "1f352", "clock": "1f570", "cloud": "2601", "coffee": "2615", "crown": "1f451", "cup": "2615",
    "dog": "1f415", "fish": "1f41f", "flower": "1f33c", "fries": "1f35f", "gift": "1f381", "grapes": "1f347",
    "heart": "2764", "home": "1f3e0", "house": "1f3e0", "ice-cream": "1f366", "key": "1f511", "lock": "1f512",
    "mail": "2709", "moon": "1f319", "phone": "1f4f1", "plane": "2708", "robot-face": "1f916", "rocket": "1f680",
    "ship": "1f6a2", "star": "2b50", "sun": "2600", "tree": "1f333", "truck": "1f69a", "umbrella": "2602",
}
"""Everyday words of icon sets that are no emoji name, and the code point they mean."""


@dataclass(frozen=True)
class Concept:
    """One thing that several hands have drawn."""

    codepoint: str
    label: str
    keywords: tuple[str, ...]
    group: str


class Concepts:
    """All emoji concepts but flags, by code point and by name."""

    def __init__(self, work: Path):
        english = work / "sources" / "emojibase" / "package" / "en"
        groups = {group["order"]: group["message"] for group in json.loads((english / "messages.json").read_text())["groups"]}
        emojilib = json.loads((work / "sources" / "emojilib" / "package" / "dist" / "emoji-en-US.json").read_text())
        self.by_codepoint: dict[str, Concept] = {}
        self._by_name: dict[str, str] = {}
        for entry in json.loads((english / "data.json").read_text()):
            group = groups.get(entry.get("group"))
            if group is None or group in DROPPED_GROUPS:
                continue
            codepoint = plain_codepoint(entry["hexcode"])
            more = [word.replace("_", " ") for word in emojilib.get(entry["emoji"], [])]
            keywords = tuple(dict.fromkeys(word.lower() for word in [*entry.get("tags", []), *more[:6]] if word.isascii()))
            self.by_codepoint[codepoint] = Concept(codepoint, entry["label"].lower(), keywords, group)
        self._index_names(english)

    def _index_names(self, english: Path) -> None:
        """Labels win over Unicode names, those over the short codes of chat programs."""
        for codepoint, concept in self.by_codepoint.items():
            self._by_name.setdefault(slug(concept.label), codepoint)
        for codepoint in self.by_codepoint:
            if "-" not in codepoint:
                self._by_name.setdefault(slug(unicodedata.name(chr(int(codepoint, 16)), "")), codepoint)
        for codes in ("cldr", "emojibase", "joypixels", "github"):
            for hexcode, names in json.loads((english / "shortcodes" / f"{codes}.json").read_text()).items():
                codepoint = plain_codepoint(hexcode)
                for name in [names] if isinstance(names, str) else names:
                    if codepoint in self.by_codepoint:
                        self._by_name.setdefault(name.replace("_", "-"), codepoint)
        self._by_name.update(COMMON_NAMES)
        for name, codepoint in list(self._by_name.items()):
            self._by_name.setdefault(name.replace("-", ""), codepoint)

    def find(self, name: str) -> Concept | None:
        """The concept a picture's name means, trying it whole, without its endings, and in the other number."""
        whole = slug(name)
        bare = re.sub(r"(-(flat|color|filled|outline|remix|solid|fill|line|bold|duotone|duo|face|\d+))+$", "", whole)
        tries = [whole, bare, f"{bare}-face", whole.replace("-", "")]
        tries += [word[:-1] for word in (whole, bare) if word.endswith("s")] + [whole + "s", bare + "s"]
        for word in tries:
            if word in self._by_name:
                return self.by_codepoint.get(self._by_name[word])
        return None


def plain_codepoint(hexcode: str) -> str:
    """Lower case, without the variation selector that only asks for colour."""
    return "-".join(part for part in hexcode.lower().split("-") if part != "fe0f")


def slug(text: str) -> str:
    """`Face with Tears of Joy` as `face-with-tears-of-joy`; accents and punctuation go."""
    ascii_text = unicodedata.normalize("NFKD", text.lower()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", re.sub(r"['\".!(),:]", "", ascii_text)).strip("-")
