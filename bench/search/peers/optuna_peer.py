"""An Optuna sampler behind the ask/tell protocol of `tailsweep asktell`.

    optuna_peer.py tpe|gp|cmaes|nsga2|random

One JSON object a line each way. Every sampler has Optuna's defaults, as a user
gets them from study.ask and study.tell with several trials running, but for the
seed; GPSampler gets whether the objective is deterministic. All parameters are
asked at once with fixed distributions, so that the relative samplers see one
joint space. A log range with an exact zero has no counterpart in Optuna: it
becomes a range that is wider towards 0 by its zero's share, and what falls below
`low` is taken as 0, so that the probability of 0 is right and no dimension is
added. A condition is left out: the function ignores what is inactive.
"""

import json
import math
import sys
import warnings

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState


def sampler(name, seed, deterministic):
    if name == "tpe":
        return optuna.samplers.TPESampler(seed=seed)
    if name == "gp":
        return optuna.samplers.GPSampler(seed=seed, deterministic_objective=deterministic)
    if name == "cmaes":
        return optuna.samplers.CmaEsSampler(seed=seed)
    if name == "nsga2":
        return optuna.samplers.NSGAIISampler(seed=seed)
    if name == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    raise ValueError(f"unknown sampler {name!r} (valid: tpe, gp, cmaes, nsga2, random)")


def distribution(parameter):
    """The distribution of a parameter, and the value below which it means 0."""
    kind, log = parameter["type"], parameter.get("log", False)
    if kind in ("cat", "ordinal"):
        return CategoricalDistribution(parameter["choices"]), None
    low, high, zero = parameter["low"], parameter["high"], parameter.get("zero", 0)
    step = parameter.get("step")
    if kind == "int":
        return IntDistribution(int(low), int(high), log=log, step=int(step or 1)), None
    if zero:
        if not log:
            raise ValueError(f"{parameter['name']}: a zero goes with log here")
        share = zero / (1 - zero)
        return FloatDistribution(low * math.exp(-share * math.log(high / low)), high, log=True), low
    return FloatDistribution(low, high, log=log, step=step), None


class Session:
    def __init__(self, name):
        self.name, self.study, self.running = name, None, {}

    def init(self, request):
        self.distributions, self.below = {}, {}
        for parameter in request["space"]:
            self.distributions[parameter["name"]], self.below[parameter["name"]] = distribution(parameter)
        self.study = optuna.create_study(
            directions=["minimize"] * request["nobj"],
            sampler=sampler(self.name, request["seed"], not request["noisy"]),
        )
        return {"ok": True}

    def ask(self, _):
        trial = self.study.ask(self.distributions)
        self.running[trial.number] = trial
        params = {name: 0 if self.below[name] is not None and value < self.below[name] else value
                  for name, value in trial.params.items()}
        return {"id": trial.number, "params": params}

    def tell(self, request):
        trial = self.running.pop(request["id"])
        if request.get("status") == "failed":
            self.study.tell(trial, state=TrialState.FAIL)
            return {"ok": True}
        for i, value in enumerate(request.get("constraints") or []):
            trial.set_constraint(f"c{i}", value)
        self.study.tell(trial, request["values"])
        return {"ok": True}

    def inject(self, request):
        self.study.add_trial(optuna.trial.create_trial(
            params=request["params"], distributions=self.distributions, values=request["values"]))
        return {"ok": True}


def main():
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    session = Session(sys.argv[1])
    for line in sys.stdin:
        request = json.loads(line)
        if request["op"] == "quit":
            print(json.dumps({"ok": True}), flush=True)
            return
        try:
            reply = getattr(session, request["op"])(request)
        except Exception as problem:  # the harness reports it with the run
            reply = {"error": f"{type(problem).__name__}: {problem}"}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
