package results

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/trialview"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
	"github.com/tailsweep/tailsweep/sweep/sampler"
)

// Explanation is the output of `tailsweep explain -o json`.
type Explanation struct {
	sweep.Assignment
	Status      sweep.Status         `json:"status"`
	Rungs       []sweep.Rung         `json:"rungs,omitempty"`
	Pending     []int                `json:"pending,omitempty"` // trials that were pending when it was suggested
	Unknown     string               `json:"unknown,omitempty"` // why Pending is unknown
	Expected    []expectation        `json:"expected,omitempty"`
	Constraints []constraint         `json:"constraints,omitempty"`
	Feasibility analysis.Feasibility `json:"feasibility,omitempty"` // by all constraints
	Seeds       int                  `json:"seeds,omitempty"`       // completed trials of the configuration
	Replay      *Replay              `json:"replay,omitempty"`      // with --replay
}

// expectation is the value of a metric that the model expected, and the actual one.
type expectation struct {
	Metric string `json:"metric"`
	sweep.Estimate
	Value *float64 `json:"value,omitempty"` // absent when the trial did not complete
}

// constraint is a constraint, and whether the trial's configuration satisfies it by the
// rule of best, pareto and the report.
type constraint struct {
	Constraint string               `json:"constraint"`
	Value      *float64             `json:"value,omitempty"`       // mean over the seeds of the configuration, of a completed trial
	Limit      *float64             `json:"limit,omitempty"`       // absent while the baseline has no result
	Within     *float64             `json:"within,omitempty"`      // what Value less Limit is uncertain by, on each side, at 95 %; absent where no error is known
	SeedEffect float64              `json:"seed_effect,omitempty"` // what the seeds are estimated to have added to Value; it is subtracted, as that of the baseline's from Limit
	Satisfied  analysis.Feasibility `json:"satisfied,omitempty"`
}

// Replay is the suggestion that this version makes from the same ledger.
type Replay struct {
	Possible bool         `json:"possible"`
	Why      string       `json:"why,omitempty"` // why it is not possible, or not equal
	Equal    bool         `json:"equal"`
	Params   sweep.Params `json:"params,omitempty"`
}

// Explain is the verb explain: it explains a suggestion.
func Explain(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain SWEEP TRIAL",
		Short: "Explain why the search chose the parameters of a trial",
		Args:  cli.Args(2, 2, "a sweep and a trial's number"),
		Long: `explain shows why the search chose the parameters of a trial: the value of the
acquisition function, the expected and the actual value of each metric, the probability
of each constraint, the parameters of the model, the results that were known, and the
verdicts of early termination.

A suggestion is a function of the spec, the results so far and the pending trials.
--replay computes it again and compares; it exits 1 where the result differs, for
example because another version of tailsweep made it.`,
	}
	output := cli.OutputFlag(cmd)
	again := cmd.Flags().Bool("replay", false, "compute the suggestion again and compare")
	cmd.RunE = withTrials(a, func(spec *sweep.Spec, trials []sweep.Trial, args []string) error {
		number, err := cli.TrialNumber(args[1])
		if err != nil {
			return err
		}
		t, err := finished(spec, trials, number)
		if err != nil {
			return err
		}
		var prior []sampler.Source
		if *again && len(spec.From) > 0 {
			if prior, err = earlier(cmd.Context(), a, spec); err != nil {
				return err
			}
		}
		e := explain(spec, trials, prior, t, *again)
		err = a.PrintAs(output, e, explanationText(e)...)
		if err == nil && e.Replay != nil && !e.Replay.Equal {
			return cli.Silently(cli.ExitFailure)
		}
		return err
	})
	return cmd
}

// earlier returns the earlier sweeps that a spec names.
func earlier(ctx context.Context, a *cli.App, spec *sweep.Spec) ([]sampler.Source, error) {
	arc, err := a.Archive(ctx)
	if err != nil {
		return nil, err
	}
	return sampler.Sources(spec, func(e sweep.Earlier) (*sweep.Spec, []sweep.Trial, error) { return arc.Earlier(ctx, e) })
}

func explain(spec *sweep.Spec, ledger []sweep.Trial, prior []sampler.Source, t sweep.Trial, replay bool) Explanation {
	e := Explanation{Assignment: t.Assignment, Status: t.Status, Rungs: t.Rungs}
	replay = replay && t.Kind == sweep.KindSearch
	switch request, err := sampler.RequestOf(spec, ledger, t.Assignment); {
	case err != nil && replay:
		e.Unknown, e.Replay = err.Error(), &Replay{Why: err.Error()}
	case err != nil:
		e.Unknown = err.Error()
	default:
		for _, p := range request.Pending {
			e.Pending = append(e.Pending, p.Number)
		}
		if replay {
			request.Prior = prior
			e.Replay = replayed(t, request)
		}
	}
	value := func(metric string) *float64 {
		if v, ok := t.Metric(metric); ok {
			return &v
		}
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(t.Reason.Posterior)) {
		e.Expected = append(e.Expected, expectation{name, t.Reason.Posterior[name], value(name)})
	}
	limits := analysis.NewLimits(spec, ledger)
	for i, c := range spec.Constraints {
		h := constraint{Constraint: c.String()}
		if limit, ok := limits.Limit(i); ok {
			h.Limit = &limit.Mean
		}
		if mean, ok := limits.Noise(i).Mean(t.Params.Key()); ok && t.Status == sweep.StatusCompleted {
			h.Value, h.SeedEffect = &mean.Mean, limits.Noise(i).Effect(t.Params.Key())
			h.Satisfied, _ = limits.Satisfied(i, t.Params.Key())
			if excess, ok := limits.Interval(i, t.Params.Key()); ok && excess.StdDev > 0 {
				h.Within = new(analysis.Decisive * excess.StdDev)
			}
		}
		e.Constraints = append(e.Constraints, h)
	}
	e.Feasibility = analysis.Feasibilities(spec, ledger)[t.Number]
	for _, o := range ledger {
		if o.Status == sweep.StatusCompleted && o.Params.Key() == t.Params.Key() {
			e.Seeds++
		}
	}
	return e
}

// replayed computes the suggestion of t again.
func replayed(t sweep.Trial, request sampler.Request) *Replay {
	decision, err := sampler.Next(request)
	again := decision.Assignment
	switch {
	case err != nil:
		return &Replay{Possible: true, Why: err.Error()}
	case decision.Exhausted, decision.Wait:
		return &Replay{Possible: true, Why: "for this version of tailsweep every configuration has been tried"}
	case again.Params.Key() == t.Params.Key() && again.Seed == t.Seed:
		return &Replay{Possible: true, Equal: true, Params: again.Params}
	}
	return &Replay{Possible: true, Params: again.Params, Why: "this version of tailsweep suggests other parameters"}
}

// explanationText formats an explanation.
func explanationText(e Explanation) []string {
	lines := []string{fmt.Sprintf("trial %d (%s, seed %d): %s", e.Number, e.Kind, e.Seed, e.Status)}
	add := func(name, format string, args ...any) {
		lines = append(lines, fmt.Sprintf("  %-12s "+format, append([]any{name}, args...)...))
	}
	add("parameters", "%s", trialview.Params(e.Params))
	if e.Kind == sweep.KindBaseline {
		return append(append(lines, "  A baseline trial: its parameters and its seed come from the spec."), constraintsText(e)...)
	}
	r := e.Reason
	if e.Request > 0 {
		add("source", "%s: %s", r.Sampler, r.Note)
		lines = append(lines, requestText[r.Sampler])
		return slices.Concat(lines, constraintsText(e))
	}
	add("method", "%s", r.Sampler)
	if r.Note != "" {
		add("note", "%s", r.Note)
	}
	switch {
	case e.Unknown != "":
		add("known", "%s", e.Unknown)
	case len(e.Pending) > 0:
		add("known", "%d finished trials; pending: %s %s", *r.Seen, english.PluralWord(len(e.Pending), "trial", ""), text.Numbers(e.Pending, len(e.Pending)))
	default:
		add("known", "%d finished trials, none pending", *r.Seen)
	}
	if len(r.Posterior) > 0 || r.Acquisition != 0 {
		add("acquisition", "%.4g", r.Acquisition)
	}
	if r.Feasible != nil {
		add("feasible", "with probability %.3g", *r.Feasible)
	}
	for _, rung := range e.Rungs {
		add("rung", "step %d: %s", rung.Step, rung.Reason)
	}
	lines = append(lines, expectedText(e.Expected)...)
	lines = append(lines, constraintsText(e)...)
	model := console.NewTable("MODEL", ">VALUE")
	for _, name := range slices.Sorted(maps.Keys(r.Hyper)) {
		model.Row(name, fmt.Sprintf("%.4g", r.Hyper[name]))
	}
	lines = append(lines, model.Indented()...)
	if e.Replay != nil {
		lines = append(lines, "")
		add("replay", "%s", replayText(*e.Replay))
	}
	return lines
}

// requestText says what a requested trial is, by its source.
var requestText = map[string]string{
	sweep.SourcePoints: "  A point of the spec: tried before the method's own configurations. The method uses its result.",
	sweep.SourceUser:   "  A configuration of a user: tried before the method's own. The method uses its result.",
	sweep.SourceRetry:  "  A second try of a trial that failed or was cancelled, with its parameters and seed. No budget of trials counts it.",
}

func expectedText(list []expectation) []string {
	t := console.NewTable("METRIC", ">EXPECTED", ">+-", ">ACTUAL", ">OFF BY")
	for _, x := range list {
		off := "-"
		if x.Value != nil && x.StdDev > 0 {
			off = fmt.Sprintf("%+.1f sd", (*x.Value-x.Mean)/x.StdDev)
		}
		t.Row(x.Metric, fmt.Sprintf("%.4g", x.Mean), fmt.Sprintf("%.2g", x.StdDev), trialview.Number(x.Value), off)
	}
	return t.Indented()
}

// satisfiedText is the answer to one constraint.
var satisfiedText = map[analysis.Feasibility]string{
	analysis.Feasible: "yes", analysis.Infeasible: "no", analysis.Undecided: "undecided", "": "-",
}

// constraintsText has the constraints, and what best, pareto and the report say of the trial.
func constraintsText(e Explanation) []string {
	title := ">ACTUAL"
	if e.Seeds > 1 {
		title = fmt.Sprintf(">MEAN OF %d SEEDS", e.Seeds)
	}
	t := console.NewTable("CONSTRAINT", ">LIMIT", title, ">± 95 %", "SATISFIED")
	for _, h := range e.Constraints {
		within := "-"
		if h.Within != nil {
			within = fmt.Sprintf("%.2g", *h.Within)
		}
		t.Row(h.Constraint, trialview.Number(h.Limit), trialview.Number(h.Value), within, satisfiedText[h.Satisfied])
	}
	lines := t.Indented()
	if slices.ContainsFunc(e.Constraints, func(h constraint) bool { return h.SeedEffect != 0 }) {
		lines = append(lines, "  Values and limits are without the mean effect of their seeds.")
	}
	if e.Feasibility != "" {
		lines = append(lines, fmt.Sprintf("  %-12s %s", "constraints", e.Feasibility))
	}
	return lines
}

func replayText(r Replay) string {
	switch {
	case r.Equal:
		return "the same parameters"
	case !r.Possible:
		return "not possible: " + r.Why
	case r.Params == nil:
		return r.Why
	default:
		return r.Why + ": " + trialview.Params(r.Params)
	}
}
