package sweeps

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// differenceText is a table of the fields that differ.
func differenceText(list []conduct.Difference) []string {
	if len(list) == 0 {
		return []string{"the spec has not changed"}
	}
	shown := func(v json.RawMessage, absent string) string {
		if v == nil {
			return absent
		}
		return string(v)
	}
	t := console.NewTable("FIELD", "OLD", "NEW")
	var long []string
	short := 0
	for _, d := range list {
		absent := "-"
		if d.Removed {
			absent = "removed"
		}
		old, now := shown(d.Old, "-"), shown(d.New, absent)
		if len(d.Field)+len(old)+len(now) > longDifference {
			long = append(long, d.Field, "  old  "+old, "  new  "+now)
			continue
		}
		t.Row(d.Field, old, now)
		short++
	}
	if short == 0 {
		return long
	}
	return append(t.Plain(), long...)
}

// longDifference is the length from which a difference does not fit into the table.
const longDifference = 70

// checkEdit says why no sweep with this spec accepts the edit, or why the one with this
// progress, unless it is nil, does not; nil where one may.
func checkEdit(spec *sweep.Spec, c conduct.Command, p *conduct.Progress) error {
	c.By = userAtHost()
	m := conduct.New(spec, nil, conduct.LogicNow, time.Now())
	if p != nil {
		m.Phase, m.Queue = p.Phase, p.Queue
	}
	if err := m.Check(conduct.Commanded{Name: conduct.CommandEdit, Command: c}); err != nil {
		return cli.ExitWith(cli.ExitUsage, err)
	}
	return nil
}

// fitting is how many finished trials have configurations of the space of an edited spec. The
// search learns from these only.
type fitting struct {
	Finished  int `json:"finished"`
	Fit       int `json:"fit"`
	Converted int `json:"converted"` // of Fit: with parameters added or left out, at the values that training has without them
	Partial   int `json:"partial"`   // of Fit: completed, without a value of one of the spec's metrics
}

// fittingOf counts the trials of the ledger that fit the spec.
func fittingOf(spec *sweep.Spec, ledger []sweep.Trial) fitting {
	f := fitting{Finished: len(ledger)}
	fitter := space.NewFitter(spec)
	for _, t := range ledger {
		_, ok, same := fitter.Fit(t.Assignment)
		if !ok {
			continue
		}
		f.Fit++
		if !same {
			f.Converted++
		}
		if t.Status == sweep.StatusCompleted && slices.ContainsFunc(spec.NamedMetrics(), func(name string) bool {
			_, has := t.Metric(name)
			return !has
		}) {
			f.Partial++
		}
	}
	return f
}

// text is a line about the trials.
func (f fitting) text() string {
	if f.Finished == 0 {
		return "no trial has finished yet"
	}
	line := fmt.Sprintf("%d of %s the edited spec", f.Fit, fits(f.Finished))
	var parts []string
	if f.Converted > 0 {
		parts = append(parts, fmt.Sprintf("%d with parameters added or left out, at the values that training has without them", f.Converted))
	}
	if f.Partial > 0 {
		parts = append(parts, fmt.Sprintf("%d without a value of each metric that it names", f.Partial))
	}
	if len(parts) > 0 {
		line += " (" + strings.Join(parts, "; ") + ")"
	}
	if rest := f.Finished - f.Fit; rest > 0 {
		stay := "stay"
		if rest == 1 {
			stay = "stays"
		}
		line += fmt.Sprintf("; the search does not use the other %d, which %s in the ledger", rest, stay)
	}
	return line
}

// fits counts finished trials, with the verb.
func fits(n int) string {
	if n == 1 {
		return "1 finished trial fits"
	}
	return fmt.Sprintf("%d finished trials fit", n)
}
