package spectest

// Searched is a spec that uses every word of the search.
const Searched = `apiVersion: tailsweep/v1
name: searched
method: tpe
dataset: {name: fashion-mnist-10k}
train: {steps: 9000}
evaluate: {samples_per_class: 500, guidance: [0, 1], rung: {samples_per_class: 100}}
parameters:
  alignment.exponent: {distribution: ordinal, values: [0, 1, 4]}
  alignment.weight: {distribution: log_normal, mu: -2, sigma: 1, zero: 0.2, count: 3}
  batch: {distribution: q_log_uniform_values, min: 16, max: 512, q: 16}
  infonce.stop_gradient: {distribution: ordinal, values: [none, negatives]}
  infonce.window: {distribution: normal, mu: 0.5, sigma: 0.1, max: 0.9}
metrics: [{name: fid.tail}, {name: fid.head}]
constraints: ["fid.head <= baseline.fid.head * 1.02", label_accuracy.all >= 0.8]
baseline: {seeds: [1, 2, 3]}
repeats: {seeds: [2, 3]}
early_terminate: {type: hyperband, min_iter: 1000}
budget: {run_cap: 40}
checkpoints: {every_steps: 500}
`
