"""Makes a Python script a trainer of tailsweep: one file, standard library only, Python 3.8 or later.

    import tailsweep_trainer

    job = tailsweep_trainer.job(steps=1000, lr=0.1)  # what is used where the spec has no such parameter
    model = Model(job.seed, job.parameters.lr)
    if job.resume:
        model.load(job.resume / "model.json")
    job.checkpoint(lambda folder: model.save(folder / "model.json"))
    for step in job.steps():
        job.log(loss=model.train_one_step(step))
    job.metrics(val_loss=model.validate())

List this file and the script under trainer.files of the spec. docs/trainer-protocol.md is the
contract; docs/guide/own-trainer.md shows the use. What this module does for the script:

- Rungs: steps() ends at the step that the job asks for. Nothing else may depend on that step.
- Checkpoints: the function given to checkpoint() is called with an empty folder at each multiple
  of checkpoints.every_steps, at the end, and after SIGTERM. The folder gets its name when it is complete.
- Resume: job.resume is the folder of the checkpoint to continue from, or None. A script that
  does not read it begins at step 0 again.
- SIGTERM: the step that runs is completed, saved and reported; the process ends.
- A loss that is not finite ends the process with `diverged`, which is a result.
- An exception ends it with `error` and a class: out_of_memory, environment, transient, bug, or the
  one of a Failure.
- Standard output belongs to the messages. From job() on, what the script, its libraries and its
  child processes print goes to standard error, which is the log.

Without the environment variable TAILSWEEP_JOB, as by hand, the script takes --name=value for each
parameter, and --steps, --seed, --checkpoint_every, --samples_per_class and --resume. It prints its numbers,
and writes checkpoints and metrics.json into the folder ./run (--run=FOLDER for another one):

    python3 train.py --lr=0.05 --steps=200
    python3 train.py --lr=0.05 --steps=400 --resume=run/step-200
"""

from __future__ import annotations

import atexit
import json
import math
import os
import pathlib
import re
import shutil
import signal
import sys
import threading
import time
import traceback
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Union

__all__ = ["Failure", "Job", "Parameters", "job"]

PROTOCOL = 1
MOST_LOSSES = 32
MOST_METRICS = 64
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]{0,99}")
RESERVED = ("MANIFEST.json", "curve.jsonl", "metrics.json")  # files of a checkpoint that tailsweep writes
CLASSES = ("bad_data", "out_of_memory", "bug", "transient", "environment")
QUIET_SECONDS = 5.0  # after so long without a message steps() reports the step alone

Value = Union[bool, int, float, str]
Save = Callable[[pathlib.Path], Any]


class Failure(Exception):
    """An error whose class the script knows; the class decides whether the trial is tried again.

    kind is bad_data (not tried again), out_of_memory, bug, transient (tried again) or environment (tried
    again by another worker, if there is one).
    """

    def __init__(self, kind: str, message: str):
        if kind not in CLASSES:
            raise ValueError(f"error class {kind!r} (valid: {', '.join(CLASSES)})")
        super().__init__(message)
        self.kind = kind


class Parameters(Dict[str, Value]):
    """The values of a trial by name. parameters.lr is parameters["lr"]."""

    def __getattr__(self, name: str) -> Value:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"there is no parameter {name!r} (valid: {', '.join(sorted(self)) or 'none'})") from None


class Job:
    """One attempt at a trial. job() makes it.

    parameters         the trial's values by name, over the defaults given to job()
    seed               of everything random: initial weights, data order, noise
    total_steps        of the whole training
    until              the step to end at: a rung, or total_steps
    checkpoint_every   steps between checkpoints
    step               steps done so far
    device             value of CUDA_VISIBLE_DEVICES, or None
    dataset            `dataset` of the spec, or None
    samples_per_class  images of each class to write at `until`; 0 without a dataset
    """

    def __init__(self, fields: Mapping[str, Any], defaults: Mapping[str, Value], channel: "_Channel"):
        self.parameters = Parameters({**defaults, **fields["parameters"]})
        self.seed = int(fields["seed"])
        self.total_steps = int(fields["steps"])
        self.until = int(fields["until"])
        self.checkpoint_every = int(fields["checkpoint_every"])
        self.device: Optional[str] = fields.get("device")
        self.dataset: Optional[Dict[str, Any]] = fields.get("dataset")
        self.samples_per_class = int(fields.get("samples_per_class", 0))
        self._resume: Optional[pathlib.Path] = pathlib.Path(fields["resume"]) if fields.get("resume") else None
        self._resume_step = int(fields.get("resume_step", 0)) if self._resume else 0
        self._resume_read = False
        self.step = self._resume_step
        self._staging = pathlib.Path(fields["staging"])
        self._channel = channel
        self._save: Optional[Save] = None
        self._saving: Optional[pathlib.Path] = None
        self._running = False  # inside steps(): SIGTERM waits for the end of the step
        self._trained = False  # steps() has come to its end
        self._stop = False  # SIGTERM has come
        self._measured: Dict[str, float] = {}
        self._errors: Dict[str, float] = {}

    @property
    def resume(self) -> Optional[pathlib.Path]:
        """Folder of the checkpoint to continue from; None at the beginning of a training."""
        self._resume_read = True
        return self._resume

    def steps(self) -> Iterator[int]:
        """Yields the numbers of the steps to train, from 1, or that after the checkpoint's, to until.

        It saves checkpoints between the steps.
        """
        if self._running or self._trained:
            raise RuntimeError("job.steps() was called before: a training has one loop")
        if self._resume and not self._resume_read:
            print("tailsweep_trainer: the script has not read job.resume, so it begins at step 0 again", file=sys.stderr)
        if not self._resume_read:
            self.step = 0
        if self.step > self.until:
            raise ValueError(f"the checkpoint is of step {self.step}, after the step {self.until} to end at")
        self._channel.started(self.step)
        self._running = True
        self._preempt_if_asked()
        if self.step == self.until:
            # The attempt that wrote this checkpoint ended before its results were known. It may lack the samples.
            self._write()
        while self.step < self.until:
            self.step += 1
            yield self.step
            self._channel.alive(self.step)
            if self.step % self.checkpoint_every == 0 or self.step == self.until or self._stop:
                self._write()
            self._preempt_if_asked()
        self._running = False
        self._trained = True
        if self._save is None:
            print("tailsweep_trainer: no function was given to job.checkpoint(): an interrupted training begins again", file=sys.stderr)

    def checkpoint(self, save: Save) -> Save:
        """Sets the function that writes a checkpoint, for the end of this step and of the later ones.

        save(folder) writes all that a training needs to continue as if it had not been interrupted: weights, state of the optimizer,
        of random generators and of the data order. folder is empty. It can have subfolders; names are letters, digits and . _ -.
        """
        self._save = save
        return save

    def log(self, losses: Optional[Mapping[str, Any]] = None, **more: Any) -> None:
        """Reports numbers of the step, at most 32 by name. The one named `loss` makes the curve and the metric `loss`.

        Each value is something that float() accepts. One that is not finite ends the process: diverged.
        """
        values = _numbers("loss", {**(losses or {}), **more}, MOST_LOSSES)
        self._diverged_unless_finite(values)
        self._channel.progress(self.step, values)

    def metrics(self, metrics: Optional[Mapping[str, Any]] = None, standard_error: Optional[Mapping[str, Any]] = None, **more: Any) -> None:
        """Reports results, at most 64 by name, with their standard errors where known. Several calls add up.

        Only results at `until` count; those of an earlier step go to the log. One that is not finite ends the process: diverged.
        """
        values = _numbers("metric", {**(metrics or {}), **more}, MOST_METRICS)
        errors = _numbers("standard error", standard_error or {}, MOST_METRICS)
        for name in errors:
            if name not in values:
                raise ValueError(f"standard_error has {name!r}, which is not among the metrics ({', '.join(values) or 'none'})")
        self._diverged_unless_finite(values)
        if self.step != self.until:
            print(f"step {self.step}: " + _text(values), file=sys.stderr)
            return
        self._measured.update(values)
        # The error of a metric that was measured from a single case is not a number: it is not known.
        self._errors.update({name: error for name, error in errors.items() if math.isfinite(error) and error >= 0})
        if len(self._measured) > MOST_METRICS:
            raise ValueError(f"{len(self._measured)} metrics (valid: at most {MOST_METRICS})")
        self._channel.metrics(self.step, self._measured, self._errors)

    def samples_dir(self, folder: Union[str, "os.PathLike[str]"]) -> Optional[pathlib.Path]:
        """Returns the folder `samples` of a checkpoint that must have images, else None.

        Called in the function given to checkpoint(). Write samples_per_class images of each class to samples/CLASS/*.png, where
        CLASS is the name of the class or its number from 0; or write samples.npz into the checkpoint's folder.
        """
        if self.samples_per_class == 0 or self.step != self.until or self._stop:
            return None
        path = pathlib.Path(folder) / "samples"
        path.mkdir(parents=True, exist_ok=True)
        return path

    # What is private.

    def _write(self) -> None:
        """Saves a checkpoint of the current step and reports it."""
        if self._save is None:
            return
        name = f"step-{self.step}"
        self._saving = self._staging / f"partial-{name}"
        shutil.rmtree(self._saving, ignore_errors=True)
        self._saving.mkdir()
        self._save(self._saving)
        files = [f.relative_to(self._saving).as_posix() for f in self._saving.rglob("*") if not f.is_dir()]
        if not files:
            raise ValueError(f"the function given to job.checkpoint() wrote no file at step {self.step}")
        for file in RESERVED:
            if file in files:
                raise ValueError(f"a checkpoint has the file {file}, which tailsweep writes: choose another name")
        samples = self._saving / "samples"
        if samples.is_dir() and not any(samples.iterdir()):
            samples.rmdir()  # samples.npz was written in its place
        final = self._staging / name
        shutil.rmtree(final, ignore_errors=True)  # of a training by hand before this one
        self._saving.rename(final)
        self._saving = None
        self._channel.checkpoint(self.step, name)

    def _diverged_unless_finite(self, values: Mapping[str, float]) -> None:
        bad = [name for name, value in values.items() if not math.isfinite(value)]
        if bad:
            print(f"step {self.step}: diverged: {bad[0]} is {values[bad[0]]}", file=sys.stderr)
            self._channel.last("diverged", step=self.step)
            raise SystemExit(0)

    def _preempt_if_asked(self) -> None:
        if self._stop:
            self._running = False
            self._channel.last("preempted", step=self.step)
            raise SystemExit(0)

    def _on_sigterm(self, *_: Any) -> None:
        # While a step runs, the weights are between two states: the step is completed first. Before
        # the first step nothing is lost, and after the last one all is saved, so the process ends at once.
        self._stop = True
        if not self._running:
            self._channel.after_signal(self._preempt_if_asked)

    def _on_exception(self, error: BaseException) -> None:
        kind = _class_of(error)
        where = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.endswith("tailsweep_trainer.py")]
        at = f" ({pathlib.Path(where[-1].filename).name}, line {where[-1].lineno})" if where else ""
        self._channel.last("error", **{"class": kind, "message": f"{type(error).__name__}: {error}"[:4000] + at})

    def _at_exit(self, code: Any) -> None:
        """Sends the last message of a process that ends without one. code is the argument of sys.exit."""
        if self._saving is not None:
            shutil.rmtree(self._saving, ignore_errors=True)
        if self._channel.ended:
            return
        if code not in (None, 0):
            message = f"the script ended with sys.exit({code!r})"
        elif not self._trained:
            message = f"the script ended at step {self.step}, before job.steps() had come to step {self.until}"
        else:
            self._channel.last("done", step=self.step)
            return
        self._channel.last("error", **{"class": "bug", "message": message[:4000]})


def job(steps: int = 1000, checkpoint_every: Optional[int] = None, **defaults: Value) -> Job:
    """Returns the job of this process; call it once, first of all.

    defaults are the values of parameters that the spec does not search. steps and checkpoint_every
    (the number of steps, if not given) are those of a start by hand.
    """
    path = os.environ.get("TAILSWEEP_JOB")
    if path:
        with open(path, encoding="utf-8") as file:
            fields = json.load(file)
        channel: _Channel = _Messages(_take_stdout())
    else:
        fields, folder = _by_hand(sys.argv[1:], steps, checkpoint_every, defaults)
        channel = _Console(folder)
    try:
        if fields["protocol"] != PROTOCOL:
            raise ValueError(f"the job has protocol {fields['protocol']}, this tailsweep_trainer.py has {PROTOCOL}: use the one of your tailsweep")
        made = Job(fields, defaults, channel)
    except Exception as error:
        channel.last("error", **{"class": "bug", "message": f"{type(error).__name__}: {error}"})
        raise
    _watch(made)
    return made


def _watch(made: Job) -> None:
    """Reports the end of the process, whatever it is, and SIGTERM."""
    owner = os.getpid()
    code: List[Any] = [None]
    hook, leave = sys.excepthook, sys.exit

    def on_exception(kind, error, trace):  # type: ignore[no-untyped-def]
        hook(kind, error, trace)
        if os.getpid() == owner:
            made._on_exception(error)

    def on_exit(argument: Any = None) -> None:
        code[0] = argument
        leave(argument)

    def at_exit() -> None:
        if os.getpid() == owner:
            made._at_exit(code[0])

    sys.excepthook = on_exception
    sys.exit = on_exit  # type: ignore[assignment]
    atexit.register(at_exit)
    if os.environ.get("TAILSWEEP_JOB") and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, made._on_sigterm)
        _end_children_by_sigterm()


def _end_children_by_sigterm() -> None:
    """Lets SIGTERM end the processes that the script forks, as the workers of a data loader, also while they begin."""
    mask = threading.local()

    def before() -> None:
        mask.old = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])

    def restore() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask.old)

    def in_child() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        restore()

    os.register_at_fork(before=before, after_in_parent=restore, after_in_child=in_child)


def _class_of(error: BaseException) -> str:
    names = {c.__name__ for c in type(error).__mro__}
    text = str(error)
    if isinstance(error, Failure):
        return error.kind
    if names & {"MemoryError", "OutOfMemoryError"} or "out of memory" in text or "RESOURCE_EXHAUSTED" in text:
        return "out_of_memory"
    if isinstance(error, ImportError):
        return "environment"  # this worker's Python lacks a package
    if isinstance(error, (ConnectionError, TimeoutError)):
        return "transient"
    return "bug"


def _numbers(what: str, values: Mapping[str, Any], most: int) -> Dict[str, float]:
    if len(values) > most:
        raise ValueError(f"{len(values)} numbers (valid: at most {most} of a {what})")
    for name in values:
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise ValueError(f"{what} {name!r} (valid: a letter or _, then letters, digits and _ . - /, at most 100 characters)")
    return {name: float(value) for name, value in values.items()}


def _text(values: Mapping[str, float]) -> str:
    return " ".join(f"{name}={value:.6g}" for name, value in values.items())


class _Channel:
    """Where messages go. One message is sent at a time, from any thread."""

    def __init__(self) -> None:
        self.ended = False  # the last message was sent
        self._owner = os.getpid()
        self._lock = threading.RLock()
        self._busy = False  # the main thread writes a message
        self._later: List[Callable[[], None]] = []
        self._last = time.monotonic()

    def send(self, kind: str, **fields: Any) -> None:
        if self.ended or os.getpid() != self._owner:
            return
        main = threading.current_thread() is threading.main_thread()
        with self._lock:
            self._busy = main
            try:
                self.put(kind, fields)
                self._last = time.monotonic()
            finally:
                self._busy = False
        while main and self._later:
            self._later.pop()()

    def after_signal(self, action: Callable[[], None]) -> None:
        """Calls action now, or after the message that the signal has interrupted. Signals come to the main thread."""
        if self._busy:
            self._later.append(action)
        else:
            action()

    def put(self, kind: str, fields: Dict[str, Any]) -> None:
        raise NotImplementedError

    def started(self, step: int) -> None:
        self.send("started", step=step)

    def progress(self, step: int, losses: Dict[str, float]) -> None:
        self.send("progress", step=step, losses=losses)

    def alive(self, step: int) -> None:
        if time.monotonic() - self._last > QUIET_SECONDS:
            self.progress(step, {})

    def checkpoint(self, step: int, folder: str) -> None:
        self.send("checkpoint", step=step, dir=folder)

    def metrics(self, step: int, metrics: Dict[str, float], errors: Dict[str, float]) -> None:
        more = {"standard_error": errors} if errors else {}
        self.send("metrics", step=step, metrics=metrics, **more)

    def last(self, kind: str, **fields: Any) -> None:
        try:
            self.send(kind, **fields)
        except OSError as error:  # nobody reads any more
            print(f"tailsweep_trainer: {kind} could not be sent: {error}", file=sys.stderr)
        self.ended = True


class _Messages(_Channel):
    """Messages to tailsweep: a line of JSON each."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor

    def put(self, kind: str, fields: Dict[str, Any]) -> None:
        rest = json.dumps({"type": kind, **fields}, allow_nan=False).encode() + b"\n"
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]


def _take_stdout() -> int:
    """Returns a descriptor of standard output for messages alone; all else goes to standard error from now on."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure:
        reconfigure(line_buffering=True)
    os.write(kept, b"\n")  # ends what was printed before without an end of line
    return kept


class _Console(_Channel):
    """Lines for the eyes, when the script was started by hand."""

    def __init__(self, folder: pathlib.Path) -> None:
        super().__init__()
        self._folder = folder

    def put(self, kind: str, fields: Dict[str, Any]) -> None:
        step = fields.get("step")
        if kind == "checkpoint":
            print(f"step {step}: checkpoint {self._folder / fields['dir']}", flush=True)
        elif kind in ("progress", "metrics"):
            print(f"step {step}: {_text(fields['losses' if kind == 'progress' else kind])}", flush=True)
        if kind == "metrics":
            (self._folder / "metrics.json").write_text(json.dumps(fields["metrics"], indent=1) + "\n", encoding="utf-8")
        elif kind == "done":
            print(f"step {step}: done", flush=True)
        elif kind == "error":
            print(f"error ({fields['class']}): {fields['message']}", file=sys.stderr)


def _by_hand(arguments: List[str], steps: int, every: Optional[int], defaults: Mapping[str, Value]):  # type: ignore[no-untyped-def]
    """Returns the job of the arguments --name=value and the folder to write to."""
    own: Dict[str, str] = {"seed": "0", "steps": str(steps), "checkpoint_every": str(every or 0), "samples_per_class": "0", "resume": "", "run": "run"}
    parameters: Dict[str, Value] = {}
    for argument in arguments:
        name, equals, value = argument[2:].partition("=")
        if not argument.startswith("--") or not equals or not NAME.fullmatch(name):
            raise SystemExit(f"argument {argument!r} (valid: --name=value)")
        if name in own:
            own[name] = value
        elif defaults and name not in defaults:
            raise SystemExit(f"argument {argument!r} (valid names: {', '.join(sorted({*own, *defaults}))})")
        else:
            parameters[name] = _value(value)
    numbers: Dict[str, int] = {}
    for name in ("seed", "steps", "checkpoint_every", "samples_per_class"):
        if not own[name].isdecimal():
            raise SystemExit(f"argument --{name}={own[name]} (valid: a whole number)")
        numbers[name] = int(own[name])
    folder = pathlib.Path(own["run"]).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    fields: Dict[str, Any] = {
        "protocol": PROTOCOL, "parameters": parameters, "seed": numbers["seed"], "steps": numbers["steps"], "until": numbers["steps"],
        "checkpoint_every": numbers["checkpoint_every"] or max(1, numbers["steps"]), "staging": str(folder),
        "device": os.environ.get("CUDA_VISIBLE_DEVICES"),
    }  # fmt: skip
    if numbers["samples_per_class"]:
        fields.update(dataset={}, samples_per_class=numbers["samples_per_class"])
    if own["resume"]:
        match = re.fullmatch(r"step-(\d+)", pathlib.Path(own["resume"]).name)
        if not match or not pathlib.Path(own["resume"]).is_dir():
            raise SystemExit(f"argument --resume={own['resume']} (valid: a folder step-NUMBER)")
        fields.update(resume=str(pathlib.Path(own["resume"]).absolute()), resume_step=int(match.group(1)))
    return fields, folder


def _value(text: str) -> Value:
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text
