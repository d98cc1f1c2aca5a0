package report

import (
	"bytes"
	_ "embed" // the page's template and style
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"image"
	"image/png"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
)

//go:embed page.html.tmpl
var pageText string

//go:embed style.css
var styleText string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"clock": clock, "seconds": seconds,
	"short": func(v float64) string { return sweep.Number(v).Short() },
}).Parse(pageText))

// page is what the template prints.
type page struct {
	Input
	study
	Importances  []analysis.Importance
	NoImportance error    // why there are none
	LossFigure   *figure  // nil without curves
	DDPM, Terms  []figure // parts of the loss
	MoreTerms    int      // that are not drawn
	PartsLegend  []legendEntry
	Cards        []card
	NoGrid       int // completed trials that are shown and have no sample grid
}

// row is a trial in a table.
type row struct {
	sweep.Trial
	Rank, Loss      string
	Values, Results []string // of the parameters and metrics, by column
	Class           string
	Knee            bool
	Feasibility     analysis.Feasibility
}

// card is a trial with its sample grid, or with the reason that it cannot be shown.
type card struct {
	sweep.Trial
	Class         string
	Source        template.URL
	Width, Height int
	Err           error
}

// Write writes the page. It fails when in.Spec is nil or w does.
func Write(w io.Writer, in Input) error {
	if in.Spec == nil {
		return errors.New("report: no spec")
	}
	// Into memory first: a truncated page would look complete in a browser.
	var buf bytes.Buffer
	if err := pageTemplate.Execute(&buf, newPage(in)); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if _, err := w.Write(buf.Bytes()); err != nil {
		return fmt.Errorf("report: write: %w", err)
	}
	return nil
}

func newPage(in Input) page {
	p := page{Input: in, study: newStudy(in.Spec, in.Trials)}
	for _, o := range in.Spec.Metrics {
		im, err := analysis.NewImportance(in.Spec, in.Trials, o.Name, analysis.DefaultTop)
		if err != nil {
			p.Importances, p.NoImportance = nil, err
			break
		}
		p.Importances = append(p.Importances, im)
	}
	if p.LossFigure = curvesFigure(p.study, in.Curves); p.LossFigure != nil {
		p.DDPM, p.Terms, p.PartsLegend = panels(p.study, in.Curves)
		if n := len(p.Terms); n > maxPanels {
			p.Terms, p.MoreTerms = p.Terms[:maxPanels], n-maxPanels
		}
	}
	p.Cards, p.NoGrid = cards(p.study, in.Grids)
	return p
}

// Style is the style sheet.
func (p page) Style() template.CSS { return template.CSS(styleText) }

// History has a figure for each metric of the spec.
func (p page) History() (figures []figure) {
	for _, o := range p.Spec.Metrics {
		if f, ok := historyFigure(p.study, o); ok {
			figures = append(figures, f)
		}
	}
	return figures
}

// DamagedList is the numbers of Damaged, "" for none.
func (p page) DamagedList() string { return text.Numbers(p.Damaged, maxShown) }

// Columns are the parameters that the table of trials shows: not those that the spec
// keeps constant.
func (p page) Columns() []string {
	return slices.DeleteFunc(paramNames(p.Spec, p.Trials), func(name string) bool {
		return slices.ContainsFunc(p.Spec.Parameters, func(p sweep.Parameter) bool {
			return p.Name == name && p.Distribution == sweep.DistConstant
		})
	})
}

// Metrics are the metrics that the table of trials shows.
func (p page) Metrics() []string { return compareMetrics(p.Spec, p.Trials) }

// Rows are all trials, best first.
func (p page) Rows() (rows []row) {
	params, metrics := p.Columns(), p.Metrics()
	for i, t := range p.ordered {
		rows = append(rows, newRow(p.study, t, i, params, metrics))
	}
	return rows
}

// FrontRows are the trials on the front, by the head metric, with the values that put them
// there.
func (p page) FrontRows() (rows []row) {
	for _, t := range p.front.Trials {
		r, values := newRow(p.study, t, 0, nil, nil), p.points[t.Number].Values
		r.Results = []string{num(values[p.head.Name]), num(values[p.tail.Name])}
		rows = append(rows, r)
	}
	return rows
}

// ShowsFront reports whether the page has a section for head and tail: not for a program whose
// metrics know no such groups.
func (p page) ShowsFront() bool {
	return p.Spec.Trainer == nil || p.head.Name != "" && p.tail.Name != ""
}

// maxCommand is how much of a command the page shows, in bytes.
const maxCommand = 400

// Command is that of the spec's trainer, in one line.
func (p page) Command() string {
	if p.Spec.Trainer == nil {
		return ""
	}
	return text.Clip(strings.Join(p.Spec.Trainer.Command, " "), maxCommand)
}

// Files lists the files of the spec's trainer, each with the beginning of its digest.
func (p page) Files() (list []string) {
	digests := p.Spec.Trainer.Digests
	for _, path := range slices.Sorted(maps.Keys(digests)) {
		list = append(list, path+" "+text.Clip(digests[path], 12+len("...")))
	}
	return list
}

// Head and Tail are the names of the metrics of the front; "" where there is none.
func (p page) Head() string { return p.head.Name }

// Tail is like Head.
func (p page) Tail() string { return p.tail.Name }

// FrontNote says how the front differs from that of the spec's objectives, "" where it does
// not.
func (p page) FrontNote() string {
	var names []string
	for _, o := range p.Spec.Metrics {
		names = append(names, o.Name)
	}
	pair := []string{p.head.Name, p.tail.Name}
	if len(names) == 2 && !slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(pair, name) }) {
		return ""
	}
	return "This front is that of these two metrics; tailsweep pareto lists that of the objectives: " + strings.Join(names, ", ") + "."
}

// Result is the metrics that tables show, of one trial.
func (p page) Result(t sweep.Trial) string {
	var parts []string
	for _, name := range p.Spec.ShownMetrics() {
		parts = append(parts, name+" "+metricOf(t, name))
	}
	return strings.Join(parts, ", ")
}

// SlotSeconds is the time that trials had a training slot.
func (p page) SlotSeconds() float64 { return p.Progress.GPUHours * 3600 }

// HasKnee reports whether the front has a knee.
func (p page) HasKnee() bool { return p.front.Knee != nil }

// Volume is the hypervolume of the front with its reference point, or why there is none.
func (p page) Volume() string {
	if p.front.Hypervolume == nil {
		return "No hypervolume: " + p.front.NoVolume + "."
	}
	return fmt.Sprintf("Hypervolume %s from %s %s, %s %s.", num(*p.front.Hypervolume),
		p.head.Name, num(p.front.Reference[p.head.Name]), p.tail.Name, num(p.front.Reference[p.tail.Name]))
}

// Backends lists the backends of all trials.
func (p page) Backends() string {
	var backends []string
	for _, t := range p.Trials {
		if t.Backend != "" {
			backends = append(backends, t.Backend)
		}
	}
	slices.Sort(backends)
	return strings.Join(slices.Compact(backends), ", ")
}

func newRow(s study, t sweep.Trial, place int, params, metrics []string) row {
	r := row{
		Trial: t, Rank: absent, Loss: absent, Class: s.class(t),
		Knee: s.front.Knee != nil && t.Number == *s.front.Knee, Feasibility: s.feasible[t.Number],
	}
	if place < len(s.ranked) {
		r.Rank = fmt.Sprint(place + 1)
	}
	switch {
	case t.Status == sweep.StatusDiverged && t.LossFirst != nil:
		r.Loss = num(*t.LossFirst) + " → NaN"
	case t.Status == sweep.StatusDiverged:
		r.Loss = "NaN"
	case t.LossFirst != nil && t.LossLast != nil:
		r.Loss = num(*t.LossFirst) + " → " + num(*t.LossLast)
	}
	for _, name := range params {
		text := absent
		if v, ok := t.Params[name]; ok {
			text = v.Short()
		}
		r.Values = append(r.Values, text)
	}
	for _, name := range metrics {
		r.Results = append(r.Results, metricOf(t, name))
	}
	return r
}

// cards makes a card for each of the trials that are shown and have a sample grid, and
// counts the completed ones without one. The grid of a stopped trial is of a half-trained model and is left out.
func cards(s study, grids map[int][]byte) (list []card, missing int) {
	for _, t := range s.shown() {
		data, ok := grids[t.Number]
		switch {
		case !ok && t.Status == sweep.StatusCompleted:
			missing++
		case ok && t.Status != sweep.StatusStopped:
			c := card{Trial: t, Class: s.class(t)}
			var config image.Config
			if config, c.Err = png.DecodeConfig(bytes.NewReader(data)); c.Err == nil {
				c.Width, c.Height = config.Width, config.Height
				c.Source = template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(data))
			}
			list = append(list, c)
		}
	}
	return list, missing
}
