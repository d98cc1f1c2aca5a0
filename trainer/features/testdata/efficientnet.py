"""Writes efficientnet.json: some of the 320 features that a NumPy version of
EfficientNet-Lite0's blocks (efficientnet_lite_pytorch 0.1.0, TensorFlow's padding) gives for
a made-up image, with made-up weights and with the published ones, whose tensors readTorch
reads. efficientnet_test.go makes the same. NumPy 2.4.6, no PyTorch:

    bench/eval/.venv/bin/python trainer/features/testdata/efficientnet.py FOLDER

FOLDER has the published tensors, a file NAME.bin of float32 each. With the layers above (head
and fc) on 224 pixels the same code finds the zebra, banana, Granny Smith, koala, pelican,
strawberry, pineapple and tiger of Debian's tuxpaint-stamps (tiger: 0.87, others 0.62 to
0.96), which shows that weights and code belong together.
"""

import json
import math
import pathlib
import sys

import numpy as np

# repeats, kernel, stride, expansion, output channels
STAGES = [(1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320)]


def hashed(name, n):
    """n numbers in [-0.5, 0.5) by splitmix64 of FNV-1a(name) 2^32 + i."""
    h = 2166136261
    for byte in name.encode():
        h = (h ^ byte) * 16777619 % 2**32
    with np.errstate(over="ignore"):
        z = (np.uint64(h) << np.uint64(32)) + np.arange(n, dtype=np.uint64)
        z = (z + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return (z >> np.uint64(40)).astype(np.float64) / 2**24 - 0.5


def made_up(name, *shape):
    """A tensor of the state dictionary."""
    x = hashed(name, math.prod(shape)).reshape(shape)
    if name.endswith(".running_mean"):
        return 0.1 * x
    if name.endswith(".running_var"):
        return 1 + 0.5 * x
    if name.endswith(".bias"):
        return 0.1 * x
    if len(shape) == 1:
        return 1 + 0.2 * x
    return (x * math.sqrt(24 / math.prod(shape[1:]))).astype(np.float32).astype(np.float64)


def same(x, kernel, stride):
    """TensorFlow's padding of x `[C,H,W]`."""
    pads = []
    for side in x.shape[1:]:
        pad = max((-(-side // stride) - 1) * stride + kernel - side, 0)
        pads.append((pad // 2, pad - pad // 2))
    return np.pad(x, [(0, 0)] + pads)


def normalised(y, name, tensor):
    part = lambda p: tensor(f"{name}.{p}", y.shape[0])[:, None, None]
    return (y - part("running_mean")) / np.sqrt(part("running_var") + 1e-3) * part("weight") + part("bias")


def convolution(x, name, normalisation, out, kernel, stride, depthwise, tensor):
    c = x.shape[0]
    w = tensor(name + ".weight", out, 1 if depthwise else c, kernel, kernel)
    windows = np.lib.stride_tricks.sliding_window_view(same(x, kernel, stride), (kernel, kernel), (1, 2))[:, ::stride, ::stride]
    y = np.einsum("chwij,cij->chw", windows, w[:, 0]) if depthwise else np.einsum("chwij,ocij->ohw", windows, w, optimize=True)
    return normalised(y, normalisation, tensor)


relu6 = lambda x: np.clip(x, 0, 6)


def blocks(x, tensor):
    """x `[3,S,S]` in [-1, 1] to `[320,s,s]`."""
    x = relu6(convolution((127.5 * (x + 1) - 127) / 128, "_conv_stem", "_bn0", 32, 3, 2, False, tensor))
    i = 0
    for repeats, kernel, stride, expand, out in STAGES:
        for k in range(repeats):
            s, name, y, wide = stride if k == 0 else 1, f"_blocks.{i}.", x, x.shape[0] * expand
            if expand > 1:
                y = relu6(convolution(y, name + "_expand_conv", name + "_bn0", wide, 1, 1, False, tensor))
            y = relu6(convolution(y, name + "_depthwise_conv", name + "_bn1", wide, kernel, s, True, tensor))
            y = convolution(y, name + "_project_conv", name + "_bn2", out, 1, 1, False, tensor)
            x = x + y if s == 1 and x.shape[0] == out else y
            i += 1
    return x


def scaled(x, size):
    """x `[3,S,S]` by Catmull-Rom interpolation."""
    side = x.shape[1]
    w = np.zeros((size, side))
    for i in range(size):
        centre = (i + 0.5) * side / size - 0.5
        for j in range(math.floor(centre) - 2, math.floor(centre) + 4):
            d = abs(j - centre)
            k = 1 - 2.5 * d**2 + 1.5 * d**3 if d < 1 else 2 - 4 * d + 2.5 * d**2 - 0.5 * d**3 if d < 2 else 0
            w[i, min(max(j, 0), side - 1)] += k
    return np.einsum("us,vt,cst->cuv", w, w, x)


def published(folder):
    """The tensors of a folder with a file NAME.bin of float32 for each."""
    return lambda name, *shape: np.fromfile(folder / (name + ".bin"), np.float32).reshape(shape).astype(np.float64)


if __name__ == "__main__":
    every, out = 16, {}
    image = 2 * hashed("image", 3 * 32 * 32).reshape(3, 32, 32)
    for key, tensor in [("made_up", made_up), ("published", published(pathlib.Path(sys.argv[1])))]:
        features = blocks(scaled(image, 64), tensor).mean((1, 2))
        out[key] = {"features": [round(v, 6) for v in features[::every].tolist()], "deviation": round(float(features.std()), 6)}
    pathlib.Path(__file__).with_name("efficientnet.json").write_text(json.dumps(out | {"every": every}) + "\n")
