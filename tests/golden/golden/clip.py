"""CLIP's byte-pair tokenizer, with a small vocabulary of our own in CLIP's order, on texts that are hard to split."""

import json

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

from .bert import TEXTS as BERT_TEXTS
from .common import FOLDER, save_json

LENGTH = 77
START, END = "<|startoftext|>", "<|endoftext|>"
# What the merges are learned from.
LESSON = """
a photo of a red fox in the forest, oil on canvas, highly detailed, by the artist's own hand
the quick brown fox jumps over the lazy dog; don't they've we're i'm you'll she'd it's
a watercolour painting of a mountain lake at dawn, soft light, trending, masterpiece, best quality
lowres, bad anatomy, bad hands, text, error, missing fingers, extra digit, fewer digits, cropped
a flat icon of a cat, sticker, white background, vector style, simple shapes, bold lines
portrait of a woman with flowers in her hair, studio lighting, 35mm, f/1.8, 8k, 1girl, solo
naïve café résumé über straße garçon señor жёлтый кот красный лис мир 猫と山 水木 日本語の絵 한국어 그림
!!! ... ?! -- (( )) [[ ]] {{ }} :: ;; ,, '' "" // \\ 2023 2024 1920 1080 100% $9.99 #1 @artist &co
""" * 3
TEXTS = [
    *BERT_TEXTS,
    "don't they've we're I'M you'll she'd it's 'tis 'scary rock'n'roll ''s !'s o'clock'",
    "1girl 2girls 1920x1080 3.14 ½ ² Ⅷ ٣٤ १२ ⑤ ㊿",
    "(red:1.2) [blue] {green} <lora:x:0.8> \\(escaped\\)",
    "<|startoftext|> <|endoftext|> <|ENDOFTEXT|> <|endoftext|>cat<|startoftext|",
    "👩‍🎨🦊🏳️‍🌈 e\u0301 é ﬁ ǆ ǅ İ ß ſ ẞ Σας ς",
    "a" * 300,
    "ab" * 500,
    ", ".join(["a very long prompt"] * 60),
    "cat," * 80,
    "\u2028line\u2029paragraph\u0085next\u000bvertical\u000cform\u001cfile\u200b\u200d\u2060",
    "Ⓐ🄰 ̈ ̈a ꙳ ゙ ์ ि \u0903 𝔘𝔫𝔦 𐐀 𞤀 ೲ ᲐᲑ ꭰ Ꭰ",
    "\U0010ffff\ue000\ufffe\ufdd0",
    "!?.,;:-_'\"`~@#$%^&*()[]{}<>|\\/+=",
    " leading and trailing ",
    "ＦＵＬＬ Ｗｉｄｔｈ ｶﾀｶﾅ",
]


def byte_letters():
    """The letter that stands for each byte, in the order of CLIP's vocabulary (OpenAI's `bytes_to_unicode`)."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    return [chr(byte) for byte in plain] + [chr(256 + index) for index in range(len(others))]


def merges():
    """Learned by `tokenizers`, of letters with their word's end marked."""
    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    learner.normalizer = normalizers.Lowercase()
    learner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(vocab_size=620, end_of_word_suffix="</w>", show_progress=False)
    learner.train_from_iterator(LESSON.split(), trainer)
    learned = json.loads(learner.to_str())["model"]["merges"]
    return [tuple(pair) for pair in learned]


def tokenizer(pairs, pad=END):
    letters = byte_letters()
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), *("".join(pair) for pair in pairs), START, END]
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    assert len(vocabulary) == len(pieces)
    return CLIPTokenizer(vocab=vocabulary, merges=pairs, pad_token=pad, model_max_length=LENGTH), vocabulary


def make():
    pairs = merges()
    made, vocabulary = tokenizer(pairs)
    folder = FOLDER / "clip"
    folder.mkdir(exist_ok=True)
    made.backend_tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    lines = ["#version: 0.2", *(" ".join(pair) for pair in pairs)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    save_json("clip/vocab.json", vocabulary, indent=None)
    print(f"  {len(pairs)} merges, {len(vocabulary)} tokens")

    second, _ = tokenizer(pairs, pad="!")  # Stable Diffusion 2.x; "!" is then a token apart in texts, too
    cases = []
    for text in TEXTS:
        case = {"text": text}
        for key, tokenizer_, pad in (("ids", made, END), ("ids_2", second, "!")):
            padded = tokenizer_(text, padding="max_length", truncation=True, max_length=LENGTH)["input_ids"]
            whole = tokenizer_(text)["input_ids"]
            # The rest is plain: cut to LENGTH with the end kept, then padded.
            kept = whole if len(whole) <= LENGTH else [*whole[: LENGTH - 1], whole[-1]]
            assert padded == kept + (LENGTH - len(kept)) * [vocabulary[pad]], text
            if key == "ids" or whole != case["ids"]:
                case[key] = whole
        cases.append(case)
    save_json("clip/tokens.json", {"length": LENGTH, "cases": cases}, indent=None)
