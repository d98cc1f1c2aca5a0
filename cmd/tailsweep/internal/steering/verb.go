package steering

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"
	"github.com/google/shlex"
	"github.com/spf13/pflag"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/sweep/specfile"
)

// Verb is a verb that sends a command: its flags, and its arguments after the sweep.
type Verb struct {
	Name    string // of conduct.CommandTypes
	Args    string // "TRIAL..."
	Short   string
	Long    string
	Example string

	least, most int // arguments; most is -1 for no limit
	// define adds the flags; build then makes the command from them and the arguments.
	define func(f *pflag.FlagSet) (build func(a *cli.App, args []string) (conduct.Command, error))
}

// plain has no fields.
func plain(*pflag.FlagSet) func(*cli.App, []string) (conduct.Command, error) {
	return func(*cli.App, []string) (conduct.Command, error) { return conduct.Command{}, nil }
}

// Verbs is the table of the verbs that send a command.
func Verbs() []Verb {
	return []Verb{
		{Name: conduct.CommandPause, Short: "Start no new trials until `resume`", define: plain},
		{Name: conduct.CommandResume, Short: "Continue after pause, or an end by stop, cancel or a failure", define: plain},
		{Name: conduct.CommandStop, Short: "End the sweep when its running and queued trials have finished", define: plain},
		{Name: conduct.CommandCancel, Short: "End the sweep now; checkpoints are kept", define: plain},
		{
			Name: conduct.CommandExtend, Short: "Give the sweep more trials, GPU-hours or time", define: extend,
			Long: `extend raises limits that the budget has: +20 adds 20, 40 is the new limit. A sweep that
has ended continues under its name, with its ledger.`,
			Example: `  tailsweep extend my-sweep --trials +20
  tailsweep extend my-sweep --gpu-hours 12 --wall-clock +24h`,
		},
		{Name: conduct.CommandSet, Short: "Change concurrency, priority or description", define: set},
		{
			Name: conduct.CommandEdit, Args: "SPEC", Short: "Change the search space, method, metrics and limits of a sweep", define: edit, least: 1, most: 1,
			Long: `edit replaces the spec of a sweep. Parameters, method, metrics, constraints, gates,
budget, early termination and checkpoints.save_sweep_best may change; the search still uses the earlier
results where they fit the new spec. Fields on which all results depend (dataset, model,
train, evaluate) may not change. edit first prints the fields that change; with --dry-run
it does nothing else. ` + "`tailsweep describe SWEEP -o yaml`" + ` prints the spec in force, with what
extend and set have changed, as a file to edit.`,
		},
		{
			Name: conduct.CommandEnqueue, Short: "Try configurations of your own next", define: enqueue,
			Example: `  tailsweep enqueue my-sweep --param infonce.weight=0.3
  tailsweep enqueue my-sweep --file points.yaml`,
		},
		{Name: conduct.CommandRetry, Args: "TRIAL...", Short: "Try trials again that failed or were cancelled", define: trials, least: 1, most: -1,
			Long: "retry tries trials again that failed, were cancelled or reached max_trial_time: with the\nsame parameters and seed, under new numbers."},
		{Name: conduct.CommandPin, Args: "TRIAL...", Short: "Keep the checkpoints of trials", define: trials, least: 1, most: -1},
		{Name: conduct.CommandUnpin, Args: "TRIAL...", Short: "Remove pins: the checkpoints may then be removed", define: trials, least: 1, most: -1},
	}
}

// Define adds the flags of the verb to f, and returns what makes the command once f is
// parsed. The trials of a retry are in Trials, for conduct.Retriable.
func (v Verb) Define(f *pflag.FlagSet) (build func(a *cli.App, args []string) (conduct.Command, error)) {
	finish := v.define(f)
	reason := f.String("reason", "", fmt.Sprintf("reason for the command log of the sweep, at most %d bytes", conduct.ReasonLimit))
	return func(a *cli.App, args []string) (conduct.Command, error) {
		if len(*reason) > conduct.ReasonLimit {
			return conduct.Command{}, cli.Usagef("%s: --reason has %d bytes (valid: up to %d)", v.Name, len(*reason), conduct.ReasonLimit)
		}
		c, err := finish(a, args)
		if err != nil {
			return c, fmt.Errorf("%s: %w", v.Name, err)
		}
		c.Reason = *reason
		return c, nil
	}
}

// arguments describes the arguments that a verb takes, by Verb.Args.
var arguments = map[string]string{"": "one sweep", "SPEC": "one sweep and one spec", "TRIAL...": "one sweep and its trials"}

// Check checks the number of arguments: a sweep, then those of the command.
func (v Verb) Check(args []string) error {
	if n := len(args) - 1; n < v.least || v.most >= 0 && n > v.most {
		return cli.Usagef("%s takes %s, not %s; see `tailsweep %[1]s --help`", v.Name, arguments[v.Args], english.Plural(len(args), "argument", ""))
	}
	return nil
}

// Parse reads a command such as "extend --trials +20".
func Parse(a *cli.App, text string) (name string, c conduct.Command, err error) {
	words, err := shlex.Split(text)
	if err != nil {
		return "", c, cli.Usagef("%q: %w", text, err)
	}
	verbs := Verbs()
	names := make([]string, len(verbs))
	for i, v := range verbs {
		names[i] = v.Name
	}
	i := -1
	if len(words) > 0 {
		name = words[0]
		i = slices.Index(names, name)
	}
	if i < 0 {
		return "", c, cli.Usagef("unknown command %q (valid: %s)", name, strings.Join(names, ", "))
	}
	f := pflag.NewFlagSet(name, pflag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	build := verbs[i].Define(f)
	if err := f.Parse(words[1:]); err != nil {
		return name, c, cli.Usagef("%s: %w", name, err)
	}
	if err := verbs[i].Check(append([]string{"the sweep"}, f.Args()...)); err != nil {
		return name, c, err
	}
	c, err = build(a, f.Args())
	return name, c, err
}

func extend(f *pflag.FlagSet) func(*cli.App, []string) (conduct.Command, error) {
	e := &conduct.Extension{}
	f.Var(&amount{to: &e.RunCap, read: wholeNumber, valid: "+20, or 40 in all"}, "trials", "trials of the search: +20, or 40 in all")
	f.Var(&amount{to: &e.GPUHours, read: number, valid: "+4, or 12 in all"}, "gpu-hours", "hours of training slots: +4, or 12 in all")
	f.Var(&amount{to: &e.WallClock, read: seconds, valid: "+24h, or 36h in all"}, "wall-clock", "time: +24h, or 36h in all")
	return func(*cli.App, []string) (conduct.Command, error) {
		if *e == (conduct.Extension{}) {
			return conduct.Command{}, cli.Usagef("nothing to extend (valid: --trials, --gpu-hours, --wall-clock)")
		}
		return conduct.Command{Extend: e}, nil
	}
}

func set(f *pflag.FlagSet) func(*cli.App, []string) (conduct.Command, error) {
	concurrency := cli.Within(f, "concurrency", f.Int("concurrency", 0, "trials that run at a time"), 1, sweep.MostConcurrent)
	priority := cli.Within(f, "priority", f.Int("priority", 0, fmt.Sprintf("which sweep's trials get a free slot first: %d (first) to %d (last)", sweep.PriorityFirst, sweep.PriorityLast)),
		sweep.PriorityFirst, sweep.PriorityLast)
	description := f.String("description", "", "text about the sweep")
	return func(*cli.App, []string) (conduct.Command, error) {
		s := &conduct.Changes{}
		if f.Changed("concurrency") {
			s.Concurrency = concurrency
		}
		if f.Changed("priority") {
			s.Priority = priority
		}
		if f.Changed("description") {
			s.Description = description
		}
		if *s == (conduct.Changes{}) {
			return conduct.Command{}, cli.Usagef("nothing to set (valid: --concurrency, --priority, --description)")
		}
		return conduct.Command{Set: s}, nil
	}
}

func edit(*pflag.FlagSet) func(*cli.App, []string) (conduct.Command, error) {
	return func(a *cli.App, args []string) (conduct.Command, error) {
		spec, text, err := a.ReadSpec(args[0])
		if err == nil {
			err = a.CheckPaths(args[0], text)
		}
		if err == nil && spec.Trainer != nil && len(spec.Trainer.Digests) == 0 { // a text from the store has them
			_, err = a.ReadTrainer(args[0], text, spec)
		}
		return conduct.Command{Spec: spec}, err
	}
}

func enqueue(f *pflag.FlagSet) func(*cli.App, []string) (conduct.Command, error) {
	params := f.StringArray("param", nil, "NAME=VALUE of a parameter of one configuration; once for each parameter")
	file := f.String("file", "", "YAML list of configurations, as points in a spec (- for standard input)")
	return func(a *cli.App, _ []string) (conduct.Command, error) {
		switch {
		case (*file == "") == (len(*params) == 0):
			return conduct.Command{}, cli.Usagef("give one configuration by --param NAME=VALUE, or several by --file")
		case *file != "":
			name, text, err := a.ReadText(*file)
			if err != nil {
				return conduct.Command{}, err
			}
			points, err := specfile.ParsePoints(name, text)
			return conduct.Command{Points: points}, err
		}
		point := make(sweep.Params)
		for _, text := range *params {
			name, value, err := cli.SplitParam(text) // the sweep checks them
			if err != nil {
				return conduct.Command{}, err
			}
			if _, twice := point[name]; twice {
				return conduct.Command{}, cli.Usagef("--param %s is given twice (several configurations: --file)", name)
			}
			point[name] = value
		}
		return conduct.Command{Points: []sweep.Params{point}}, nil
	}
}

func trials(*pflag.FlagSet) func(*cli.App, []string) (conduct.Command, error) {
	return func(_ *cli.App, args []string) (conduct.Command, error) {
		var c conduct.Command
		for _, text := range args {
			n, err := cli.TrialNumber(text)
			switch {
			case err != nil:
				return c, err
			case slices.Contains(c.Trials, n):
				return c, cli.Usagef("trial %d is given twice", n)
			}
			c.Trials = append(c.Trials, n)
		}
		return c, nil
	}
}
