"""Samples images from a checkpoint of tailsweep with JAX, by DDIM with guidance.

    python sample.py trial-000000 --class "ankle boot" -n 8 --guidance 1.5 --to samples

writes samples/ankle boot/00000.png and so on. The noise is JAX's, so the images are
not those that `tailsweep sample` draws with the same seed.
"""

import argparse
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from load import STEPS, load


def timesteps(count):
    """Returns the steps that are visited, from STEPS - 1 down, evenly spaced."""
    if not 1 <= count <= STEPS:
        raise ValueError(f"{count} DDIM steps: want 1 to {STEPS}")
    return [(2 * STEPS * (count - k) + count) // (2 * count) - 1 for k in range(count)]


def ddim(model, x, label, guidance, steps):
    """Turns noise x [B, S, S, K] into images of the labels [B], in [-1, 1]."""
    times = timesteps(steps) + [-1]
    null = jnp.full_like(label, model.null)
    for now, then in zip(times, times[1:]):
        t = jnp.full_like(label, now)
        out = model.predict(x, t, label)
        if guidance != 0:
            out = out + guidance * (out - model.predict(x, t, null))
        signal, noise = float(model.signal[now]), float(model.noise[now])
        clean = signal * x - noise * out if model.prediction == "v" else (x - noise * out) / signal
        clean = clean.clip(-1, 1)
        eps = (x - signal * clean) / noise
        signal, noise = (1.0, 0.0) if then < 0 else (float(model.signal[then]), float(model.noise[then]))
        x = signal * clean + noise * eps
    return x


def ddim_steps(model, steps):
    """Returns the number of steps: the given one, or that of the evaluation."""
    evaluate = model.spec["evaluate"]
    if not steps and evaluate.get("sampler", "ddim") != "ddim":
        raise ValueError(f"evaluate.sampler = {evaluate['sampler']!r} is not in this example: give --steps to sample with DDIM")
    return steps or evaluate["ddim_steps"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="checkpoint folder, as `tailsweep pull` makes")
    parser.add_argument("--class", dest="classes", action="append", metavar="NAME", help="class to sample; can be repeated (default: all)")
    parser.add_argument("-n", type=int, default=8, help="samples of each class (default: 8)")
    parser.add_argument("--guidance", type=float, default=1, help="guidance scale w (default: 1)")
    parser.add_argument("--steps", type=int, help="DDIM steps (default: as in the spec)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--to", default="samples", help="folder for the images, one folder a class")
    a = parser.parse_args()
    model = load(a.folder)
    for name in a.classes or model.classes:
        if name not in model.classes:
            raise SystemExit(f"the checkpoint has no class {name!r} (valid: {', '.join(model.classes)})")
        index = model.classes.index(name)
        key = jax.random.fold_in(jax.random.key(a.seed), index)
        x = jax.random.normal(key, (a.n, model.size, model.size, model.channels))
        label = jnp.full(a.n, index)
        images = np.asarray(ddim(model, x, label, a.guidance, ddim_steps(model, a.steps)))
        folder = pathlib.Path(a.to) / name.replace("/", "_")
        folder.mkdir(parents=True, exist_ok=True)
        for i, pixels in enumerate(((images + 1) * 127.5).round().astype(np.uint8)):
            Image.fromarray(pixels if model.channels == 3 else pixels[..., 0]).save(folder / f"{i:05d}.png")
        print(folder)


if __name__ == "__main__":
    main()
