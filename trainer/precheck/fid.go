package precheck

import (
	"fmt"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
)

// FID is a metric of the family fid, and what it is to be taken on.
type FID struct {
	Metric    string
	Classes   []int // that it is taken over
	Samples   int   // of each class
	Available []int // `[C]`, real images of each class of the dataset
	Dims      int   // of the features
	Scales    int   // of guidance; more than one part the real images in halves, to choose by and to report
	Reference bool  // the real images are dataset.reference's
}

// Enough returns an error, which says what there is and what is needed, where either
// side has less than two images a feature: a covariance of fewer says little.
func (f FID) Enough() error {
	need, samples := 2*f.Dims, f.Samples*len(f.Classes)
	real, rarest := f.real()
	if len(f.Classes) == 0 || min(samples, real) >= need {
		return nil
	}
	group, single := strings.CutPrefix(f.Metric, sweep.FIDClass)
	of, valid := "class "+group, []string{"more real images"}
	if !single {
		group = strings.TrimPrefix(f.Metric, sweep.FamilyFID+".")
		of = fmt.Sprintf("group %s, %d classes", group, len(f.Classes))
	}
	field := "dataset.path"
	switch {
	case samples < need:
		least := fmt.Sprintf("at least %d", (need+len(f.Classes)-1)/len(f.Classes))
		if real < need {
			least += " and more real images"
		}
		field, valid = "evaluate.samples_per_class", []string{least}
	case f.Reference:
		field = "dataset.reference"
	}
	halved := ""
	if f.Scales > 1 && real < need {
		halved = fmt.Sprintf(", since a list of %d guidance scales halves them", f.Scales)
		valid = append(valid, "one scale in evaluate.guidance")
	}
	if !single {
		valid = append(valid, "the metric "+sweep.FamilyKID+"."+group)
	}
	return fmt.Errorf("%s: too few images for %s: %d samples and %d real images of %s (%d real ones of its rarest class%s), and FID on %d features needs %d of either (valid: %s)",
		field, f.Metric, samples, real, of, rarest, halved, f.Dims, need, strings.Join(valid, ", or "))
}

// real counts the real images of the classes, and those of the rarest of these; of
// two halves those of the smaller one. The images stand in class order, and the
// halves take turns.
func (f FID) real() (all, rarest int) {
	count := func(first, step int) (all, rarest int) {
		for i, class := range f.Classes {
			before := 0
			for _, n := range f.Available[:class] {
				before += n
			}
			upTo := func(n int) int { return (n - first + step - 1) / step }
			n := upTo(before+f.Available[class]) - upTo(before)
			if all += n; i == 0 || n < rarest {
				rarest = n
			}
		}
		return all, rarest
	}
	if f.Scales <= 1 {
		return count(0, 1)
	}
	all, rarest = count(0, 2)
	if other, otherRarest := count(1, 2); other < all {
		return other, otherRarest
	}
	return all, rarest
}
