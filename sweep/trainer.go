package sweep

import (
	"math"
	"regexp"
	"slices"
	"strings"
)

// Trainer is a program of the user that trains a trial: see docs/trainer-protocol.md.
type Trainer struct {
	// The program and its arguments. It is started in a folder with the files; a name without a slash is looked for in the worker's PATH.
	Command []string `json:"command" jsonschema:"required,minItems=1,maxItems=100,minLength=1,maxLength=4096"`
	// json: it reads a job file and writes messages; plain: it takes --name=value and prints numbers.
	Protocol string `json:"protocol"`
	// Files and folders that the program needs: kept with the sweep, verified on each worker, and laid out for each attempt. A relative path starts in the folder of the spec's file, and has the same place in the program's working directory.
	Files []string `json:"files,omitempty" jsonschema:"maxItems=100,uniqueItems=true,minLength=1,maxLength=200"`
	// The SHA-256 of each file by its path in the working directory: `tailsweep run` fills it in.
	Digests map[string]string `json:"digests,omitempty"`
	// Environment variables and their values. No secrets: the spec is readable by everybody who sees the sweep.
	Env map[string]string `json:"env,omitempty"`
	// Names of environment variables to pass on from the worker.
	PassEnv []string `json:"pass_env,omitempty" jsonschema:"maxItems=100,uniqueItems=true,pattern=^[A-Za-z_][A-Za-z0-9_]*$,maxLength=100"`
	// How many seconds the program gets to save a checkpoint after SIGTERM.
	SecondsToSave int `json:"seconds_to_save" jsonschema:"minimum=1,maximum=100"`
	// How long a step takes, for plan and simulate; without it `plan` measures a few steps.
	SecondsPerStep float64 `json:"seconds_per_step,omitempty" jsonschema:"exclusiveMinimum=0,maximum=100000"`
}

// Limits of Trainer.Files, folders with all that is in them.
const (
	MaxTrainerFiles = 100
	MaxTrainerBytes = 16 << 20 // together
)

// The protocols of a Trainer.
const (
	ProtocolJSON  = "json"
	ProtocolPlain = "plain"
)

// TrainerProtocols lists the protocols of a Trainer.
func TrainerProtocols() []string { return []string{ProtocolJSON, ProtocolPlain} }

// TrainerPlaceholder finds $$ and ${NAME}, whose NAME is the first group, in the command of a
// plain program.
var TrainerPlaceholder = regexp.MustCompile(`\$\$|\$\{([^}]*)\}`)

// ArgsPlaceholder is the name that stands for all parameters, as --name=value.
const ArgsPlaceholder = "args"

// JobValues are the names, besides those of parameters, that a placeholder can have: values of
// the job, and ArgsPlaceholder.
func JobValues() []string {
	return []string{ArgsPlaceholder, "seed", "steps", "until", "checkpoint_every", "resume", "resume_step", "staging", "device", "samples_per_class"}
}

// HasDataset reports whether the spec has a dataset: one without a trainer always does.
func (s *Spec) HasDataset() bool { return s.Dataset.Name != "" }

// EvaluatesSamples reports whether tailsweep measures the metrics of its closed list on
// images that a program has written. Without a trainer it samples the images itself.
func (s *Spec) EvaluatesSamples() bool { return s.Trainer != nil && s.HasDataset() }

// Evaluates reports whether a trial has an evaluation of its own after its training. The
// program of a spec without a dataset measures everything while it trains.
func (s *Spec) Evaluates() bool { return s.Trainer == nil || s.HasDataset() }

// Reported reports whether the program of the user has to report a metric: one that tailsweep
// neither measures on samples nor takes from the training itself.
func (s *Spec) Reported(metric string) bool {
	return s.Trainer != nil && !s.Measured(metric) && metric != MetricLoss && metric != MetricStepsPerSecond
}

// FreeMetrics returns the metrics that the objectives and constraints name and that are not in
// the closed list: those of the program.
func (s *Spec) FreeMetrics() []string {
	return slices.DeleteFunc(s.NamedMetrics(), func(name string) bool {
		_, known := LookupMetric(name)
		return known
	})
}

// Measured reports whether evaluations by tailsweep measure a metric.
func (s *Spec) Measured(metric string) bool { return s.Evaluates() && Evaluated(metric) }

// ownPrefixes begin the names of variables that tailsweep sets, and of credentials that no
// program gets.
var ownPrefixes = []string{"TAILSWEEP_", "TEMPORAL_", "AWS_"}

// OwnVariable reports whether an environment variable is tailsweep's own, or has credentials:
// no spec can set it or name it in trainer.pass_env, and no worker passes it on.
func OwnVariable(name string) bool {
	return slices.ContainsFunc(ownPrefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}

// FreeNamePattern is what a program of the user may call a parameter, a metric or a loss.
const FreeNamePattern = `^[A-Za-z_][-A-Za-z0-9_./]{0,99}$`

var freeName = regexp.MustCompile(FreeNamePattern)

// FreeName reports whether a program of the user may call a parameter, a metric or a loss so.
func FreeName(name string) bool { return freeName.MatchString(name) }

// FreeWordPattern is what a word among the values of a program's parameter may be. Numbers and
// true and false are values by themselves.
const FreeWordPattern = `^[A-Za-z_./~][-A-Za-z0-9_./~:@+]{0,99}$`

// Parameter describes a parameter that a trial of the spec may have: one of the closed list,
// or with a trainer any that the search space has.
func (s *Spec) Parameter(name string) (ParameterInfo, bool) {
	if s.Trainer == nil {
		return LookupParameter(name)
	}
	_, ok := find(s.Parameters, func(p Parameter) bool { return p.Name == name })
	return ParameterInfo{Name: name, Free: true, Min: -math.MaxFloat64, Max: math.MaxFloat64}, ok
}

// Metric describes a metric that a trial of the spec may have: one of the closed list, or with
// a trainer any that the program may report.
func (s *Spec) Metric(name string) (MetricInfo, bool) {
	if info, ok := LookupMetric(name); ok && !s.Reported(name) {
		return info, true
	}
	if s.Trainer == nil || !FreeName(name) {
		return MetricInfo{}, false
	}
	return MetricInfo{Name: name, Goal: s.Goal(name), Group: groupOf(name), About: "Reported by the program."}, true
}
