"""Loads a checkpoint of tailsweep into PyTorch: the U-Net and the DiT.

docs/checkpoints.md describes the tensors. Images are float32, [B, S, S, K] in [-1, 1].
"""

import hashlib
import json
import math
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import safe_open

STEPS = 1000  # T, the diffusion steps of every checkpoint
MODEL_FIELDS = {"preset", "arch", "width", "depth", "mult", "attention", "dropout", "patch", "heads"}

# Without these, GPUs round the inputs of products to 10 bits.
torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False


def load(folder, device="cpu"):
    """Returns the Model of a pulled folder, after comparing its weights with the manifest."""
    path = pathlib.Path(folder) / "model.safetensors"
    manifest = json.loads((path.parent / "MANIFEST.json").read_text())
    if manifest["version"] != 1:
        raise ValueError(f"{folder}: the manifest has version {manifest['version']}, this example reads 1")
    listed = {f["path"]: f["sha256"] for f in manifest["files"]}
    if hashlib.sha256(path.read_bytes()).hexdigest() != listed.get(path.name):
        raise ValueError(f"{path}: its SHA-256 is not that of the manifest")
    with safe_open(path, "np") as file:
        weights = {name: torch.from_numpy(file.get_tensor(name)).to(device) for name in file.keys()}
        return Model(weights, file.metadata())


def alpha_bar(schedule):
    """Returns abar_t, the product of 1 - beta_s over s <= t, as float64 [STEPS]."""
    t = np.arange(STEPS)
    if schedule == "linear":
        beta = 1e-4 + (0.02 - 1e-4) * t / (STEPS - 1)
    elif schedule == "cosine":
        f = lambda t: np.cos((t / STEPS + 0.008) / 1.008 * math.pi / 2) ** 2
        beta = np.minimum(1 - f(t + 1) / f(t), 0.999)
    else:
        raise ValueError(f"train.schedule = {schedule!r} is not in this example: it has linear and cosine")
    return np.cumprod(1 - beta)


class Model:
    """A denoiser. predict() is the net, eps() the noise that its prediction means."""

    def __init__(self, weights, metadata):
        spec = json.loads(metadata["tailsweep.spec"])
        model, train = spec["model"], spec["train"]
        if unknown := set(model) - MODEL_FIELDS:
            raise ValueError(f"model.{min(unknown)} is not in this example")
        if model["arch"] not in ("unet", "dit"):
            raise ValueError(f"model.arch = {model['arch']!r} is not in this example: it has unet and dit")
        self.prediction = train.get("prediction", "eps")
        if self.prediction not in ("eps", "v"):
            raise ValueError(f"train.prediction = {self.prediction!r} is not in this example: it has eps and v")
        abar = alpha_bar(train["schedule"])
        self.signal, self.noise = np.sqrt(abar), np.sqrt(1 - abar)  # float64, by step
        self.weights, self.metadata, self.spec, self.model = weights, metadata, spec, model
        self.null = len(weights[model["arch"] + ".condition.label.table"]) - 1  # the label without a class
        names = json.loads(metadata.get("tailsweep.classes", "{}")).get("names")
        self.classes = names or [str(i) for i in range(self.null)]
        self.size = spec["dataset"]["size"]
        if model["arch"] == "unet":
            self.channels = weights["unet.stem.kernel"].shape[2]
        else:
            self.channels = len(weights["dit.patch.weight"]) // model["patch"] ** 2

    @torch.no_grad()
    def predict(self, x, t, label):
        """Returns what the net predicts for x [B, S, S, K], t [B] and label [B], as [B, S, S, K]."""
        return self.unet(x, t, label) if self.model["arch"] == "unet" else self.dit(x, t, label)

    def eps(self, x, t, label):
        """Returns the noise in x, whatever the net predicts."""
        out = self.predict(x, t, label)
        if self.prediction == "eps":
            return out
        rate = lambda table: torch.from_numpy(table).float().to(x.device)[t.long()].view(-1, 1, 1, 1)
        return rate(self.noise) * x + rate(self.signal) * out

    # What both nets have.

    def linear(self, name, x):
        return x @ self.weights[name + ".weight"] + self.weights[name + ".bias"]

    def condition(self, name, t, label, width):
        """Returns the embedding of step and label after its SiLU, [B, width]."""
        half = width // 2
        frequencies = np.exp(-math.log(10000) * np.arange(half) / half).astype(np.float32)
        angles = t.float()[:, None] * torch.from_numpy(frequencies).to(t.device)
        emb = torch.cat([angles.cos(), angles.sin()], -1)
        emb = self.linear(name + ".time1", F.silu(self.linear(name + ".time0", emb)))
        return F.silu(emb + self.weights[name + ".label.table"][label.long()])

    def attention(self, name, x, heads):
        b, n, w = x.shape
        q, k, v = self.linear(name + ".qkv", x).reshape(b, n, 3, heads, w // heads).permute(2, 0, 3, 1, 4)
        scores = (q @ k.transpose(-1, -2) / math.sqrt(w // heads)).softmax(-1)
        return self.linear(name + ".out", (scores @ v).transpose(1, 2).reshape(b, n, w))

    # The U-Net.

    def conv(self, name, x):
        kernel = self.weights[name + ".kernel"].permute(3, 2, 0, 1)
        y = F.conv2d(x.permute(0, 3, 1, 2), kernel, self.weights[name + ".bias"].flatten(), padding=1)
        return y.permute(0, 2, 3, 1)

    def group_norm(self, name, x):
        channels = x.shape[-1]
        groups = next((g for g in range(8, 1, -1) if channels % g == 0 and channels // g >= 4), 1)
        scale, shift = self.weights[name + ".scale"].flatten(), self.weights[name + ".shift"].flatten()
        return F.group_norm(x.permute(0, 3, 1, 2), groups, scale, shift, eps=1e-5).permute(0, 2, 3, 1)

    def block(self, name, x, emb):
        y = self.conv(name + ".conv0", F.silu(self.group_norm(name + ".norm0", x)))
        scale, shift = self.linear(name + ".embed", emb)[:, None, None].chunk(2, -1)
        y = self.group_norm(name + ".norm1", y) * (1 + scale) + shift
        y = self.conv(name + ".conv1", F.silu(y))
        if name + ".shortcut.weight" in self.weights:
            x = self.linear(name + ".shortcut", x)
        return x + y

    def attend(self, name, x):
        b, h, w, c = x.shape
        y = self.group_norm(name + ".norm", x).reshape(b, h * w, c)
        return x + self.attention(name, y, 1).reshape(b, h, w, c)

    def level(self, name, x, emb, level):
        x = self.block(name, x, emb)
        return self.attend(name + "_attention", x) if level in self.model.get("attention", []) else x

    def unet(self, x, t, label):
        depth, levels = self.model["depth"], len(self.model["mult"])
        emb = self.condition("unet.condition", t, label, 4 * self.model["width"])
        y, skips = self.conv("unet.stem", x), []
        for level in range(levels):
            if level > 0:
                b, h, w, c = y.shape
                y = y.reshape(b, h // 2, 2, w // 2, 2, c).mean((2, 4))
            for i in range(depth):
                y = self.level(f"unet.down{level}_{i}", y, emb, level)
                skips.append(y)
        y = self.block("unet.middle0", y, emb)
        y = self.attend("unet.attention", y)
        y = self.block("unet.middle1", y, emb)
        for level in reversed(range(levels)):
            for i in range(depth):
                y = self.level(f"unet.up{level}_{i}", torch.cat([y, skips.pop()], -1), emb, level)
            if level > 0:
                y = y.repeat_interleave(2, 1).repeat_interleave(2, 2)
        return self.conv("unet.head", F.silu(self.group_norm("unet.norm", y)))

    # The diffusion transformer.

    def dit(self, x, t, label):
        p, width, side = self.model["patch"], self.model["width"], self.size // self.model["patch"]
        emb = self.condition("dit.condition", t, label, width)[:, None]
        norm = lambda y, shift, scale: F.layer_norm(y, [width], eps=1e-6) * (1 + scale) + shift
        y = x.reshape(len(x), side, p, side, p * self.channels).transpose(2, 3)
        y = self.linear("dit.patch", y.reshape(len(x), side * side, -1)) + positions(side, width).to(x.device)
        for i in range(self.model["depth"]):
            name = f"dit.block{i}"
            mod = self.linear(name + ".modulation", emb).chunk(6, -1)
            y = y + mod[2] * self.attention(name + ".attention", norm(y, mod[0], mod[1]), self.model["heads"])
            z = self.linear(name + ".mlp0", norm(y, mod[3], mod[4]))
            y = y + mod[5] * self.linear(name + ".mlp1", F.silu(z))
        y = norm(y, *self.linear("dit.final_modulation", emb).chunk(2, -1))
        y = self.linear("dit.final", y).reshape(len(x), side, side, p, p * self.channels).transpose(2, 3)
        return y.reshape(x.shape)


def positions(side, width):
    """Returns sine and cosine of a patch's row, then of its column, [side * side, width]."""
    omega = 10000 ** (-np.arange(width // 4) / (width // 4))
    places = np.divmod(np.arange(side * side), side)
    parts = [f(at[:, None] * omega) for at in places for f in (np.sin, np.cos)]
    return torch.from_numpy(np.concatenate(parts, -1).astype(np.float32))
