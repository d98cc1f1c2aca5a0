package specs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/dustin/go-humanize/english"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/measure"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/proposal"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/connect"
	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/cost"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/evaluate"
	"github.com/tailsweep/tailsweep/trainer/features"
	"github.com/tailsweep/tailsweep/worker"
)

// fromFolder writes the spec of a folder of images.
func fromFolder(ctx context.Context, a *cli.App, o initOptions) error {
	o.from = filepath.Clean(o.from)
	if o.name == "" {
		absolute, err := filepath.Abs(o.from)
		if err != nil {
			return cli.Usagef("init: %v", err)
		}
		o.name = proposal.Name(filepath.Base(absolute))
	}
	if err := archive.CheckName(o.name); err != nil {
		return err
	}
	o.to = cmp.Or(o.to, o.name+".yaml")
	network := o.network()
	if err := o.free(o.to, "--to"); err != nil {
		return err
	}
	if !o.featuresGiven() {
		if err := o.free(network, "--to, or --features to use it"); err != nil {
			return err
		}
	}
	b, err := backend.Open(o.backend.Value)
	if err != nil {
		return err
	}
	choice := b.Choice
	gpu, slots := choice == backend.XLACUDA, 1
	b.Close()
	if gpu {
		slots = max(1, len(worker.Devices()))
	}
	f, err := survey(ctx, a, o)
	if err != nil {
		return err
	}
	r := proposal.Request{Name: o.name, Folder: f, Hours: o.hours, Slots: slots, GPU: gpu}
	if err := chooseShape(ctx, a, o, &r); err != nil {
		return err
	}
	d, err := readImages(ctx, a, o, &r)
	if err != nil {
		return err
	}
	if r.Features, err = o.prepareFeatures(ctx, a, d, r.Folder.Total(), network); err != nil {
		return err
	}
	if each := measure.Extraction(r.Features.Network, choice); each > 0 && r.Speed != nil {
		r.Features.About += fmt.Sprintf(" The steps leave time for it: about %v an image on backend %s, a value of docs/benchmarks/features.md.", each, choice)
	}
	p, err := proposal.Of(r)
	if err != nil {
		return fmt.Errorf("init: %w", err)
	}
	if err := file.Write(o.to, []byte(p.Text), specMode); err != nil {
		return cli.Usagef("init: %v", err)
	}
	if err := checkWritten(ctx, a, o.to); err != nil {
		return err
	}
	for _, note := range p.Notes {
		a.Log("warning: %s", note)
	}
	if err := a.Print(summary(o, r, p)); err != nil {
		return err
	}
	return next(a, o.to)
}

// network is the file of the network that is trained.
func (o initOptions) network() string {
	return strings.TrimSuffix(o.to, filepath.Ext(o.to)) + "-features.safetensors"
}

// checkWritten checks the spec as validate does.
func checkWritten(ctx context.Context, a *cli.App, path string) error {
	spec, content, err := a.ReadChecked(ctx, path)
	if err == nil {
		err = a.CheckData(ctx, path, content, spec)
	}
	if err != nil {
		return fmt.Errorf("init: the spec was written, but does not pass `tailsweep validate`: %w", err)
	}
	a.Warn(spec)
	return nil
}

func summary(o initOptions, r proposal.Request, p proposal.Proposal) string {
	all := fmt.Sprintf("%s: %s of %s, %s; %s of %d steps",
		o.to, english.Plural(len(r.Folder.Classes), "class", "classes"), r.Folder.Path, r.Shape, english.Plural(p.Estimate.Trials, "trial", ""), p.Spec.Train.Steps)
	if p.Estimate.WallTime > 0 {
		all += fmt.Sprintf(", about %s", text.Duration(p.Estimate.WallTime))
	}
	return all
}

// inSpec is how a spec in the file o.to names a file that the user gave: relative to the
// spec's folder if it was given relative to the working directory and the workers are on this
// machine.
func (o initOptions) inSpec(a *cli.App, path string) (string, error) {
	if filepath.IsAbs(path) {
		return utf8Path(path)
	}
	return o.besideSpec(a, path)
}

// besideSpec is inSpec for a file that is relative to the spec's folder whatever the user gave.
func (o initOptions) besideSpec(a *cli.App, path string) (string, error) {
	absolute, err := filepath.Abs(path)
	base, err2 := filepath.Abs(filepath.Dir(o.to))
	if err := errors.Join(err, err2); err != nil {
		return "", cli.Usagef("init: %v", err)
	}
	if target, err := connect.Resolve(a.Flags); err == nil && !target.Embedded {
		return utf8Path(absolute)
	}
	relative, err := filepath.Rel(base, absolute)
	if err != nil {
		return utf8Path(absolute)
	}
	if sweep.OfHome(relative) {
		relative = "./" + relative
	}
	return utf8Path(relative)
}

func utf8Path(path string) (string, error) {
	if !utf8.ValidString(path) {
		return "", cli.Usagef("init: the name %q is not UTF-8, which a spec cannot have: rename it", path)
	}
	return path, nil
}

// survey looks at the folder.
func survey(ctx context.Context, a *cli.App, o initOptions) (f proposal.Folder, err error) {
	a.Log("looking at %s ...", o.from)
	s, err := dataset.SurveyFolder(ctx, o.from)
	switch {
	case ctx.Err() != nil:
		return f, context.Cause(ctx)
	case err != nil:
		return f, cli.Usagef("init: --from: %w", err)
	}
	f = proposal.FolderOf(s)
	if f.Path, err = o.inSpec(a, o.from); err != nil {
		return f, err
	}
	if err := f.Check(); err != nil {
		return f, cli.Usagef("init: --from: %s %w", o.from, err)
	}
	a.Log("  %s of %s", english.Plural(f.Total(), "image", ""), english.Plural(len(f.Classes), "class", "classes"))
	return f, nil
}

// usualSize is the side of the images that is measured first on a CPU.
const usualSize = 32

// chooseShape chooses the size of the images and the model: the best with which the machine
// can train enough steps in the time. On a CPU it begins with a usual size, and measures a
// larger one only where that is fast enough by far.
func chooseShape(ctx context.Context, a *cli.App, o initOptions, r *proposal.Request) error {
	shapes, at := r.Folder.Shapes(r.GPU), 0
	if !r.GPU {
		at = max(0, slices.IndexFunc(shapes, func(s proposal.Shape) bool { return s.Size <= usualSize }))
	}
	if r.Shape = shapes[at]; o.unmeasured {
		return nil
	}
	const larger = 6 // times the steps: a side of twice the length takes more than 4 times as long
	steps, err := measureShape(ctx, a, o, r, shapes[at])
	if err != nil {
		return err
	}
	if steps < proposal.FewSteps {
		for at++; at < len(shapes) && steps < proposal.FewSteps && err == nil; at++ {
			a.Log("  that is too slow for --hours %s: trying smaller images", sweep.Number(o.hours))
			steps, err = measureShape(ctx, a, o, r, shapes[at])
		}
		return err
	}
	for at--; at >= 0 && steps > larger*proposal.FewSteps; at-- {
		before := *r
		a.Log("  that is fast enough to try larger images")
		if steps, err = measureShape(ctx, a, o, r, shapes[at]); err != nil {
			return err
		}
		if steps < proposal.FewSteps {
			a.Log("  that is too slow")
			*r = before
		}
	}
	return nil
}

// measureShape measures how fast this machine trains a shape, which becomes that of r, and
// returns how many steps of it a trial can have.
func measureShape(ctx context.Context, a *cli.App, o initOptions, r *proposal.Request, shape proposal.Shape) (steps int, err error) {
	a.Log("%s:", shape)
	r.Shape = shape
	used, rate, err := probe(ctx, a, o, *r)
	if err != nil {
		return 0, err
	}
	a.Log("  %s", measure.RateText(rate))
	r.Speed = func(spec *sweep.Spec) (cost.Speed, error) { return measure.SpeedOf(spec, rate, used) }
	return r.Steps()
}

// probe measures how fast this machine trains the shape of r, on made-up images, and returns the
// backend that it used.
func probe(ctx context.Context, a *cli.App, o initOptions, r proposal.Request) (used string, stepsPerSecond float64, err error) {
	dir, err := os.MkdirTemp("", "tailsweep-init-")
	if err != nil {
		return "", 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for class := range r.Folder.Classes {
		folder := filepath.Join(dir, fmt.Sprintf("%05d", class))
		if err := errors.Join(os.Mkdir(folder, 0o755), writeImage(filepath.Join(folder, "1.png"))); err != nil {
			return "", 0, err
		}
	}
	spec, err := proposal.Draft(r, dir)
	if err != nil {
		return "", 0, err
	}
	used, stepsPerSecond, err = measure.Probe(ctx, a, spec, o.backend.Value)
	if err != nil && ctx.Err() == nil {
		err = cli.AsBadInput(fmt.Errorf("measure this machine (or give --no-measure): %w", err))
	}
	return used, stepsPerSecond, err
}

func writeImage(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	const side = 8
	return errors.Join(png.Encode(f, image.NewGray(image.Rect(0, 0, side, side))), f.Close())
}

// readImages reads all images as a training does, and writes what it finds into r.Folder.
func readImages(ctx context.Context, a *cli.App, o initOptions, r *proposal.Request) (sweep.Dataset, error) {
	d := r.Folder.Dataset(o.from, r.Shape.Size)
	a.Log("reading all images ...")
	err := a.Loader(ctx).Check(d)
	var about dataset.About
	if err == nil {
		about, err = dataset.Describe(d)
	}
	if err != nil {
		return d, cli.AsBadInput(fmt.Errorf("init: --from: %w", err))
	}
	r.Folder.Images = about.Counts
	if r.Folder.Unreadable, r.Folder.Broken = about.Unreadable(); r.Folder.Broken > 0 {
		a.Log("  %s cannot be read", english.Plural(r.Folder.Broken, "image", ""))
		if err := r.Folder.Check(); err != nil {
			return d, cli.Usagef("init: --from: without the images that cannot be read, %s %w", o.from, err)
		}
	}
	d.SkipUnreadable = r.Folder.Broken > 0
	if r.Folder.Grey {
		if r.Folder.Grey, err = grey(ctx, a, d); err != nil {
			return d, err
		}
	}
	if r.Folder.Grey {
		d.FolderChannels = 1
	}
	return d, nil
}

// grey reports whether no image has a colour.
func grey(ctx context.Context, a *cli.App, d sweep.Dataset) (bool, error) {
	set, err := a.Load(ctx, d)
	if err != nil {
		return false, err
	}
	return proposal.AllGrey(set)
}

// ownFeatures is the value of --features for the classifier that init trains.
const ownFeatures = "own"

// featuresGiven reports whether --features names a file, so that no classifier is trained.
func (o initOptions) featuresGiven() bool {
	return !slices.Contains([]string{"", ownFeatures, sweep.EfficientNetLite0}, o.features)
}

// prepareFeatures returns the networks of the metrics: those of --features, else a published
// network if the images have colours. It trains a classifier of the classes unless a file is given.
func (o initOptions) prepareFeatures(ctx context.Context, a *cli.App, d sweep.Dataset, images int, path string) (f proposal.Features, err error) {
	colour, published := d.Channels() == 3, o.features == sweep.EfficientNetLite0
	if o.featuresGiven() {
		return o.givenFeatures(a, d)
	}
	if published && !colour {
		return f, cli.Usagef("init: --features: %s is for colour images, and those of %s are grey (valid: %s, or a file)", o.features, o.from, ownFeatures)
	}
	own, err := o.trainOwn(ctx, a, d, images, path)
	if err != nil || !colour || o.features == ownFeatures {
		return own, err
	}
	const name = sweep.EfficientNetLite0
	a.Log("installing the network %s (Apache-2.0), by which the metrics compare images ...", name)
	if _, err = features.Install(ctx, name, features.InstallOptions{Log: a.Log}); err != nil {
		if published || ctx.Err() != nil {
			return f, cli.AsBadInput(fmt.Errorf("init: --features: %w", err))
		}
		a.Log("warning: %v", err)
		own.About += fmt.Sprintf(" %s is the better one, but could not be installed: `tailsweep features install` tries again.", name)
		return own, nil
	}
	return proposal.Features{
		Network: name, Dims: sweep.EfficientNetLite0Dims, Classifier: true, Separate: own.Path,
		About:      "A published one, which orders noise, blur and copies better than a small classifier of these images (docs/evaluation.md).",
		Recognises: own.About,
	}, nil
}

// givenFeatures returns the network in the file that the user gave.
func (o initOptions) givenFeatures(a *cli.App, d sweep.Dataset) (f proposal.Features, err error) {
	network, err := features.Inspect(o.features, features.Images{Size: d.Size, Channels: d.Channels()})
	switch {
	case err != nil:
		return f, cli.Usagef("init: --features: %w (valid: %s, a file, or for colour images %s)", err, ownFeatures, sweep.EfficientNetLite0)
	case network.Classes > 0 && network.Classes != d.Classes():
		return f, cli.Usagef("init: --features: %s is a classifier of %d classes, and %s has %d", o.features, network.Classes, o.from, d.Classes())
	}
	f.Path, err = o.inSpec(a, o.features)
	f.Dims, f.Classifier, f.About = network.Dims, network.Classes > 0, "It was given by --features."
	return f, err
}

// trainOwn trains a classifier of the classes.
func (o initOptions) trainOwn(ctx context.Context, a *cli.App, d sweep.Dataset, images int, path string) (f proposal.Features, err error) {
	if f.Path, err = o.besideSpec(a, path); err != nil {
		return f, err
	}
	f.Dims, f.Classifier = features.Dims, true
	a.Log("training a classifier of the classes, which the metrics need ...")
	const seen = 256_000 // images of a training, which takes minutes
	epochs := min(features.DefaultEpochs, max(1, seen/images))
	made, err := a.TrainClassifier(ctx, o.backend.Value, features.TrainOptions{Dataset: d, Epochs: epochs, Output: path})
	if err != nil {
		return f, cli.AsBadInput(fmt.Errorf("init: %w", err))
	}
	balanced := evaluate.GroupAccuracy(made.Groups, made.Labels, made.Predictions)[sweep.GroupAll]
	f.About = fmt.Sprintf("A classifier of these classes, which init trained: of images that it had not seen it is right about %.0f %%, in the mean over the classes.", 100*balanced)
	return f, nil
}
