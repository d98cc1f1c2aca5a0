"""The side of tailsweep in the trainer protocol, for tests of Python trainers: it starts a program and reads its messages.

It is stricter than a worker: a line of standard output that is not a valid message is a failure of the test.
"""

import fcntl
import json
import math
import os
import pathlib
import queue
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
import threading

LIMIT = 120.0  # seconds that a test waits for a message or an end
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]{0,99}")
FIELDS = {
    "started": {"step"},
    "progress": {"step", "losses"},
    "checkpoint": {"step", "dir"},
    "metrics": {"step", "metrics"},
    "done": {"step"},
    "diverged": {"step"},
    "preempted": {"step"},
    "error": {"class", "message"},
}
LAST = ("done", "diverged", "preempted", "error")


class Attempt:
    """One process. messages has what it has sent, checkpoints the folders by step.

    fields are those of the job. reading, if given, is the event after which its messages are read.
    """

    def __init__(self, command, folder, parameters=None, resume=None, env=None, reading=None, **fields):
        folder = pathlib.Path(folder)
        self.reading = reading
        self.folder, self.messages, self.checkpoints, self.wrong = folder, [], {}, []
        self.staging, self.sealed = folder / "staging", folder / "sealed"
        for path in (self.staging, self.sealed):
            path.mkdir(parents=True, exist_ok=True)
        job = {"protocol": 1, "sweep": "test", "trial": 3, "attempt": 1, "parameters": parameters or {}, "seed": 1, "steps": 10, "until": 10, "checkpoint_every": 10, "staging": str(self.staging), "seconds_to_save": 60, "unknown": [1]}
        if resume is not None:
            job.update(resume=str(resume), resume_step=int(pathlib.Path(resume).name.split("-")[1]))
        job.update(fields)
        (folder / "job.json").write_text(json.dumps(job))
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "LD_LIBRARY_PATH", "TMPDIR") if name in os.environ}
        environment.update({"TAILSWEEP_JOB": str(folder / "job.json"), "PYTHONPATH": str(pathlib.Path(__file__).parent)}, **(env or {}))
        self.process = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        self._seen: "queue.Queue" = queue.Queue()
        self._log = []
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._read, lambda: self._log.append(self.process.stderr.read()))]
        for thread in self._threads:
            thread.start()

    def _read(self):
        if self.reading:
            self.reading.wait(LIMIT)
        for line in self.process.stdout:
            if line.strip():
                self._take(line)
        self._seen.put(None)

    def _take(self, line):
        try:
            message = json.loads(line, parse_constant=lambda word: self.wrong.append(f"{word} in {line!r}"))
            kind = message["type"]
            missing = FIELDS[kind] - set(message)
            numbers = {**message.get("losses", {}), **message.get("metrics", {}), **message.get("standard_error", {})}
        except (ValueError, KeyError, TypeError) as error:
            self.wrong.append(f"{line!r} is no message: {error!r}")
            return
        if missing:
            self.wrong.append(f"{line!r} has no {missing}")
        if len(line) > 256 << 10:
            self.wrong.append(f"a line of {len(line)} bytes")
        if self.messages and self.messages[-1]["type"] in LAST:
            self.wrong.append(f"{line!r} after {self.messages[-1]}")
        for name, value in numbers.items():
            if not NAME.fullmatch(name) or not isinstance(value, (int, float)) or not math.isfinite(value):
                self.wrong.append(f"{name!r}: {value!r} in {line!r}")
        if kind == "checkpoint":
            # As tailsweep does: the folder is moved away at once.
            moved = self.sealed / f"step-{message['step']}"
            shutil.rmtree(moved, ignore_errors=True)
            (self.staging / message["dir"]).rename(moved)
            self.checkpoints[message["step"]] = moved
        self.messages.append(message)
        self._seen.put(message)

    def wait_for(self, kind, **fields):
        """Waits for a message of this type with these fields, among those that were not waited for."""
        while True:
            message = self._seen.get(timeout=LIMIT)
            if message is None:
                raise AssertionError(f"the program ended without {kind} {fields}: {self.messages}\n{self.end()}")
            if message["type"] == kind and all(message.get(name) == value for name, value in fields.items()):
                return message

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def waiting_bytes(self):
        """Bytes of standard output that were not read."""
        return struct.unpack("i", fcntl.ioctl(self.process.stdout, termios.FIONREAD, b"1234"))[0]

    def blocked(self):
        """Whether the process waits (Linux)."""
        return pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "S"

    def pending(self, number):
        """Whether a signal was sent and not delivered (Linux)."""
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return any(int(mask, 16) >> (number - 1) & 1 for mask in re.findall(r"(?:SigPnd|ShdPnd):\s*(\w+)", text))

    def kill(self):
        """Kills the process and all that it started."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()

    def end(self):
        """Waits for the end of the process and returns its log; a message that is not valid is an AssertionError."""
        try:
            self.process.wait(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            self.wrong.append(f"the program did not end within {LIMIT} seconds; its messages: {self.messages[-5:]}")
        self.kill()  # also what it left behind, which keeps the pipes open
        for thread in self._threads:
            thread.join()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()
        if self.wrong:
            raise AssertionError("\n".join(self.wrong))
        return self._log[0].decode(errors="replace")

    def last(self):
        """Waits for the end and returns the last message."""
        log = self.end()
        if not self.messages:
            raise AssertionError(f"the program ended without a message\n{log}")
        return self.messages[-1]

    def of(self, kind):
        return [m for m in self.messages if m["type"] == kind]

    def losses(self):
        """The losses by step."""
        return {m["step"]: m["losses"] for m in self.of("progress") if m["losses"]}


def files(folder):
    """The files of a checkpoint, by path."""
    return {f.relative_to(folder).as_posix(): f.read_bytes() for f in sorted(pathlib.Path(folder).rglob("*")) if f.is_file()}


def python(script):
    return [sys.executable, str(script)]
