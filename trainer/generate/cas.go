package generate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/evaluate"
	"github.com/tailsweep/tailsweep/trainer/features"
	"github.com/tailsweep/tailsweep/trainer/precheck"
)

// CASOptions describe a comparison of a classifier trained with and without the generated
// images of a folder.
type CASOptions struct {
	Backend *backend.Backend
	Dir     string // that Run made
	Seeds   int    // classifiers of either kind
	Steps   int    // of each training, of 128 images

	// Real reads the training images of the folder's dataset, and those of which the
	// ones that are not trained on are held out.
	Real func(sweep.Dataset) (Real, error)

	Log      func(format string, a ...any)
	Progress func(done, all int) // classifiers
}

// CAS is the result of a comparison.
type CAS struct {
	Dir       string     `json:"dir"`
	Seeds     int        `json:"seeds"`
	Gates     []string   `json:"gates"`                // that chose the generated images
	LabelGate string     `json:"label_gate,omitempty"` // what its classifier was trained on; "" without that gate
	Training  int        `json:"training_images"`
	Generated int        `json:"generated_images"`
	HeldOut   int        `json:"held_out_images"`
	Untested  []string   `json:"untested_classes"` // those without held-out images
	Groups    []GroupCAS `json:"groups"`
}

// GroupCAS is the mean accuracy over the classes of a group, on held-out real images. Each
// pair of classifiers has the same initial weights.
type GroupCAS struct {
	Group   string `json:"group"`
	Classes int    `json:"classes"` // with held-out images
	HeldOut int    `json:"held_out_images"`
	Without Mean   `json:"without"`
	With    Mean   `json:"with"`
	Gain    Mean   `json:"gain"` // with minus without, of the pairs
}

// Mean is a mean over seeds with a 95 % interval by Student's t, which is of the seeds
// alone: other held-out images would give other means. One seed has no interval.
type Mean struct {
	Mean float64  `json:"mean"`
	Low  *float64 `json:"low,omitempty"`
	High *float64 `json:"high,omitempty"`
}

func meanOf(values []float64) Mean {
	mean, deviation := stat.MeanStdDev(values, nil)
	m := Mean{Mean: mean}
	if n := float64(len(values)); n > 1 {
		half := distuv.StudentsT{Sigma: 1, Nu: n - 1}.Quantile(0.975) * deviation / math.Sqrt(n)
		m.Low, m.High = new(mean-half), new(mean+half)
	}
	return m
}

// Compare measures what the generated images of a folder are worth: the accuracy, on real
// images that were not trained on, of classifiers trained on the training images alone
// and with the generated images (after arXiv 1905.10887). Errors are as of Run.
func Compare(ctx context.Context, o CASOptions) (c CAS, err error) {
	err = trainer.Guard(o.Log, func() error {
		c, err = compare(ctx, o)
		return err
	})
	return c, err
}

func compare(ctx context.Context, o CASOptions) (CAS, error) {
	s, err := ReadSettings(o.Dir)
	if err != nil {
		return CAS{}, err
	}
	groups, err := s.Dataset.ClassGroups(s.Classes, s.TrainingImages)
	if err != nil {
		return CAS{}, precheck.BadData(err)
	}
	if !sweep.ClassifierTakes(s.Dataset.Size) {
		return CAS{}, precheck.BadData(fmt.Errorf("no classifier takes images of %d pixels a side (valid: %s)", s.Dataset.Size, sweep.ClassifierSizes()))
	}
	real, err := o.Real(s.Dataset)
	if err != nil {
		return CAS{}, err
	}
	digest, err := real.Training.Digest()
	if err != nil {
		return CAS{}, err
	}
	if digest != s.DatasetDigest {
		return CAS{}, precheck.BadData(fmt.Errorf("the images in %s are not those that the checkpoint of %s was trained on", s.Dataset.Path, o.Dir))
	}
	held, err := real.Balanced.HeldOut(real.Training)
	if err != nil {
		return CAS{}, err
	}
	tested := real.Balanced.Where(held)
	if tested.Len() == 0 {
		return CAS{}, precheck.BadData(errors.New("there are no held-out images: every real image is trained on (valid: --held-out DIR, real images of the same classes, a folder each, that were not trained on)"))
	}
	both, err := withGenerated(o.Dir, s, real.Training)
	if err != nil {
		return CAS{}, err
	}
	c := CAS{Dir: o.Dir, Seeds: o.Seeds, Gates: s.Gates, Training: real.Training.Len(), Generated: both.Len() - real.Training.Len(), HeldOut: tested.Len()}
	if slices.Contains(s.Gates, sweep.GateLabel) {
		c.LabelGate = s.classifierText()
	}
	without, with := map[string][]float64{}, map[string][]float64{}
	for seed := range o.Seeds {
		for arm, scores := range []map[string][]float64{without, with} {
			set := []*dataset.Set{real.Training, both}[arm]
			accuracy, err := accuracyOf(ctx, o, set, tested, groups, int64(seed+1))
			if err != nil {
				return CAS{}, err
			}
			for group, value := range accuracy {
				scores[group] = append(scores[group], value)
			}
			if o.Progress != nil {
				o.Progress(2*seed+arm+1, 2*o.Seeds)
			}
		}
	}
	for class, name := range s.Classes {
		if tested.Counts[class] == 0 {
			c.Untested = append(c.Untested, name)
		}
	}
	for _, group := range sweep.MetricGroups() {
		if len(with[group]) == 0 {
			continue
		}
		g := GroupCAS{Group: group, Without: meanOf(without[group]), With: meanOf(with[group])}
		for _, class := range groups.Classes(group) {
			if n := tested.Counts[class]; n > 0 {
				g.Classes++
				g.HeldOut += n
			}
		}
		gains := make([]float64, o.Seeds)
		for i := range gains {
			gains[i] = with[group][i] - without[group][i]
		}
		g.Gain = meanOf(gains)
		c.Groups = append(c.Groups, g)
	}
	return c, nil
}

// accuracyOf trains a classifier and tests it.
func accuracyOf(ctx context.Context, o CASOptions, set, tested *dataset.Set, groups sweep.ClassGroups, seed int64) (map[string]float64, error) {
	classifier, err := features.Fit(ctx, o.Backend, set, seed, o.Steps, drawBatch)
	if err != nil {
		return nil, err
	}
	defer classifier.Close()
	out, err := classifier.Extract(ctx, tested.Images, nil)
	if err != nil {
		return nil, err
	}
	return evaluate.GroupAccuracy(groups, tested.Labels, out.Predictions), nil
}

// withGenerated is the training images and the generated images that a folder keeps.
func withGenerated(dir string, s Settings, training *dataset.Set) (*dataset.Set, error) {
	rows, _, err := ReadIndex(filepath.Join(dir, indexName))
	if err != nil {
		return nil, err
	}
	var made []float32
	var labels []int
	for _, r := range rows {
		if r.Source != SourceGenerated || r.Status != Kept {
			continue
		}
		class := slices.Index(s.Classes, r.Class)
		if class < 0 || !filepath.IsLocal(filepath.FromSlash(r.File)) {
			return nil, precheck.BadData(fmt.Errorf("%s is damaged at class %q, file %q", filepath.Join(dir, indexName), r.Class, r.File))
		}
		pixels, err := decodeFile(filepath.Join(dir, filepath.FromSlash(r.File)), s.Dataset.Size, s.Dataset.Channels())
		if err != nil {
			return nil, precheck.BadData(err)
		}
		made, labels = append(made, dataset.Values(pixels)...), append(labels, class)
	}
	if len(labels) == 0 {
		return nil, precheck.BadData(fmt.Errorf("%s has no generated images (valid: a folder that `tailsweep generate` filled)", dir))
	}
	return training.With(dataset.InMemory(made, len(made)/len(labels)), labels), nil
}
