package precheck

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/features"
	"github.com/tailsweep/tailsweep/trainer/trainertest"
)

// folder has n files in each of the folders a, b, ... i; they are never decoded.
func folder(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	for class := range 9 {
		name := filepath.Join(dir, string(rune('a'+class)))
		require.NoError(t, os.Mkdir(name, 0o755))
		for i := range n {
			require.NoError(t, os.WriteFile(filepath.Join(name, fmt.Sprintf("%d.png", i)), nil, 0o600))
		}
	}
	return dir
}

// valid is a spec of nine classes, of which each has n real images.
func valid(t *testing.T, n int) *sweep.Spec {
	t.Helper()
	return &sweep.Spec{
		Dataset: sweep.Dataset{Name: sweep.ImageFolder, Path: folder(t, 100), Reference: folder(t, n), FolderClasses: 9, FolderChannels: 3, Size: 16,
			Imbalance: sweep.Imbalance{Profile: sweep.ProfileExp, Factor: 0.1}},
		Evaluate: sweep.Evaluate{SamplesPerClass: 500, Guidance: []float64{0, 1}, Features: &sweep.Features{Path: trainertest.Classifier(t, 9)}},
		Metrics:  []sweep.Objective{{Name: "fid.tail"}, {Name: "label_accuracy.tail"}, {Name: "loss"}},
	}
}

func trial(spec *sweep.Spec) error {
	about, err := dataset.Describe(spec.Dataset)
	if err != nil {
		return err
	}
	return Trial(spec, sweep.Assignment{}, about)
}

func TestTrialReportsTheFault(t *testing.T) {
	require.NoError(t, trial(valid(t, 86)), "129 a half")
	for want, change := range map[string]func(s *sweep.Spec){
		"dataset.reference: too few images for fid.tail: 1500 samples and 90 real images of group tail, 3 classes (its rarest class has 30 real images, since a list of 2 guidance scales halves them); " +
			"FID on 64 features needs at least 128 of each (valid: more real images, or one scale in evaluate.guidance, or the metric kid.tail)": func(*sweep.Spec) {},
		"evaluate.samples_per_class: too few images for fid.tail: 126 samples and 180 real images of group tail, 3 classes (its rarest class has 60 real images); " +
			"FID on 64 features needs at least 128 of each (42; valid: at least 43, or the metric kid.tail)": func(s *sweep.Spec) {
			s.Evaluate.Guidance, s.Evaluate.SamplesPerClass = []float64{1}, 42
		},
		"(42; valid: at least 43 and more real images, or one scale in evaluate.guidance, or the metric kid.tail)": func(s *sweep.Spec) {
			s.Evaluate.SamplesPerClass = 42
		},
		"fid.tail: 120 samples and 180 real": func(s *sweep.Spec) { // at the rungs only
			s.Evaluate.Guidance, s.EarlyTerminate = []float64{1}, &sweep.EarlyTerminate{}
			s.Evaluate.Rung = &sweep.RungEvaluate{SamplesPerClass: 40, Guidance: []float64{1}}
		},
		"too few images for fid.class.b: 500 samples and 60 real images of class b; FID": func(s *sweep.Spec) {
			s.Evaluate.Guidance, s.Metrics = []float64{1}, []sweep.Objective{{Name: "fid.class.b"}}
		},
		"dataset.path: too few images for fid.tail: ": func(s *sweep.Spec) { // of all images, without a reference
			s.Dataset.Path, s.Dataset.Reference = s.Dataset.Reference, ""
		},
		"too few images for fid.head: ": func(s *sweep.Spec) { // a constraint
			s.Metrics, s.Constraints = []sweep.Objective{{Name: "loss"}}, []sweep.Constraint{{Metric: "fid.head"}}
		},
		"metrics[0].name: names a class that the dataset does not have (fid.class.hat; valid: fid.class.a, fid.class.b": func(s *sweep.Spec) { s.Metrics = []sweep.Objective{{Name: "fid.class.hat"}} },
		"evaluate.features.path: features: stat /nowhere: no such file or directory; the file must be on":               func(s *sweep.Spec) { s.Evaluate.Features.Path = "/nowhere" },
		"evaluate.features.path: a classifier of 8 classes, and the dataset has 9":                                      func(s *sweep.Spec) { s.Evaluate.Features.Path = trainertest.Classifier(t, 8) },
		"FID on 320 features needs at least 640 of each":                                                                func(s *sweep.Spec) { s.Evaluate.Features = &sweep.Features{Network: sweep.EfficientNetLite0} },
		"the classifier expects images with 3 channels; these have 1":                                                   func(s *sweep.Spec) { s.Dataset.FolderChannels = 1 },
		"dataset.reference: open /nowhere: no such file":                                                                func(s *sweep.Spec) { s.Dataset.Reference = "/nowhere" },
	} {
		s := valid(t, 60)
		change(s)
		err := trial(s)
		require.ErrorContains(t, err, want)
		var failure *sweep.FailureError
		require.ErrorAs(t, err, &failure, want)
		require.Equal(t, sweep.FailBadData, failure.Class)
		require.Contains(t, failure.Message, want, "what a child reports")
	}
}

// What is at fault at the end and at the rungs is reported once, with the field that is.
func TestAFaultOfEndAndRungIsReportedOnce(t *testing.T) {
	s := valid(t, 20)
	s.EarlyTerminate, s.Evaluate.Rung = &sweep.EarlyTerminate{}, &sweep.RungEvaluate{SamplesPerClass: 40, Guidance: s.Evaluate.Guidance}
	s.Metrics = append(s.Metrics, sweep.Objective{Name: "fid.class.hat"})
	about, err := dataset.Describe(s.Dataset)
	require.NoError(t, err)
	faults, err := Faults(s, sweep.Assignment{}, about)
	require.NoError(t, err)
	var fields []string
	for _, f := range faults {
		fields = append(fields, f.Field)
	}
	require.Equal(t, []string{"dataset.reference", "metrics[3].name", "evaluate.rung.samples_per_class"}, fields)
}

// A searched guidance, or a trial's own, is one scale.
func TestATrialsOwnGuidanceHalvesNothing(t *testing.T) {
	s := valid(t, 60)
	about, err := dataset.Describe(s.Dataset)
	require.NoError(t, err)
	require.NoError(t, Trial(s, sweep.Assignment{Params: sweep.Params{sweep.ParamGuidance: sweep.Number(1)}}, about))
	s.Evaluate.Guidance = nil
	require.NoError(t, Trial(s, sweep.Assignment{}, about))
}

// Inception-v3 is not a classifier of the dataset: label_accuracy needs one in addition.
func TestLabelAccuracyNeedsAClassifier(t *testing.T) {
	require.ErrorContains(t, Classes(sweep.FieldClassifier, 0, 9), "evaluate.features.classifier: Inception-v3 is not a classifier of this dataset")
	require.NoError(t, Classes(sweep.FieldClassifier, 9, 9))
	facts := sweep.Facts{Classes: make([]string, 9), Groups: &sweep.ClassGroups{Head: []int{0}}, Dims: 64, Classifier: sweep.No}
	for want, change := range map[string]func(s *sweep.Spec){
		"label_accuracy.head needs a classifier": func(s *sweep.Spec) { s.Metrics = []sweep.Objective{{Name: "label_accuracy.head"}} },
		"label_accuracy.all needs a classifier":  func(s *sweep.Spec) { s.Gates = &sweep.Gates{MinLabelAccuracy: new(float64)} },
	} {
		s := valid(t, 60)
		s.Metrics = []sweep.Objective{{Name: "loss"}}
		require.Empty(t, s.Unmeasurable(facts, sweep.Assignment{}))
		change(s)
		faults := s.Unmeasurable(facts, sweep.Assignment{})
		require.Len(t, faults, 1)
		require.ErrorContains(t, &faults[0], "evaluate.features.classifier: is missing, and "+want)
	}
}

// The evaluation, the check before a training and the gates of generate take one classifier.
func TestClassifier(t *testing.T) {
	classifier, inception := features.Network{Classes: 9}, features.Network{}
	for _, c := range []struct {
		name, dataset string
		files         *sweep.Features
		network       features.Network
		field, path   string
		ok            bool
	}{
		{"built in", sweep.FashionMNIST, nil, inception, sweep.FieldFeatures, "", true},
		{"none", sweep.ImageFolder, nil, inception, sweep.FieldFeatures, "", false},
		{"the features are one", sweep.ImageFolder, &sweep.Features{Path: "a", Classifier: "b"}, classifier, sweep.FieldFeatures, "a", true},
		{"the features before the built-in one", sweep.FashionMNIST, &sweep.Features{Path: "a"}, classifier, sweep.FieldFeatures, "a", true},
		{"another file", sweep.FashionMNIST, &sweep.Features{Path: "a", Classifier: "b"}, inception, sweep.FieldClassifier, "b", true},
		{"built in with other features", sweep.FashionMNIST, &sweep.Features{Path: "a"}, inception, sweep.FieldClassifier, "", true},
		{"none with features", sweep.ImageFolder, &sweep.Features{Path: "a"}, inception, sweep.FieldClassifier, "", false},
	} {
		field, path, ok := Classifier(c.dataset, c.files, c.network)
		require.Equal(t, []any{c.field, c.path, c.ok}, []any{field, path, ok}, c.name)
	}
}

// few is a spec of two classes with these many images, evaluated by one metric.
func few(t *testing.T, metric string, images ...int) *sweep.Spec {
	t.Helper()
	dir := t.TempDir()
	for class, n := range images {
		name := filepath.Join(dir, string(rune('a'+class)))
		require.NoError(t, os.Mkdir(name, 0o755))
		for i := range n {
			require.NoError(t, os.WriteFile(filepath.Join(name, fmt.Sprintf("%d.png", i)), []byte(fmt.Sprint(class, i)), 0o600))
		}
	}
	return &sweep.Spec{
		Dataset:  sweep.Dataset{Name: sweep.ImageFolder, Path: dir, FolderClasses: len(images), FolderChannels: 3, Size: 16, Imbalance: sweep.Imbalance{Profile: sweep.ProfileNone}},
		Evaluate: sweep.Evaluate{SamplesPerClass: 100, Guidance: []float64{1}, Features: &sweep.Features{Path: trainertest.Classifier(t, len(images))}},
		Metrics:  []sweep.Objective{{Name: metric}},
	}
}

// Every family of metrics on a folder with too few images, and on one with enough.
func TestEachFamilyOfMetricsOnAFewImages(t *testing.T) {
	for metric, c := range map[string]struct {
		enough, short []int
		says          string
	}{
		"kid.tail":       {[]int{5, 4}, []int{5, 3}, "dataset.path: too few real images for kid.tail: a class takes part in kid with at least 4 real images, and the largest class of group tail, 1 class, has 3 (valid: "},
		"precision.tail": {[]int{29, 20}, []int{29, 19}, "dataset.path: too few real images for precision.tail: "},
		"recall.tail":    {[]int{29, 20}, []int{29, 19}, "a class takes part in recall with at least 20 real images"},
		"density.head":   {[]int{20, 1}, []int{19, 1}, "too few real images for density.head: "},
		"coverage.all":   {[]int{20, 2}, []int{19, 3}, "too few real images for coverage.all: a class takes part in coverage with at least 20 real images, and the largest class of group all, 2 classes, has 19"},
		"cas.all":        {nil, []int{9, 9}, "metrics[0].name: needs held-out real images, but all images of group all, 2 classes, are trained on (cas.all; valid: "},
		"fid.all":        {[]int{64, 64}, []int{64, 63}, "dataset.path: too few images for fid.all: 200 samples and 127 real images of group all, 2 classes (its rarest class has 63 real images)"},
	} {
		if c.enough != nil {
			require.NoError(t, trial(few(t, metric, c.enough...)), metric)
		}
		require.ErrorContains(t, trial(few(t, metric, c.short...)), c.says, metric)
	}
}

// A rare class has the weight of a frequent one, so that the images of both count for less.
func TestFIDCountsEffectiveImages(t *testing.T) {
	require.NoError(t, trial(few(t, "fid.all", 1000, 35)))
	require.ErrorContains(t, trial(few(t, "fid.all", 1000, 33)),
		"too few images for fid.all: 200 samples and 1033 real images of group all, 2 classes (its rarest class has 33 real images); with the same weight for each class they count as 127, and FID on 64 features needs at least 128 of each")
}

// cas is tested on images that are not trained on, by path and by content.
func TestHeldOutImagesOfCAS(t *testing.T) {
	spec := few(t, "cas.tail", 9, 4)
	require.ErrorContains(t, trial(spec), "cas.tail")
	spec.Dataset.Imbalance = sweep.Imbalance{Profile: sweep.ProfileExp, Factor: .5}
	require.NoError(t, trial(spec), "2 of the 4")
	spec.Metrics[0].Name = "cas.head"
	require.NoError(t, trial(spec), "4 of the 9")

	spec.Dataset.Imbalance = sweep.Imbalance{Profile: sweep.ProfileNone}
	spec.Dataset.Reference = spec.Dataset.Path
	require.ErrorContains(t, trial(spec), "cas.head; valid")
	spec.Dataset.Reference = t.TempDir()
	require.NoError(t, os.CopyFS(spec.Dataset.Reference, os.DirFS(spec.Dataset.Path)))
	require.ErrorContains(t, trial(spec), "cas.head; valid", "a copy")
	require.NoError(t, os.WriteFile(filepath.Join(spec.Dataset.Reference, "a", "new.png"), []byte("0 9"), 0o600))
	require.NoError(t, trial(spec))

	spec.Dataset.Size = 24
	require.ErrorContains(t, trial(spec), "no classifier takes images of 24 pixels")
	require.Contains(t, fmt.Sprint(spec.Unmeasurable(spec.Dataset.Facts(), sweep.Assignment{})), "does not take images of this size")
}
