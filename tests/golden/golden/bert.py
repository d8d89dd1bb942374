"""A small random transformers `BertModel` (MiniLM's shape) and a WordPiece tokenizer with its edge cases."""

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel

from .common import FOLDER, randomise, save_json, save_tensors

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PIECES = """
a b c d e f g h i j k l m n o p q r s t u v w x y z 0 1 2 3 4 5 6 7 8 9
##a ##b ##c ##d ##e ##f ##g ##i ##l ##m ##n ##o ##r ##s ##t ##u ##y ##0 ##1 ##2 ##3
. , ! ? - ' " ( ) [ ] / : ; & # $ % * + = @ _ ` ~ ^ < > | \\ { }
the of in and on with icon picture red blue green cat dog fox tree cafe resume naive strasse uber
draw paint ##ing ##ed ##er ##ings un ##able water ##color ##colour hand style sketch
猫 山 水 木 狐 ß ø œ æ ł и м р п ##и ##р ##м ## ก α β γ
""".split()
PIECES = [piece for piece in PIECES if piece != "##"]
LENGTH = 16

TEXTS = [
    "",
    " ",
    "a cat",
    "The Cat, and the DOG!",
    "red   fox\tin\nthe\r\ntree",
    "Café résumé naïve Über",
    "Cafe\u0301 re\u0301sume\u0301",
    "Straße ﬁne ŁÓDŹ Ægir Œuvre",
    "İstanbul ΑΒΓ Мир",
    "狐と山,水木 cat猫dog",
    "한국어 日本語",
    "watercolour paintings, unpaintable",
    "don't e.g. (blue/green) 3.14 10% a_b #1 \"x\" <y> {z} `w` ~ ^ | \\",
    "«quoted» “curly” ‘single’ … – — ¿que? ¡no!",
    "emoji 🦊 cat 👩‍🎨 dog",
    "soft\u00adhyphen zero\u200bwidth no\u00a0break ideographic\u3000space \ufeffbom",
    "control\u0000\u0001\u007f\ufffdcharacters",
    "x" * 100,
    "x" * 101,
    "a" * 5000,
    "cat " * 40,
    "[CLS] cat [SEP] [MASK] [PAD] [UNK] [cls]",
    "กา α β γ",
    "²³ ½ Ⅷ ｆｕｌｌ ﷺ",
    "A\u0300\u0301\u0302 e\u0335 ñ N\u0303",
]


def tokenizer():
    vocabulary = {piece: index for index, piece in enumerate(dict.fromkeys(SPECIAL + PIECES))}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100))
    made.add_special_tokens(SPECIAL)
    made.normalizer = normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=True
    )
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])],
    )
    made.decoder = decoders.WordPiece(prefix="##")
    made.enable_truncation(LENGTH)
    made.enable_padding(length=LENGTH, pad_id=vocabulary["[PAD]"], pad_token="[PAD]")
    return made


def make():
    made = tokenizer()
    vocabulary = sorted(made.get_vocab().items(), key=lambda item: item[1])
    folder = FOLDER / "bert"
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=72,
        max_position_embeddings=40,
    )
    model = randomise(BertModel(config, add_pooling_layer=False), seed=4)
    model.save_pretrained(folder)
    made.save(str(folder / "tokenizer.json"))
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece, _ in vocabulary), encoding="utf-8")

    cases = []
    for text in TEXTS:
        padded = made.encode(text)
        made.no_padding()
        made.no_truncation()
        whole = made.encode(text)
        made.enable_truncation(LENGTH)
        made.enable_padding(length=LENGTH, pad_id=0, pad_token="[PAD]")
        cases.append({
            "text": text,
            "tokens": padded.tokens,
            "ids": padded.ids,
            "attention_mask": padded.attention_mask,
            "untruncated_ids": whole.ids,
        })
    save_json("bert/tokens.json", {"length": LENGTH, "cases": cases}, indent=None)

    chosen = [2, 3, 20]  # short, middling, longer than fits
    ids = torch.tensor([cases[index]["ids"] for index in chosen])
    mask = torch.tensor([cases[index]["attention_mask"] for index in chosen])
    with torch.no_grad():
        hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state
        alone = model(input_ids=ids[:1, : int(mask[0].sum())]).last_hidden_state
    print(f"  padding changes the unpadded part by {(hidden[:1, : alone.shape[1]] - alone).abs().max():.1e}")
    save_tensors(
        "bert/io.safetensors",
        {"input_ids": ids, "attention_mask": mask, "last_hidden_state": hidden},
    )
