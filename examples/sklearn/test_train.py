"""Tests of train.py: python -m unittest discover examples/sklearn, with the packages of requirements.txt."""

import pathlib
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "python"))
from protocoltest import Attempt, files, python


class TestClassifier(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)
        self.started = 0

    def start(self, **fields):
        self.started += 1
        attempt = Attempt(python(HERE / "train.py"), self.folder / str(self.started), steps=9, checkpoint_every=4, **fields)
        self.addCleanup(attempt.kill)
        return attempt

    def test_parts_equal_one_training(self):
        parameters = {"balance": 0.7, "learning_rate": 0.003, "alpha": 0.0003}
        whole = self.start(until=9, parameters=parameters)
        self.assertEqual(whole.last(), {"type": "done", "step": 9})
        rung = self.start(until=3, parameters=parameters)
        self.assertEqual(rung.last(), {"type": "done", "step": 3})
        rest = self.start(until=9, parameters=parameters, resume=rung.checkpoints[3])
        self.assertEqual(rest.last(), {"type": "done", "step": 9})
        self.assertEqual({**rung.losses(), **rest.losses()}, whole.losses())
        self.assertEqual(files(rest.checkpoints[9]), files(whole.checkpoints[9]))
        self.assertEqual(rest.of("metrics"), whole.of("metrics"))

    def test_killed(self):
        whole = self.start(until=9)
        whole.end()
        killed = self.start(until=9)
        killed.wait_for("checkpoint", step=4)
        killed.kill()
        killed.end()
        rest = self.start(until=9, resume=killed.checkpoints[4])
        self.assertEqual(rest.last()["type"], "done")
        self.assertEqual(rest.of("metrics"), whole.of("metrics"))

    def test_balance_finds_the_rare_class(self):
        plain, balanced = self.start(until=9), self.start(until=9, parameters={"balance": 1.0})
        plain.end(), balanced.end()
        (a,), (b,) = plain.of("metrics"), balanced.of("metrics")
        self.assertLess(a["metrics"]["tail_recall"] + 5 * a["standard_error"]["tail_recall"], b["metrics"]["tail_recall"])
        self.assertGreater(a["metrics"]["head_recall"], b["metrics"]["head_recall"])
        # 153 of the 4,800 held-out rows are of the rarest class.
        r = b["metrics"]["tail_recall"]
        self.assertAlmostEqual(b["standard_error"]["tail_recall"] ** 2, r * (1 - r) / 153)

    def test_divergence(self):
        a = self.start(until=9, parameters={"learning_rate": 1e12})
        self.assertEqual(a.last()["type"], "diverged")


if __name__ == "__main__":
    unittest.main()
