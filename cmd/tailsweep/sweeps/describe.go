package sweeps

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/progress"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/trialview"
	"github.com/tailsweep/tailsweep/internal/connect"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/sweep/specfile"
	"github.com/tailsweep/tailsweep/workflows"
)

// description is the output of `tailsweep describe -o json`.
type description struct {
	Name       string            `json:"name"`
	Spec       *sweep.Spec       `json:"spec"` // in force; null if the store does not give it
	Digest     string            `json:"digest,omitempty"`
	Version    int               `json:"version"`            // of Spec: the number of the command that made it, 0 as submitted
	Progress   *conduct.Progress `json:"progress,omitempty"` // absent if no worker answers
	Known      *Listed           `json:"known,omitempty"`    // what Temporal knows where no worker answers
	Stored     *conduct.Progress `json:"stored,omitempty"`   // what the store has of the progress, likewise
	Owner      sweep.Identity    `json:"owner"`
	Builds     map[string]int    `json:"builds,omitempty"`      // finished trials by the build of a worker that took part
	Waiting    string            `json:"waiting,omitempty"`     // why trials are queued
	StoreFault string            `json:"store_fault,omitempty"` // why Spec is null

	live map[int]progress.LiveTrial
	text []string // Spec as YAML, the last of them

	versionErr error // why Version is not known
}

// MarshalJSON writes the spec as a file of it, which `tailsweep validate` accepts.
func (d description) MarshalJSON() ([]byte, error) {
	type plain description
	out := struct {
		Spec json.RawMessage `json:"spec"`
		plain
	}{plain: plain(d)}
	if d.Spec != nil {
		var err error
		if out.Spec, err = specfile.WrittenJSON(d.Spec); err != nil {
			return nil, err
		}
	}
	return json.Marshal(out)
}

// formatYAML is the output format that prints only the spec.
const formatYAML = "yaml"

// maxQueued is the number of requested trials that describe lists.
const maxQueued = 20

// Describe is the verb describe: it prints the spec and the phase of a sweep.
func Describe(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "describe SWEEP",
		Short: "Show a sweep's spec, its phase and the commands it received",
		Long: `describe prints the state, the command log and the spec in force. -o yaml prints only
the spec in force, which ` + "`tailsweep edit`" + ` takes after a change:

  tailsweep describe SWEEP -o yaml > spec.yaml`,
		Args: cli.Args(1, 1, "one sweep"),
	}
	output := &cli.Choice{Value: cli.FormatTable, Valid: []string{cli.FormatTable, cli.FormatJSON, formatYAML}}
	cmd.Flags().VarP(output, "output", "o", "output format")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx := cmd.Context()
		d := description{Name: args[0]}
		storeErr := d.readStore(ctx, a)
		if code := cli.CodeOf(storeErr); ctx.Err() != nil || code == cli.ExitNotFound || code == cli.ExitUsage {
			return storeErr
		}
		if output.Value == formatYAML {
			switch {
			case storeErr != nil:
				return storeErr
			case d.versionErr != nil:
				return d.versionErr
			}
			return a.Print(d.text[len(d.text)-1])
		}
		if d.versionErr != nil {
			a.Log("the version of the spec is unknown: %v", d.versionErr)
		}
		temporalErr := d.askTemporal(ctx, a)
		if temporalErr != nil {
			a.Log("the state of the sweep is unknown: %v", temporalErr)
		}
		if d.Progress == nil && storeErr == nil {
			d.readStored(ctx, a)
		}
		if storeErr != nil {
			if d.Progress == nil && d.Known == nil {
				return storeErr
			}
			d.StoreFault = storeErr.Error()
			a.Log("only what Temporal knows is shown, since the object store does not give the spec: %v", storeErr)
		}
		lines := describeText(d)
		if d.text != nil {
			lines = append(append(lines, ""), d.text...)
		}
		if err := a.PrintAs(output, d, lines...); err != nil {
			return err
		}
		switch {
		case errors.Is(temporalErr, connect.ErrNoNamespace):
			return cli.Silently(cli.ExitNoAnswer)
		case storeErr != nil:
			return cli.Silently(cli.ExitFailure)
		}
		return nil
	}
	return cmd
}

// readStore reads what the store has of the sweep. An error means that it does not give the
// spec.
func (d *description) readStore(ctx context.Context, a *cli.App) error {
	arc, spec, yaml, err := a.Sweep(ctx, d.Name)
	if err != nil {
		return err
	}
	owner, err := arc.Owner(ctx, d.Name)
	if err != nil {
		return err
	}
	version, changed, err := arc.SpecVersion(ctx, d.Name)
	d.versionErr = err
	if trials, err := arc.Trials(ctx, d.Name); err != nil {
		a.Log("the builds that took part are unknown: %v", err)
	} else {
		d.Builds = builds(trials)
	}
	if changed {
		if yaml, err = specfile.Written(spec); err != nil {
			return err
		}
		d.text = append(d.text, fmt.Sprintf("# the spec in force, version %d: %s", version.Number, entryText(version)))
	}
	d.text = append(d.text, strings.TrimRight(string(yaml), "\n"))
	d.Spec, d.Digest, d.Owner, d.Version = spec, spec.Digest(), owner, version.Number
	return nil
}

// readStored reads what the store has of the progress of a sweep that no worker has described.
func (d *description) readStored(ctx context.Context, a *cli.App) {
	arc, err := a.Archive(ctx)
	if err == nil {
		d.Stored, err = arc.Progress(ctx, d.Name)
	}
	if err != nil {
		a.Log("the stored state cannot be read: %v", err)
	}
}

// askTemporal asks the workers for the progress of the sweep, or else Temporal. The error says
// why the workers do not give all; a *progress.FailingError is the fault of Known instead.
func (d *description) askTemporal(ctx context.Context, a *cli.App) error {
	target, err := connect.Resolve(a.Flags)
	if err != nil {
		return err
	}
	c, err := a.Temporal(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if arc, err := a.Archive(ctx); err == nil {
		if err := elsewhere(ctx, a, c, arc, d.Name); err != nil {
			return err
		}
	}
	p, err := progress.QueryProgress(ctx, c, d.Name)
	if err != nil {
		err = progress.Explained(ctx, c, target.Namespace(), d.Name, err)
		d.Known = latestRun(ctx, c, d.Name)
		if _, failing := errors.AsType[*progress.FailingError](err); failing && d.Known != nil {
			d.Known.Fault, err = blockedText(err), nil
		}
		return err
	}
	p = progress.Recovered(ctx, a.Archive, p)
	d.Progress = &p
	if d.Owner.ID == "" {
		d.Owner = p.Owner
	}
	if d.live, err = progress.LiveTrials(ctx, c, target.Namespace(), p); err == nil && d.Spec != nil {
		d.Waiting = progress.Waiting(ctx, c, target.Namespace(), d.Spec.Resources.Queue, d.live)
	}
	return err
}

// latestRun returns what Temporal lists for the latest run of a sweep, nil where it does not
// know it or does not answer.
func latestRun(ctx context.Context, c client.Client, name string) *Listed {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	described, err := c.DescribeWorkflowExecution(ctx, workflows.SweepID(name), "")
	if err != nil {
		return nil
	}
	row := fromExecution(described.GetWorkflowExecutionInfo())
	return &row
}

// builds counts the trials of each build of a worker that took part.
func builds(trials []sweep.Trial) map[string]int {
	counts := map[string]int{}
	for _, t := range trials {
		for _, build := range t.Builds {
			counts[build]++
		}
	}
	return counts
}

// describeText formats the state; the spec follows it.
func describeText(d description) []string {
	lines := []string{d.Name}
	if d.Spec != nil {
		lines = []string{fmt.Sprintf("%s  %s", d.Name, d.Spec.Method), "digest " + d.Digest}
		if d.Spec.Description != "" {
			lines = append(lines, d.Spec.Description)
		}
	}
	p, from := d.Progress, ""
	if d.Owner.ID != "" {
		lines = append(lines, "started by tailsweep "+d.Owner.Build+" in "+d.Owner.Temporal())
	}
	for _, build := range slices.Sorted(maps.Keys(d.Builds)) {
		lines = append(lines, fmt.Sprintf("workers of tailsweep %s took part in %s", build, english.Plural(d.Builds[build], "trial", "")))
	}
	if p == nil {
		if k := d.Known; k != nil {
			lines = append(lines, fmt.Sprintf("%s: %s finished", k.State, trialview.CountOf(k.Done, k.Planned)))
			if k.Fault != "" {
				lines = append(lines, console.Printable(k.Fault))
			}
		}
		if p, from = d.Stored, "in the store: "; p == nil {
			return lines
		}
	}
	v := progress.View{Spec: d.Spec, Progress: *p, Live: d.live, Now: time.Now()}
	lines = append(lines, from+string(p.Phase)+": "+v.Summary(), "slot time of finished trials: "+text.Duration(time.Duration(p.GPUHours*float64(time.Hour))))
	if p.Message != "" {
		lines = append(lines, p.Message)
	}
	for _, b := range p.Blocked {
		lines = append(lines, progress.Blocked(b, v.Now))
	}
	if d.Waiting != "" {
		lines = append(lines, d.Waiting)
	}
	for _, r := range p.Running {
		line := v.Trial(r)
		if d.Progress == nil {
			line = fmt.Sprintf("trial %d started %s: %s", r.Number, r.StartedAt.Local().Format(time.DateTime), trialview.Params(r.Params))
		}
		if r.Verdict != nil {
			line += "; " + r.Verdict.Reason
		}
		lines = append(lines, line)
	}
	if p.Best != nil {
		spec := d.Spec
		if spec == nil { // the store does not answer
			spec = &sweep.Spec{Metrics: p.Objectives}
		}
		lines = append(lines, "best: "+trialview.Line(spec, p.Best.Number, p.Best.Metrics, p.Best.Params))
	}
	for _, a := range p.Queue[:min(len(p.Queue), maxQueued)] {
		line := fmt.Sprintf("requested by %s: %s", a.Reason.Sampler, trialview.Params(a.Params))
		if a.Reason.Note != "" {
			line += "; " + a.Reason.Note
		}
		lines = append(lines, line)
	}
	if n := len(p.Queue) - maxQueued; n > 0 {
		lines = append(lines, fmt.Sprintf("and %d more requested trials", n))
	}
	if n := len(p.Pinned); n > 0 {
		lines = append(lines, "pinned: "+text.Trials(p.Pinned, maxQueued))
	}
	for _, e := range p.CommandLog {
		lines = append(lines, entryText(e))
	}
	return lines
}

// entryText is a line about an entry of the command log.
func entryText(e conduct.CommandEntry) string {
	line := e.At.Local().Format(time.DateTime) + " " + e.Command
	if e.By != "" {
		line += " by " + e.By
	}
	var what []string
	for _, part := range []string{e.Change, e.Reason} {
		if part != "" {
			what = append(what, part)
		}
	}
	if e.Refused != "" {
		what = append(what, "refused: "+e.Refused)
	}
	if len(what) > 0 {
		line += ": " + strings.Join(what, "; ")
	}
	return console.Printable(line)
}
