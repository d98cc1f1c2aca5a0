package sweeps

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/sweep/sampler"
	"github.com/tailsweep/tailsweep/sweep/specfile"
)

// learnFrom adds the named sweeps, as they are now, to the spec and to its YAML, and logs
// what the search learns from each. A sweep of the same names that exists keeps its own
// field, so that the same command attaches to it. Without names it checks those of the spec.
func learnFrom(ctx context.Context, a *cli.App, arc *archive.Archive, spec *sweep.Spec, text []byte, names []string) ([]byte, error) {
	given := len(names) == 0
	if !given {
		if len(spec.From) > 0 {
			return nil, cli.Usagef("run: the spec has the field from: leave out --from, or remove the field")
		}
		from, err := namedBefore(ctx, arc, spec.Name, names)
		if err != nil {
			return nil, err
		}
		spec.From = from
	}
	for i, e := range spec.From {
		if err := check(ctx, a, arc, spec, &spec.From[i]); err != nil {
			return nil, fmt.Errorf("run: --from %s: %w", e.Sweep, err)
		}
	}
	if given {
		return text, nil
	}
	var lines strings.Builder
	_, _ = fmt.Fprintf(&lines, "%s\nfrom:\n", strings.TrimRight(string(text), "\n"))
	for _, e := range spec.From {
		_, _ = fmt.Fprintf(&lines, "  - {sweep: %s, segments: %d}\n", e.Sweep, e.Segments)
	}
	again, err := specfile.Parse("--from", []byte(lines.String()))
	if faults, is := errors.AsType[specfile.Faults](err); is {
		return nil, cli.Usagef("run: --from cannot be added to the spec, add the field from to the file:\n%w", faults)
	}
	if err != nil || !slices.Equal(again.From, spec.From) {
		return nil, cli.Usagef("run: --from needs a spec of one YAML mapping in block style: add the field from to the file instead")
	}
	return []byte(lines.String()), nil
}

// namedBefore returns the earlier sweeps of these names: those of the sweep that the name
// has, if it was started with the same ones, otherwise without segments.
func namedBefore(ctx context.Context, arc *archive.Archive, name string, names []string) ([]sweep.Earlier, error) {
	list := make([]sweep.Earlier, len(names))
	for i, old := range names {
		list[i].Sweep = old
		if old == name || slices.Contains(names[:i], old) {
			return nil, cli.Usagef("run: --from %s: name each earlier sweep once, and not the new one", old)
		}
	}
	switch spec, err := arc.Spec(ctx, name); {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return nil, err
	case slices.EqualFunc(spec.From, list, func(a, b sweep.Earlier) bool { return a.Sweep == b.Sweep }):
		return slices.Clone(spec.From), nil
	}
	return list, nil
}

// check checks that the spec can learn from an earlier sweep, sets how many segments of
// its ledger count where that is open, and logs what the search takes from it.
func check(ctx context.Context, a *cli.App, arc *archive.Archive, spec *sweep.Spec, e *sweep.Earlier) error {
	old, err := arc.Spec(ctx, e.Sweep)
	if errors.Is(err, store.ErrNotFound) {
		return cli.NotFoundf("there is no such sweep: `tailsweep list` lists them")
	}
	if err != nil {
		return err
	}
	segments, err := arc.Segments(ctx, e.Sweep)
	switch {
	case err != nil:
		return err
	case segments == 0:
		return cli.Usagef("it has no finished trials yet")
	case e.Segments > segments:
		return cli.Usagef("its ledger has %d segments, and the spec names %d", segments, e.Segments)
	case e.Segments == 0:
		e.Segments = segments
	}
	trials, err := arc.Ledger(ctx, e.Sweep, e.Segments)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(spec.Parameters, func(p sweep.Parameter) bool {
		return slices.ContainsFunc(old.Parameters, func(q sweep.Parameter) bool { return p.Name == q.Name })
	}) {
		return cli.Usagef("it searched none of the parameters of this spec")
	}
	s := sampler.NewSource(spec, old, trials)
	shared := s.Metrics(spec)
	if len(shared) == 0 {
		return cli.Usagef("it measured none of the metrics of this spec")
	}
	fits := s.Fits(spec)
	if fits == 0 {
		return cli.Usagef("none of its %d trials has a configuration of this spec's space, and a result", len(trials))
	}
	found := fmt.Sprintf("from sweep %s: %d configurations of %d trials fit", e.Sweep, fits, len(trials))
	switch {
	case s.Same:
		a.Log("%s and count as results of this sweep (same dataset, model, train and evaluate)", found)
	case !spec.Method.Learns():
		a.Log("warning: %s, but its training differs (%s), and method %s uses no prior: they are ignored", found, strings.Join(differentTraining(spec, old), ", "), spec.Method)
	default:
		a.Log("%s and are a prior for %s (different: %s)", found, strings.Join(shared, ", "), strings.Join(differentTraining(spec, old), ", "))
	}
	return nil
}

// differentTraining lists the fields because of which results cannot be compared.
func differentTraining(a, b *sweep.Spec) []string {
	changed, fixed := conduct.Edited(a, b)
	return slices.DeleteFunc(append(fixed, changed...), func(field string) bool {
		return !slices.Contains([]string{"dataset", "model", "train", "evaluate", "metrics"}, field)
	})
}
