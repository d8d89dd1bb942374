"""Makes what the libraries are checked against, with PyTorch and diffusers: `python tests/bench/make.py`.

Writes `unet.onnx`, Sketch's UNet for ONNX Runtime, whose weights are those of the model's own safetensors file, and
`reference.json`: the UNet's output, and the losses of a few training steps of a block. `task.json` says what of; the
numbers that go in come from `drawn`, as in `values.mjs`. To be run again when Sketch or the task changes, with the
packages of `tests/golden/requirements.txt` and onnx==1.23.2, onnxscript.
"""

import json
import struct
from pathlib import Path

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from diffusers import UNet2DConditionModel
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.resnet import ResnetBlock2D

HERE = Path(__file__).parent
TASK = json.loads((HERE / "task.json").read_text())
MODEL = HERE.parents[1] / "www/models" / TASK["model"] / "unet"
WEIGHTS = "diffusion_pytorch_model.safetensors"
LINEAR = [f"{a}.{p}" for a in ("attn1", "attn2") for p in ("to_q", "to_k", "to_v", "to_out.0")] + ["ff.net.0.proj", "ff.net.2"]


def drawn(name, shape, bound):
    """Uniform in -bound to bound: a hash of the place and the name, equal to the bit in JavaScript."""
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = ((seed ^ byte) * 0x01000193) & 0xFFFFFFFF
    x = (np.arange(int(np.prod(shape)), dtype=np.uint64) + seed) & 0xFFFFFFFF
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B), (16, 1)):
        x = ((x ^ (x >> shift)) * factor) & 0xFFFFFFFF
    values = ((x >> 8).astype(np.float64) / (1 << 23) - 1) * bound
    return torch.from_numpy(values.astype(np.float32)).reshape(shape)


def unet_inputs(config):
    batch, tokens, side = TASK["unet"]["batch"], TASK["unet"]["tokens"], config["sample_size"]
    return {
        "sample": drawn("sample", (batch, config["in_channels"], side, side), 3**0.5),
        "timesteps": torch.tensor(TASK["unet"]["timesteps"], dtype=torch.float32),
        "text": drawn("text", (batch, tokens, config["cross_attention_dim"]), 3**0.5),
    }


class Plain(torch.nn.Module):
    def __init__(self, unet):
        super().__init__()
        self.unet = unet

    def forward(self, sample, timesteps, text):
        return self.unet(sample, timesteps, text, return_dict=False)[0]


def offsets(path):
    """Name -> (dtype, shape, start, length) of the tensors in a safetensors file, from the file's start."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    return {
        name: (info["dtype"], info["shape"], 8 + length + info["data_offsets"][0], info["data_offsets"][1] - info["data_offsets"][0])
        for name, info in header.items()
    }


def export(unet, inputs):
    """The graph alone: its weights are read from the safetensors file, and widened by a Cast that is done once."""
    path = HERE / "unet.onnx"
    torch.onnx.export(
        Plain(unet).eval(), tuple(inputs.values()), path,
        input_names=list(inputs), output_names=["out"], opset_version=18, dynamo=True, external_data=False, optimize=False,
    )
    model = onnx.load(path)
    held = offsets(MODEL / WEIGHTS)
    types = {"F16": onnx.TensorProto.FLOAT16, "F32": onnx.TensorProto.FLOAT}
    casts, left = [], 0
    for tensor in model.graph.initializer:
        name = tensor.name.removeprefix("unet.")
        if name not in held:
            left += len(tensor.raw_data)
            continue
        dtype, shape, start, length = held[name]
        assert list(tensor.dims) == shape, f"{name} was changed by the export"
        wide = tensor.name
        tensor.name = f"{name}.kept"
        tensor.data_type = types[dtype]
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        for key, value in (("location", WEIGHTS), ("offset", start), ("length", length)):
            tensor.external_data.add(key=key, value=str(value))
        casts.append(onnx.helper.make_node("Cast", [tensor.name], [wide], to=onnx.TensorProto.FLOAT))
    assert len(casts) == len(held), f"{len(held) - len(casts)} tensors of the file are not in the graph under their names"
    nodes = casts + list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    del model.graph.value_info[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in [*model.graph.input, *model.graph.output, *model.graph.initializer]:
        del value.metadata_props[:]
    del model.metadata_props[:], model.graph.metadata_props[:], model.functions[:]
    path.write_bytes(model.SerializeToString())
    print(f"unet.onnx: {path.stat().st_size} bytes, {len(nodes)} nodes, {left} bytes of constants")


def block_weights(name, shape, unet):
    """Sketch's from its middle, where a residual block follows a transformer; others drawn."""
    if name == "sketch":
        places = {"transformer": unet.mid_block.attentions[0].transformer_blocks[0], "resnet": unet.mid_block.resnets[1]}
        return {f"{part}.{k}": v for part, module in places.items() for k, v in module.state_dict().items()}
    weights = {}
    for part, module in modules(shape).items():
        for key, value in module.state_dict().items():
            path = f"{part}.{key}"
            if value.ndim > 1:
                weights[path] = drawn(path, value.shape, (3 / value[0].numel()) ** 0.5)
            elif "norm" in key and key.endswith("weight"):
                weights[path] = 1 + drawn(path, value.shape, 0.2)
            else:
                weights[path] = drawn(path, value.shape, 0.1)
    return weights


def modules(shape):
    channels, heads = shape["channels"], shape["heads"]
    return {
        "transformer": BasicTransformerBlock(channels, heads, channels // heads, cross_attention_dim=shape["text"]),
        "resnet": ResnetBlock2D(
            in_channels=channels, out_channels=channels, temb_channels=shape["time"], groups=TASK["groups"], eps=1e-5
        ),
    }


def losses(name, shape, side, unet):
    """Loss before each of the task's steps. The blocks are diffusers' own, the branches added by hooks."""
    weights = block_weights(name, shape, unet)
    parts = modules(shape)
    for part, module in parts.items():
        module.load_state_dict({k.removeprefix(f"{part}."): v for k, v in weights.items() if k.startswith(f"{part}.")})
        module.requires_grad_(False)
    transformer, resnet = parts["transformer"], parts["resnet"]
    rank, factors = TASK["rank"], []
    for path in LINEAR:
        layer = transformer.get_submodule(path)
        down = drawn(f"{path}.down", (rank, layer.in_features), layer.in_features**-0.5).requires_grad_()
        up = drawn(f"{path}.up", (layer.out_features, rank), 0.05).requires_grad_()
        factors += [down, up]
        layer.register_forward_hook(lambda _, x, out, down=down, up=up: out + x[0] @ down.T @ up.T)
    batch, channels = shape["batch"], shape["channels"]
    x = drawn("x", (batch, side * side, channels), 3**0.5)
    text = drawn("text", (batch, shape["tokens"], shape["text"]), 3**0.5)
    time = drawn("time", (batch, shape["time"]), 3**0.5)
    target = drawn("target", (batch, channels, side, side), 3**0.5)
    o = TASK["adamw"]
    optimizer = torch.optim.AdamW(
        factors, lr=o["learning_rate"], betas=(o["beta1"], o["beta2"]), eps=o["eps"], weight_decay=o["weight_decay"]
    )
    found = []
    for _ in range(TASK["steps"]):
        hidden = transformer(x, encoder_hidden_states=text).transpose(1, 2).reshape(batch, channels, side, side)
        loss = F.mse_loss(resnet(hidden, time), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(round(loss.item(), 7))
    print(name, side, found)
    return found


def main():
    torch.manual_seed(0)
    unet = UNet2DConditionModel.from_pretrained(MODEL.parent, subfolder="unet", torch_dtype=torch.float32).eval()
    inputs = unet_inputs(unet.config)
    with torch.no_grad():
        out = Plain(unet)(**inputs)
    print(f"unet: {list(out.shape)}, deviation {out.std():.3f}")
    blocks = {
        name: {str(side): losses(name, shape, side, unet) for side in sorted({shape["side"], shape.get("software_side", shape["side"])})}
        for name, shape in TASK["blocks"].items()
    }
    reference = {"unet": [float(f"{value:.7g}") for value in out.flatten().tolist()], "blocks": blocks}
    (HERE / "reference.json").write_text(json.dumps(reference, separators=(",", ":")) + "\n")
    export(unet, inputs)


if __name__ == "__main__":
    main()
