package machine

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/trainerfiles"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
	"github.com/tailsweep/tailsweep/sweep/specfile"
	"github.com/tailsweep/tailsweep/trainer/program/conformance"
)

// checkFlags are the flags of trainer-check.
type checkFlags struct {
	protocol     *cli.Choice
	params       []string
	spec         string
	files        []string
	metrics      []string
	env, passEnv []string
	steps        int
	limit        time.Duration
}

// checkSpecName is the name of the sweep that a program is checked with, where no spec gives one.
const checkSpecName = "trainer-check"

// TrainerCheck is the verb trainer-check: it checks a program against the trainer protocol.
func TrainerCheck(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "trainer-check [flags] -- COMMAND ARGS... | trainer-check --spec SPEC",
		Short: "Check a training program of your own, without any service",
		Long: `trainer-check starts a program about a dozen times as a worker does, in temporary
folders, and checks that it follows the trainer protocol (docs/trainer-protocol.md): messages,
checkpoints, metrics, resume, rungs, SIGTERM, seeds, errors. It says what is wrong and what to
do about it.

The program is started in a new folder that has nothing but its files. Files that the command
names are among them; name the others with --files.`,
		Example: "  tailsweep trainer-check --param lr=0.01 --files lib.py -- python3 train.py\n" +
			"  tailsweep trainer-check --spec my.yaml",
	}
	f := cmd.Flags()
	output := cli.OutputFlag(cmd)
	h := checkFlags{protocol: &cli.Choice{Value: sweep.ProtocolJSON, Valid: sweep.TrainerProtocols()}}
	f.Var(h.protocol, "protocol", "protocol of the program")
	f.StringArrayVar(&h.params, "param", nil, "NAME=VALUE of a parameter; can be repeated")
	f.StringVar(&h.spec, "spec", "", "take command, files, protocol, environment and parameters from this spec")
	f.StringSliceVar(&h.metrics, "metric", nil, "names of metrics that the program must report")
	f.StringSliceVar(&h.files, "files", nil, "files and folders that the program needs, as trainer.files of a spec")
	f.StringArrayVar(&h.env, "env", nil, "NAME=VALUE of an environment variable; can be repeated")
	f.StringSliceVar(&h.passEnv, "pass-env", nil, "names of environment variables to pass on")
	f.IntVar(&h.steps, "steps", 0, "steps of the longest training (default: as many as take about two seconds)")
	cli.Within(f, "steps", &h.steps, conformance.MinSteps, conformance.MaxSteps)
	f.DurationVar(&h.limit, "limit", conformance.DefaultLimit, "time that each start of the program may take")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := checkConfig(a, h, args)
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(c.Files) }() // in the temporary folder
		c.Log = func(text string) { a.Log("%s", text) }
		report, err := conformance.Run(cmd.Context(), c)
		if err != nil {
			return err
		}
		if err := a.PrintAs(output, report, checkText(report, console.Painter(a.Terminal().Colour))...); err != nil {
			return err
		}
		if report.Count(conformance.Fault) > 0 {
			return cli.Silently(cli.ExitFailure)
		}
		return nil
	}
	return cmd
}

// checkConfig makes the configuration of the suite from the command line. The caller removes
// its Files.
func checkConfig(a *cli.App, h checkFlags, command []string) (conformance.Config, error) {
	c := conformance.Config{Steps: h.steps, Limit: h.limit, Version: cli.Version}
	if h.limit <= 0 {
		return c, cli.Usagef("trainer-check: --limit %s (valid: a time above 0, such as 5m)", h.limit)
	}
	base := "."
	var err error
	if h.spec != "" {
		if len(command) > 0 || len(h.metrics)+len(h.files)+len(h.env)+len(h.passEnv) > 0 || h.protocol.Value != sweep.ProtocolJSON {
			return c, cli.Usagef("trainer-check: --spec gives the command, its files, protocol, metrics and environment (valid with it: --param, --steps, --limit, -o)")
		}
		c.Spec, c.Params, c.Others, err = specToCheck(a, h.spec)
		base = filepath.Dir(h.spec)
	} else {
		c.Spec, err = flagsToCheck(h, command)
	}
	if err != nil {
		return c, err
	}
	if err := setParams(&c, h); err != nil {
		return c, err
	}
	if base, err = filepath.Abs(base); err != nil {
		return c, err
	}
	if c.Files, err = os.MkdirTemp("", "tailsweep-files-*"); err != nil {
		return c, err
	}
	if err := trainerfiles.Copy(base, c.Spec.Trainer, c.Files); err != nil {
		return c, errors.Join(cli.Usagef("trainer-check: %w", err), os.RemoveAll(c.Files))
	}
	return c, nil
}

// specToCheck reads a spec with a trainer, and returns the middle of its search space, and the
// configurations that differ from it in one parameter.
func specToCheck(a *cli.App, path string) (spec sweep.Spec, params sweep.Params, others []sweep.Params, err error) {
	s, _, err := a.ReadSpec(path)
	if err != nil {
		return spec, nil, nil, err
	}
	if s.Trainer == nil {
		return spec, nil, nil, cli.Usagef("trainer-check: --spec %s has no trainer (valid: a spec whose trainer.command names a program; the built-in trainer needs no check)", path)
	}
	a.Warn(s)
	cube := space.NewCube(s)
	middle := make([]float64, len(cube.Order))
	for i := range middle {
		middle[i] = 0.5
	}
	params = cube.Params(middle)
	others = []sweep.Params{}
	for i := range middle {
		for _, at := range []float64{0.9, 0.1} {
			u := slices.Clone(middle)
			u[i] = at
			if other := cube.Params(u); !maps.Equal(other, params) {
				others = append(others, other)
				break
			}
		}
	}
	return *s, params, others, nil
}

// flagsToCheck makes a spec of the flags: as one is written, so that the same checks apply.
func flagsToCheck(h checkFlags, command []string) (spec sweep.Spec, err error) {
	if len(command) == 0 {
		return spec, cli.Usagef("trainer-check: the command is missing (valid: trainer-check -- COMMAND ARGS..., or trainer-check --spec SPEC)")
	}
	files := h.files
	for _, word := range command { // python train.py: the script is a file, too
		if info, err := os.Lstat(word); err == nil && info.Mode().IsRegular() && filepath.IsLocal(word) && !slices.Contains(files, filepath.Clean(word)) {
			files = append(files, filepath.Clean(word))
		}
	}
	env := map[string]string{}
	for _, text := range h.env {
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			return spec, cli.Usagef("trainer-check: --env %q (valid: NAME=VALUE)", text)
		}
		env[name] = value
	}
	values := map[string]any{}
	for _, text := range h.params {
		name, v, err := cli.SplitParam(text)
		if err != nil {
			return spec, fmt.Errorf("trainer-check: %w", err)
		}
		values[name] = map[string]any{"values": []sweep.Value{v}}
	}
	if len(values) == 0 { // a spec has one at least
		values["none"] = map[string]any{"values": []int{0}}
	}
	trainer := map[string]any{"command": command, "protocol": h.protocol.Value}
	if len(files) > 0 {
		trainer["files"] = files
	}
	if len(env) > 0 {
		trainer["env"] = env
	}
	if len(h.passEnv) > 0 {
		trainer["pass_env"] = h.passEnv
	}
	metrics := []map[string]any{}
	for _, name := range h.metrics {
		metrics = append(metrics, map[string]any{"name": name, "goal": sweep.Minimize})
	}
	if len(metrics) == 0 { // a spec has one at least, and this one needs no message
		metrics = append(metrics, map[string]any{"name": sweep.MetricStepsPerSecond, "goal": sweep.Maximize})
	}
	written, err := json.Marshal(map[string]any{
		"apiVersion": sweep.APIVersion, "name": checkSpecName, "method": sweep.MethodRandom, "budget": map[string]any{"run_cap": 1},
		"train": map[string]any{"steps": conformance.MaxSteps}, "trainer": trainer, "parameters": values,
		"metrics": metrics,
	})
	if err != nil {
		return spec, err
	}
	s, err := specfile.Parse("", written)
	var faults specfile.Faults
	if errors.As(err, &faults) {
		var texts []string
		for _, f := range faults {
			texts = append(texts, f.FieldError.Error())
		}
		return spec, cli.Usagef("trainer-check: %s", strings.Join(texts, "; "))
	}
	if err != nil {
		return spec, err
	}
	return *s, nil
}

// setParams gives the parameters of the flags to all trainings.
func setParams(c *conformance.Config, h checkFlags) error {
	if c.Params == nil {
		c.Params = sweep.Params{}
	}
	given := sweep.Params{}
	for _, text := range h.params {
		name, v, err := cli.SplitParam(text)
		if err != nil {
			return fmt.Errorf("trainer-check: %w", err)
		}
		if _, known := c.Params[name]; h.spec != "" && !known {
			return cli.Usagef("trainer-check: --param %s: no such parameter (valid: %s)", name, strings.Join(slices.Sorted(maps.Keys(c.Params)), ", "))
		}
		given[name] = v
	}
	maps.Copy(c.Params, given)
	for _, other := range c.Others {
		for name, v := range given {
			if _, active := other[name]; active {
				other[name] = v
			}
		}
	}
	c.Others = slices.DeleteFunc(c.Others, func(other sweep.Params) bool { return maps.Equal(other, c.Params) })
	return nil
}

// checkText has a line for each check, one for what to do about it, and one for all. Checks that
// were not made for one reason share a line.
func checkText(r conformance.Report, paint console.Paint) []string {
	colours := map[conformance.Level]string{conformance.OK: console.Green, conformance.Warning: console.Yellow, conformance.Fault: console.Red}
	var lines []string
	left := map[string][]string{} // names of checks that were not made, by the reason
	var reasons []string
	for _, c := range r.Checks {
		if c.Level == conformance.NotApplicable {
			if left[c.Found] == nil {
				reasons = append(reasons, c.Found)
			}
			left[c.Found] = append(left[c.Found], c.Name)
			continue
		}
		found := strings.Split(strings.TrimRight(c.Found, "\n"), "\n")
		lines = append(lines, fmt.Sprintf("%s  %-13s %s", paint(colours[c.Level], fmt.Sprintf("%-7s", c.Level)), c.Name, console.Printable(found[0])))
		for _, more := range found[1:] {
			lines = append(lines, fmt.Sprintf("%25s%s", "", console.Printable(more)))
		}
		if c.Fix != "" {
			lines = append(lines, fmt.Sprintf("%23s-> %s", "", console.Printable(c.Fix)))
		}
	}
	for _, reason := range reasons {
		lines = append(lines, fmt.Sprintf("-        not checked   %s: %s", strings.Join(left[reason], ", "), console.Printable(reason)))
	}
	return append(lines, fmt.Sprintf("%s: %s, %s; %s of up to %s in %s", console.Printable(strings.Join(r.Command, " ")),
		english.Plural(r.Count(conformance.Fault), "fault", ""), english.Plural(r.Count(conformance.Warning), "warning", ""),
		english.Plural(r.Starts, "training", ""), english.Plural(r.Steps, "step", ""), text.Duration(time.Duration(r.Seconds*float64(time.Second)))))
}
