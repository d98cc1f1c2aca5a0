"""A class-conditional diffusion model in PyTorch, trained on long-tailed Fashion-MNIST and tuned by tailsweep.

It is the model of the built-in trainer in another library: the U-Net of docs/checkpoints.md, the
loss L_ddpm + w_1 L_infonce + w_2 L_alignment of docs/losses.md, Adam with warm-up and clipping, EMA, label dropout. `make interop` compares its losses with
those of the built-in trainer. From the root of the repository:

    tailsweep data export examples/ddpm-torch.yaml --float32 --to examples/python/train.npz
    tailsweep data export examples/ddpm-torch.yaml --real --to examples/python/real.npz
    python examples/python/ddpm_torch.py --steps=450 --samples_per_class=100     # by hand, into ./run
    tailsweep run examples/ddpm-torch.yaml                                       # the sweep

It needs the packages of examples/pytorch/requirements.txt.

All random draws are functions of the seed and the step, so a checkpoint has no state of a random generator or of the data order. On a CPU
with a fixed number of threads a training in parts equals one without a break, bit for bit.
"""

import json
import pathlib
import sys

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "pytorch"))
import load  # examples/pytorch/load.py: the U-Net of a checkpoint
import sample  # examples/pytorch/sample.py: DDIM
import tailsweep_trainer

BATCH = 64
STREAMS = {"weights": 0, "order": 1, "step": 2, "sampling": 3, "validation": 4}


def generator(seed, stream, counter=0):
    """Returns the random generator of one use of a seed."""
    return np.random.default_rng([seed, STREAMS[stream], counter])


def normal(rng, *shape):
    return torch.from_numpy(rng.standard_normal(shape, dtype=np.float32))


class Net(load.Model):
    """The U-Net of examples/pytorch with gradients. latent is the output of the bottleneck, [B, H, W, C]."""

    def predict(self, x, t, label):
        return self.unet(x, t, label)

    def block(self, name, x, emb):
        y = super().block(name, x, emb)
        if name == "unet.middle1":
            self.latent = y
        return y

    def rates(self, t):
        """Returns sqrt(abar_t) and sqrt(1 - abar_t) of t [B], [B, 1, 1, 1] each."""
        return (torch.from_numpy(table).float().to(t.device)[t.long()].view(-1, 1, 1, 1) for table in (self.signal, self.noise))

    def to_eps(self, out, xt, t):
        """Returns the noise that a prediction means."""
        signal, noise = self.rates(t)
        return noise * xt + signal * out if self.prediction == "v" else out


def initial_weights(seed, classes, size, channels, width, depth, mult):
    """Returns the tensors of docs/checkpoints.md with the built-in trainer's distributions: a product keeps the variance of its
    input; the last layer of each residual branch and of the net is zero."""
    weights = {}

    def put(name, *shape, std=0.0, value=0.0):
        rng = generator(seed, "weights", len(weights))
        weights[name] = torch.full(shape, float(value)) if std == 0 else std * normal(rng, *shape)

    def linear(name, inputs, outputs, zero=False):
        put(name + ".weight", inputs, outputs, std=0 if zero else inputs**-0.5)
        put(name + ".bias", 1, outputs)

    def conv(name, inputs, outputs, zero=False):
        put(name + ".kernel", 3, 3, inputs, outputs, std=0 if zero else (9 * inputs) ** -0.5)
        put(name + ".bias", 1, 1, 1, outputs)

    def norm(name, count):
        put(name + ".scale", 1, 1, count, value=1)
        put(name + ".shift", 1, 1, count)

    def block(name, inputs, outputs):
        norm(name + ".norm0", inputs)
        conv(name + ".conv0", inputs, outputs)
        linear(name + ".embed", 4 * width, 2 * outputs)
        norm(name + ".norm1", outputs)
        conv(name + ".conv1", outputs, outputs, zero=True)
        if inputs != outputs:
            linear(name + ".shortcut", inputs, outputs)

    linear("unet.condition.time0", 4 * width, 4 * width)
    linear("unet.condition.time1", 4 * width, 4 * width)
    put("unet.condition.label.table", classes + 1, 4 * width, std=0.5)
    conv("unet.stem", channels, width)
    now, skips = width, []
    for level, multiple in enumerate(mult):
        for i in range(depth):
            block(f"unet.down{level}_{i}", now, multiple * width)
            now = multiple * width
            skips.append(now)
    block("unet.middle0", now, now)
    norm("unet.attention.norm", now)
    linear("unet.attention.qkv", now, 3 * now)
    linear("unet.attention.out", now, now, zero=True)
    block("unet.middle1", now, now)
    for level in reversed(range(len(mult))):
        for i in range(depth):
            block(f"unet.up{level}_{i}", now + skips.pop(), mult[level] * width)
            now = mult[level] * width
    norm("unet.norm", now)
    conv("unet.head", now, channels, zero=True)
    return weights


def losses(net, x0, eps, t, label, kept, infonce=None, alignment=None, temperature=0.1):
    """Returns the values of the terms by name, before their weights: ddpm, and infonce and alignment unless None.

    x0 and eps are [B, S, S, K], t and label [B], kept [B] is 0 where the label is dropped, else 1. infonce and alignment
    are the exponents p of the weight (t/T)^p.
    """
    signal, noise = net.rates(t)
    xt = signal * x0 + noise * eps
    null = torch.full_like(label, net.null)
    conditional = net.predict(xt, t, torch.where(kept > 0, label, null))
    target = signal * eps - noise * x0 if net.prediction == "v" else eps
    terms = {"ddpm": ((conditional - target) ** 2).mean()}
    if infonce is None and alignment is None:
        return terms
    unconditional = net.predict(xt, t, null)  # net.latent is of this pass
    weight = lambda p: (t.double() / load.STEPS).pow(p).float()
    if infonce is not None:
        h = net.latent.flatten(1)
        unit = h / (h.square().sum(-1, keepdim=True) + 1e-12).sqrt()
        similar = ((unit @ unit.T - 1) / temperature).exp()
        others = 1 - torch.eye(len(h), device=h.device)
        terms["infonce"] = (weight(infonce) * torch.log1p((similar * others).sum(-1))).mean()
    if alignment is not None:
        gap = net.to_eps(conditional, xt, t) - net.to_eps(unconditional, xt, t)
        terms["alignment"] = (weight(alignment) * kept * gap.square().mean((1, 2, 3))).mean()
    return terms


class Data:
    """Images of a file of `tailsweep data export`: [N, S, S, K] in [-1, 1], and labels [N]."""

    def __init__(self, path):
        with np.load(path) as file:
            images, self.labels, self.classes = file["images"], torch.from_numpy(file["labels"].astype(np.int64)), len(file["classes"])
        if images.ndim == 3:
            images = images[..., None]
        if images.dtype == np.uint8:
            images = images.astype(np.float32) / 127.5 - 1
        self.images = torch.from_numpy(images)
        self.size, self.channels = images.shape[1], images.shape[3]
        self._epoch, self._order = -1, None

    def batch(self, seed, step):
        """Returns images and labels of a step, counted from 1. Each image comes once in an epoch."""
        places = np.arange((step - 1) * BATCH, step * BATCH)
        chosen = np.empty(BATCH, np.int64)
        for epoch in np.unique(places // len(self.labels)):
            if epoch != self._epoch:
                self._epoch, self._order = epoch, generator(seed, "order", int(epoch)).permutation(len(self.labels))
            here = places // len(self.labels) == epoch
            chosen[here] = self._order[places[here] % len(self.labels)]
        return self.images[chosen], self.labels[chosen]


class Trainer:
    """Net, optimizer and EMA of a training."""

    def __init__(self, job, data, width, depth, mult):
        self.job, self.data, self.device = job, data, "cuda" if torch.cuda.is_available() else "cpu"
        p = job.parameters
        spec = {
            "model": {"arch": "unet", "width": width, "depth": depth, "mult": mult},
            "train": {"schedule": "linear", "prediction": "eps"},
            "dataset": {"size": data.size},
            "evaluate": {"ddim_steps": p.ddim_steps},
        }
        metadata = {"tailsweep.spec": json.dumps(spec)}
        weights = initial_weights(job.seed, data.classes, data.size, data.channels, width, depth, mult)
        weights = {name: w.to(self.device) for name, w in weights.items()}
        self.ema = Net({name: w.clone() for name, w in weights.items()}, metadata)
        self.net = Net({name: w.requires_grad_() for name, w in weights.items()}, metadata)
        self.adam = torch.optim.Adam(weights.values(), lr=p.lr)

    def load(self, folder):
        state = torch.load(folder / "state.pt", map_location=self.device)
        with torch.no_grad(), safe_open(folder / "model.safetensors", "pt") as ema:
            for name, w in self.net.weights.items():
                w.copy_(state["weights"][name])
                self.ema.weights[name].copy_(ema.get_tensor(name))
        self.adam.load_state_dict(state["adam"])

    def save(self, folder):
        save_file({name: w.cpu().contiguous() for name, w in self.ema.weights.items()}, folder / "model.safetensors", self.ema.metadata)
        torch.save({"weights": {name: w.detach() for name, w in self.net.weights.items()}, "adam": self.adam.state_dict()}, folder / "state.pt")
        if self.job.samples_dir(folder):
            images, labels = self.sample(self.job.samples_per_class)
            np.savez(folder / "samples.npz", images=images, labels=labels)

    def step(self, step):
        """Does a training step, counted from 1, and returns its losses."""
        p, (x0, label) = self.job.parameters, self.data.batch(self.job.seed, step)
        rng = generator(self.job.seed, "step", step)
        t = torch.from_numpy(rng.integers(0, load.STEPS, BATCH))
        kept = torch.from_numpy((rng.random(BATCH) >= p.label_dropout).astype(np.float32))
        eps = normal(rng, *x0.shape)
        inputs = [v.to(self.device) for v in (x0, eps, t, label, kept)]
        on = {"infonce": p["infonce.weight"], "alignment": p["alignment.weight"]}
        exponents = {name: p[name + ".exponent"] for name, weight in on.items() if weight > 0}
        terms = losses(self.net, *inputs, **exponents, temperature=p["infonce.temperature"])
        total = terms["ddpm"] + sum(on[name] * terms[name] for name in exponents)

        for group in self.adam.param_groups:
            group["lr"] = p.lr * min(1, step / max(1, p.warmup_steps))
        self.adam.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.net.weights.values(), 1.0)
        self.adam.step()
        decay = min(p.ema, (1 + step) / (10 + step))
        with torch.no_grad():
            for name, mean in self.ema.weights.items():
                mean.mul_(decay).add_(self.net.weights[name], alpha=1 - decay)
        return {"loss": total.item(), **{name: value.item() for name, value in terms.items()}}

    @torch.no_grad()
    def sample(self, count):
        """Returns count images of each class as bytes [N, S, S, K], and their labels [N]."""
        images, labels, p = [], [], self.job.parameters
        for label in range(self.data.classes):
            x = normal(generator(1, "sampling", label), count, self.data.size, self.data.size, self.data.channels)
            drawn = sample.ddim(self.ema, x.to(self.device), torch.full((count,), label, device=self.device), p.guidance, p.ddim_steps)
            images.append(((drawn + 1) * 127.5).round().byte().cpu().numpy())
            labels += [label] * count
        images = np.concatenate(images)
        return images if self.data.channels == 3 else images[..., 0], np.array(labels, np.int64)

    @torch.no_grad()
    def validate(self, data):
        """Returns the DDPM loss of the EMA on real images, and its standard error: the noise is the same for each trial."""
        rng, each = generator(1, "validation"), []
        for at in range(0, len(data.labels), 256):
            x0, label = data.images[at : at + 256], data.labels[at : at + 256]
            t, eps = torch.from_numpy(rng.integers(0, load.STEPS, len(label))), normal(rng, *x0.shape)
            x0, eps, t, label = (v.to(self.device) for v in (x0, eps, t, label))
            signal, noise = self.ema.rates(t)
            out = self.ema.predict(signal * x0 + noise * eps, t, label)
            each.append((out - eps).square().mean((1, 2, 3)).cpu())
        each = torch.cat(each).double()
        return each.mean().item(), (each.std() / len(each) ** 0.5).item()


def main():
    defaults = {"lr": 2e-3, "warmup_steps": 50, "ema": 0.995, "label_dropout": 0.1, "guidance": 1.0, "ddim_steps": 20}
    for term in ("infonce", "alignment"):
        defaults.update({term + ".weight": 0.0, term + ".exponent": 1.0})
    job = tailsweep_trainer.job(steps=450, **defaults, **{"infonce.temperature": 0.1})
    torch.use_deterministic_algorithms(True, warn_only=True)
    for name in ("train.npz", "real.npz"):
        if not (HERE / name).exists():
            raise tailsweep_trainer.Failure("bad_data", f"{HERE / name} is not there: `tailsweep data export` makes it, see ddpm_torch.py")
    trainer = Trainer(job, Data(HERE / "train.npz"), width=16, depth=1, mult=[1, 2, 2])
    if job.resume:
        trainer.load(job.resume)
    job.checkpoint(trainer.save)
    for step in job.steps():
        job.log(trainer.step(step))
    loss, error = trainer.validate(Data(HERE / "real.npz"))
    job.metrics(val_loss=loss, standard_error={"val_loss": error})


if __name__ == "__main__":
    main()
