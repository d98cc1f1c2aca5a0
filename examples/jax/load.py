"""Loads a checkpoint of tailsweep into JAX: the U-Net and the DiT.

docs/checkpoints.md describes the tensors. Images are float32, [B, S, S, K] in [-1, 1].
"""

import hashlib
import json
import math
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
from safetensors import safe_open

STEPS = 1000  # T, the diffusion steps of every checkpoint
MODEL_FIELDS = {"preset", "arch", "width", "depth", "mult", "attention", "dropout", "patch", "heads"}

# Without this, GPUs and TPUs round the inputs of products to fewer bits.
jax.config.update("jax_default_matmul_precision", "highest")


def load(folder):
    """Returns the Model of a pulled folder, after comparing its weights with the manifest."""
    path = pathlib.Path(folder) / "model.safetensors"
    manifest = json.loads((path.parent / "MANIFEST.json").read_text())
    if manifest["version"] != 1:
        raise ValueError(f"{folder}: the manifest has version {manifest['version']}, this example reads 1")
    listed = {f["path"]: f["sha256"] for f in manifest["files"]}
    if hashlib.sha256(path.read_bytes()).hexdigest() != listed.get(path.name):
        raise ValueError(f"{path}: its SHA-256 is not that of the manifest")
    with safe_open(path, "np") as file:
        return Model({name: jnp.asarray(file.get_tensor(name)) for name in file.keys()}, file.metadata())


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
        self.weights, self.spec, self.size = weights, spec, spec["dataset"]["size"]
        self.null = len(weights[model["arch"] + ".condition.label.table"]) - 1  # the label without a class
        names = json.loads(metadata.get("tailsweep.classes", "{}")).get("names")
        self.classes = names or [str(i) for i in range(self.null)]
        if model["arch"] == "unet":
            self.channels = weights["unet.stem.kernel"].shape[2]
        else:
            self.channels = len(weights["dit.patch.weight"]) // model["patch"] ** 2
        net = unet if model["arch"] == "unet" else dit
        self.net = jax.jit(lambda weights, x, t, label: net(weights, model, x, t, label))

    def predict(self, x, t, label):
        """Returns what the net predicts for x [B, S, S, K], t [B] and label [B], as [B, S, S, K]."""
        return self.net(self.weights, x, t, label)

    def eps(self, x, t, label):
        """Returns the noise in x, whatever the net predicts."""
        out = self.predict(x, t, label)
        if self.prediction == "eps":
            return out
        rate = lambda table: jnp.asarray(table, jnp.float32)[t][:, None, None, None]
        return rate(self.noise) * x + rate(self.signal) * out


# What both nets have. w is the dictionary of weights.


def linear(w, name, x):
    return x @ w[name + ".weight"] + w[name + ".bias"]


def condition(w, name, t, label, width):
    """Returns the embedding of step and label after its SiLU, [B, width]."""
    half = width // 2
    frequencies = np.exp(-math.log(10000) * np.arange(half) / half).astype(np.float32)
    angles = t.astype(jnp.float32)[:, None] * frequencies
    emb = jnp.concatenate([jnp.cos(angles), jnp.sin(angles)], -1)
    emb = linear(w, name + ".time1", jax.nn.silu(linear(w, name + ".time0", emb)))
    return jax.nn.silu(emb + w[name + ".label.table"][label])


def attention(w, name, x, heads):
    b, n, width = x.shape
    qkv = linear(w, name + ".qkv", x).reshape(b, n, 3, heads, width // heads)
    q, k, v = jnp.moveaxis(qkv, 2, 0)  # [B, n, heads, width / heads] each
    scores = jnp.einsum("bnhd,bmhd->bhnm", q, k) / math.sqrt(width // heads)
    y = jnp.einsum("bhnm,bmhd->bnhd", jax.nn.softmax(scores, -1), v)
    return linear(w, name + ".out", y.reshape(b, n, width))


# The U-Net.


def conv(w, name, x):
    y = jax.lax.conv_general_dilated(x, w[name + ".kernel"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return y + w[name + ".bias"]


def group_norm(w, name, x):
    b, h, width, channels = x.shape
    groups = next((g for g in range(8, 1, -1) if channels % g == 0 and channels // g >= 4), 1)
    y = x.reshape(b, h, width, groups, channels // groups)
    y = (y - y.mean((1, 2, 4), keepdims=True)) / jnp.sqrt(y.var((1, 2, 4), keepdims=True) + 1e-5)
    return y.reshape(x.shape) * w[name + ".scale"] + w[name + ".shift"]


def block(w, name, x, emb):
    y = conv(w, name + ".conv0", jax.nn.silu(group_norm(w, name + ".norm0", x)))
    scale, shift = jnp.split(linear(w, name + ".embed", emb)[:, None, None], 2, -1)
    y = group_norm(w, name + ".norm1", y) * (1 + scale) + shift
    y = conv(w, name + ".conv1", jax.nn.silu(y))
    if name + ".shortcut.weight" in w:
        x = linear(w, name + ".shortcut", x)
    return x + y


def attend(w, name, x):
    b, h, width, c = x.shape
    y = group_norm(w, name + ".norm", x).reshape(b, h * width, c)
    return x + attention(w, name, y, 1).reshape(x.shape)


def unet(w, model, x, t, label):
    levels = len(model["mult"])
    emb = condition(w, "unet.condition", t, label, 4 * model["width"])

    def step(name, y, level):
        y = block(w, name, y, emb)
        return attend(w, name + "_attention", y) if level in model.get("attention", []) else y

    y, skips = conv(w, "unet.stem", x), []
    for level in range(levels):
        if level > 0:
            b, h, width, c = y.shape
            y = y.reshape(b, h // 2, 2, width // 2, 2, c).mean((2, 4))
        for i in range(model["depth"]):
            y = step(f"unet.down{level}_{i}", y, level)
            skips.append(y)
    y = block(w, "unet.middle0", y, emb)
    y = attend(w, "unet.attention", y)
    y = block(w, "unet.middle1", y, emb)
    for level in reversed(range(levels)):
        for i in range(model["depth"]):
            y = step(f"unet.up{level}_{i}", jnp.concatenate([y, skips.pop()], -1), level)
        if level > 0:
            y = y.repeat(2, 1).repeat(2, 2)
    return conv(w, "unet.head", jax.nn.silu(group_norm(w, "unet.norm", y)))


# The diffusion transformer.


def positions(side, width):
    """Returns sine and cosine of a patch's row, then of its column, [side * side, width]."""
    omega = 10000 ** (-np.arange(width // 4) / (width // 4))
    places = np.divmod(np.arange(side * side), side)
    parts = [f(at[:, None] * omega) for at in places for f in (np.sin, np.cos)]
    return np.concatenate(parts, -1).astype(np.float32)


def dit(w, model, x, t, label):
    b, size, _, channels = x.shape
    p, width, side = model["patch"], model["width"], size // model["patch"]
    emb = condition(w, "dit.condition", t, label, width)[:, None]

    def norm(y, shift, scale):
        y = (y - y.mean(-1, keepdims=True)) / jnp.sqrt(y.var(-1, keepdims=True) + 1e-6)
        return y * (1 + scale) + shift

    y = x.reshape(b, side, p, side, p * channels).swapaxes(2, 3)
    y = linear(w, "dit.patch", y.reshape(b, side * side, -1)) + positions(side, width)
    for i in range(model["depth"]):
        name = f"dit.block{i}"
        mod = jnp.split(linear(w, name + ".modulation", emb), 6, -1)
        y = y + mod[2] * attention(w, name + ".attention", norm(y, mod[0], mod[1]), model["heads"])
        z = linear(w, name + ".mlp0", norm(y, mod[3], mod[4]))
        y = y + mod[5] * linear(w, name + ".mlp1", jax.nn.silu(z))
    y = norm(y, *jnp.split(linear(w, "dit.final_modulation", emb), 2, -1))
    y = linear(w, "dit.final", y).reshape(b, side, side, p, p * channels).swapaxes(2, 3)
    return y.reshape(x.shape)
