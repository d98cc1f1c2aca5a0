package proposal

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/clitest"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/cost"
	"github.com/tailsweep/tailsweep/sweep/specfile"
)

// folderOf is a folder of photos whose classes have so many images.
func folderOf(images ...int) Folder {
	f := Folder{Path: "photos", Images: images, Looked: 100, Shortest: 40, Median: 48, Longest: 300}
	for class := range images {
		f.Classes = append(f.Classes, fmt.Sprintf("class%d", class))
	}
	return f
}

// request is for a folder and a machine that trains so many steps a second; 0: not measured.
func request(f Folder, stepsPerSecond float64) Request {
	r := Request{
		Name: "photos", Folder: f, Shape: f.Shapes(false)[0], Hours: 4, Slots: 1,
		Features: Features{Path: "photos-features.safetensors", About: "Made for a test.", Dims: sweep.FeatureDims, Classifier: true},
	}
	if stepsPerSecond > 0 {
		r.Speed = func(s *sweep.Spec) (cost.Speed, error) {
			return cost.Speed{StepsPerSecond: stepsPerSecond, SamplesPerSecond: 96 * stepsPerSecond / float64(s.Evaluate.Steps())}, nil
		}
	}
	return r
}

func repeated(n, images int) []int { return slices.Repeat([]int{images}, n) }

// folders are those of the golden files.
var folders = map[string]func() Request{
	"icons": func() Request { // as those of a Debian package
		f := folderOf(580, 161, 30, 55, 5, 12, 166, 46, 2, 82)
		f.Classes = strings.Fields("actions apps categories devices emblems emotes mimetypes places rare status")
		f.Path, f.Shortest, f.Median, f.Longest = "/data/my icons", 48, 48, 48
		f.Transparent, f.Luma, f.Links = 100, 120, 274
		f.LeftOut = []string{"left out 1: not an image (actions/README)"}
		r := request(f, 3)
		r.Shape = f.Shapes(false)[1]
		r.Features = Features{
			Network: sweep.EfficientNetLite0, About: "A published one.", Dims: sweep.EfficientNetLite0Dims,
			Classifier: true, Separate: "icons-features.safetensors", Recognises: "A classifier of these classes.",
		}
		return r
	},
	"slow": func() Request {
		r := request(folderOf(90, 40, 12), 2)
		r.Shape, r.Hours = r.Folder.Shapes(false)[3], 1
		return r
	},
	"two-classes": func() Request { return request(folderOf(400, 40), 20) },
	"three-equal": func() Request { return request(folderOf(300, 310, 290), 2) },
	"few-measurable": func() Request {
		f := folderOf(500, 400, 3, 2, 1, 300)
		f.Broken, f.Unreadable, f.FollowLinks = 7, []string{"class0/a.png", "class0/b.png"}, true
		return request(f, 3)
	},
	"grey-digits": func() Request {
		f := folderOf(repeated(10, 1000)...)
		f.Shortest, f.Median, f.Longest, f.Grey = 28, 28, 28, true
		f.Images[9], f.Images[8] = 12, 40
		return request(f, 0)
	},
	"gpu": func() Request {
		f := folderOf(5000, 3000, 2000, 1000, 500, 400, 300, 200)
		f.Transparent, f.Luma = 40, 250
		r := request(f, 30)
		r.GPU, r.Slots, r.Shape = true, 2, f.Shapes(true)[0]
		return r
	},
	"thousand-classes": func() Request {
		var images []int
		for class := range 1000 {
			images = append(images, 2000/(class+1)+1)
		}
		f := folderOf(images...)
		f.Classes[0] = strings.Repeat("very long ", 25)
		f.Classes[1] = "# \"odd\": [name]\n\u202e\x1b[31m"
		f.Classes[999] = "not UTF-8 \xff"
		return request(f, 5)
	},
}

func TestProposals(t *testing.T) {
	for name, make := range folders {
		t.Run(name, func(t *testing.T) {
			r := make()
			p, err := Of(r)
			require.NoError(t, err)
			clitest.Golden(t, name+".yaml", p.Text)
			spec, err := specfile.Parse("x", []byte(p.Text))
			require.NoError(t, err)
			require.Equal(t, p.Spec, spec)
			require.Empty(t, specfile.Warnings(spec))
			require.NoError(t, r.unmeasurable(spec))
			require.Equal(t, "photos", spec.Name)
			require.Equal(t, r.Folder.Path, spec.Dataset.Path)
			require.GreaterOrEqual(t, cost.SearchCount(spec), fewTrials)
			require.Len(t, spec.Rungs(), 1)
			require.NotNil(t, spec.Repeats)
			for line := range strings.Lines(p.Text) {
				require.NotContains(t, line, "\x1b")
				require.LessOrEqual(t, len([]rune(line)), 140, line)
			}
			if r.Speed == nil {
				return
			}
			require.Empty(t, p.Notes)
			hours := time.Duration(r.Hours * float64(time.Hour))
			require.LessOrEqual(t, p.Estimate.WallTime, hours)
			require.Greater(t, p.Estimate.WallTime, hours*2/3, "the time is used")
		})
	}
}

// The goal is what the folder allows.
func TestGoals(t *testing.T) {
	for name, c := range map[string]struct {
		images             []int
		metric, constraint string
		groups             *sweep.Grouping
	}{
		"enough for FID":          {[]int{900, 500, 200}, "fid.tail", "fid.head <= baseline.fid.head * 1.05", nil},
		"a tail below FID":        {[]int{900, 500, 100}, "kid.tail", "coverage.head >= baseline.coverage.head * 0.6", nil},
		"two classes":             {[]int{30, 9}, "kid.tail", "", nil},
		"a head below coverage":   {[]int{19, 12, 4}, "kid.tail", "", nil},
		"classes alike, many":     {[]int{120, 100, 90}, "fid.all", "", nil},
		"classes alike, few":      {[]int{12, 10, 9}, "kid.all", "", nil},
		"alike but for small":     {[]int{30, 30, 30, 1, 2, 3}, "kid.all", "", nil},
		"a tail below every mark": {[]int{50, 2, 20, 1, 3, 9}, "kid.tail", "coverage.head >= baseline.coverage.head * 0.6", &sweep.Grouping{By: sweep.GroupsByShots, Many: 10, Few: 10}},
		"most classes equal":      {[]int{1000, 1000, 1000, 1000, 1000, 1000, 40}, "kid.tail", "coverage.head >= baseline.coverage.head * 0.8", &sweep.Grouping{By: sweep.GroupsByShots, Many: 41, Few: 41}},
		"sizes without a drop":    {[]int{1000, 950, 900, 850, 800, 700, 650}, "fid.tail", "fid.head <= baseline.fid.head * 1.05", nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := folderOf(c.images...)
			require.NoError(t, f.Check())
			p, err := Of(request(f, 2))
			require.NoError(t, err)
			require.Equal(t, c.metric, p.Spec.Metrics[0].Name)
			require.Equal(t, c.groups, p.Spec.Dataset.Groups)
			if c.constraint == "" {
				require.Empty(t, p.Spec.Constraints)
				return
			}
			require.Equal(t, c.constraint, p.Spec.Constraints[0].String())
		})
	}
	r := request(folderOf(19, 12, 4), 2)
	r.Features.Classifier = false
	p, err := Of(r)
	require.NoError(t, err)
	require.Empty(t, p.Spec.Constraints, "nothing of the head can be measured without a classifier")
}

// Every folder that Check accepts has a valid spec that fits into the time, whatever the
// machine.
func TestEveryFolderHasASpec(t *testing.T) {
	for _, images := range [][]int{{4, 4}, {7, 4}, {1000, 4}, {100000, 4, 1, 1}, {5, 5, 5, 1}, {64, 32, 16, 8, 4, 2, 1}, repeated(300, 5), {30, 29, 28, 27}} {
		for _, rate := range []float64{0.05, 1, 300} {
			for _, hours := range []float64{0.1, 4, 48} {
				r := request(folderOf(images...), rate)
				r.Hours = hours
				require.NoError(t, r.Folder.Check())
				p, err := Of(r)
				require.NoError(t, err, images)
				require.Empty(t, specfile.Warnings(p.Spec))
				require.Equal(t, p.Spec.Train.Steps < tooFewSteps, len(p.Notes) > 0)
				if p.Spec.Train.Steps >= tooFewSteps {
					require.LessOrEqual(t, p.Estimate.WallTime.Hours(), 1.001*hours, "%v %v", images, rate)
				}
			}
		}
	}
}

func TestCheck(t *testing.T) {
	for want, images := range map[string][]int{
		"images of one class only, class0":                               {5},
		"the largest of its classes, class1, has 3 images":               {1, 3},
		"only one of its classes, class0, has more than 3 images":        {500, 3, 2},
		"has 10001 folders of images (valid: 2 to 10000 classes)":        repeated(10001, 5),
		"a class needs at least 4 images to be compared with generated ": {3, 3},
	} {
		require.ErrorContains(t, folderOf(images...).Check(), want)
	}
	require.NoError(t, folderOf(4, 4, 1).Check())
}

func TestShapes(t *testing.T) {
	for _, c := range []struct {
		median int
		gpu    bool
		want   []Shape
	}{
		{10, false, []Shape{{8, presetSmall}, {8, presetTiny}}},
		{16, false, []Shape{{16, presetSmall}, {16, presetTiny}}},
		{22, false, []Shape{{32, presetMiddle}, {16, presetSmall}, {16, presetTiny}}},
		{28, false, []Shape{{28, presetSmall}, {16, presetSmall}, {16, presetTiny}}},
		{48, false, []Shape{{64, presetMiddle}, {32, presetMiddle}, {16, presetSmall}, {16, presetTiny}}},
		{500, false, []Shape{{64, presetMiddle}, {32, presetMiddle}, {16, presetSmall}, {16, presetTiny}}},
		{32, true, []Shape{{32, presetLarge}, {32, presetMiddle}, {16, presetSmall}}},
	} {
		f := folderOf(5000, 100)
		f.Median = c.median
		require.Equal(t, c.want, f.Shapes(c.gpu), c)
	}
}

func TestName(t *testing.T) {
	for folder, want := range map[string]string{
		"photos": "photos", "My Photos (2)": "my-photos-2", "2024": "set-2024", "..": "my-sweep", "猫": "my-sweep", "-a-": "a",
		strings.Repeat("x", 200): strings.Repeat("x", 50),
	} {
		require.Equal(t, want, Name(folder))
	}
}

// Names become scalars of YAML that have the same value.
func TestQuoted(t *testing.T) {
	for _, path := range []string{"photos", "../my photos", "/data/a: b # c", "a\"b\\c", "true", "~", "1e3", "a\nb", "<&>", "..", "猫", "-x", "a\u2028b"} {
		f := folderOf(50, 5)
		f.Path = path
		p, err := Of(request(f, 2))
		require.NoError(t, err, path)
		require.Equal(t, path, p.Spec.Dataset.Path)
	}
}

// What is measured has the shape and the losses of the proposal, and needs nothing of the
// folder.
func TestDraft(t *testing.T) {
	r := request(folderOf(50, 3, 2, 9, 1, 1), 0)
	p, err := Of(r)
	require.NoError(t, err)
	require.NotNil(t, p.Spec.Dataset.Groups)
	r.Features = Features{}
	d, err := Draft(r, "/tmp/made-up")
	require.NoError(t, err)
	require.Equal(t, p.Spec.Model, d.Model)
	require.Equal(t, p.Spec.Parameters, d.Parameters)
	require.Equal(t, p.Spec.Train.Batch, d.Train.Batch)
	require.Equal(t, "/tmp/made-up", d.Dataset.Path)
	require.Nil(t, d.Dataset.Groups)
	require.Empty(t, d.Unmeasurable(sweep.Facts{}, sweep.Assignment{}))
}

// A constraint that no trial can be seen to keep is not proposed.
func TestTheConstraintCanBeDecided(t *testing.T) {
	for images, want := range map[int]float64{30: 0, 40: 0.5, 150: 0.7, 1500: 0.9} {
		require.InDelta(t, want, decidable(images, 2), 1e-9, images)
	}
}
