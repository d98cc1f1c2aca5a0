package specfile

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

const ofProgram = `apiVersion: tailsweep/v1
name: own
method: bayes
train: {steps: 300}
trainer:
  command: [python, train.py]
  files: [train.py, lib]
  env: {OMP_NUM_THREADS: "1"}
  pass_env: [HF_HOME]
parameters:
  lr: {distribution: log_uniform_values, min: 1e-4, max: 1e-1, zero: 0.2}
  layers: {min: 1, max: 4}
  width: {min: 1, max: 4.0}
  opt: {values: [adam, sgd, true]}
  momentum: {min: 0, max: 0.9, when: "opt == sgd"}
metrics:
  - {name: val/loss, goal: minimize}
  - {name: recall.tail, goal: maximize}
constraints: ["top-1 >= baseline.top-1 * 0.98"]
baseline: {params: {lr: 0.01, layers: 2, opt: adam}, seeds: [1, 2]}
points: [{lr: 0.01, layers: 1, width: 2, opt: true}]
early_terminate: {type: asha, min_iter: 100, eta: 3}
checkpoints: {every_steps: 50}
budget: {run_cap: 10}
`

// A spec of a program has names of the user's choice, and nothing of the built-in trainer.
func TestSpecOfAProgram(t *testing.T) {
	s := mustParse(t, ofProgram)
	require.Equal(t, &sweep.Trainer{
		Command: []string{"python", "train.py"}, Protocol: sweep.ProtocolJSON, Files: []string{"train.py", "lib"},
		Env: map[string]string{"OMP_NUM_THREADS": "1"}, PassEnv: []string{"HF_HOME"}, SecondsToSave: 60,
	}, s.Trainer)
	require.Equal(t, sweep.Train{Steps: 300, Seed: 1}, s.Train)
	require.Zero(t, s.Model)
	require.Zero(t, s.Dataset)
	require.Zero(t, s.Evaluate)
	distributions := map[string]sweep.Distribution{}
	for _, p := range s.Parameters {
		distributions[p.Name] = p.Distribution
	}
	require.Equal(t, map[string]sweep.Distribution{
		"lr": sweep.DistLogUniform, "layers": sweep.DistIntUniform, "width": sweep.DistUniform, "opt": sweep.DistCategorical, "momentum": sweep.DistUniform,
	}, distributions, "integer bounds mean int_uniform, as in W&B")
	require.Equal(t, sweep.Word("true"), s.Points[0]["opt"])
	require.Equal(t, sweep.Maximize, s.Goal("top-1"), "a constraint says which way is better")
	require.False(t, s.Evaluates())
	head, tail := s.HeadAndTail()
	require.Equal(t, []string{"", "recall.tail"}, []string{head.Name, tail.Name})
	for _, write := range []func(*sweep.Spec) ([]byte, error){Written, func(s *sweep.Spec) ([]byte, error) { return WrittenJSON(s) }} {
		text, err := write(s)
		require.NoError(t, err)
		again, err := Parse("again", text)
		require.NoError(t, err, "%s", text)
		require.Equal(t, s.Digest(), again.Digest(), "%s", text)
	}
}

// With a dataset, tailsweep measures the closed list on samples of the program.
func TestSpecOfAProgramWithSamples(t *testing.T) {
	text := strings.Replace(ofProgram, "metrics:\n", "dataset: {name: fashion-mnist-10k}\nevaluate: {samples_per_class: 300, rung: {samples_per_class: 200}}\ngates: {min_label_accuracy: 0.5}\nmetrics:\n  - {name: fid.tail}\n", 1)
	s := mustParse(t, text)
	require.True(t, s.EvaluatesSamples())
	require.Equal(t, sweep.Minimize, s.Metrics[0].Goal)
	require.True(t, s.Measured("fid.tail"))
	require.False(t, s.Reported("fid.tail"))
	require.True(t, s.Reported("recall.tail.top"))
	require.Equal(t, sweep.Evaluate{SamplesPerClass: 300, Rung: &sweep.RungEvaluate{SamplesPerClass: 200}}, s.Evaluate)
	written, err := Written(s)
	require.NoError(t, err)
	again, err := Parse("again", written)
	require.NoError(t, err, "%s", written)
	require.Equal(t, s.Digest(), again.Digest())
}

func TestASecretInTheEnvironmentIsWarnedOf(t *testing.T) {
	require.Empty(t, Warnings(mustParse(t, ofProgram)))
	warnings := Warnings(mustParse(t, strings.Replace(ofProgram, "OMP_NUM_THREADS", "WANDB_API_KEY", 1)))
	require.Len(t, warnings, 1)
	require.Contains(t, warnings[0], "trainer.env.WANDB_API_KEY looks like a secret")
}

func TestFaultsOfASpecOfAProgram(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"model":             {"train: {", "model: {arch: unet}\ntrain: {", "model: does not apply to a spec with a trainer"},
		"lr of train":       {"{steps: 300}", "{steps: 300, lr: 1}", "train.lr: does not apply to a spec with a trainer (valid: seed, steps)"},
		"no goal":           {"val/loss, goal: minimize", "val/loss", "metrics[0]: needs a goal, since only the program knows what val/loss is"},
		"name of a metric":  {"val/loss", "val loss", "metrics[0].name: not well formed (val loss; valid: the metric: a letter or _"},
		"a parameter":       {"  layers: {", `  "l r": {`, "parameters.l r: cannot be the name of a parameter (l r; valid: a letter or _"},
		"a constraint":      {"top-1 >=", "top! >=", "unknown metric (top!; valid: a name that the program reports"},
		"a file outside":    {"[train.py", "[../train.py", "trainer.files[0]: is not below the folder of the spec's file (../train.py"},
		"no command":        {"[python, train.py]\n", "[]\n", "trainer.command: has 0 entries"},
		"a credential":      {"OMP_NUM_THREADS", "AWS_SECRET_ACCESS_KEY", "trainer.env.AWS_SECRET_ACCESS_KEY: is a variable of tailsweep or of its credentials"},
		"passed credential": {"HF_HOME", "TEMPORAL_API_KEY", "trainer.pass_env[0]: is never passed on"},
		"twice":             {"HF_HOME", "OMP_NUM_THREADS", "trainer.pass_env[0]: is set by trainer.env, too"},
		"a number":          {`"1"`, "1", "trainer.env.OMP_NUM_THREADS: not text: it needs quotes"},
		"no baseline":       {"{params: {lr: 0.01, layers: 2, opt: adam}, seeds: [1, 2]}", "{}", "baseline: params is missing"},
		"not searched":      {"opt: adam}", "opt: adam, wd: 1}", `baseline: trial 0: unknown parameter "wd"`},
		"samples":           {"budget:", "evaluate: {samples_per_class: 10}\nbudget:", "evaluate: there is no dataset to compare samples with"},
		"gates":             {"budget:", "gates: {min_label_accuracy: 0.5}\nbudget:", "gates: there is no dataset to compare samples with"},
		"a list":            {"[adam, sgd, true]", "[adam, [1]]", "parameters.opt.values[1]: not a number, a word, true or false"},
		"a placeholder":     {"[python, train.py]", "[python, \"--x=${lrr}\"]\n  protocol: plain", "trainer.command[1]: is neither a parameter nor a value of the job (${lrr}; valid: "},
		"no such digest":    {"pass_env", "digests: {train.py: abc}\n  pass_env", "trainer.digests: is not a file and its SHA-256"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, ofProgram, c.old)
			_, err := Parse("own.yaml", []byte(strings.Replace(ofProgram, c.old, c.new, 1)))
			require.ErrorContains(t, err, c.want)
		})
	}
}

// What the store keeps has the digests of the files, and the comments of the file.
func TestStoredSpecHasTheDigests(t *testing.T) {
	for name, text := range map[string]string{
		"block": ofProgram,
		"flow": strings.Replace(ofProgram, "trainer:\n  command: [python, train.py]\n  files: [train.py, lib]\n  env: {OMP_NUM_THREADS: \"1\"}\n  pass_env: [HF_HOME]\n",
			"trainer: {command: [python, train.py], files: [train.py, lib]}\n", 1),
		"other digests": strings.Replace(ofProgram, "  pass_env", "  digests: {train.py: "+strings.Repeat("b", 64)+", old.py: "+strings.Repeat("b", 64)+"}\n  pass_env", 1),
	} {
		t.Run(name, func(t *testing.T) {
			text = "# mine\n" + text
			spec := mustParse(t, text)
			unchanged, err := WithPaths([]byte(text), spec)
			require.NoError(t, err)
			require.Equal(t, text, string(unchanged))
			spec.Trainer.Digests = map[string]string{"train.py": strings.Repeat("a", 64), "lib/a: b.py": strings.Repeat("0", 64)}
			stored, err := WithPaths([]byte(text), spec)
			require.NoError(t, err)
			again := mustParse(t, string(stored))
			require.Equal(t, spec.Digest(), again.Digest())
			require.Equal(t, spec.Trainer.Digests, again.Trainer.Digests)
			require.Equal(t, name != "other digests", strings.Contains(string(stored), "# mine"), string(stored))
		})
	}
}
