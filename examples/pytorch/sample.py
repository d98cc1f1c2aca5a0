"""Samples images from a checkpoint of tailsweep with PyTorch, by DDIM with guidance.

    python sample.py trial-000000 --class "ankle boot" -n 8 --guidance 1.5 --to samples

writes samples/ankle boot/00000.png and so on. The noise is PyTorch's, so the images are
not those that `tailsweep sample` draws with the same seed.
"""

import argparse
import pathlib

import torch
from PIL import Image

from load import STEPS, load


def timesteps(count):
    """Returns the steps that are visited, from STEPS - 1 down, evenly spaced."""
    if not 1 <= count <= STEPS:
        raise ValueError(f"{count} DDIM steps: want 1 to {STEPS}")
    return [(2 * STEPS * (count - k) + count) // (2 * count) - 1 for k in range(count)]


@torch.no_grad()
def ddim(model, x, label, guidance, steps):
    """Turns noise x [B, S, S, K] into images of the labels [B], in [-1, 1]."""
    times = timesteps(steps) + [-1]
    null = torch.full_like(label, model.null)
    for now, then in zip(times, times[1:]):
        t = torch.full_like(label, now)
        out = model.predict(x, t, label)
        if guidance != 0:
            out = out + guidance * (out - model.predict(x, t, null))
        signal, noise = float(model.signal[now]), float(model.noise[now])
        clean = signal * x - noise * out if model.prediction == "v" else (x - noise * out) / signal
        clean = clean.clamp(-1, 1)
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
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--to", default="samples", help="folder for the images, one folder a class")
    a = parser.parse_args()
    model = load(a.folder, a.device)
    for name in a.classes or model.classes:
        if name not in model.classes:
            raise SystemExit(f"the checkpoint has no class {name!r} (valid: {', '.join(model.classes)})")
        index = model.classes.index(name)
        random = torch.Generator().manual_seed(a.seed * 10000 + index)
        x = torch.randn(a.n, model.size, model.size, model.channels, generator=random).to(a.device)
        label = torch.full((a.n,), index, device=a.device)
        images = ddim(model, x, label, a.guidance, ddim_steps(model, a.steps))
        folder = pathlib.Path(a.to) / name.replace("/", "_")
        folder.mkdir(parents=True, exist_ok=True)
        for i, pixels in enumerate(((images + 1) * 127.5).round().byte().cpu().numpy()):
            Image.fromarray(pixels if model.channels == 3 else pixels[..., 0]).save(folder / f"{i:05d}.png")
        print(folder)


if __name__ == "__main__":
    main()
