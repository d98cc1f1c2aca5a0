"""Tests of ddpm_torch.py: python -m unittest discover examples/python, with the packages of examples/pytorch.

Without PyTorch they are skipped.
"""

import pathlib
import sys
import tempfile
import unittest

from protocoltest import Attempt, files, python

try:
    import numpy as np
    import torch

    import ddpm_torch
except ImportError as error:
    raise unittest.SkipTest(f"ddpm_torch.py cannot run: {error}")

HERE = pathlib.Path(__file__).resolve().parent
ON = {"infonce.weight": 0.1, "alignment.weight": 0.1}


def write_data(path, count):
    """Writes images as `tailsweep data export` does: three classes of 8x8 pixels."""
    rng, labels = np.random.default_rng(count), np.arange(count) % 3
    images = np.clip(rng.normal(80 * labels[:, None, None], 20, (count, 8, 8)), 0, 255).astype(np.uint8)
    np.savez(path, images=images, labels=labels, classes=np.array(["a", "b", "c"]))


class TestTraining(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder, self.started = pathlib.Path(temporary.name), 0
        # As in an attempt: the files of the spec in their places below one folder.
        for name in ("python/ddpm_torch.py", "python/tailsweep_trainer.py", "pytorch/load.py", "pytorch/sample.py"):
            (self.folder / name).parent.mkdir(exist_ok=True)
            (self.folder / name).write_text((HERE.parent / name).read_text())
        write_data(self.folder / "python" / "train.npz", 90)
        write_data(self.folder / "python" / "real.npz", 30)

    def start(self, **fields):
        self.started += 1
        attempt = Attempt(python(self.folder / "python" / "ddpm_torch.py"), self.folder / str(self.started), env={"OMP_NUM_THREADS": "1"}, steps=5, checkpoint_every=5, **fields)
        self.addCleanup(attempt.kill)
        return attempt

    def test_parts_equal_one_training(self):
        more = {"parameters": {**ON, "ddim_steps": 2}, "samples_per_class": 2, "dataset": {"name": "x"}}
        whole = self.start(until=5, **more)
        self.assertEqual(whole.last(), {"type": "done", "step": 5})
        self.assertEqual(sorted(whole.losses()[1]), ["alignment", "ddpm", "infonce", "loss"])
        rung = self.start(until=2, **more)
        self.assertEqual(rung.last(), {"type": "done", "step": 2})
        rest = self.start(until=5, resume=rung.checkpoints[2], **more)
        self.assertEqual(rest.last(), {"type": "done", "step": 5})
        self.assertEqual({**rung.losses(), **rest.losses()}, whole.losses())
        self.assertEqual(rest.of("metrics"), whole.of("metrics"))
        a, b = (files(attempt.checkpoints[5]) for attempt in (whole, rest))
        self.assertEqual(sorted(a), ["model.safetensors", "samples.npz", "state.pt"])
        self.assertEqual(a["model.safetensors"], b["model.safetensors"])
        with np.load(whole.checkpoints[5] / "samples.npz") as one, np.load(rest.checkpoints[5] / "samples.npz") as two:
            self.assertEqual((one["images"].shape, one["images"].dtype), ((6, 8, 8), np.uint8))
            self.assertEqual(one["labels"].tolist(), [0, 0, 1, 1, 2, 2])
            np.testing.assert_array_equal(one["images"], two["images"])
        one, two = (torch.load(attempt.checkpoints[5] / "state.pt") for attempt in (whole, rest))
        for name, w in one["weights"].items():
            self.assertTrue(torch.equal(w, two["weights"][name]), name)
        for i, state in one["adam"]["state"].items():
            self.assertTrue(all(torch.equal(value, two["adam"]["state"][i][key]) for key, value in state.items()), i)

    def test_without_data(self):
        (self.folder / "python" / "real.npz").unlink()
        last = self.start(until=5).last()
        self.assertEqual((last["type"], last["class"]), ("error", "bad_data"))
        self.assertIn("tailsweep data export", last["message"])


class TestData(unittest.TestCase):
    def test_every_image_once_in_an_epoch(self):
        with tempfile.TemporaryDirectory() as folder:
            write_data(pathlib.Path(folder) / "a.npz", 96)
            data = ddpm_torch.Data(pathlib.Path(folder) / "a.npz")
        data.images = torch.arange(96.0).view(96, 1, 1, 1)
        seen = torch.cat([data.batch(1, step)[0].flatten() for step in (1, 2, 3)])  # 2 epochs of 96, in 3 batches of 64
        self.assertEqual(sorted(seen[:96].tolist()), list(range(96)))
        self.assertEqual(sorted(seen[96:].tolist()), list(range(96)))
        self.assertNotEqual(seen[:96].tolist(), seen[96:].tolist())
        self.assertEqual(data.batch(1, 2)[0].flatten().tolist(), seen[64:128].tolist(), "a function of seed and step")
        self.assertNotEqual(data.batch(2, 1)[0].flatten().tolist(), seen[:64].tolist())


if __name__ == "__main__":
    unittest.main()
