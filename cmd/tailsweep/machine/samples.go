package machine

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/pflag"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/proposal"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/specfile"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/evaluate"
	"github.com/tailsweep/tailsweep/trainer/generate"
	"github.com/tailsweep/tailsweep/trainer/samples"
)

// mostPerClass is the maximum of evaluate.samples_per_class.
const mostPerClass = 50_000

// sampleFlags are the flags of an evaluation of somebody's samples.
type sampleFlags struct {
	samples, dataset, images, features string
	perClass                           int
}

func (s *sampleFlags) add(f *pflag.FlagSet) {
	f.StringVar(&s.samples, "samples", "", "evaluate these images: DIR/CLASS/*.png, FILE.npz, or a checkpoint of a program")
	f.StringVar(&s.dataset, "dataset", "", "with --samples: compare with the dataset of this spec, or of this name")
	f.StringVar(&s.images, "images", "", "with --samples: compare with these real images, a folder for each class")
	f.StringVar(&s.features, "features", "", "with --samples: "+sweep.EfficientNetLite0+", or a file, in place of the spec's networks")
	f.IntVar(&s.perClass, "per-class", 0, "with --samples: images of each class (default: as in the spec, else all of the class with the fewest)")
	cli.Within(f, "per-class", &s.perClass, 1, mostPerClass)
}

// check returns a usage error for flags that do not fit together.
func (s *sampleFlags) check(others bool) error {
	switch {
	case s.samples == "" && (s.dataset != "" || s.images != "" || s.features != "" || s.perClass > 0):
		return cli.Usagef("evaluate: --dataset, --images, --features and --per-class are for --samples")
	case s.samples == "":
		return nil
	case others:
		return cli.Usagef("evaluate: --samples with a checkpoint folder or --untrained (valid: one of them)")
	case (s.dataset == "") == (s.images == ""):
		return cli.Usagef("evaluate: --samples needs the real images (valid: one of --dataset SPEC, --dataset NAME and --images FOLDER)")
	}
	return nil
}

// Compared says what samples were compared with.
type Compared struct {
	Path     string   `json:"path"`            // of the samples
	Samples  int      `json:"samples"`         // of all classes
	Dataset  string   `json:"dataset"`         // name of the dataset of the real images
	Images   string   `json:"images"`          // their folder; "" of a published set
	Size     int      `json:"size"`            // side in pixels
	Channels int      `json:"channels"`        // 1 grey, 3 RGB
	Classes  int      `json:"classes"`         // C
	Real     int      `json:"real_images"`     // of all classes
	Training int      `json:"training_images"` // with which memorised_ratio compares, and whose numbers divide the classes into groups
	Split    string   `json:"split"`           // how the training images were taken from the complete set
	Network  string   `json:"network"`         // that computes the features
	Notes    []string `json:"notes"`
}

// EvaluatedSamples is the output of `tailsweep evaluate --samples -o json`.
type EvaluatedSamples struct {
	*evaluate.Result
	Compared Compared `json:"compared"`
}

// run evaluates the samples.
func (s *sampleFlags) run(ctx context.Context, a *cli.App, choice string) (e EvaluatedSamples, err error) {
	if real, err := generate.HasReal(s.samples); err != nil || real {
		if err == nil {
			err = cli.Usagef("evaluate: --samples %s has training images among the generated ones (valid: a folder of `tailsweep generate` without --with-real)", s.samples)
		}
		return e, cli.AsBadInput(err)
	}
	source, err := samples.Open(s.samples)
	if err != nil {
		return e, cli.AsBadInput(fmt.Errorf("evaluate: --samples: %w", err))
	}
	defer source.Close() //nolint:errcheck // only read
	spec, err := s.against(ctx, a, source)
	if err != nil {
		return e, err
	}
	about, err := dataset.Describe(spec.Dataset)
	if err != nil {
		return e, cli.AsBadInput(err)
	}
	real, err := dataset.DescribeBalanced(spec.Dataset)
	if err != nil {
		return e, cli.AsBadInput(err)
	}
	if s.perClass > 0 {
		spec.Evaluate.SamplesPerClass = s.perClass
	}
	if spec.Evaluate.SamplesPerClass == 0 {
		available, err := source.Available(about.Classes)
		if err != nil {
			return e, cli.AsBadInput(fmt.Errorf("evaluate: --samples: %w", err))
		}
		spec.Evaluate.SamplesPerClass = slices.Min(available)
	}
	set, err := source.Read(ctx, samples.FormOf(spec.Dataset, about.Classes), spec.Evaluate.SamplesPerClass)
	if err != nil {
		return e, cli.AsBadInput(fmt.Errorf("evaluate: --samples: %w", err))
	}
	b, err := backend.Open(choice)
	if err != nil {
		return e, err
	}
	defer b.Close()
	a.Log("%s on %s", b.Choice, b.Device)
	read := a.ReadProgress()
	e.Result, err = evaluate.Samples(ctx, b, *spec, set, func(done, all int) error {
		read(done, all)
		return context.Cause(ctx)
	})
	if err != nil {
		return e, cli.AsBadInput(err)
	}
	d := spec.Dataset
	e.Compared = Compared{
		Path: set.Path, Samples: len(set.Labels), Dataset: d.Name, Images: cmp.Or(d.Reference, d.Path), Size: d.Size, Channels: d.Channels(), Classes: len(about.Classes),
		Real: total(real.Counts), Training: total(about.Counts), Split: splitText(d.Imbalance), Network: networkText(spec.Evaluate.Features, e.Features), Notes: append([]string{}, set.Notes...),
	}
	return e, nil
}

// against returns the spec by which the samples are evaluated, with its images on this
// machine.
func (s *sampleFlags) against(ctx context.Context, a *cli.App, source *samples.Source) (spec *sweep.Spec, err error) {
	_, named := sweep.LookupDataset(s.dataset)
	switch {
	case s.images != "":
		spec, err = s.ofFolder(ctx, a, source)
	case named && s.dataset != sweep.ImageFolder:
		spec, err = s.ofName(source)
	default:
		if spec, _, err = a.ReadSpec(s.dataset); err == nil && !spec.HasDataset() {
			err = cli.Usagef("evaluate: --dataset: the spec %s has no dataset", s.dataset)
		}
	}
	if err != nil {
		return nil, err
	}
	if err := s.network(spec); err != nil {
		return nil, err
	}
	return spec, a.Download(ctx, spec.Dataset)
}

// ofName returns a spec of a published dataset with the defaults of a spec, for samples of any
// of its sizes.
func (s *sampleFlags) ofName(source *samples.Source) (*sweep.Spec, error) {
	draft, faults := specfile.Draft("--dataset", fmt.Appendf(nil, "apiVersion: %s\nname: samples\nmethod: grid\ndataset: {name: %s}\ntrain: {steps: 1}\nparameters: {lr: {value: 1e-3}}\nmetrics: [{name: loss}]\n", sweep.APIVersion, s.dataset))
	if own, _ := faults.Split("dataset"); draft == nil || len(own) > 0 {
		return nil, fmt.Errorf("evaluate: the defaults of dataset %s: %w", s.dataset, faults)
	}
	spec := &sweep.Spec{APIVersion: sweep.APIVersion, Name: "samples", Dataset: draft.Dataset}
	var err error
	if spec.Dataset.Size, err = source.Side(); err != nil {
		return nil, cli.AsBadInput(fmt.Errorf("evaluate: --samples: %w", err))
	}
	return spec, nil
}

// ofFolder returns a spec of a folder of real images, read as `init --from` does at the size
// of the samples.
func (s *sampleFlags) ofFolder(ctx context.Context, a *cli.App, source *samples.Source) (*sweep.Spec, error) {
	side, err := source.Side()
	if err != nil {
		return nil, cli.AsBadInput(fmt.Errorf("evaluate: --samples: %w", err))
	}
	found, err := dataset.SurveyFolder(ctx, s.images)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, cli.Usagef("evaluate: --images: %w", err)
	}
	f := proposal.FolderOf(found)
	d := f.Dataset(s.images, side)
	set, err := a.Load(ctx, d)
	if err != nil {
		return nil, fmt.Errorf("evaluate: --images: %w", err)
	}
	for _, left := range set.LeftOut {
		a.Log("%s: %s", s.images, left)
	}
	if f.Grey {
		if f.Grey, err = proposal.AllGrey(set); err != nil {
			return nil, err
		}
	}
	if f.Grey {
		d.FolderChannels = 1
	}
	return &sweep.Spec{APIVersion: sweep.APIVersion, Name: "samples", Dataset: d}, nil
}

// network chooses the networks of the metrics: those of --features, else those of the spec,
// else the built-in one, else a published one for colour images.
func (s *sampleFlags) network(spec *sweep.Spec) error {
	d := spec.Dataset
	builtIn := sweep.HasClassifier(d.Name) && sweep.ClassifierTakes(d.Size)
	switch {
	case s.features == sweep.EfficientNetLite0:
		spec.Evaluate.Features = &sweep.Features{Network: s.features}
	case s.features != "":
		spec.Evaluate.Features = &sweep.Features{Path: s.features}
	case spec.Evaluate.Features != nil || builtIn:
	case d.Channels() == 3:
		spec.Evaluate.Features = &sweep.Features{Network: sweep.EfficientNetLite0}
	default:
		return cli.Usagef("evaluate: --features is missing, and no network knows grey images such as these (valid: a file of `tailsweep features train FOLDER --size %d --to FILE`)", d.Size)
	}
	return nil
}

func total(counts []int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

func splitText(im sweep.Imbalance) string {
	if im.Profile == sweep.ProfileNone {
		return "all images"
	}
	return fmt.Sprintf("imbalance %s, factor %s", im.Profile, sweep.Number(im.Factor))
}

// networkText names the network of features with this digest.
func networkText(f *sweep.Features, digest string) string {
	name := "the built-in classifier"
	if f != nil {
		name = cmp.Or(f.Network, f.Path)
	}
	return fmt.Sprintf("%s (SHA-256 %.12s)", name, digest)
}

// text is the output for people.
func (e EvaluatedSamples) text() []string {
	c := e.Compared
	images := c.Dataset
	if c.Images != "" {
		images = c.Images
	}
	lines := append(metricsText(e.Result),
		fmt.Sprintf("samples   %s: %s, %d of each of %d classes, %s", console.Printable(c.Path), english.Plural(c.Samples, "image", ""), e.Samples, c.Classes, imageKind(c.Size, c.Channels)),
		fmt.Sprintf("real      %s: %s, %s of the rarest class", console.Printable(images), english.Plural(c.Real, "image", ""), english.Plural(e.Real, "image", "")),
		fmt.Sprintf("training  %s (%s): memorised_ratio compares with them, and their numbers make the groups", english.Plural(c.Training, "image", ""), c.Split),
		"features  "+console.Printable(c.Network))
	for _, note := range c.Notes {
		lines = append(lines, "note      "+console.Printable(note))
	}
	return lines
}
