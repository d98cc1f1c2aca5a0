"""Writes inception.json: some of the 2,048 features that a NumPy version of
pytorch-fid 0.3.0's InceptionV3 (block by block from its inception.py and
torchvision's, which it patches) gives for made-up weights and a made-up image.
inception_test.go makes the same. NumPy 2.4.6, no PyTorch:

    bench/eval/.venv/bin/python trainer/features/testdata/inception.py
"""

import json
import pathlib

import numpy as np


def hashed(stream, n):
    """n numbers in [-0.5, 0.5) by splitmix64 of stream 2^32 + i."""
    with np.errstate(over="ignore"):
        z = (np.uint64(stream) << np.uint64(32)) + np.arange(n, dtype=np.uint64)
        z = (z + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return (z >> np.uint64(40)).astype(np.float64) / 2**24 - 0.5


def stream(name):
    """FNV-1a of 32 bits."""
    h = 2166136261
    for byte in name.encode():
        h = (h ^ byte) * 16777619 % 2**32
    return h


def tensor(name, *shape):
    return hashed(stream(name), int(np.prod(shape))).reshape(shape)


def conv(x, name, out, kernel, stride=1, pad=(0, 0)):
    """BasicConv2d: x `[C,H,W]`."""
    c = x.shape[0]
    kh, kw = kernel
    w = (tensor(name + ".conv.weight", out, c, kh, kw) * np.sqrt(24 / (c * kh * kw))).astype(np.float32).astype(np.float64)
    x = np.pad(x, ((0, 0), (pad[0], pad[0]), (pad[1], pad[1])))
    windows = np.lib.stride_tricks.sliding_window_view(x, (kh, kw), (1, 2))[:, ::stride, ::stride]
    h, v = windows.shape[1:3]
    y = (w.reshape(out, -1) @ windows.transpose(0, 3, 4, 1, 2).reshape(c * kh * kw, -1)).reshape(out, h, v)
    part = lambda p: tensor(name + ".bn." + p, out)[:, None, None]
    y = (y - 0.1 * part("running_mean")) / np.sqrt(1 + 0.5 * part("running_var") + 1e-3)
    return np.maximum(y * (1 + 0.2 * part("weight")) + 0.1 * part("bias"), 0)


def pool(x, reduce, stride, pad, fill):
    x = np.pad(x, ((0, 0), (pad, pad), (pad, pad)), constant_values=fill)
    return reduce(np.lib.stride_tricks.sliding_window_view(x, (3, 3), (1, 2))[:, ::stride, ::stride], axis=(-2, -1))


shrink = lambda x: pool(x, np.max, 2, 0, 0)
average = lambda x: pool(x, np.nanmean, 1, 1, np.nan)  # without the padding
maximum = lambda x: pool(x, np.max, 1, 1, -np.inf)
join = lambda *parts: np.concatenate(parts)


def block_a(x, n, pool_features):
    b5 = conv(conv(x, n + ".branch5x5_1", 48, (1, 1)), n + ".branch5x5_2", 64, (5, 5), pad=(2, 2))
    b3 = conv(x, n + ".branch3x3dbl_1", 64, (1, 1))
    b3 = conv(b3, n + ".branch3x3dbl_2", 96, (3, 3), pad=(1, 1))
    b3 = conv(b3, n + ".branch3x3dbl_3", 96, (3, 3), pad=(1, 1))
    return join(conv(x, n + ".branch1x1", 64, (1, 1)), b5, b3, conv(average(x), n + ".branch_pool", pool_features, (1, 1)))


def block_b(x, n):
    d = conv(x, n + ".branch3x3dbl_1", 64, (1, 1))
    d = conv(d, n + ".branch3x3dbl_2", 96, (3, 3), pad=(1, 1))
    d = conv(d, n + ".branch3x3dbl_3", 96, (3, 3), stride=2)
    return join(conv(x, n + ".branch3x3", 384, (3, 3), stride=2), d, shrink(x))


def block_c(x, n, c):
    row, column = dict(kernel=(1, 7), pad=(0, 3)), dict(kernel=(7, 1), pad=(3, 0))
    b7 = conv(x, n + ".branch7x7_1", c, (1, 1))
    b7 = conv(b7, n + ".branch7x7_2", c, **row)
    b7 = conv(b7, n + ".branch7x7_3", 192, **column)
    d = conv(x, n + ".branch7x7dbl_1", c, (1, 1))
    d = conv(d, n + ".branch7x7dbl_2", c, **column)
    d = conv(d, n + ".branch7x7dbl_3", c, **row)
    d = conv(d, n + ".branch7x7dbl_4", c, **column)
    d = conv(d, n + ".branch7x7dbl_5", 192, **row)
    return join(conv(x, n + ".branch1x1", 192, (1, 1)), b7, d, conv(average(x), n + ".branch_pool", 192, (1, 1)))


def block_d(x, n):
    b3 = conv(conv(x, n + ".branch3x3_1", 192, (1, 1)), n + ".branch3x3_2", 320, (3, 3), stride=2)
    b7 = conv(x, n + ".branch7x7x3_1", 192, (1, 1))
    b7 = conv(b7, n + ".branch7x7x3_2", 192, (1, 7), pad=(0, 3))
    b7 = conv(b7, n + ".branch7x7x3_3", 192, (7, 1), pad=(3, 0))
    return join(b3, conv(b7, n + ".branch7x7x3_4", 192, (3, 3), stride=2), shrink(x))


def block_e(x, n, pooled):
    split = lambda x, n: join(conv(x, n + "a", 384, (1, 3), pad=(0, 1)), conv(x, n + "b", 384, (3, 1), pad=(1, 0)))
    b3 = split(conv(x, n + ".branch3x3_1", 384, (1, 1)), n + ".branch3x3_2")
    d = conv(conv(x, n + ".branch3x3dbl_1", 448, (1, 1)), n + ".branch3x3dbl_2", 384, (3, 3), pad=(1, 1))
    return join(conv(x, n + ".branch1x1", 320, (1, 1)), b3, split(d, n + ".branch3x3dbl_3"), conv(pooled(x), n + ".branch_pool", 192, (1, 1)))


def resize(x, size):
    """Bilinear, align_corners=False."""
    at = np.clip((np.arange(size) + 0.5) * x.shape[1] / size - 0.5, 0, x.shape[1] - 1)
    low = np.minimum(at.astype(int), x.shape[1] - 2)
    part = at - low
    x = x[:, low] * (1 - part)[:, None] + x[:, low + 1] * part[:, None]
    return x[:, :, low] * (1 - part) + x[:, :, low + 1] * part


def features(x):
    x = resize(x, 299)
    x = conv(x, "Conv2d_1a_3x3", 32, (3, 3), stride=2)
    x = conv(x, "Conv2d_2a_3x3", 32, (3, 3))
    x = shrink(conv(x, "Conv2d_2b_3x3", 64, (3, 3), pad=(1, 1)))
    x = conv(x, "Conv2d_3b_1x1", 80, (1, 1))
    x = shrink(conv(x, "Conv2d_4a_3x3", 192, (3, 3)))
    for n, p in (("5b", 32), ("5c", 64), ("5d", 64)):
        x = block_a(x, "Mixed_" + n, p)
    x = block_b(x, "Mixed_6a")
    for n, c in (("6b", 128), ("6c", 160), ("6d", 160), ("6e", 192)):
        x = block_c(x, "Mixed_" + n, c)
    x = block_d(x, "Mixed_7a")
    x = block_e(x, "Mixed_7b", average)
    x = block_e(x, "Mixed_7c", maximum)
    return x.mean(axis=(1, 2))


z = features(2 * tensor("image", 3, 32, 32))
assert z.shape == (2048,)
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps({"every": 64, "features": [float(v) for v in z[::64]], "mean": float(z.mean())}, indent=1) + "\n")
