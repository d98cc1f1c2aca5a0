package proposal

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize/english"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
)

// page is the text of a spec with comments.
type page struct{ text strings.Builder }

// commentWidth is the width of a line of a comment.
const commentWidth = 100

// comment writes sentences as lines of a comment.
func (p *page) comment(indent, format string, args ...any) {
	line := strings.Join(strings.Fields(text.Printable(fmt.Sprintf(format, args...))), " ")
	for _, line := range console.WrapTo(commentWidth, line) {
		p.line("%s# %s", indent, line)
	}
}

func (p *page) line(format string, args ...any) {
	_, _ = fmt.Fprintf(&p.text, format+"\n", args...) // a strings.Builder takes every write
}

// plain is text that needs no quotes in YAML.
var plain = regexp.MustCompile(`^[A-Za-z./_][A-Za-z0-9./_-]*$`)

// quoted writes text as a scalar of YAML.
func quoted(s string) string {
	if plain.MatchString(s) && !slices.Contains([]string{"true", "false", "null"}, strings.ToLower(s)) && strings.Trim(s, ".") != "" {
		return s
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic("proposal: " + err.Error()) // a text can be written
	}
	return strings.TrimSpace(b.String())
}

// limit writes hours as a time of the spec.
func limit(hours float64) string {
	minutes := max(1, int((time.Duration(hours * float64(time.Hour))).Round(time.Minute).Minutes()))
	if minutes%60 == 0 {
		return fmt.Sprintf("%dh", minutes/60)
	}
	return fmt.Sprintf("%dm", minutes)
}

// text is the spec.
func (r Request) text(g goals, n numbers) string {
	var p page
	p.comment("", "Written by `tailsweep init --from` after a look at the images. Check it with `tailsweep validate`, see its cost with "+
		"`tailsweep plan`, start it with `tailsweep run`. docs/spec.md describes every field.")
	p.line("apiVersion: %s", sweep.APIVersion)
	p.line("name: %s", r.Name)
	p.comment("", "Bayesian optimisation: each trial is chosen by the results of those before it.")
	p.line("method: bayes\nseed: 1\n")
	r.dataset(&p)
	r.model(&p, n)
	r.evaluation(&p, n)
	r.search(&p, g, n)
	return p.text.String()
}

func (r Request) dataset(p *page) {
	f := r.Folder
	split := f.split()
	groups, _ := sweep.Dataset{Groups: split.groups}.ClassGroups(f.Classes, f.Images) // not by names: there is no error
	p.comment("", "%s of %s.", english.Plural(f.Total(), "image", ""), english.Plural(len(f.Classes), "class", "classes"))
	if split.alike {
		p.comment("", "The classes have about the same size, so that none is rare: %s.", f.names(f.order()))
	} else {
		for _, group := range sweep.GroupList() {
			if classes := groups.Classes(group); len(classes) > 0 {
				p.comment("", "%s: %s.", group, f.names(classes))
			}
		}
	}
	r.small(p)
	for _, line := range f.LeftOut {
		p.comment("", "%s.", line)
	}
	p.line("dataset:\n  name: %s", sweep.ImageFolder)
	p.line("  path: %s\n  classes: %d", quoted(f.Path), len(f.Classes))
	p.comment("  ", "%s", r.sizeReason())
	p.line("  size: %d", r.Shape.Size)
	channels := 3
	if f.Grey {
		channels = 1
		p.comment("  ", "No image has colours. With 3 they would be trained as RGB.")
	}
	p.line("  channels: %d", channels)
	if f.Transparent > 0 {
		seen := "dark enough to be seen on it"
		if f.light() {
			seen = "light: on white they would vanish"
		}
		p.comment("  ", "%d of the %d images looked at have transparent parts, which show this colour; their visible parts are %s.", f.Transparent, f.Looked, seen)
		p.line("  background: %s", f.Background())
	}
	if f.Broken > 0 {
		p.comment("  ", "%s cannot be read (%s) and left out. Without this line they are an error.",
			english.Plural(f.Broken, "image", ""), listed(f.Unreadable, f.Broken))
		p.line("  skip_unreadable: true")
	}
	switch {
	case f.FollowLinks:
		p.comment("  ", "Without the images that symbolic links lead to, a class would have none.")
		p.line("  follow_links: true")
	case f.Links > 0:
		p.comment("  ", "Symbolic links inside the folder lead to %s, which the classes would have in addition. They are left out, since an image that "+
			"counts twice is favoured, and one in two classes has two labels. To use them:", english.Plural(f.Links, "more image", ""))
		p.line("  # follow_links: true")
	}
	if !split.alike {
		p.comment("  ", "%s", split.why)
		groups := "by: " + sweep.GroupsByThirds
		if g := split.groups; g != nil {
			groups = fmt.Sprintf("many: %d, few: %d", g.Many, g.Few)
		}
		p.line("  groups: {%s}", groups)
	}
	p.line("")
}

// small names the classes that take no part in metrics.
func (r Request) small(p *page) {
	const shown = 8
	for _, left := range sweep.LeftOutClasses(r.Folder.Classes, r.Folder.Images) {
		if left.Least != pairImages && left.Least != leastImages(sweep.FamilyCoverage) {
			continue
		}
		classes := slices.DeleteFunc(r.Folder.order(), func(c int) bool { return r.Folder.Images[c] >= left.Least })
		var list []string
		for _, c := range classes[:min(len(classes), shown)] {
			list = append(list, fmt.Sprintf("%s has %s", class(r.Folder.Classes[c]), english.Plural(r.Folder.Images[c], "image", "")))
		}
		if more := len(classes) - len(list); more > 0 {
			list = append(list, fmt.Sprintf("and %d more classes", more))
		}
		verb := "takes"
		if len(classes) > 1 {
			verb = "they take"
		}
		p.comment("", "%s: %s no part in %s, for which a class needs %d images. Training uses all images.",
			strings.Join(list, ", "), verb, english.WordSeries(left.Families, "and"), left.Least)
	}
}

// light reports whether the visible parts of images with transparent ones would not be seen
// on white.
func (f Folder) light() bool {
	const light = 190
	return f.Luma > light
}

// Background is the colour behind transparent parts.
func (f Folder) Background() string {
	if f.Transparent > 0 && f.light() {
		return "black"
	}
	return sweep.DefaultBackground
}

func listed(names []string, all int) string {
	const shown = 5
	var list []string
	for _, name := range names[:min(len(names), shown)] {
		list = append(list, class(name))
	}
	if all > len(list) {
		list = append(list, "...")
	}
	return strings.Join(list, ", ")
}

// sizeReason says why the images have their size.
func (r Request) sizeReason() string {
	f := r.Folder
	own := fmt.Sprintf("The shorter side of the images has %d pixels", f.Median)
	if f.Shortest != f.Longest {
		own += fmt.Sprintf(" in the middle, from %d to %d", f.Shortest, f.Longest)
	}
	if f.Looked < f.Total() {
		own += fmt.Sprintf(" (of %d looked at)", f.Looked)
	}
	shapes := f.Shapes(r.GPU)
	best, next := shapes[0].Size, r.Shape.Size // the next larger one
	for _, s := range slices.Backward(shapes) {
		if next = s.Size; next > r.Shape.Size {
			break
		}
	}
	switch {
	case r.Shape.Size == best && best > f.Median:
		return own + "; they are enlarged a little."
	case r.Shape.Size == best && float64(2*best) <= enlarged*float64(f.Median):
		return own + "; this is as large as this machine trains in reasonable time."
	case r.Shape.Size == best:
		return own + "."
	case r.Speed == nil:
		return own + fmt.Sprintf(". Nothing was measured: at %dx%[1]d, a trial would take several times as long.", next)
	}
	return own + fmt.Sprintf(". At %dx%[1]d, too few steps of training would fit into the time.", next)
}

func (r Request) model(p *page, n numbers) {
	sizes := map[string]string{
		presetLarge:  "The U-Net of arXiv 2507.09052: there are enough images, and the GPU is fast enough.",
		presetMiddle: "A small U-Net with four levels and attention.",
		presetSmall:  "A small U-Net with three levels, for small images.",
		presetTiny:   "A U-Net of width 16: with a larger one, too few steps of training would fit into the time.",
	}
	p.comment("", "%s", sizes[r.Shape.Preset])
	p.line("model: %s\n", r.Shape.model())
	lr := "1e-3"
	if r.Shape.Preset == presetLarge {
		lr = "2e-4"
	}
	p.line("train:")
	epochs := float64(n.steps*r.batch()) / float64(r.Folder.Total())
	often := fmt.Sprintf("Each image is seen about %.0f times.", epochs)
	if epochs < 1.5 {
		often = fmt.Sprintf("That is %.2g passes over the images.", epochs)
	}
	switch {
	case r.Speed == nil:
		p.comment("  ", "A guess, since nothing was measured: `tailsweep plan` says how long it takes. %s", often)
	case n.steps >= r.mostSteps()*9/10:
		p.comment("  ", "%s More would repeat the training images rather than learn from them.", often)
	default:
		p.comment("  ", "What fits into the time. %s", often)
	}
	p.line("  steps: %d\n  batch: %d\n  lr: %s", n.steps, r.batch(), lr)
	p.comment("  ", "horizontal mirrors images at random: right for photos of things, wrong where left and right differ, as in letters and arrows.")
	p.line("  flip: none\n")
}

func (r Request) evaluation(p *page, n numbers) {
	p.line("evaluate:")
	p.line("  samples_per_class: %d", n.samples)
	p.comment("  ", "One scale. A list would compare with one half of the real images only, and the rare classes have few.")
	p.line("  guidance: [1]\n  ddim_steps: %d", n.ddim)
	p.comment("  ", "The network by which images are compared. %s", r.Features.About)
	r.features(p)
	p.comment("  ", "Fewer samples at the rung, where only the worst are stopped.")
	p.line("  rung: {samples_per_class: %d, guidance: [1]}\n", n.rungSamples)
}

// features writes the networks of the metrics.
func (r Request) features(p *page) {
	f := r.Features
	network := "path: " + quoted(f.Path)
	if f.Network != "" {
		network = "network: " + f.Network
	}
	if f.Separate == "" {
		p.line("  features: {%s}", network)
		return
	}
	p.line("  features:\n    %s", network)
	p.comment("    ", "%s", f.Recognises)
	p.line("    classifier: %s", quoted(f.Separate))
}

func (r Request) search(p *page, g goals, n numbers) {
	p.comment("", "The weights of two losses against collapse of the rare classes (docs/losses.md), on a log scale; zero: one time in five the loss is off. "+
		"docs/spec.md lists all parameters.")
	const weight = "{distribution: log_uniform_values, min: 1e-3, max: 3, zero: 0.2}"
	p.line("parameters:\n  infonce.weight: %s\n  alignment.weight: %[1]s\n", weight)
	p.comment("", "%s", g.why)
	p.line("metrics:\n  - name: %s\n", g.metric)
	r.constraint(p, g, n)
	p.comment("", "The plain model, trained with several seeds: what a trial has to beat, and how much results differ by chance.")
	p.line("baseline:\n  params: {infonce.weight: 0, alignment.weight: 0}\n  seeds: [%s]\n", text.Numbers(n.seeds, len(n.seeds)))
	p.comment("", "The best configurations are trained again with other seeds, so that chance does not choose; at most a quarter of the trials.")
	p.line("repeats: {seeds: [2, 3], share: 0.25}\n")
	p.comment("", "At a third of the steps, a trial that is not among the best third so far is stopped.")
	p.line("early_terminate: {type: asha, min_iter: %d, eta: 3}\n", rungAt*n.saved)
	p.comment("", "run_cap counts without the %d trials of the plain model. After the wall clock no trial starts.", len(n.seeds))
	p.line("budget: {run_cap: %d, wall_clock: %s}", n.search, limit(r.Hours))
	if r.Slots > 1 {
		p.comment("", "One for each GPU.")
	}
	p.line("max_concurrent_trials: %d", r.Slots)
	p.line("checkpoints: {every_steps: %d, save_sweep_best: 3}", n.saved)
}

// constraint writes the constraint of g, with a factor that the samples can decide.
func (r Request) constraint(p *page, g goals, n numbers) {
	if g.share == "" {
		if g.constraint != "" {
			p.comment("", "What the tail gains must not cost the head: %s", g.guards)
			p.line("constraints: [%q]\n", g.constraint)
		}
		return
	}
	images := r.measured(g.share, n.samples)
	factor := decidable(images, len(n.seeds))
	if factor == 0 {
		p.comment("", "No constraint on %s: %d images of the head, of each class the fewer of its samples and real images, are too few. By an estimate, a trial as good as the plain model would often be undecided "+
			"even if it had to keep only half of its value.", g.share, images)
		p.line("")
		return
	}
	p.comment("", "What the tail gains must not cost the head: "+g.guards, 100*factor)
	if factor < mostFactor {
		p.comment("", "An estimate for independent images and a value of one half: with %d images of the head and %d trials of the plain model, a trial as "+
			"good as the plain model is feasible by its 95 %% interval about four times in five. With a higher share it would be undecided more often.", images, len(n.seeds))
	}
	p.line("constraints: [\"%s >= baseline.%[1]s * %s\"]\n", g.share, sweep.Number(factor))
}
