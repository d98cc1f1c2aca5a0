package earlier

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/sampler"
	"github.com/tailsweep/tailsweep/sweep/specfile"
)

// Lesson is what a search takes from an earlier sweep.
type Lesson struct {
	sweep.Earlier
	Trials    int      `json:"trials"`
	Fit       int      `json:"fit"`       // configurations that the search learns from
	Same      bool     `json:"same"`      // they count as results of the new sweep
	Metrics   []string `json:"metrics"`   // that both measure
	Different []string `json:"different"` // fields because of which results cannot be compared
	Ignored   bool     `json:"ignored"`   // the method uses no prior
}

// String describes the lesson.
func (l Lesson) String() string {
	fit, count, are := "fit", "count as results", "are"
	if l.Fit == 1 {
		fit, count, are = "fits", "counts as a result", "is"
	}
	found := fmt.Sprintf("from sweep %s: %s of %s %s", l.Sweep, english.Plural(l.Fit, "configuration", ""), english.Plural(l.Trials, "trial", ""), fit)
	switch {
	case l.Same:
		return found + " and " + count + " of this sweep (same dataset, model, train and evaluate)"
	case l.Ignored:
		return fmt.Sprintf("warning: %s, but its training differs (%s), and the method uses no prior: they are ignored", found, strings.Join(l.Different, ", "))
	}
	return fmt.Sprintf("%s and %s a prior for %s (different: %s)", found, are, strings.Join(l.Metrics, ", "), strings.Join(l.Different, ", "))
}

// Learn adds the named sweeps, as they are now, to the spec and to its YAML, and returns
// what the search learns from each. A sweep of the same names that exists keeps its own
// field, so that the same command attaches to it. Without names it checks those of the spec,
// and adds the identities that are missing; a spec that has none, either, gets those of the
// sweep that has its name, as in an edit.
func Learn(ctx context.Context, arc *archive.Archive, spec *sweep.Spec, text []byte, names []string) ([]byte, []Lesson, error) {
	if len(names)+len(spec.From) == 0 {
		inForce, err := arc.Spec(ctx, spec.Name)
		if err != nil || len(inForce.From) == 0 { // starting the sweep reports the error
			return text, nil, nil
		}
		for _, known := range inForce.From {
			names = append(names, known.Sweep)
		}
	}
	given := len(names) == 0
	if !given {
		if len(spec.From) > 0 {
			return nil, nil, cli.Usagef("the spec has the field from: leave out --from, or remove the field")
		}
		from, err := namedBefore(ctx, arc, spec.Name, names)
		if err != nil {
			return nil, nil, err
		}
		spec.From = from
	}
	written := slices.Clone(spec.From)
	var lessons []Lesson
	for i, e := range spec.From {
		lesson, err := learn(ctx, arc, spec, &spec.From[i])
		if err != nil {
			return nil, nil, fmt.Errorf("--from %s: %w", e.Sweep, err)
		}
		lessons = append(lessons, lesson)
	}
	if given {
		if !slices.Equal(written, spec.From) {
			text, err := withFrom(text, spec.From)
			return text, lessons, err
		}
		return text, lessons, nil
	}
	var lines strings.Builder
	_, _ = fmt.Fprintf(&lines, "%s\nfrom:\n", strings.TrimRight(string(text), "\n"))
	for _, e := range spec.From {
		_, _ = fmt.Fprintf(&lines, "  - {sweep: %s, segments: %d, identity: %q}\n", e.Sweep, e.Segments, e.Identity)
	}
	again, err := specfile.Parse("--from", []byte(lines.String()))
	if faults, is := errors.AsType[specfile.Faults](err); is {
		return nil, nil, cli.Usagef("--from cannot be added to the spec, add the field from to the file:\n%w", faults)
	}
	if err != nil || !slices.Equal(again.From, spec.From) {
		return nil, nil, cli.Usagef("--from needs a spec of one YAML mapping in block style: add the field from to the file instead")
	}
	return []byte(lines.String()), lessons, nil
}

// withFrom returns the YAML of a spec with this field from in the place of its own. Otherwise
// spec.yaml would have another digest than spec.json, and could not replace it.
func withFrom(text []byte, from []sweep.Earlier) ([]byte, error) {
	var hint []string
	for _, e := range from {
		hint = append(hint, fmt.Sprintf("{sweep: %s, segments: %d, identity: %q}", e.Sweep, e.Segments, e.Identity))
	}
	unwritable := cli.Usagef("the identities of the earlier sweeps cannot be added to the spec: write from: [%s] in the file", strings.Join(hint, ", "))
	before, err := specfile.Parse("from", text)
	if err != nil {
		return nil, unwritable
	}
	before.From = from
	file, err := parser.ParseBytes(text, parser.ParseComments)
	if err != nil {
		return nil, unwritable
	}
	for i, e := range from {
		path, err := yaml.PathString(fmt.Sprintf("$.from[%d]", i))
		if err == nil {
			err = path.ReplaceWithReader(file, strings.NewReader(fmt.Sprintf("{sweep: %s, segments: %d, identity: %q}", e.Sweep, e.Segments, e.Identity)))
		}
		if err != nil {
			return nil, unwritable
		}
	}
	again, err := specfile.Parse("from", []byte(file.String()))
	if err != nil || again.Digest() != before.Digest() {
		return nil, unwritable
	}
	return []byte(file.String()), nil
}

// namedBefore returns the earlier sweeps of these names: those of the sweep that the name
// has, if it was started with the same ones, otherwise without segments.
func namedBefore(ctx context.Context, arc *archive.Archive, name string, names []string) ([]sweep.Earlier, error) {
	list := make([]sweep.Earlier, len(names))
	for i, old := range names {
		list[i].Sweep = old
		if old == name || slices.Contains(names[:i], old) {
			return nil, cli.Usagef("--from %s: name each earlier sweep once, and not the new one", old)
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

// learn checks that the spec can learn from an earlier sweep, and sets what is open: how
// many segments of its ledger count, and its identity.
func learn(ctx context.Context, arc *archive.Archive, spec *sweep.Spec, e *sweep.Earlier) (Lesson, error) {
	owner, err := arc.Owner(ctx, e.Sweep)
	if errors.Is(err, store.ErrNotFound) {
		if err := arc.CheckLost(ctx, e.Sweep); err != nil {
			return Lesson{}, err
		}
		return Lesson{}, cli.NotFoundf("there is no such sweep: `tailsweep list` lists them")
	}
	if err == nil {
		err = arc.CheckContinued(ctx, e.Sweep, owner)
	}
	if removing, is := errors.AsType[*archive.RemovingError](err); is {
		return Lesson{}, cli.ExitWith(cli.ExitUsage, removing)
	}
	if err != nil {
		return Lesson{}, err
	}
	if e.Identity == "" {
		e.Identity = owner.Key()
	}
	segments, err := arc.Segments(ctx, e.Sweep)
	switch {
	case err != nil:
		return Lesson{}, err
	case segments == 0:
		return Lesson{}, cli.Usagef("it has no finished trials yet")
	case e.Segments > segments:
		return Lesson{}, cli.Usagef("its ledger has %d segments, and the spec names %d", segments, e.Segments)
	case e.Segments == 0:
		e.Segments = segments
	}
	old, trials, err := arc.Earlier(ctx, *e)
	if other, is := errors.AsType[*archive.EarlierError](err); is {
		return Lesson{}, cli.ExitWith(cli.ExitUsage, other)
	}
	if err != nil {
		return Lesson{}, err
	}
	if !slices.ContainsFunc(spec.Parameters, func(p sweep.Parameter) bool {
		return slices.ContainsFunc(old.Parameters, func(q sweep.Parameter) bool { return p.Name == q.Name })
	}) {
		return Lesson{}, cli.Usagef("it searched none of the parameters of this spec")
	}
	s := sampler.NewSource(spec, old, trials)
	l := Lesson{Earlier: *e, Trials: len(trials), Fit: s.Fits(spec), Same: s.Same, Metrics: s.Metrics(spec)}
	if len(l.Metrics) == 0 {
		return Lesson{}, cli.Usagef("it measured none of the metrics of this spec")
	}
	if l.Fit == 0 {
		return Lesson{}, cli.Usagef("none of its %d trials has a configuration of this spec's space, and a result", l.Trials)
	}
	if !l.Same {
		l.Different, l.Ignored = sampler.DifferentTraining(spec, old), !spec.Method.Learns()
	}
	return l, nil
}

// Keep gives the edited spec of a sweep the earlier sweeps that --from has added to the
// first one, where the file does not name them, and the identities that it leaves out.
func Keep(edited, inForce *sweep.Spec) {
	if len(edited.From) == 0 {
		edited.From = inForce.From
	}
	for i, e := range edited.From {
		for _, known := range inForce.From {
			if e.Identity == "" && e.Sweep == known.Sweep && e.Segments == known.Segments {
				edited.From[i].Identity = known.Identity
			}
		}
	}
}
