package sweeps

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/earlier"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/progress"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/steering"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/trialview"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// Steered is the output of a verb that sends a command.
type Steered struct {
	conduct.Progress                      // after the command; only the name where it is not known
	Recorded         bool                 `json:"recorded,omitempty"` // no worker has answered: Temporal keeps the command until one does
	Continued        bool                 `json:"continued,omitempty"`
	Edited           []conduct.Difference `json:"edited,omitempty"` // edit: the fields that change
	Fit              *fitting             `json:"fit,omitempty"`    // edit: absent if the ledger cannot be read
	Retried          []retriedTrial       `json:"retried,omitempty"`

	live map[int]progress.LiveTrial
}

// retriedTrial is a trial that a retry tries again.
type retriedTrial struct {
	Trial int  `json:"trial"`
	As    *int `json:"as,omitempty"` // its new number; a trial that waits has none yet
}

// retriedAs returns the new numbers of the trials that a retry has named, from the progress
// of the sweep after it. Requests are numbered, so the last that fit are those of this retry.
func retriedAs(p conduct.Progress, again []sweep.Assignment) []retriedTrial {
	asked := slices.Clone(p.Queue)
	for _, r := range p.Running {
		asked = append(asked, r.Assignment)
	}
	slices.SortFunc(asked, func(a, b sweep.Assignment) int { return b.Request - a.Request })
	var list []retriedTrial
	for _, a := range slices.Backward(again) {
		i := slices.IndexFunc(asked, func(b sweep.Assignment) bool {
			return b.Reason.Sampler == sweep.SourceRetry && b.Seed == a.Seed && b.Params.Key() == a.Params.Key()
		})
		if i < 0 {
			continue
		}
		found := retriedTrial{Trial: a.Number}
		if slices.ContainsFunc(p.Running, func(r conduct.Running) bool { return r.Request == asked[i].Request }) {
			found.As = new(asked[i].Number)
		}
		list = append(list, found)
		asked = slices.Delete(asked, i, i+1)
	}
	slices.Reverse(list)
	return list
}

// output is what is printed as JSON: without progress that is not known.
func (s Steered) output() any {
	if s.Phase != "" {
		return s
	}
	return struct {
		Name     string               `json:"name"`
		Recorded bool                 `json:"recorded,omitempty"`
		Edited   []conduct.Difference `json:"edited,omitempty"`
		Fit      *fitting             `json:"fit,omitempty"`
	}{s.Name, s.Recorded, s.Edited, s.Fit}
}

// Steer makes the verb that sends a command. A command that a sweep refuses is bad
// input.
func Steer(name string) func(*cli.App) *cobra.Command {
	i := slices.IndexFunc(steering.Verbs(), func(v steering.Verb) bool { return v.Name == name })
	return func(a *cli.App) *cobra.Command { return steeringVerb(a, steering.Verbs()[i]) }
}

func steeringVerb(a *cli.App, v steering.Verb) *cobra.Command {
	use := v.Name + " SWEEP"
	if v.Args != "" {
		use += " " + v.Args
	}
	cmd := &cobra.Command{Use: use, Short: v.Short, Long: v.Long, Example: v.Example}
	cmd.Args = func(_ *cobra.Command, args []string) error { return v.Check(args) }
	output := cli.OutputFlag(cmd)
	build := v.Define(cmd.Flags())
	dryRun := new(bool)
	if v.Name == conduct.CommandEdit {
		dryRun = cmd.Flags().Bool("dry-run", false, "only show and check what would change")
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx, name := cmd.Context(), args[0]
		if err := archive.CheckName(name); err != nil {
			return cli.Usagef("%s: %w", v.Name, err)
		}
		command, err := build(a, args[1:])
		if err != nil {
			return err
		}
		var out Steered
		switch v.Name { // the other commands need nothing of the store
		case conduct.CommandEdit:
			out, err = edited(ctx, a, name, command, output, *dryRun)
			if err != nil || *dryRun {
				return err
			}
		case conduct.CommandRetry, conduct.CommandPin:
			arc, err := a.Archive(ctx)
			if err != nil {
				return err
			}
			if v.Name == conduct.CommandRetry {
				command, err = retried(ctx, a, arc, name, command)
			} else {
				err = checkStored(ctx, arc, name, command.Trials)
			}
			if err != nil {
				return err
			}
		}
		c, err := a.Temporal(ctx)
		if err != nil {
			return err
		}
		defer c.Close()
		here, err := a.Here(ctx, c)
		if err != nil {
			return err
		}
		command.By = userAtHost()
		to := &sender{temporal: c, open: a.Archive, here: here}
		if a.Attended() {
			to.notice = func(text string) { a.Log("%s", text) }
		}
		answer, err := to.send(ctx, name, conduct.Commanded{Name: v.Name, Command: command})
		if err != nil {
			return err
		}
		out.Progress, out.Recorded, out.Continued = answer.progress, answer.recorded, answer.continued
		out.Retried = retriedAs(out.Progress, command.Retry)
		out.live, _ = progress.LiveTrials(ctx, c, here.Namespace, out.Progress) // without it "running or queued"
		return a.PrintAs(output, out.output(), steeredText(v.Name, out)...)
	}
	return cmd
}

// steeredText says what the command did.
func steeredText(command string, s Steered) []string {
	p := s.Progress
	if s.Recorded && !s.Continued {
		return []string{
			fmt.Sprintf("%s: %s is recorded in Temporal and is applied when a worker runs,", p.Name, command),
			"unless the sweep refuses it then (`tailsweep up` or `tailsweep worker` starts a",
			fmt.Sprintf("worker; `tailsweep describe %s` will show the command)", p.Name),
		}
	}
	var lines []string
	for _, r := range s.Retried {
		if r.As != nil {
			lines = append(lines, fmt.Sprintf("trial %d again as trial %d", r.Trial, *r.As))
		} else {
			lines = append(lines, fmt.Sprintf("trial %d again: it gets its number when it starts (`tailsweep describe %s`)", r.Trial, p.Name))
		}
	}
	for _, e := range slices.Backward(p.CommandLog) {
		if e.Command == conduct.EntrySkip && command == conduct.CommandEdit {
			lines = append(lines, "skip: "+e.Change)
		}
		if e.Command == command {
			if len(lines) == 0 && e.Change != "" && command != conduct.CommandEdit { // edit has printed a table of it
				lines = append(lines, e.Change)
			}
			break
		}
	}
	state := fmt.Sprintf("%s: %s, %s finished", p.Name, p.Phase, trialview.CountOf(p.Finished, p.Planned))
	if n := progress.Unfinished(p, s.live); n != "" {
		state += ", " + n
	}
	if n := len(p.Queue); n > 0 {
		state += fmt.Sprintf(", %d requested", n)
	}
	lines = append(lines, state)
	if command == conduct.CommandEdit && p.Phase.Final() {
		lines = append(lines, fmt.Sprintf("the sweep stays %s: `tailsweep resume %s` continues it with this spec", p.Phase, p.Name))
	}
	if s.Recorded {
		lines = append(lines, "no worker runs: the sweep continues when one does (`tailsweep up`, or `tailsweep worker`)")
	}
	return lines
}

// endedTrials returns the trials among numbers that have ended, and maybe others. It reads
// the ledger only where one of them has no result: it runs, or ended without one.
func endedTrials(ctx context.Context, arc *archive.Archive, name string, numbers []int) ([]sweep.Trial, error) {
	var trials []sweep.Trial
	for _, n := range numbers {
		t, ok, err := arc.Result(ctx, name, n)
		switch {
		case err != nil:
			return nil, err
		case ok:
			trials = append(trials, t)
			continue
		}
		if _, err := arc.Owner(ctx, name); errors.Is(err, store.ErrNotFound) {
			return nil, cli.Absent(ctx, arc, name)
		}
		return arc.Trials(ctx, name)
	}
	return trials, nil
}

// edited compares the spec of an edit with the one in force, and prints what changes. The error
// says why the sweep would refuse the edit, as far as that is known here.
func edited(ctx context.Context, a *cli.App, name string, c conduct.Command, output *cli.Choice, dryRun bool) (Steered, error) {
	out := Steered{Progress: conduct.Progress{Name: name}}
	arc, spec, _, err := a.Sweep(ctx, name)
	if err != nil {
		return out, err
	}
	earlier.Keep(c.Spec, spec)
	out.Edited = conduct.Differences(spec, c.Spec)
	refused := checkEdit(spec, c, nil)
	text := differenceText(out.Edited)
	if refused == nil {
		if ledger, err := arc.Trials(ctx, name); err != nil {
			a.Log("how many finished trials fit is not known: %v", err)
		} else {
			out.Fit = new(fittingOf(c.Spec, ledger))
			text = append(text, out.Fit.text())
		}
	}
	if output.Value == cli.FormatJSON && dryRun || output.Value != cli.FormatJSON && len(out.Edited) > 0 { // the refusal says that nothing changes
		if err := a.PrintAs(output, out.output(), text...); err != nil {
			return out, err
		}
	}
	if refused == nil && dryRun {
		p, err := latestProgress(ctx, a, arc, name)
		switch {
		case cli.CodeOf(err) == cli.ExitUsage, ctx.Err() != nil:
			return out, err
		case err != nil:
			a.Log("whether the sweep accepts the edit now is not known: %v", err)
		default:
			refused = checkEdit(spec, c, &p)
		}
	}
	return out, refused
}

// latestProgress is the progress of a sweep: what a worker or the result of its workflow says,
// otherwise what the store has.
func latestProgress(ctx context.Context, a *cli.App, arc *archive.Archive, name string) (conduct.Progress, error) {
	c, err := a.Temporal(ctx)
	if err == nil {
		defer c.Close()
		if err := elsewhere(ctx, a, c, arc, name); err != nil {
			return conduct.Progress{}, err
		}
		var p conduct.Progress
		if p, err = progress.QueryProgress(ctx, c, name); err == nil {
			return progress.Recovered(ctx, a.Archive, p), nil
		}
	}
	if ctx.Err() != nil {
		return conduct.Progress{}, ctx.Err()
	}
	stored, other := arc.Progress(ctx, name)
	if other != nil {
		return conduct.Progress{}, err
	}
	return *stored, nil
}

// retried adds the assignments of the trials that a retry names.
func retried(ctx context.Context, a *cli.App, arc *archive.Archive, name string, c conduct.Command) (conduct.Command, error) {
	trials, err := endedTrials(ctx, arc, name, c.Trials)
	if err != nil {
		return c, err
	}
	for _, n := range c.Trials {
		if slices.ContainsFunc(trials, func(t sweep.Trial) bool { return t.Number == n }) {
			continue
		}
		p, err := latestProgress(ctx, a, arc, name)
		if cli.CodeOf(err) == cli.ExitUsage {
			return c, err
		}
		if err := p.NotEnded(n); err != nil {
			return c, cli.Usagef("cannot retry sweep %q: %w", name, err)
		}
		return c, cli.NoFinishedTrial(name, n)
	}
	if c.Retry, err = conduct.Retriable(trials, c.Trials); err != nil {
		return c, cli.Usagef("cannot retry sweep %q: %w (`tailsweep trials %[1]s` lists the finished trials)", name, err)
	}
	c.Trials = nil
	return c, nil
}

// checkStored checks that the checkpoints of finished trials are in the store. A trial
// that runs may have none yet.
func checkStored(ctx context.Context, arc *archive.Archive, name string, numbers []int) error {
	trials, err := endedTrials(ctx, arc, name, numbers)
	if err != nil {
		return err
	}
	err = conduct.Pinnable(trials, numbers, func(t sweep.Trial) (bool, error) {
		stored, _, err := arc.List(ctx, name, t.Number)
		return slices.ContainsFunc(stored, func(c activities.CheckpointRef) bool { return c.Key == t.Checkpoint }), err
	})
	if missing, is := errors.AsType[*conduct.NoCheckpointError](err); is {
		return cli.NotFoundf("cannot pin sweep %q: %w", name, missing)
	}
	return err
}

// userAtHost returns user@host, for the command log.
func userAtHost() string {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		return name
	}
	return name + "@" + host
}
