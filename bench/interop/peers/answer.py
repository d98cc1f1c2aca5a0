"""Computes with an example what a file of reference values has, for bench/interop.

    answer.py FOLDER_OF_EXAMPLE CHECKPOINT REFERENCE ANSWER

REFERENCE and ANSWER are safetensors files; bench/interop/reference.go describes them.
"""

import pathlib
import sys

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

example, checkpoint, reference, answer = sys.argv[1:]
sys.path.insert(0, example)
import load
import sample

with safe_open(reference, "np") as file:
    given = {name: file.get_tensor(name) for name in file.keys()}

if "torch" in sys.modules:
    import torch

    array, library = torch.from_numpy, "PyTorch " + torch.__version__
else:
    import jax

    array, library = jax.numpy.asarray, "JAX " + jax.__version__

model = load.load(checkpoint)
x, t, label, noise, noise_label = (array(given[name]) for name in ("x", "t", "class", "noise", "noise.class"))
null = array(np.full_like(given["class"], model.null))
out = {"eps.cond": model.eps(x, t, label), "eps.uncond": model.eps(x, t, null)}
for name in given:
    if name.startswith("ddim."):
        _, steps, guidance = name.split(".", 2)
        out[name] = sample.ddim(model, noise, noise_label, float(guidance), int(steps))
if "torch" in sys.modules and model.model["arch"] == "unet":
    # The losses of a training, in examples/python/ddpm_torch.py.
    sys.path.insert(0, str(pathlib.Path(example).parent / "python"))
    import ddpm_torch

    net = ddpm_torch.Net(model.weights, model.metadata)
    x0, eps, kept = (array(given["given." + name]) for name in ("x0", "noise", "kept"))
    with torch.no_grad():
        for name, value in ddpm_torch.losses(net, x0, eps, t, label, kept, infonce=1, alignment=1).items():
            out["loss." + name] = value.reshape(1)
save_file({name: np.ascontiguousarray(value) for name, value in out.items()}, answer, {"library": library})
