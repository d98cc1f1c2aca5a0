package proposal

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/cost"
	"github.com/tailsweep/tailsweep/sweep/specfile"
)

// Request is what a spec is made from.
type Request struct {
	Name     string // of the sweep
	Folder   Folder
	Shape    Shape
	Features Features
	Hours    float64 // that the sweep may take
	Slots    int     // trials at a time
	GPU      bool

	// Speed is how fast the machine trains and samples; nil: it was not measured.
	Speed func(*sweep.Spec) (cost.Speed, error)
}

// Features are the networks of the metrics. Paths are as the spec has them.
type Features struct {
	Network string // of sweep.FeatureNetworks, or ""
	Path    string // of a file, without Network
	About   string // where the network comes from, sentences
	Dims    int    // numbers of an image

	Classifier bool   // a network distinguishes the classes of the folder
	Separate   string // path of a classifier that is not the network; "" for none
	Recognises string // what the separate classifier is, sentences
}

// Proposal is the spec of a folder.
type Proposal struct {
	Text     string
	Spec     *sweep.Spec
	Estimate cost.Estimate // without times where nothing was measured
	Notes    []string      // what the user should know before starting it
}

// numbers are what a sweep's cost depends on.
type numbers struct {
	search      int   // trials of the search
	seeds       []int // of the baseline
	samples     int   // of each class
	rungSamples int
	ddim        int // steps
	steps       int // of training
	saved       int // steps between checkpoints
}

// FewSteps is the least number of steps of a trial that is worth its size of images: with
// fewer, smaller images show more.
const FewSteps = 2000

const (
	usualTrials = 12 // of the search: a model of the objective needs about as many
	fewTrials   = 8
	manyTrials  = 60    // more find little more in two parameters
	usualSteps  = 3000  // where nothing was measured
	mostSteps   = 100e3 // of training
	mostEpochs  = 400   // with more, a model begins to repeat its training images
	tooFewSteps = 600   // with fewer, images are noise
	segments    = 6     // checkpoints of a training; the second is a rung
	rungAt      = 2
	evalShare   = 0.25      // of a trial's time
	mostSamples = 500       // of each class
	unknown     = "unknown" // Features.Path, while there is none
)

// Of makes the spec of a folder that passes Check.
func Of(r Request) (Proposal, error) {
	var notFID string
	var last error
	for _, g := range candidates(r.Folder.split().alike) {
		g.why = strings.Replace(g.why, "WHY", notFID, 1)
		var p Proposal
		n, err := r.numbers(g) // also fails where the metric needs more samples than there can be
		if err == nil {
			p.Text = r.text(g, n)
			p.Spec, err = specfile.Parse(r.Name, []byte(p.Text))
		}
		if err == nil {
			err = r.unmeasurable(p.Spec)
		}
		if err != nil {
			last = err
			if notFID == "" {
				notFID = reason(err)
			}
			continue
		}
		return p, r.finish(&p, n)
	}
	return Proposal{}, last
}

// reason is the message of a fault without its field and what is valid.
func reason(err error) string {
	if fault, ok := errors.AsType[*sweep.FieldError](err); ok {
		return fault.Message
	}
	return err.Error()
}

// finish fills in the estimate and the notes.
func (r Request) finish(p *Proposal, n numbers) error {
	speed := cost.Speed{}
	if r.Speed != nil {
		var err error
		if speed, err = r.Speed(p.Spec); err != nil {
			return err
		}
		if n.steps < tooFewSteps {
			p.Notes = append(p.Notes, fmt.Sprintf("--hours %s is too short: a trial has %d steps, after which images are still noise; give more --hours", sweep.Number(r.Hours), n.steps))
		}
	}
	p.Estimate = cost.Of(p.Spec, speed)
	return nil
}

// unmeasurable returns why the folder does not allow a metric of the spec, or nil.
func (r Request) unmeasurable(spec *sweep.Spec) error {
	groups, err := spec.Dataset.ClassGroups(r.Folder.Classes, r.Folder.Images)
	if err != nil {
		return err
	}
	facts := sweep.Facts{Classes: r.Folder.Classes, Groups: &groups, Real: r.Folder.Images, Dims: r.Features.Dims, Classifier: sweep.No}
	if r.Features.Classifier {
		facts.Classifier = sweep.Yes
	}
	if faults := spec.Unmeasurable(facts, sweep.Assignment{}); len(faults) > 0 {
		return &faults[0]
	}
	return nil
}

// Steps is how many steps of training a trial of the shape can have in the hours that there
// are.
func (r Request) Steps() (int, error) {
	r.Features = Features{Path: unknown, Dims: sweep.FeatureDims, Classifier: true}
	if !r.Folder.Grey { // what takes most time
		r.Features.Network, r.Features.Separate = sweep.EfficientNetLite0, unknown
	}
	list := candidates(r.Folder.split().alike)
	g := list[len(list)-1] // its evaluation is the cheapest
	_, steps, err := r.afford(g, r.first(g))
	return steps, err
}

// first are the numbers before the speed is known.
func (r Request) first(g goals) numbers {
	n := numbers{search: usualTrials, seeds: []int{1, 2, 3}, ddim: 50, steps: usualSteps, saved: usualSteps / segments}
	least := r.leastSamples(g)
	n.samples = max(least, min(100, max(10, 1000/len(r.Folder.Classes))))
	n.rungSamples = max(least, n.samples/2)
	return n
}

// leastSamples is how many samples of each class the metrics of g need, at most mostSamples.
func (r Request) leastSamples(g goals) int {
	groups, err := sweep.Dataset{Groups: r.Folder.split().groups}.ClassGroups(r.Folder.Classes, r.Folder.Images)
	if err != nil {
		return 1 // the spec has the fault, too
	}
	metric, _, _ := strings.Cut(cmp.Or(g.share, g.constraint), " ")
	return min(mostSamples, max(r.needed(g.metric, groups), r.needed(metric, groups)))
}

// numbers fits steps, samples and trials into the hours.
func (r Request) numbers(g goals) (numbers, error) {
	n := r.first(g)
	if r.Speed == nil {
		return n, nil
	}
	n, steps, err := r.afford(g, n)
	if err == nil && steps < FewSteps {
		n.search, n.seeds = fewTrials, []int{1, 2}
		n, steps, err = r.afford(g, n)
	}
	if err != nil {
		return n, err
	}
	if most := r.mostSteps(); steps > most {
		n.setSteps(most)
		trial, _, err := r.cost(g, n)
		if err != nil {
			return n, err
		}
		all := int(r.Hours * 3600 / trial * float64(r.Slots))
		n.search = min(manyTrials, max(usualTrials, all-len(n.seeds)))
		return n, nil
	}
	n.setSteps(steps)
	return n, nil
}

// setSteps sets round numbers of steps, with a rung at a third.
func (n *numbers) setSteps(steps int) {
	const digits = 100 // two
	n.saved = max(10, steps/segments)
	unit := 1
	for n.saved/unit >= digits {
		unit *= 10
	}
	n.saved -= n.saved % unit
	n.steps = segments * n.saved
}

// mostSteps is how many steps a training should have at most.
func (r Request) mostSteps() int {
	return min(mostSteps, max(2*FewSteps, mostEpochs*r.Folder.Total()/r.batch()))
}

// afford returns how many steps a trial can have, after it has made the evaluation cheaper
// where that takes too large a share of the time.
func (r Request) afford(g goals, n numbers) (numbers, int, error) {
	least := r.leastSamples(g)
	for {
		rounds := math.Ceil(float64(n.search+len(n.seeds)) / float64(r.Slots))
		time := r.Hours * 3600 / rounds
		trial, rate, err := r.cost(g, n)
		if err != nil {
			return n, 0, err
		}
		evaluation := trial - float64(n.steps)/rate
		switch {
		case evaluation <= evalShare*time:
		case n.ddim > 25:
			n.ddim = 25
			continue
		case n.samples > least:
			n.samples = max(least, n.samples/2)
			n.rungSamples = max(least, n.samples/2)
			continue
		}
		return n, int(max(0, time-evaluation) * rate), nil
	}
}

// cost is the time of a trial in seconds, and the speed of its training.
func (r Request) cost(g goals, n numbers) (trial, stepsPerSecond float64, err error) {
	spec, err := specfile.Parse(r.Name, []byte(r.text(g, n)))
	if err != nil {
		return 0, 0, err
	}
	speed, err := r.Speed(spec)
	return cost.Of(spec, speed).TrialTime.Seconds(), speed.StepsPerSecond, err
}

// batch is the number of images of a step.
func (r Request) batch() int {
	switch {
	case r.GPU:
		return 128
	case r.Folder.Total() < 128:
		return 32
	}
	return 64
}

// Draft is the spec whose trials are measured: of the same shape and with the same parameters
// as the proposal, on the images of a folder with as many classes.
func Draft(r Request, path string) (*sweep.Spec, error) {
	r.Speed, r.Features.Path = nil, unknown
	g := goals{metric: sweep.MetricLoss}
	spec, err := specfile.Parse(r.Name, []byte(r.text(g, r.first(g))))
	if err != nil {
		return nil, err
	}
	spec.Dataset.Path, spec.Dataset.SkipUnreadable, spec.Dataset.FollowLinks, spec.Dataset.Groups = path, false, false, nil
	spec.EarlyTerminate, spec.Evaluate.Features = nil, nil
	return spec, nil
}

// Name makes the name of a sweep from that of a folder.
func Name(folder string) string {
	const most = 50
	var b strings.Builder
	for _, r := range strings.ToLower(folder) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	name := b.String()
	if name != "" && name[0] <= '9' {
		name = "set-" + name
	}
	return cmp.Or(strings.Trim(name[:min(len(name), most)], "-"), "my-sweep")
}

// Grey reports whether no image has colours: pixels `[N, S, S, 3]`.
func Grey(pixels []float32) bool {
	for rgb := range slices.Chunk(pixels, 3) {
		if rgb[0] != rgb[1] || rgb[1] != rgb[2] {
			return false
		}
	}
	return true
}
