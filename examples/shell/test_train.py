"""Tests of train.sh: python3 -m unittest discover examples/shell"""

import os
import pathlib
import re
import signal
import subprocess
import tempfile
import threading
import unittest

SCRIPT = pathlib.Path(__file__).with_name("train.sh").resolve()
LIMIT = 120


class TestShell(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def start(self, *arguments, **job):
        (self.folder / "staging").mkdir(exist_ok=True)
        env = {"PATH": os.environ["PATH"], "TAILSWEEP_STAGING": str(self.folder / "staging")}
        env.update({"TAILSWEEP_" + name.upper(): str(value) for name, value in job.items()})
        process = subprocess.Popen(["sh", str(SCRIPT), *arguments], cwd=self.folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, universal_newlines=True)
        self.addCleanup(process.kill)
        return process

    def run_to_end(self, *arguments, code=0, **job):
        process = self.start(*arguments, **job)
        out, log = process.communicate(timeout=LIMIT)
        self.assertEqual(process.returncode, code, log)
        return out

    def state(self, step):
        return (self.folder / "staging" / f"step-{step}" / "state").read_text()

    def test_parts_equal_one_training(self):
        whole = self.run_to_end(until=60, checkpoint_every=25, seed=2)
        self.assertEqual(re.findall(r"checkpoint: (\d+)", whole), ["25", "50", "60"])
        self.assertEqual(re.findall(r"step: (\d+) loss: [0-9.e+-]+\n", whole), [str(n) for n in range(1, 61)])
        want = self.state(60)
        self.run_to_end(until=33, checkpoint_every=25, seed=2)
        rest = self.run_to_end(until=60, checkpoint_every=25, seed=2, resume=self.folder / "staging" / "step-33")
        self.assertEqual(self.state(60), want)
        self.assertEqual(re.findall(r"step: (\d+) loss", rest)[0], "34")
        self.assertEqual(rest[rest.index("step: 60") :], whole[whole.index("step: 60") :])
        self.run_to_end(until=60, checkpoint_every=25, seed=3)
        self.assertNotEqual(self.state(60), want)

    def test_parameters_matter(self):
        error = lambda *arguments: float(re.findall(r"error: (\S+)", self.run_to_end(*arguments, until=60, checkpoint_every=60))[-1])
        self.assertLess(error("--lr=0.3"), error("--lr=0.01"))
        self.assertLess(error("--lr=0.05", "--momentum=0.9"), error("--lr=0.05", "--momentum=0"))

    def test_sigterm(self):
        for send in (os.kill, os.killpg):
            with self.subTest(send.__name__):
                process = self.start(until=100000, checkpoint_every=100000)
                first = process.stdout.readline()
                send(process.pid, signal.SIGTERM)
                kill = threading.Timer(LIMIT, process.kill)
                kill.start()
                self.addCleanup(kill.cancel)
                out, log = first + process.stdout.read(), process.stderr.read()
                self.assertEqual(process.wait(), 0, log)
                saved = re.findall(r"checkpoint: (\d+)", out)
                self.assertEqual(len(saved), 1, out[-500:])
                self.assertEqual(self.state(saved[0]).split()[0], saved[0])
                self.assertEqual(re.findall(r"step: (\d+)", out)[-1], saved[0])

    def test_divergence(self):
        out = self.run_to_end("--lr=10", until=100, checkpoint_every=100)
        self.assertTrue(out.endswith(" loss: nan\n"), out)
        self.assertEqual(list((self.folder / "staging").glob("step-*")), [])

    def test_unknown_argument(self):
        for argument in ("--rate=1", "--lr=fast", "--momentum="):
            self.run_to_end(argument, code=2)


if __name__ == "__main__":
    unittest.main()
