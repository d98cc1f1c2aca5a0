"""A class-conditional diffusion model in JAX, for bench/train to time against.

It has the layers, parameters and losses of trainer/nets and trainer/diffusion
(GroupNorm pools the same groups), in the way one writes them in JAX: the whole step
is one jitted function with donated state, noise is drawn inside it, and all DDIM
steps are one fori_loop.

    jax_peer.py dit|unet plain|both BATCH

It writes one JSON object a line: first its parameter count, then an answer to each
line of stdin: `step` trains one step, `sample N STEPS` draws N pictures with
guidance, `flops` counts a step's. Times are wall and processor seconds.
"""

import functools
import json
import math
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

SIZE, CLASSES, T = 28, 10, 1000
INFONCE, TAU, ALIGNMENT = 0.1, 0.1, 0.1
LR, BETA1, BETA2, EPS, EMA, CLIP, DROP = 1e-3, 0.9, 0.999, 1e-8, 0.999, 1.0, 0.1

betas = np.linspace(1e-4, 0.02, T)
abar = np.cumprod(1 - betas).astype(np.float32)


class Init:
    """Makes parameters in the order in which the forward pass asks for them."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.params = {}

    def __call__(self, name, shape, std=0.0, value=0.0):
        self.params[name] = (value + std * self.rng.standard_normal(shape)).astype(np.float32)
        return self.params[name]


class Use:
    """Hands out the parameters that Init made."""

    def __init__(self, params):
        self.params = params

    def __call__(self, name, shape, std=0.0, value=0.0):
        return self.params[name]


def linear(p, name, x, outputs, std=None):
    inputs = x.shape[-1]
    std = 1 / math.sqrt(inputs) if std is None else std
    return x @ p(name + ".w", (inputs, outputs), std) + p(name + ".b", (outputs,))


def condition(p, t, label, dim):
    half = dim // 2
    freqs = jnp.exp(-math.log(10000) * jnp.arange(half, dtype=jnp.float32) / half)
    angles = t.astype(jnp.float32)[:, None] * freqs
    emb = jnp.concatenate([jnp.cos(angles), jnp.sin(angles)], -1)
    emb = linear(p, "time1", jax.nn.silu(linear(p, "time0", emb, dim)), dim)
    return emb + p("label", (CLASSES + 1, dim), 0.5)[label]


def attention(p, name, x, heads, out_std=None):
    b, n, w = x.shape
    qkv = linear(p, name + ".qkv", x, 3 * w).reshape(b, n, 3, heads, w // heads)
    q, k, v = qkv[:, :, 0], qkv[:, :, 1], qkv[:, :, 2]
    scores = jnp.einsum("bnhd,bmhd->bhnm", q, k) / math.sqrt(w // heads)
    y = jnp.einsum("bhnm,bmhd->bnhd", jax.nn.softmax(scores, -1), v)
    return linear(p, name + ".out", y.reshape(b, n, w), w, out_std)


# The transformer: width 128, 4 blocks, patch 4, 4 heads.


def layer_norm(x):
    x = x - x.mean(-1, keepdims=True)
    return x * lax.rsqrt((x * x).mean(-1, keepdims=True) + 1e-6)


def positions(side, width):
    quarter = width // 4
    omega = 10000 ** (-np.arange(quarter) / quarter)
    rows, cols = np.divmod(np.arange(side * side), side)
    parts = [f(at[:, None] * omega) for at in (rows, cols) for f in (np.sin, np.cos)]
    return np.concatenate(parts, -1).astype(np.float32)


def dit(p, x, t, label, w=128, depth=4, patch=4, heads=4):
    b, side = x.shape[0], SIZE // patch
    emb = jax.nn.silu(condition(p, t, label, w))
    y = x.reshape(b, side, patch, side, patch).transpose(0, 1, 3, 2, 4).reshape(b, side * side, patch * patch)
    y = linear(p, "patch", y, w) + positions(side, w)
    latent = None
    for i in range(depth):
        name = f"block{i}"
        mod = linear(p, name + ".mod", emb, 6 * w, 0.0)[:, None].reshape(b, 1, 6, w)
        h = layer_norm(y) * (1 + mod[:, :, 1]) + mod[:, :, 0]
        y = y + mod[:, :, 2] * attention(p, name + ".attention", h, heads)
        h = layer_norm(y) * (1 + mod[:, :, 4]) + mod[:, :, 3]
        h = linear(p, name + ".mlp1", jax.nn.silu(linear(p, name + ".mlp0", h, 4 * w)), w)
        y = y + mod[:, :, 5] * h
        if i + 1 == max(1, depth // 4):
            latent = y.reshape(b, -1)
    mod = linear(p, "final_mod", emb, 2 * w, 0.0)[:, None].reshape(b, 1, 2, w)
    y = linear(p, "final", layer_norm(y) * (1 + mod[:, :, 1]) + mod[:, :, 0], patch * patch, 0.0)
    y = y.reshape(b, side, side, patch, patch).transpose(0, 1, 3, 2, 4).reshape(b, SIZE, SIZE, 1)
    return y, latent


# The U-Net: width 32, levels of 1, 2 and 2 times it, one block a level each way.


def conv(p, name, x, outputs, std=None):
    inputs = x.shape[-1]
    std = 1 / math.sqrt(9 * inputs) if std is None else std
    kernel = p(name + ".w", (3, 3, inputs, outputs), std)
    y = lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return y + p(name + ".b", (outputs,))


def group_norm(p, name, x):
    b, h, w, c = x.shape
    groups = next((g for g in range(8, 1, -1) if c % g == 0 and c // g >= 4), 1)
    y = x.reshape(b, h * w, groups, c // groups)
    y = y - y.mean((1, 3), keepdims=True)
    y = y * lax.rsqrt((y * y).mean((1, 3), keepdims=True) + 1e-5)
    return y.reshape(b, h, w, c) * p(name + ".scale", (c,), value=1.0) + p(name + ".shift", (c,))


def block(p, name, x, emb, channels):
    y = conv(p, name + ".conv0", jax.nn.silu(group_norm(p, name + ".norm0", x)), channels)
    film = linear(p, name + ".embed", emb, 2 * channels)[:, None, None]
    y = group_norm(p, name + ".norm1", y) * (1 + film[..., :channels]) + film[..., channels:]
    y = conv(p, name + ".conv1", jax.nn.silu(y), channels, 0.0)
    if x.shape[-1] != channels:
        x = linear(p, name + ".shortcut", x, channels)
    return x + y


def halve(x):
    b, h, w, c = x.shape
    return x.reshape(b, h // 2, 2, w // 2, 2, c).mean((2, 4))


def double(x):
    b, h, w, c = x.shape
    return jnp.broadcast_to(x[:, :, None, :, None], (b, h, 2, w, 2, c)).reshape(b, 2 * h, 2 * w, c)


def unet(p, x, t, label, width=32, levels=(1, 2, 2)):
    emb = jax.nn.silu(condition(p, t, label, 4 * width))
    y = conv(p, "stem", x, width)
    skips = []
    for level, mult in enumerate(levels):
        if level > 0:
            y = halve(y)
        y = block(p, f"down{level}", y, emb, mult * width)
        skips.append(y)
    c = y.shape[-1]
    y = block(p, "middle0", y, emb, c)
    b, h, w, _ = y.shape
    z = group_norm(p, "attention.norm", y).reshape(b, h * w, c)
    y = y + attention(p, "attention", z, 1, 0.0).reshape(b, h, w, c)
    y = block(p, "middle1", y, emb, c)
    latent = y.reshape(b, -1)
    for level in reversed(range(len(levels))):
        y = block(p, f"up{level}", jnp.concatenate([y, skips.pop()], -1), emb, levels[level] * width)
        if level > 0:
            y = double(y)
    return conv(p, "head", jax.nn.silu(group_norm(p, "norm", y)), 1, 0.0), latent


# Training and sampling.


def loss(params, net, both, x0, label, t, eps, kept):
    a = jnp.asarray(abar)[t][:, None, None, None]
    xt = jnp.sqrt(a) * x0 + jnp.sqrt(1 - a) * eps
    p = Use(params)
    null = jnp.full_like(label, CLASSES)
    cond, _ = net(p, xt, t, jnp.where(kept, label, null))
    per_sample = ((cond - eps) ** 2).mean((1, 2, 3))
    total = per_sample.mean()
    if not both:
        return total, per_sample
    uncond, h = net(p, xt, t, null)
    weight = t.astype(jnp.float32) / T
    h = h / jnp.sqrt((h * h).sum(-1, keepdims=True) + 1e-12)
    e = jnp.exp((h @ h.T - 1) / TAU) * (1 - jnp.eye(h.shape[0]))
    total += INFONCE * (weight * jnp.log1p(e.sum(-1))).mean()
    total += ALIGNMENT * (weight * kept * ((cond - uncond) ** 2).mean((1, 2, 3))).mean()
    return total, per_sample


@functools.partial(jax.jit, static_argnums=(4, 5), donate_argnums=(0,))
def train_step(state, x0, label, key, net, both):
    params, m, v, mean, k = state
    k += 1
    keys = jax.random.split(jax.random.fold_in(key, k), 3)
    b = x0.shape[0]
    t = jax.random.randint(keys[0], (b,), 0, T)
    eps = jax.random.normal(keys[1], x0.shape)
    kept = jax.random.uniform(keys[2], (b,)) >= DROP
    (total, per_sample), grads = jax.value_and_grad(loss, has_aux=True)(params, net, both, x0, label, t, eps, kept)
    norm = jnp.sqrt(sum((g * g).sum() for g in grads.values()))
    clip = jnp.minimum(CLIP / (norm + 1e-6), 1)
    step = k.astype(jnp.float32)
    c1, c2 = 1 - BETA1**step, 1 - BETA2**step
    decay = jnp.minimum(EMA, (1 + step) / (10 + step))
    new = ({}, {}, {}, {})
    for n, g in grads.items():
        g = g * clip
        new[1][n] = BETA1 * m[n] + (1 - BETA1) * g
        new[2][n] = BETA2 * v[n] + (1 - BETA2) * g * g
        new[0][n] = params[n] - LR * (new[1][n] / c1) / (jnp.sqrt(new[2][n] / c2) + EPS)
        new[3][n] = decay * mean[n] + (1 - decay) * new[0][n]
    return (*new, k), total, norm, per_sample


@functools.partial(jax.jit, static_argnums=(3, 4))
def sample(params, x, label, net, steps, w=1.0):
    times = jnp.asarray([round(T - i * T / steps) - 1 for i in range(steps)] + [-1])
    table = jnp.asarray(np.append(abar, np.float32(1)))  # -1 is 1: no noise
    labels = jnp.concatenate([label, jnp.full_like(label, CLASSES)])

    def one(i, x):
        t = jnp.full((2 * x.shape[0],), times[i])
        eps, _ = net(Use(params), jnp.concatenate([x, x]), t, labels)
        cond, uncond = jnp.split(eps, 2)
        eps = cond + w * (cond - uncond)
        a, to = table[times[i]], table[times[i + 1]]
        x0 = jnp.clip((x - jnp.sqrt(1 - a) * eps) / jnp.sqrt(a), -1, 1)
        eps = (x - jnp.sqrt(a) * x0) / jnp.sqrt(1 - a)
        return jnp.sqrt(to) * x0 + jnp.sqrt(1 - to) * eps

    return lax.fori_loop(0, steps, one, x)


def main():
    net = {"dit": dit, "unet": unet}[sys.argv[1]]
    both = sys.argv[2] == "both"
    batch = int(sys.argv[3])
    init = Init(1)
    net(init, jnp.zeros((1, SIZE, SIZE, 1)), jnp.zeros(1, jnp.int32), jnp.zeros(1, jnp.int32))
    params = {n: jnp.asarray(v) for n, v in init.params.items()}
    zeros = lambda: {n: jnp.zeros_like(v) for n, v in params.items()}
    copy = {n: jnp.array(v) for n, v in params.items()}
    state = ({n: jnp.array(v) for n, v in params.items()}, zeros(), zeros(), copy, jnp.int32(0))

    rng = np.random.default_rng(2)
    images = rng.uniform(-1, 1, (14886, SIZE, SIZE, 1)).astype(np.float32)
    labels = rng.integers(0, CLASSES, len(images)).astype(np.int32)
    key = jax.random.key(3)

    def say(**answer):
        print(json.dumps(answer), flush=True)

    say(parameters=sum(v.size for v in params.values()), version=jax.__version__)
    for line in sys.stdin:
        words = line.split()
        wall, processor = time.perf_counter(), time.process_time()
        answer = {}
        if words[0] == "step":
            pick = rng.integers(0, len(images), batch)
            state, total, norm, per_sample = train_step(state, images[pick], labels[pick], key, net, both)
            answer["loss"] = float(total)
            np.asarray(norm), np.asarray(per_sample)
        elif words[0] == "sample":
            n, steps = int(words[1]), int(words[2])
            x = rng.standard_normal((n, SIZE, SIZE, 1)).astype(np.float32)
            np.asarray(sample(state[3], x, np.arange(n, dtype=np.int32) % CLASSES, net, steps))
        elif words[0] == "flops":
            lowered = train_step.lower(state, images[:batch], labels[:batch], key, net, both)
            answer["flops"] = lowered.cost_analysis()["flops"]
        else:
            break
        say(seconds=time.perf_counter() - wall, processor=time.process_time() - processor, **answer)


if __name__ == "__main__":
    main()
