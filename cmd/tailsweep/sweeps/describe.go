package sweeps

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/progress"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/trialview"
	"github.com/tailsweep/tailsweep/internal/connect"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// description is the output of `tailsweep describe -o json`.
type description struct {
	Spec     *sweep.Spec       `json:"spec"` // in force
	Digest   string            `json:"digest"`
	Version  int               `json:"version"`            // of Spec: the number of the command that made it, 0 as submitted
	Progress *conduct.Progress `json:"progress,omitempty"` // absent without an answer of Temporal
	Owner    sweep.Identity    `json:"owner"`
	Builds   map[string]int    `json:"builds,omitempty"`  // finished trials by the build of a worker that took part
	Waiting  string            `json:"waiting,omitempty"` // why trials are queued

	live map[int]progress.LiveTrial
}

// maxQueued is the number of requested trials that describe lists.
const maxQueued = 20

// Describe is the verb describe: it prints the spec and the phase of a sweep.
func Describe(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "describe SWEEP",
		Short: "Show a sweep's spec, its phase and the commands it received",
		Args:  cli.Args(1, 1, "one sweep"),
	}
	output := cli.OutputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx, name := cmd.Context(), args[0]
		arc, spec, yaml, err := a.Sweep(ctx, name)
		if err != nil {
			return err
		}
		d := description{Spec: spec, Digest: spec.Digest()}
		version, changed, err := arc.SpecVersion(ctx, name)
		if err != nil {
			a.Log("the version of the spec is unknown: %v", err)
		}
		d.Version = version.Number
		if d.Owner, err = arc.Owner(ctx, name); err != nil {
			return err
		}
		if trials, err := arc.Trials(ctx, name); err != nil {
			a.Log("the builds that took part are unknown: %v", err)
		} else {
			d.Builds = builds(trials)
		}
		target, err := connect.Resolve(a.Flags)
		if err != nil {
			return err
		}
		c, err := a.Temporal(ctx)
		if err == nil {
			defer c.Close()
			var p conduct.Progress
			if p, err = progress.QueryProgress(ctx, c, name); err == nil {
				d.Progress = &p
				d.live, err = progress.LiveTrials(ctx, c, p)
				d.Waiting = progress.Waiting(ctx, c, target.Namespace(), spec.Resources.Queue, d.live)
			} else {
				err = progress.Explained(ctx, c, err)
			}
		}
		if err != nil {
			a.Log("the state of the sweep is unknown: %v", err)
		}
		lines := append(describeText(d), "")
		if changed {
			if yaml, err = written(spec); err != nil {
				return err
			}
			lines = append(lines, fmt.Sprintf("# the spec in force, version %d: %s", version.Number, entryText(version)))
		}
		return a.PrintAs(output, d, append(lines, strings.TrimRight(string(yaml), "\n"))...)
	}
	return cmd
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
	lines := []string{fmt.Sprintf("%s  %s, %s", d.Spec.Name, d.Spec.Method, trialview.TrialCount(d.Spec)), "digest " + d.Digest}
	if d.Spec.Description != "" {
		lines = append(lines, d.Spec.Description)
	}
	p := d.Progress
	if d.Owner.ID != "" {
		lines = append(lines, "started by tailsweep "+d.Owner.Build+" in "+d.Owner.Temporal())
	}
	for _, build := range slices.Sorted(maps.Keys(d.Builds)) {
		lines = append(lines, fmt.Sprintf("workers of tailsweep %s took part in %s", build, english.Plural(d.Builds[build], "trial", "")))
	}
	if p == nil {
		return lines
	}
	v := progress.View{Spec: d.Spec, Progress: *p, Live: d.live, Now: time.Now()}
	lines = append(lines, string(p.Phase)+": "+v.Summary(), "slot time "+text.Duration(time.Duration(p.GPUHours*float64(time.Hour))))
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
		state := "is running since"
		if d.live[r.Number].Queued() {
			state = "is queued, started"
		}
		line := fmt.Sprintf("trial %d %s %s: %s", r.Number, state, r.StartedAt.Local().Format(time.DateTime), trialview.Params(r.Params))
		if r.Verdict != nil {
			line += "; " + r.Verdict.Reason
		}
		lines = append(lines, line)
	}
	if p.Best != nil {
		lines = append(lines, "best: "+trialview.Line(d.Spec, p.Best.Number, p.Best.Metrics, p.Best.Params))
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
		lines = append(lines, "pinned: trials "+text.Numbers(p.Pinned, maxQueued))
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
