"""Tests of tailsweep_trainer.py: python3 -m unittest discover examples/python

Each test starts a script in a process of its own and reads what it sends.
"""

import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import unittest

from protocoltest import LIMIT, Attempt, files, python

# A training whose weights and data order show where it has continued from. At the step
# `pause` it waits until a file `go` is there or SIGTERM has come.
TRAINER = """
    import json, os, pathlib, random, time
    import tailsweep_trainer

    job = tailsweep_trainer.job(rate=0.5, pause=0)
    rng, weight = random.Random(job.seed), 8.0
    if job.resume:
        state = json.loads((job.resume / "deep" / "state.json").read_text())
        weight = state["weight"]
        rng.setstate((state["rng"][0], tuple(state["rng"][1]), state["rng"][2]))

    def save(folder):
        (folder / "deep").mkdir()
        state = {"weight": weight, "rng": rng.getstate()}
        (folder / "deep" / "state.json").write_text(json.dumps(state))
        samples = job.samples_dir(folder)
        if samples:
            (samples / "0").mkdir()
            (samples / "0" / "00000.png").write_bytes(b"png")

    job.checkpoint(save)
    for step in job.steps():
        weight -= job.parameters.rate * (weight - rng.gauss(0, 1)) / step
        job.log(loss=weight ** 2, weight=weight)
        while step == job.parameters.pause and not job._stop and not os.path.exists("go"):
            time.sleep(0.01)
    job.metrics(val_loss=weight ** 2, standard_error={"val_loss": 0.25})
"""


class Case(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)
        self.started = 0

    def start(self, script=TRAINER, **fields):
        self.started += 1
        folder = self.folder / f"attempt-{self.started}"
        folder.mkdir()
        (folder / "train.py").write_text(textwrap.dedent(script))
        attempt = Attempt(python(folder / "train.py"), folder, **fields)
        self.addCleanup(attempt.kill)
        return attempt


class TestLifecycle(Case):
    def test_training_to_its_end(self):
        a = self.start(steps=10, until=10, checkpoint_every=4)
        self.assertEqual(a.last(), {"type": "done", "step": 10})
        self.assertEqual(a.messages[0], {"type": "started", "step": 0})
        self.assertEqual(sorted(a.losses()), list(range(1, 11)))
        self.assertEqual(sorted(a.losses()[1]), ["loss", "weight"])
        self.assertEqual(sorted(a.checkpoints), [4, 8, 10])
        metrics = a.messages[-2]
        self.assertEqual((metrics["type"], metrics["step"], metrics["standard_error"]), ("metrics", 10, {"val_loss": 0.25}))
        self.assertAlmostEqual(metrics["metrics"]["val_loss"], a.losses()[10]["loss"])
        self.assertEqual(list(a.staging.iterdir()), [])

    def test_parts_equal_one_training(self):
        whole = self.start(steps=9, until=9, checkpoint_every=9)
        self.assertEqual(whole.last()["type"], "done")
        rung = self.start(steps=9, until=3, checkpoint_every=9)
        self.assertEqual(rung.last(), {"type": "done", "step": 3})
        self.assertEqual(sorted(rung.checkpoints), [3])
        rest = self.start(steps=9, until=9, checkpoint_every=9, resume=rung.checkpoints[3])
        self.assertEqual(rest.last(), {"type": "done", "step": 9})
        self.assertEqual(rest.messages[0], {"type": "started", "step": 3})
        self.assertEqual({**rung.losses(), **rest.losses()}, whole.losses())
        self.assertEqual(files(rest.checkpoints[9]), files(whole.checkpoints[9]))

    def test_sigterm_saves_the_step_that_runs(self):
        whole = self.start(steps=9, until=9, checkpoint_every=9)
        whole.end()
        first = self.start(parameters={"pause": 5}, steps=9, until=9, checkpoint_every=4)
        first.wait_for("progress", step=5)
        first.terminate()
        self.assertEqual(first.last(), {"type": "preempted", "step": 5})
        self.assertEqual(first.process.returncode, 0)
        self.assertEqual(sorted(first.checkpoints), [4, 5])
        self.assertEqual(first.of("metrics"), [])
        rest = self.start(steps=9, until=9, checkpoint_every=4, resume=first.checkpoints[5])
        self.assertEqual(rest.last()["type"], "done")
        self.assertEqual(files(rest.checkpoints[9]), files(whole.checkpoints[9]))

    def test_sigterm_at_a_step_that_is_saved_anyway(self):
        a = self.start(parameters={"pause": 4}, steps=9, until=9, checkpoint_every=4)
        a.wait_for("progress", step=4)
        a.terminate()
        self.assertEqual(a.last(), {"type": "preempted", "step": 4})
        self.assertEqual(len(a.of("checkpoint")), 1)

    def test_sigterm_before_the_first_step_and_after_the_last_one(self):
        wait = "import time, sys\nprint('ready', file=sys.stderr, flush=True)\nopen('ready', 'w').close()\nwhile True: time.sleep(0.01)\n"
        begin = "import tailsweep_trainer\njob = tailsweep_trainer.job()\njob.resume\n"
        a = self.start(begin + "job._channel.progress(7, {})\n" + wait, resume=self.checkpoint(7))
        a.wait_for("progress", step=7)
        a.terminate()
        self.assertEqual(a.last(), {"type": "preempted", "step": 7})
        loop = "job.checkpoint(lambda folder: (folder / 'a').write_text('a'))\nfor step in job.steps(): pass\n"
        a = self.start(begin + loop + wait)
        a.wait_for("checkpoint", step=10)
        a.terminate()
        self.assertEqual(a.last(), {"type": "preempted", "step": 10})

    def test_results_of_a_checkpoint_at_the_end(self):
        # The attempt before was interrupted while it computed its metrics.
        a = self.start(steps=9, until=3, checkpoint_every=9, samples_per_class=1, dataset={"name": "x"})
        a.end()
        b = self.start(steps=9, until=3, checkpoint_every=9, samples_per_class=1, dataset={"name": "x"}, resume=a.checkpoints[3])
        self.assertEqual(b.last(), {"type": "done", "step": 3})
        self.assertEqual(b.losses(), {})
        self.assertEqual(b.of("metrics"), a.of("metrics"))
        self.assertEqual(files(b.checkpoints[3]), files(a.checkpoints[3]))

    def test_samples_at_the_end_alone(self):
        a = self.start(checkpoint_every=4, samples_per_class=1, dataset={"name": "x"})
        self.assertEqual(a.last()["type"], "done")
        self.assertIn("samples/0/00000.png", files(a.checkpoints[10]))
        self.assertNotIn("samples/0/00000.png", files(a.checkpoints[4]))
        a = self.start(parameters={"pause": 10}, samples_per_class=1, dataset={"name": "x"})
        a.wait_for("progress", step=10)
        a.terminate()
        self.assertEqual(a.last()["type"], "preempted")
        self.assertEqual(list(files(a.checkpoints[10])), ["deep/state.json"], "sampling takes longer than SIGTERM allows")

    def test_without_reading_resume(self):
        a = self.start("import tailsweep_trainer\nfor step in tailsweep_trainer.job().steps(): pass", resume=self.checkpoint(7))
        log = a.end()
        self.assertEqual(a.messages[0], {"type": "started", "step": 0})
        self.assertIn("has not read job.resume", log)
        self.assertIn("no function was given to job.checkpoint()", log)

    def test_a_checkpoint_after_the_end(self):
        a = self.start(until=3, resume=self.checkpoint(7), script="import tailsweep_trainer\njob = tailsweep_trainer.job()\njob.resume\nfor step in job.steps(): pass")
        self.assertEqual(a.last()["type"], "error")
        self.assertIn("step 7, after the step 3", a.messages[-1]["message"])

    def test_metrics_of_an_earlier_step_do_not_count(self):
        a = self.start(
            """
            import tailsweep_trainer
            job = tailsweep_trainer.job()
            for step in job.steps():
                if step % 5 == 0:
                    job.metrics(accuracy=step)
            job.metrics({"recall.tail": 0.5}, standard_error={"recall.tail": float("nan")})
        """
        )
        log = a.end()
        self.assertEqual([m["step"] for m in a.of("metrics")], [10, 10])
        self.assertEqual(a.of("metrics")[-1], {"type": "metrics", "step": 10, "metrics": {"accuracy": 10.0, "recall.tail": 0.5}})
        self.assertIn("step 5: accuracy=5", log)

    def test_fields_of_the_job(self):
        a = self.start(
            """
            import tailsweep_trainer
            job = tailsweep_trainer.job(rate=0.5, width=3)
            assert job.parameters == {"rate": 1.5, "width": 3, "mode": "a", "flip": True}, job.parameters
            assert job.parameters.rate == 1.5 and job.parameters["mode"] == "a"
            try:
                job.parameters.rat
            except AttributeError as error:
                assert "valid: flip, mode, rate, width" in str(error), error
            else:
                raise AssertionError("no error")
            assert (job.seed, job.total_steps, job.until, job.checkpoint_every) == (1, 10, 5, 10)
            assert job.device == "2" and job.dataset["name"] == "icons" and job.samples_per_class == 7
            assert job.resume is None
            for step in job.steps(): pass
        """,
            parameters={"rate": 1.5, "mode": "a", "flip": True}, until=5, device="2", dataset={"name": "icons"}, samples_per_class=7,
        )  # fmt: skip
        self.assertEqual(a.last(), {"type": "done", "step": 5})

    def checkpoint(self, step):
        folder = self.folder / f"step-{step}"
        folder.mkdir(exist_ok=True)
        return folder


class TestEnds(Case):
    LOOP = "import tailsweep_trainer\njob = tailsweep_trainer.job()\nfor step in job.steps():\n    "

    def check(self, script, kind, text, **fields):
        a = self.start(script, **fields)
        last = a.last()
        self.assertEqual((last["type"], last.get("class")), ("error", kind), last)
        self.assertIn(text, last["message"])
        return a

    def test_not_finite(self):
        for value in ("nan", "inf", "-inf"):
            a = self.start(self.LOOP + f"job.log(loss=1.0 if step < 4 else float('{value}'))\njob.metrics(a=1)")
            log = a.end()
            self.assertEqual(a.messages[-1], {"type": "diverged", "step": 4})
            self.assertIn(f"loss is {value}", log)
        a = self.start(self.LOOP + "pass\njob.metrics(val_loss=float('nan'))")
        self.assertEqual(a.last(), {"type": "diverged", "step": 10})

    def test_classes(self):
        self.check(self.LOOP + "raise ValueError('wrong width')", "bug", "ValueError: wrong width (train.py, line 4)")
        self.check(self.LOOP + "raise MemoryError()", "out_of_memory", "MemoryError")
        self.check(self.LOOP + "class OutOfMemoryError(RuntimeError): pass\n    raise OutOfMemoryError('CUDA')", "out_of_memory", "OutOfMemoryError: CUDA")
        self.check(self.LOOP + "raise RuntimeError('CUDA error: out of memory')", "out_of_memory", "RuntimeError")
        self.check(self.LOOP + "import a_package_that_is_not_there", "environment", "ModuleNotFoundError")
        self.check(self.LOOP + "raise ConnectionResetError('peer')", "transient", "peer")
        self.check(self.LOOP + "raise tailsweep_trainer.Failure('bad_data', 'no images')", "bad_data", "no images")
        self.check(self.LOOP + "raise tailsweep_trainer.Failure('bad-data', 'no images')", "bug", "valid: bad_data, out_of_memory, bug, transient, environment")
        a = self.check(self.LOOP + "raise ValueError('x' * 1000000)", "bug", "xxx")
        self.assertIn("Traceback", a.end() or a._log[0].decode())

    def test_ends_that_say_nothing(self):
        self.check("import tailsweep_trainer\ntailsweep_trainer.job()", "bug", "ended at step 0, before job.steps() had come to step 10")
        self.check(self.LOOP + "if step == 4: break", "bug", "ended at step 4, before")
        self.check(self.LOOP + "pass\nimport sys\nsys.exit(3)", "bug", "sys.exit(3)")
        self.check(self.LOOP + "pass\nimport argparse\nargparse.ArgumentParser().parse_args(['--x'])", "bug", "sys.exit(2)")
        a = self.start(self.LOOP + "pass\nimport sys\nsys.exit(0)")
        self.assertEqual(a.last()["type"], "done")
        a = self.start(self.LOOP + "pass\nimport os\nos._exit(0)")
        self.assertEqual(a.last()["type"], "started")

    def test_faults_of_the_script(self):
        self.check(self.LOOP + "job.log({'two words': 1})", "bug", "loss 'two words' (valid: a letter or _")
        self.check(self.LOOP + "job.log({f'a{i}': i for i in range(33)})", "bug", "33 numbers (valid: at most 32")
        self.check(self.LOOP + "pass\njob.metrics({f'a{i}': i for i in range(65)})", "bug", "65 numbers (valid: at most 64")
        self.check(self.LOOP + "pass\nfor n in range(65): job.metrics({f'a{n}': n})", "bug", "65 metrics (valid: at most 64")
        self.check(self.LOOP + "pass\njob.metrics(a=1, standard_error={'b': 1})", "bug", "standard_error has 'b'")
        self.check(self.LOOP + "pass\nfor step in job.steps(): pass", "bug", "was called before")
        self.check(self.LOOP + "job.checkpoint(lambda folder: None)", "bug", "wrote no file at step 10")
        self.check(self.LOOP + "job.checkpoint(lambda folder: (folder / 'metrics.json').write_text('{}'))", "bug", "metrics.json, which tailsweep writes")
        self.check(self.LOOP + "pass", "bug", "the job has protocol 2", protocol=2)

    def test_a_save_that_fails_leaves_nothing(self):
        a = self.check(self.LOOP + "job.checkpoint(lambda folder: (folder / 'a').write_text('a') and 1 / 0)", "bug", "ZeroDivisionError")
        self.assertEqual(list(a.staging.iterdir()), [])
        self.assertEqual(a.checkpoints, {})


class TestOutput(Case):
    def test_prints_cannot_break_a_message(self):
        a = self.start(
            """
            import os, subprocess, sys, threading
            print("before the job", end="")
            import tailsweep_trainer
            job = tailsweep_trainer.job()
            print('{"type": "done", "step": 10}')
            os.write(1, b"from a library in C ")
            subprocess.run(["echo", "from a child"], check=True)
            def talk(name):
                for i in range(200):
                    job.log({f"{name * 98}{n:02}": -1.2345678901234567e-300 for n in range(32)})  # more than a pipe takes at once
                    print("text", flush=True)
            for step in job.steps():
                threads = [threading.Thread(target=talk, args=(name,)) for name in "abcd"]
                for thread in threads: thread.start()
                for thread in threads: thread.join()
        """,
            until=1,
        )
        a._take = (lambda take: lambda line: None if line == b"before the job\n" else take(line))(a._take)
        log = a.end()
        self.assertEqual(len(a.of("progress")), 800)
        self.assertEqual(a.messages[-1], {"type": "done", "step": 1})
        for text in ('{"type": "done", "step": 10}', "from a library in C", "from a child"):
            self.assertIn(text, log)

    def test_child_processes_send_nothing_and_end_by_sigterm(self):
        a = self.start(
            """
            import multiprocessing, os, signal, sys, time
            import tailsweep_trainer
            job = tailsweep_trainer.job()
            for step in job.steps():
                child = os.fork()
                if child == 0:
                    job.log(loss=1)
                    sys.exit(5)
                assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5 if hasattr(os, "waitstatus_to_exitcode") else os.waitpid(child, 0)
                worker = multiprocessing.get_context("fork").Process(target=time.sleep, args=(1000,))
                worker.start()
                worker.terminate()
                worker.join(60)
                assert worker.exitcode == -signal.SIGTERM, worker.exitcode
        """,
            until=1,
        )
        self.assertEqual(a.last(), {"type": "done", "step": 1})
        self.assertEqual(a.losses(), {})

    @unittest.skipUnless(sys.platform == "linux", "reads /proc")
    def test_sigterm_amid_a_message(self):
        # The pipe is full, so the script is in the middle of a line when the signal comes.
        reading = threading.Event()
        a = self.start("import tailsweep_trainer\njob = tailsweep_trainer.job()\nfor step in job.steps(): pass\nwhile True: job.log({'a' * 98 + f'{i:02}': -1.2345678901234567e-300 for i in range(32)})", reading=reading)
        deadline = time.monotonic() + LIMIT
        while a.waiting_bytes() < 8 << 12 or not a.blocked():
            self.assertLess(time.monotonic(), deadline)
        a.terminate()
        while a.pending(signal.SIGTERM):
            self.assertLess(time.monotonic(), deadline)
        reading.set()
        self.assertEqual(a.last(), {"type": "preempted", "step": 10})

    def test_samples_in_one_file(self):
        a = self.start(
            """
            import tailsweep_trainer
            job = tailsweep_trainer.job()
            def save(folder):
                if job.samples_dir(folder):
                    (folder / "samples.npz").write_bytes(b"npz")
            job.checkpoint(save)
            for step in job.steps(): pass
        """,
            samples_per_class=1,
        )
        self.assertEqual(a.last()["type"], "done")
        self.assertEqual([f.name for f in a.checkpoints[10].iterdir()], ["samples.npz"])

    def test_silence_is_broken(self):
        a = self.start("import tailsweep_trainer\ntailsweep_trainer.QUIET_SECONDS = 0\nfor step in tailsweep_trainer.job().steps(): pass", until=3)
        self.assertEqual(a.last()["type"], "done")
        self.assertEqual([m["step"] for m in a.of("progress")], [1, 2, 3])

    def test_nobody_reads(self):
        a = self.start("import tailsweep_trainer\njob = tailsweep_trainer.job()\nfor step in job.steps():\n    job._channel._descriptor = 12345\n    job.log(loss=1)")
        self.assertIn("could not be sent", a.end())
        self.assertEqual(a.process.returncode, 1)


class TestByHand(Case):
    def run_script(self, *arguments, script=TRAINER, code=0):
        (self.folder / "train.py").write_text(textwrap.dedent(script))
        command = python(self.folder / "train.py") + list(arguments)
        done = subprocess.run(command, cwd=self.folder, env={"PYTHONPATH": str(pathlib.Path(__file__).parent)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=LIMIT, universal_newlines=True)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def test_by_hand(self):
        out = self.run_script("--rate=0.25", "--steps=8", "--checkpoint_every=4", "--seed=3").stdout
        self.assertIn("step 8: loss=", out)
        self.assertIn("step 8: done", out)
        self.assertEqual(sorted(f.name for f in (self.folder / "run").iterdir()), ["metrics.json", "step-4", "step-8"])
        self.assertEqual(list(json.loads((self.folder / "run" / "metrics.json").read_text())), ["val_loss"])
        whole = files(self.folder / "run" / "step-8")
        out = self.run_script("--rate=0.25", "--steps=8", "--seed=3", "--resume=run/step-4", "--run=again").stdout
        self.assertNotIn("step 4:", out)
        self.assertEqual(files(self.folder / "again" / "step-8"), whole)
        self.run_script("--rate=0.25", "--steps=8", "--seed=3")  # over the folders that are there
        self.assertEqual(files(self.folder / "run" / "step-8"), whole)

    def test_arguments(self):
        for argument, text in {
            "--rat=1": "valid names: checkpoint_every, pause, rate, resume, run, samples_per_class, seed, steps",
            "rate=1": "valid: --name=value",
            "--rate": "valid: --name=value",
            "--steps=many": "valid: a whole number",
            "--resume=nowhere": "valid: a folder step-NUMBER",
        }.items():
            done = self.run_script(argument, code=1)
            self.assertIn(text, done.stderr)
        check = "import tailsweep_trainer\njob = tailsweep_trainer.job(steps=1)\nassert job.parameters == {'a': 1, 'b': 0.5, 'c': True, 'd': 'x=y', 'e': ''}, job.parameters\nfor step in job.steps(): pass"
        self.run_script("--a=1", "--b=5e-1", "--c=true", "--d=x=y", "--e=", script=check)

    def test_a_failure_is_a_traceback(self):
        done = self.run_script(script=TestEnds.LOOP + "raise ValueError('wrong')", code=1)
        self.assertIn("Traceback", done.stderr)
        self.assertIn("error (bug): ValueError: wrong", done.stderr)

    def test_the_ten_lines_of_the_documentation(self):
        import tailsweep_trainer

        example = textwrap.dedent(tailsweep_trainer.__doc__.split("\n\n")[1] + "\n\n" + tailsweep_trainer.__doc__.split("\n\n")[2])
        model = """
            import json
            class Model:
                def __init__(self, seed, lr): self.w, self.lr = 1.0 + seed, lr
                def save(self, path): path.write_text(json.dumps(self.w))
                def load(self, path): self.w = json.loads(path.read_text())
                def train_one_step(self, step): self.w -= self.lr * self.w; return self.w ** 2
                def validate(self): return self.w ** 2
        """
        a = self.start(textwrap.dedent(model) + example, until=4)
        self.assertEqual(a.last(), {"type": "done", "step": 4})
        b = self.start(textwrap.dedent(model) + example, resume=a.checkpoints[4])
        self.assertEqual(b.last(), {"type": "done", "step": 10})
        self.assertEqual(sorted(b.losses()), list(range(5, 11)))


if __name__ == "__main__":
    unittest.main()
