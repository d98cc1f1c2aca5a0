package program

import (
	"fmt"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// playPlain plays a plain program; it reports whether it has the scenario.
func playPlain(scenario string, args []string) bool {
	switch scenario {
	case "prints": // each argument but those of parameters
		for _, arg := range args {
			if !strings.HasPrefix(arg, "--") {
				fmt.Println(arg)
			}
		}
	case "arguments":
		fmt.Println(strings.Join(args, "|"))
		fmt.Println(os.Getenv("TAILSWEEP_SEED"), os.Getenv("TAILSWEEP_UNTIL"), os.Getenv("TAILSWEEP_RESUME_STEP"), os.Getenv("TAILSWEEP_STAGING"))
		fmt.Println("acc: 1")
	case "saves": // step-2 as it goes, step-4 at the end
		write("step-2", "w", "2")
		fmt.Println("step: 2 loss: 3\ncheckpoint: 2")
		write("step-0004", "w", "4")
		write("step-0004", "metrics.json", `{"acc": 0.75, "b": 2}`)
		fmt.Println("step: 4 loss: 2 acc=0.5")
	case "writes": // metrics.json in the working directory
		fmt.Println("acc: 0.5")
		if err := os.WriteFile("metrics.json", []byte(args[0]), 0o600); err != nil {
			panic(err)
		}
	case "waits-for-term":
		term := make(chan os.Signal, 1)
		signal.Notify(term, syscall.SIGTERM)
		fmt.Println("step: 1 loss: 1")
		<-term
		write("step-1", "w", "1")
	case "never-ends":
		fmt.Println(strings.Join(args[:1], " "))
		hang()
	default:
		return false
	}
	return true
}

func newPlainJob(t *testing.T, scenario ...string) job.Train {
	t.Helper()
	j := newJob(t, scenario...)
	j.Spec.Trainer.Protocol = sweep.ProtocolPlain
	return j
}

func TestPlain(t *testing.T) {
	r := runs(t, newPlainJob(t, "saves"))
	require.NoError(t, r.err)
	require.Equal(t, map[string]float64{"acc": 0.75, "b": 2}, r.last().Metrics, "metrics.json counts more")
	require.Equal(t, sweep.Losses{LossFirst: new(3.0), LossLast: new(2.0)}, r.last().Losses)
	dirs := r.checkpoints()
	require.Len(t, dirs, 2)
	m, err := checkpoint.Verify(dirs[1])
	require.NoError(t, err)
	require.Equal(t, 4, m.Step)
	require.Equal(t, "4", read(t, dirs[1], "w"))
	require.JSONEq(t, `{"metrics":{"acc":0.75,"b":2}}`, read(t, dirs[1], "metrics.json"))
	require.Equal(t, "{\"step\":2,\"loss\":3}\n{\"step\":4,\"loss\":2,\"terms\":{\"acc\":0.5}}\n", read(t, dirs[1], "curve.jsonl"))
}

func TestPlainResults(t *testing.T) {
	for name, c := range map[string]struct {
		scenario []string
		metrics  map[string]float64
		losses   sweep.Losses
		failure  string // "" without one
	}{
		"the last value":             {[]string{"prints", "acc: 0.5", "acc=0.25, other=7"}, map[string]float64{"acc": 0.25}, sweep.Losses{}, ""},
		"losses without a step":      {[]string{"prints", "loss=4", "loss=3 acc=1"}, map[string]float64{"acc": 1}, sweep.Losses{LossFirst: new(3.0), LossLast: new(3.0)}, ""},
		"losses after their step":    {[]string{"prints", "step: 1", "loss: 5", "step: 2/4", "loss: 3", "acc: 1"}, map[string]float64{"acc": 1}, sweep.Losses{LossFirst: new(5.0), LossLast: new(3.0)}, ""},
		"losses before it in a line": {[]string{"prints", "loss: 5 step: 1", "loss: 3 step: 2 acc: 1"}, map[string]float64{"acc": 1}, sweep.Losses{LossFirst: new(5.0), LossLast: new(3.0)}, ""},
		"metrics.json":               {[]string{"writes", `{"acc": 0.125}`}, map[string]float64{"acc": 0.125}, sweep.Losses{}, ""},
		"a word in metrics.json":     {[]string{"writes", `{"acc": "good"}`}, nil, sweep.Losses{}, "bad_data: metrics.json is not an object of names and numbers"},
		"null in metrics.json":       {[]string{"writes", `{"acc": null}`}, nil, sweep.Losses{}, "bad_data: metrics.json: metrics has null for acc"},
		"half of metrics.json":       {[]string{"writes", `{"acc"`}, nil, sweep.Losses{}, "bad_data: metrics.json is not an object"},
		"no metric":                  {[]string{"prints", "accuracy: 1"}, nil, sweep.Losses{}, "bad_data: the program has not reported acc"},
		"a metric that is no number": {[]string{"prints", "acc: 1", "acc: nan"}, nil, sweep.Losses{}, "bad_data: the program has not reported acc, which the spec names (reported: none; its last value of acc is NaN"},
		"step back":                  {[]string{"prints", "step: 2", "step: 1"}, nil, sweep.Losses{}, "bug: the program wrote a line that breaks the protocol: step is 1 after step 2"},
		"step beyond":                {[]string{"prints", "step: 5"}, nil, sweep.Losses{}, "step is 5, beyond until = 4"},
		"half a step":                {[]string{"prints", "step: 1.5"}, nil, sweep.Losses{}, "step is 1.5 (valid: an integer from 0)"},
		"no folder":                  {[]string{"prints", "checkpoint: 2"}, nil, sweep.Losses{}, "there is no folder step-2 in ${staging}"},
		"exit code":                  {[]string{"exits", "1"}, nil, sweep.Losses{}, "bug: the program ended with exit code 1"},
		"no program":                 {[]string{"exits", "127"}, nil, sweep.Losses{}, "environment: "},
		"killed":                     {[]string{"killed"}, nil, sweep.Losses{}, "lost: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := runs(t, newPlainJob(t, c.scenario...))
			if c.failure != "" {
				class, says, found := strings.Cut(c.failure, ": ")
				if !found || !sweep.FailureClass(class).Known() {
					class, says = string(sweep.FailBug), c.failure
				}
				r.fails(t, sweep.FailureClass(class), says)
				return
			}
			require.NoError(t, r.err)
			require.Equal(t, c.metrics, r.last().Metrics)
			require.Equal(t, c.losses, r.last().Losses)
		})
	}
}

// A loss of nan ends the training, also of a program that would go on.
func TestPlainDiverges(t *testing.T) {
	for _, line := range []string{"step: 2 loss: nan", "step: 2 loss=inf", "step=2 loss: -Infinity"} {
		r := runs(t, newPlainJob(t, "never-ends", line))
		require.NoError(t, r.err)
		require.Equal(t, job.Event{Type: job.Diverged, Step: 2, Steps: 4}, r.last(), line)
	}
}

// SIGTERM to a plain program: exit code 0, or the end by the signal, is a preempted attempt.
func TestPlainDrain(t *testing.T) {
	for scenario, step := range map[string]int{"waits-for-term": 1, "never-ends": 0} {
		drain := make(chan struct{})
		closed := false
		r := new(ran).run(t, newPlainJob(t, scenario, "step: 1 loss: 1"), Options{Drain: drain}, func(e job.Event) {
			if e.Type == job.Progress && !closed {
				close(drain)
				closed = true
			}
		})
		require.NoError(t, r.err, scenario)
		require.Equal(t, job.Event{Type: job.Preempted, Step: step, Steps: 4}, r.last(), scenario)
	}
}

func TestPlainArguments(t *testing.T) {
	params := sweep.Params{"lr": sweep.Number(0.1), "deep": sweep.Word("true"), "aug": sweep.Word("flip")}
	for name, c := range map[string]struct {
		command []string
		want    string
		failure string
	}{
		"in the order of names":   {[]string{"x"}, "x|--aug=flip|--deep=true|--lr=0.1", ""},
		"in their place":          {[]string{"a", "${args}", "b"}, "a|--aug=flip|--deep=true|--lr=0.1|b", ""},
		"one by name":             {[]string{"--rate", "${lr}", "--seed=${seed}"}, "--rate|0.1|--seed=7|--aug=flip|--deep=true", ""},
		"values of the job":       {[]string{"${steps}-${until}-${checkpoint_every}-${resume}-${resume_step}-${samples_per_class}-${device}"}, "4-4-2--0-0-|--aug=flip|--deep=true|--lr=0.1", ""},
		"a dollar":                {[]string{"$$", "$x", "$${lr}"}, "$|$x|${lr}|--aug=flip|--deep=true|--lr=0.1", ""},
		"one that is absent":      {[]string{"--w=${weight}", "${args}"}, "--aug=flip|--deep=true|--lr=0.1", ""},
		"nothing of that name":    {[]string{"${nothing}"}, "", "trainer.command has ${nothing}, which is neither a parameter nor a value of the job"},
		"args within an argument": {[]string{"a${args}"}, "", "${args} must be an argument of its own"},
	} {
		t.Run(name, func(t *testing.T) {
			j := newPlainJob(t, append([]string{"arguments"}, c.command...)...)
			j.Assignment.Params = params
			j.Spec.Parameters = []sweep.Parameter{{Name: "lr"}, {Name: "weight"}}
			r := runs(t, j)
			if c.failure != "" {
				r.fails(t, sweep.FailBadData, c.failure)
				return
			}
			require.NoError(t, r.err)
			require.Contains(t, r.log, c.want+"\n")
			require.Contains(t, r.log, "7 4 0 "+filepath.Join(j.Staging, ".program", "staging")+"\n")
		})
	}
}

func TestNumbers(t *testing.T) {
	for line, want := range map[string][]number{
		"":                               nil,
		"loss=0.5":                       {{"loss", 0.5}},
		"loss: 0.5, acc: 95%":            {{"loss", 0.5}, {"acc", 95}},
		"step 3: loss = 1e-3":            {{"loss", 1e-3}},
		"step: 10/100":                   {{"step", 10}},
		"{'loss': 0.5, \"lr\":1e-05}":    {{"loss", 0.5}, {"lr", 1e-5}},
		"val/acc.top-1=.5;x=-2.":         {{"val/acc.top-1", .5}, {"x", -2}},
		"http://h:8080/a?b=1":            {{"b", 1}},
		"at 12:30:05 on day: 2024-01-01": nil,
		"time: 3s, size: 10MB, n=0x10":   nil,
		"a=b=3":                          {{"b", 3}},
		"9lives=1":                       nil,
		"loss=1e999 x=-inf":              {{"loss", math.Inf(1)}, {"x", math.Inf(-1)}},
		"loss:0.5":                       nil,
		"loss :\t0.5":                    {{"loss", 0.5}},
		"é=1":                            nil,
	} {
		require.Equal(t, want, numbers(line), line)
	}
	require.Len(t, numbers(strings.Repeat("a=1 ", 5000)), maxNumbers)
}

func FuzzNumbers(f *testing.F) {
	f.Add("step: 3 loss=0.5 'x': nan")
	f.Add("a=:=1e9999999999 b==2")
	f.Fuzz(func(t *testing.T, line string) {
		for _, n := range numbers(line) {
			require.True(t, sweep.FreeName(n.name))
			require.Contains(t, line, n.name)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, line := range []string{
		`{"type":"progress","step":3,"losses":{"loss":0.5}}`, `{"type":"metrics","step":1,"metrics":{"a":1},"standard_error":{"a":0}}`,
		`{"type":"checkpoint","step":1,"dir":"x"}`, `{"type":"error","class":"bug","message":"m"}`, `{"type":"done","step":null}`, `{"type":"progress","step":NaN}`,
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		e, err := parse(line)
		require.False(t, e != nil && err != nil)
		if e == nil {
			return
		}
		require.Contains(t, types, e.Type)
		require.GreaterOrEqual(t, e.Step, 0)
		require.LessOrEqual(t, len(e.Values), maxLosses)
		all := []map[string]float64{e.Values}
		if e.Evaluation != nil {
			require.LessOrEqual(t, len(e.Metrics), maxMetrics)
			all = append(all, e.Metrics, e.StandardError)
		}
		for _, values := range all {
			for name, value := range values {
				require.True(t, sweep.FreeName(name) && sweep.IsFinite(value))
			}
		}
	})
}

func TestStepOf(t *testing.T) {
	for name, want := range map[string]int{"step-0": 0, "step-000": 0, "step-12": 12, "step-0000000012": 12, "step-": -1, "step-x": -1, "step--1": -1, "step-1.tmp": -1, "astep-1": -1, "step-99999999999999999999999": -1} {
		step, ok := stepOf(name)
		if !ok {
			step = -1
		}
		require.Equal(t, want, step, name)
	}
}
