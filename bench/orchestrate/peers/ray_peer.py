"""The trials of bench/orchestrate in Ray Tune, with its defaults.

    ray_peer.py TRIALS SLOTS SECONDS FOLDER

Each trial sleeps and reports a smooth function of its parameters. It prints one JSON
object: Ray's version, and when each trial started and ended, in seconds. FOLDER has what
Ray stores.
"""

import json
import math
import sys
import time

import ray
from ray import tune

trials, slots, seconds, folder = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]


def trial(config):
    began = time.time()
    time.sleep(seconds)
    value = sum((math.log10(max(v, 1e-4)) + 1) ** 2 for v in config.values())
    tune.report({"value": value, "began": began, "ended": time.time()})


ray.init(num_cpus=slots, include_dashboard=False, log_to_driver=False)
results = tune.Tuner(
    tune.with_resources(trial, {"cpu": 1}),
    param_space={
        "infonce.weight": tune.loguniform(1e-3, 3),
        "alignment.weight": tune.loguniform(1e-3, 3),
        "lr": tune.loguniform(1e-4, 1e-1),
    },
    tune_config=tune.TuneConfig(num_samples=trials, max_concurrent_trials=slots, metric="value", mode="min"),
    run_config=tune.RunConfig(storage_path=folder, verbose=0),
).fit()
print(json.dumps({
    "version": ray.__version__,
    "began": [r.metrics["began"] for r in results],
    "ended": [r.metrics["ended"] for r in results],
}))
