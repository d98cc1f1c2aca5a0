package evaluate

import (
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/distance"
)

// MemorisedBelow bounds the ratio of the distances of a memorised sample to its nearest
// and its second nearest training image, as in the released code of arXiv 2310.02664.
const MemorisedBelow = 1.0 / 3

// memorisedRatio is the share of samples that are nearly a training image. It is left
// out where fewer than two training images are known.
func memorisedRatio(m *measurement, p subset) error {
	if m.training == nil || m.training.Len() < 2 {
		return nil
	}
	if m.nearTraining == nil { // once for all groups
		first, second, err := distance.Nearest(m.samples.pixels, m.training, m.pixels)
		if err != nil {
			return err
		}
		m.nearTraining = make([]bool, len(first))
		for i := range first {
			m.nearTraining[i] = first[i] < MemorisedBelow*second[i]
		}
	}
	m.ratio(sweep.FamilyMemorisedRatio+"."+p.group, m.samples.labels, p.classes, func(i int) bool { return m.nearTraining[i] })
	return nil
}
