package report

import (
	"bytes"
	"cmp"
	_ "embed" // the page's template and style
	"encoding/base64"
	"fmt"
	"html/template"
	"image/png"
	"io"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

//go:embed page.html.tmpl
var pageText string

//go:embed style.css
var styleText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// page is what the template prints, formatted.
type page struct {
	Style               template.CSS
	Name, Description   string
	Phase               conduct.Phase
	Message             string
	Bad                 bool // the sweep failed, and Message says why
	Facts               []fact
	Summary             string
	Level               string // which trials may be as good as the best; may be empty
	Best                string // "trial 3"; "" when no trial has completed
	BestParams          []string
	Baseline            string // what the comparison is against; "" when there is none
	BaselineRange       bool   // the baseline ran with several seeds
	HasFloor            bool
	Comparisons         []comparison
	Caveats             []string
	Scatter             *figure
	Front               []row
	Volume              string // of the front
	HasKnee             bool
	Importances         []importance
	NoImportance        string // why there are none
	History             []figure
	Curves              *figure
	CurvesLeft          int
	DDPM, Terms         []figure // parts of the loss
	PartsLegend         []legendEntry
	ParamCols, DataCols []string
	Rows                []row
	Grids               []grid
	NoGrid              int // completed trials without a picture
	SpecYAML            string
	Provenance          []fact
}

// fact is a name and its value.
type fact struct{ Name, Value string }

// row is a trial in a table.
type row struct {
	sweep.Trial
	Rank, GuidanceText, Loss, Time string
	Settings, Data                 []string // by column
	Class                          string
	Knee                           bool
	Feasibility                    analysis.Feasibility
}

// grid is a sample grid in its card. Trouble replaces a picture that cannot be shown.
type grid struct {
	Title, Note, Class string
	Params             []string
	Source             template.URL
	Alt, Trouble       string
	Width, Height      int
}

// Write writes the page. It fails when in.Spec is nil or w does.
func Write(w io.Writer, in Input) error {
	if in.Spec == nil {
		return fmt.Errorf("report: no spec")
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
	s := newStudy(in.Spec, in.Trials)
	p := page{
		Style: template.CSS(styleText),
		Name:  in.Spec.Name, Description: in.Spec.Description,
		Phase: in.Progress.Phase, Message: in.Progress.Message, Bad: in.Progress.Phase == conduct.PhaseFailed,
		Facts:       headFacts(in),
		Summary:     summary(s),
		Level:       level(s),
		Volume:      s.volume,
		HasKnee:     s.knee >= 0,
		Comparisons: compare(s, in.Floor),
		Caveats:     caveats(in, s),
		HasFloor:    len(in.Floor) > 0,
		SpecYAML:    in.SpecYAML,
		Provenance:  provenance(in, s),
	}
	if len(s.ranked) > 0 {
		p.Best, p.BestParams = fmt.Sprintf("trial %d", s.ranked[0].Number), s.ranked[0].Params.List()
		if !s.isBaseline(s.ranked[0]) {
			p.Baseline = baselineText(s)
			p.BaselineRange = len(s.baseline) > 1
		}
	}
	for _, o := range in.Spec.Metrics {
		if f, ok := historyFigure(s, o); ok {
			p.History = append(p.History, f)
		}
	}
	if f, ok := scatterFigure(s); ok {
		p.Scatter = &f
	}
	if f, left, ok := curvesFigure(s, in.Curves); ok {
		p.Curves, p.CurvesLeft = &f, left
		p.DDPM, p.Terms, p.PartsLegend = panels(s, in.Curves)
	}
	p.ParamCols = variedParams(in.Spec, in.Trials)
	p.DataCols = compareMetrics(in.Spec)
	for i, t := range s.ordered {
		p.Rows = append(p.Rows, newRow(s, t, i, p.ParamCols, p.DataCols))
	}
	for _, t := range s.front {
		p.Front = append(p.Front, newRow(s, t, 0, nil, []string{metricHead, metricTail}))
	}
	p.Importances, p.NoImportance = importances(s)
	p.Grids, p.NoGrid = grids(s, in.Grids)
	return p
}

func headFacts(in Input) []fact {
	pr := in.Progress
	done := fmt.Sprintf("%d finished", len(in.Trials))
	if pr.Planned > 0 {
		done = fmt.Sprintf("%d of %d finished", len(in.Trials), pr.Planned)
	}
	if n := len(pr.Running); n > 0 {
		done += fmt.Sprintf(", %d running", n)
	}
	im := in.Spec.Dataset.Imbalance
	data := in.Spec.Dataset.Name
	if im.Profile != sweep.ProfileNone {
		data += fmt.Sprintf(", long tail %s %g", im.Profile, im.Factor)
	}
	out := []fact{
		{"Trials", done},
		{"Method", string(in.Spec.Method)},
		{"Dataset", fmt.Sprintf("%s, %d × %[2]d pixels", data, in.Spec.Dataset.Size)},
		{"Model", fmt.Sprintf("%s, width %d, depth %d", in.Spec.Model.Arch, in.Spec.Model.Width, in.Spec.Model.Depth)},
		{"Training", fmt.Sprintf("%d steps of %d images", in.Spec.Train.Steps, in.Spec.Train.Batch)},
		{"Slot time, training and evaluation", seconds(pr.GPUHours * 3600)},
	}
	if !pr.StartedAt.IsZero() {
		out = append(out, fact{"Started", clock(pr.StartedAt)})
	}
	if pr.EndedAt != nil {
		out = append(out, fact{"Ended", clock(*pr.EndedAt)})
	}
	return out
}

func baselineText(s study) string {
	switch n := len(s.baseline); {
	case n == 0:
		return ""
	case n > 1:
		return fmt.Sprintf("baseline, mean of %d seeds", n)
	default:
		return fmt.Sprintf("baseline, trial %d", s.baseline[0].Number)
	}
}

// variedParams leaves out what the spec holds constant.
func variedParams(spec *sweep.Spec, trials []sweep.Trial) []string {
	return slices.DeleteFunc(paramNames(spec, trials), func(name string) bool {
		return slices.ContainsFunc(spec.Parameters, func(p sweep.Parameter) bool {
			return p.Name == name && p.Distribution == sweep.DistConstant
		})
	})
}

func newRow(s study, t sweep.Trial, place int, params, data []string) row {
	r := row{
		Trial: t, Rank: absent, GuidanceText: absent, Loss: absent, Time: seconds(t.TrainTime),
		Class: s.curveClass(t), Knee: t.Number == s.knee, Feasibility: s.feasible[t.Number],
	}
	if place < len(s.ranked) {
		r.Rank = fmt.Sprint(place + 1)
	}
	if t.Status == sweep.StatusCompleted {
		r.GuidanceText = sweep.Number(t.Guidance).Short()
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
		r.Settings = append(r.Settings, text)
	}
	for _, name := range data {
		r.Data = append(r.Data, metricOf(t, name))
	}
	return r
}

// grids makes a card for each trial that has a picture, best first, and counts
// the completed trials without one.
func grids(s study, pictures map[int][]byte) (cards []grid, missing int) {
	for _, t := range s.ordered {
		data, ok := pictures[t.Number]
		if t.Status == sweep.StatusStopped { // its picture is of a model halfway
			continue
		}
		if !ok {
			if t.Status == sweep.StatusCompleted {
				missing++
			}
			continue
		}
		g := grid{
			Title: fmt.Sprintf("Trial %d", t.Number), Params: t.Params.List(), Class: s.curveClass(t),
			Note: fmt.Sprintf("%s %s, %s %s, guidance %s", metricHead, metricOf(t, metricHead), metricTail, metricOf(t, metricTail), sweep.Number(t.Guidance).Short()),
			Alt:  fmt.Sprintf("Sample grid of trial %d", t.Number),
		}
		if cfg, err := png.DecodeConfig(bytes.NewReader(data)); err != nil {
			g.Trouble = fmt.Sprintf("The stored picture cannot be shown: %v.", err)
		} else {
			g.Width, g.Height = cfg.Width, cfg.Height
			g.Source = template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(data))
		}
		cards = append(cards, g)
	}
	return cards, missing
}

func provenance(in Input, s study) []fact {
	var backends []string
	for _, t := range in.Trials {
		if t.Backend != "" && !slices.Contains(backends, t.Backend) {
			backends = append(backends, t.Backend)
		}
	}
	slices.Sort(backends)
	out := []fact{{"Spec digest", cmp.Or(in.Digest, absent)}, {"Backend", cmp.Or(strings.Join(backends, ", "), absent)}, {"Search seed", fmt.Sprint(in.Spec.Seed)}}
	if len(s.ranked) > 0 {
		best := s.ranked[0]
		out = append(out,
			fact{"Best checkpoint", cmp.Or(best.Checkpoint, absent)},
			fact{"Train seed of the best", fmt.Sprint(best.Seed)},
			fact{"Download command", fmt.Sprintf("tailsweep pull %s --top-n 1 --to %[1]s-best", in.Spec.Name)})
	}
	out = append(out, fact{"Written by", strings.TrimSpace("tailsweep " + in.Version)})
	if !in.Now.IsZero() {
		out = append(out, fact{"Written at", clock(in.Now)})
	}
	return out
}
