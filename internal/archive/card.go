package archive

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

// card is the README of a pulled trial.
type card struct {
	spec     *sweep.Spec
	trial    sweep.Trial
	manifest checkpoint.Manifest
	grid     bool
	folder   string // name of its folder
}

func (c card) markdown() []byte {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	row := func(name, value string) {
		if value != "" {
			line("| %s | %s |", name, value)
		}
	}
	t, s, p := c.trial, c.spec, c.manifest.Provenance

	line("# %s, trial %d\n", s.Name, t.Number)
	if s.Trainer != nil {
		c.program(line)
	} else {
		c.model(line)
	}

	line("\n## Parameters\n\n| parameter | value |\n|---|---|")
	for _, name := range slices.Sorted(maps.Keys(t.Params)) {
		row(cell(name), cell(t.Params[name].String()))
	}
	if s.Trainer != nil {
		c.programMetrics(line)
	} else {
		c.metrics(line)
	}

	line("\n## Training\n\n| | |\n|---|---|")
	row("steps", strconv.Itoa(t.Steps))
	if t.LossFirst != nil && t.LossLast != nil {
		row("loss, first to last", number(*t.LossFirst)+" to "+number(*t.LossLast))
	}
	row("seed", strconv.FormatInt(t.Seed, 10))
	row("attempts", strconv.Itoa(t.Tries()))
	row("seconds of training", number(t.TrainTime))

	line("\n## Provenance\n\n| | |\n|---|---|")
	row("checkpoint", cell(t.Checkpoint))
	row("made at", cell(p.CreatedAt))
	row("tailsweep", cell(p.Version))
	row("Go", cell(p.Go))
	row("backend", cell(strings.TrimSpace(p.Backend+" "+p.Device)))
	row("plugin, SHA-256", cell(p.PluginSHA256))
	row("feature network, SHA-256", cell(t.Features))
	row("digest of the spec", cell(p.SpecDigest))
	row("digest of the dataset", cell(p.DatasetDigest))
	row("resumed from", cell(p.Parent))
	line("\n`%s` has the size and SHA-256 of the checkpoint's files; they were verified when this folder was made.", checkpoint.ManifestName)
	if s.Trainer == nil {
		line("\nOther programs can load `%s`: docs/checkpoints.md of tailsweep describes it, with examples for PyTorch and JAX.", checkpoint.ModelName)
	}
	return []byte(b.String())
}

// model describes the model of the built-in trainer, and how to sample from it.
func (c card) model(line func(string, ...any)) {
	t, s := c.trial, c.spec
	split := ""
	if i := s.Dataset.Imbalance; i.Profile != sweep.ProfileNone {
		split = fmt.Sprintf(", made long-tailed (profile %s, factor %s)", cell(i.Profile), number(i.Factor))
	}
	line("A class-conditional diffusion model (%s, width %d, depth %d) of %s at %dx%d pixels%s. It is trial %d (%s) of the sweep %s.",
		cell(s.Model.Arch), s.Model.Width, s.Model.Depth, cell(s.Dataset.Name), s.Dataset.Size, s.Dataset.Size, split, t.Number, t.Kind, s.Name)
	if c.grid {
		line("\n![samples, one class a row](%s)", GridName)
	}

	if t.Status == sweep.StatusCompleted {
		line("\n## Sampling\n\n    tailsweep sample %s --guidance %s --to samples.png\n", c.folder, number(t.Guidance))
		on := ""
		if t.Samples > 0 {
			on = fmt.Sprintf(", on %d samples of each class, against %d real images of the rarest", t.Samples, t.Real)
		}
		line("The metrics below were measured at guidance scale %s with %d %s steps%s.", number(t.Guidance), s.Evaluate.Steps(), strings.ToUpper(s.Evaluate.Sampler), on)
		for _, gate := range t.Gates {
			line("\nIt failed a gate of the spec: %s.", cell(gate))
		}
	} else {
		if why := t.StopReason(); why != "" {
			line("\nIt was stopped early: %s.", cell(why))
		}
		line("\nThis trial is %s: its training or evaluation did not end, and this is its last checkpoint.", t.Status)
		line("\n## Sampling\n\n    tailsweep sample %s --to samples.png", c.folder)
	}
}

// mostFiles is how many files of a program the card lists.
const mostFiles = 50

// program describes the checkpoint of a program of the user.
func (c card) program(line func(string, ...any)) {
	t, s, m := c.trial, c.spec, c.manifest
	command := m.Provenance.Command
	if len(command) == 0 {
		command = s.Trainer.Command
	}
	on := ""
	if s.HasDataset() {
		on = " on " + cell(s.Dataset.Name)
	}
	line("The checkpoint of a program after step %d%s. It is trial %d (%s) of the sweep %s. The program was started as", m.Step, on, t.Number, t.Kind, s.Name)
	line("\n    %s", text.Clip(text.Printable(strings.Join(command, " ")), maxCell))
	if c.grid {
		line("\n![samples, one class a row](%s)", GridName)
	}
	for _, gate := range t.Gates {
		line("\nIt failed a gate of the spec: %s.", cell(gate))
	}
	if t.Status != sweep.StatusCompleted {
		if why := t.StopReason(); why != "" {
			line("\nIt was stopped early: %s.", cell(why))
		}
		line("\nThis trial is %s: its training or evaluation did not end, and this is its last checkpoint.", t.Status)
	}
	line("\n## Files\n\n| file | size |\n|---|---|")
	for i, f := range m.Files {
		if i == mostFiles {
			line("\n%d more are in `%s`.", len(m.Files)-i, checkpoint.ManifestName)
			break
		}
		line("| %s | %s |", cell(f.Path), text.Bytes(f.Size))
	}
	if _, ok := m.File(checkpoint.SamplesName); ok {
		line("\n`%s` has the images that the program wrote: `tar -xf %[1]s`.", checkpoint.SamplesName)
	}
}

// programMetrics writes a table of all metrics: a program has names of its own.
func (c card) programMetrics(line func(string, ...any)) {
	line("\n## Metrics\n\n| metric | value |\n|---|---|")
	intervals := false
	for _, name := range slices.Sorted(maps.Keys(c.trial.Metrics)) {
		value := number(c.trial.Metrics[name])
		if within, ok := c.trial.Within(name); ok {
			value += " ± " + strconv.FormatFloat(within, 'g', 2, 64)
			intervals = true
		}
		line("| %s | %s |", cell(name), value)
	}
	if intervals {
		line("\nA value ± what another measurement may change it by, at 95 %%; another training is not in it.")
	}
	for _, left := range c.trial.LeftOut {
		line("\nLeft out: %s.", cell(left.String()))
	}
}

// metrics writes a table with a row for each family and a column for each class group.
func (c card) metrics(line func(string, ...any)) {
	groups := sweep.MetricGroups()
	cells := func(values, within map[string]float64, family string) string {
		row := make([]string, len(groups))
		for i, group := range groups {
			value, ok := values[family+"."+group]
			if !ok && group == sweep.GroupAll {
				value, ok = values[family]
			}
			if ok {
				row[i] = number(value)
				if within, known := within[family+"."+group]; known {
					row[i] += " ± " + strconv.FormatFloat(within, 'g', 2, 64)
				}
			}
		}
		return strings.Join(row, " | ")
	}
	line("\n## Metrics\n\n| metric | %s |\n|---|---|---|---|---|", strings.Join(groups, " | "))
	families, classes, within := map[string]bool{}, map[string]float64{}, map[string]float64{}
	for name := range c.trial.StandardError {
		within[name], _ = c.trial.Within(name)
	}
	floorWithin := map[string]float64{}
	for name := range c.trial.FloorError {
		floorWithin[name], _ = c.trial.FloorWithin(name)
	}
	for name, value := range c.trial.Metrics {
		if class, ok := strings.CutPrefix(name, sweep.FIDClass); ok {
			classes[class] = value
			continue
		}
		family, _, _ := strings.Cut(name, ".")
		families[family] = true
	}
	for _, family := range slices.Sorted(maps.Keys(families)) {
		line("| %s | %s |", cell(family), cells(c.trial.Metrics, within, family))
	}
	for _, class := range slices.Sorted(maps.Keys(classes)) {
		line("| fid of %s | %s | | | |", cell(class), number(classes[class]))
	}
	for _, family := range []string{sweep.FamilyFID, sweep.FamilyKID} {
		if row := cells(c.trial.Floor, floorWithin, family); strings.Trim(row, "| ") != "" {
			line("| %s of half of the real images against the other half | %s |", family, row)
		}
	}
	if len(within) > 0 {
		line("\nA value ± what other samples and real images may change it by, at 95 %%; another training is not in it.")
	}
	for _, left := range c.trial.LeftOut {
		line("\nLeft out: %s.", cell(left.String()))
	}
}

// number formats a value with four significant digits.
func number(f float64) string { return strconv.FormatFloat(f, 'g', 4, 64) }

// maxCell bounds a text from the store in the card, in bytes.
const maxCell = 200

// cell makes a text from the store harmless in a Markdown table.
func cell(s string) string {
	return text.Clip(strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune("|`<>[]\\", r) {
			return '_'
		}
		return r
	}, s), maxCell)
}
