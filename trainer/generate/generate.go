package generate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/internal/lock"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/diffusion"
	"github.com/tailsweep/tailsweep/trainer/evaluate"
	"github.com/tailsweep/tailsweep/trainer/precheck"
)

// drawBatch is the number of images that are drawn together, fewer of large ones (see
// dataset.Batch): always those of one class from a multiple of it on. So an image has one place
// in one batch, and the same bits whatever else is wanted: backends round the rows of a batch in
// different ways.
const drawBatch = 32

// Options describe what to draw.
type Options struct {
	Backend  *backend.Backend
	Model    *trainer.Model
	Manifest checkpoint.Manifest // of the model's checkpoint
	Dir      string              // made as needed

	Wanted   []int    // images of each class
	Attempts int      // images drawn of a class at most, as a multiple of Wanted
	Seed     int64    // of the noise
	Guidance float64  // scale
	Steps    int      // of denoising
	Gates    []string // of sweep.ImageGates; nil: all that can be applied

	WithReal bool // also the training images
	Symlinks bool // the training images as symbolic links

	Real func() (Real, error) // reads the images of the dataset; an error of class bad data means that they are not here

	Log      func(format string, a ...any)
	Progress func(Progress) // after each batch
}

// Progress is how far the drawing is.
type Progress struct {
	Drawn, Kept int // in this call
	Missing     int // wanted images that are not kept yet
	Possible    int // draws that Attempts allows for them
}

// Summary is the result of a call.
type Summary struct {
	Dir      string   `json:"dir"`
	Settings Settings `json:"settings"`
	Classes  []Class  `json:"classes"` // those with images
	Missing  int      `json:"missing"` // wanted images that no draw passed the gates for
	Real     int      `json:"real"`    // training images in the folder
}

// Class is what was drawn of a class, in all calls.
type Class struct {
	Name    string         `json:"class"`
	Folder  string         `json:"folder"`
	Trained int            `json:"training_images"`
	Wanted  int            `json:"wanted"`
	Kept    int            `json:"kept"`
	Drawn   int            `json:"drawn"`
	Refused map[string]int `json:"refused"` // by gate; an image may fail several
}

// Run draws images into a folder, and continues where an earlier call ended. Errors are
// *sweep.FailureError, those of class bad data for the user's mistakes, or the context's.
func Run(ctx context.Context, o Options) (s Summary, err error) {
	err = trainer.Guard(o.Log, func() error {
		s, err = run(ctx, o)
		return err
	})
	return s, err
}

func run(ctx context.Context, o Options) (Summary, error) {
	about, err := o.Model.Classes()
	if err != nil {
		return Summary{}, err
	}
	weights, ok := o.Manifest.File(checkpoint.ModelName)
	if !ok {
		return Summary{}, precheck.BadData(fmt.Errorf("the checkpoint's manifest lists no %s", checkpoint.ModelName))
	}
	settings := Settings{
		Checkpoint: weights.SHA256, Sweep: o.Manifest.Sweep, Trial: o.Manifest.Trial, Step: o.Manifest.Step,
		Backend: o.Backend.Choice, Seed: o.Seed, Guidance: o.Guidance, Sampler: o.Model.Spec.Evaluate.Sampler, Steps: o.Steps,
		Dataset: o.Model.Spec.Dataset, DatasetDigest: o.Manifest.Provenance.DatasetDigest,
		Classes: about.Classes, TrainingImages: about.Counts,
	}
	in, err := inspect(o, &settings)
	if err != nil {
		return Summary{}, err
	}
	if in.classifier != nil {
		defer in.classifier.Close()
	}
	if o.WithReal && !settings.DatasetRead {
		return Summary{}, precheck.BadData(errors.New("--with-real needs the training images of the checkpoint (valid: the dataset on this machine, or no --with-real)"))
	}
	same := *o.Model
	same.Spec.Evaluate.Seed = o.Seed
	sampler, err := same.Sampler(dataset.Batch(drawBatch, settings.Dataset.Size))
	if err != nil {
		return Summary{}, err
	}
	defer sampler.Close()
	return fill(ctx, o, settings, in, func(ctx context.Context, ids []diffusion.SampleID) ([]float32, error) {
		return sampler.Sample(ctx, ids, o.Guidance, o.Steps, nil)
	})
}

// inspect opens the classifier and reads the real images, where they are here, and sets
// what settings has of them.
func inspect(o Options, s *Settings) (*inspector, error) {
	var noLabel, noData error
	classifier, err := evaluate.OpenClassifier(o.Backend, s.Dataset, o.Model.Spec.Evaluate.Features)
	switch {
	case isBadData(err):
		noLabel = err
	case err != nil:
		return nil, err
	case classifier == nil:
		noLabel = errors.New("there is no classifier of the dataset (evaluate.features)")
	default:
		s.Classifier = classifier.Digest
	}
	fail := func(err error) (*inspector, error) {
		if classifier != nil {
			classifier.Close()
		}
		return nil, err
	}
	var digest string
	real, err := o.Real()
	if err == nil {
		digest, err = real.Training.Digest()
	}
	switch {
	case isBadData(err):
		real, noData = Real{}, err
	case err != nil:
		return fail(err)
	case digest != s.DatasetDigest:
		real, noData = Real{}, fmt.Errorf("the images in %s are not those that the checkpoint was trained on", s.Dataset.Path)
	default:
		s.DatasetRead = true
	}
	var missing []error
	if s.Gates, missing, err = chooseGates(o.Gates, noLabel, noData); err != nil {
		return fail(precheck.BadData(err))
	}
	for _, err := range missing {
		o.Log("warning: %v", err)
	}
	in, err := newInspector(s.Dataset, s.Classes, s.Gates, classifier, real)
	if err != nil {
		return fail(err)
	}
	s.Thresholds = in.thresholds
	return in, nil
}

func isBadData(err error) bool {
	failure, ok := errors.AsType[*sweep.FailureError](err)
	return ok && failure.Class == sweep.FailBadData
}

// drawing fills a folder.
type drawing struct {
	Options
	settings  Settings
	inspector *inspector
	folders   []string
	rows      []Row // of generated images
	tally     []Class
	index     *os.File
}

// fill draws images by draw until all are there that are wanted.
func fill(ctx context.Context, o Options, settings Settings, in *inspector, draw func(context.Context, []diffusion.SampleID) ([]float32, error)) (Summary, error) {
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return Summary{}, err
	}
	release, err := lock.Try(filepath.Join(o.Dir, lockName))
	if errors.Is(err, lock.ErrHeld) {
		return Summary{}, precheck.BadData(fmt.Errorf("another tailsweep generates into %s", o.Dir))
	}
	if err != nil {
		return Summary{}, err
	}
	defer release() //nolint:errcheck // the end of the process releases it, too
	d := &drawing{Options: o, settings: settings, inspector: in, folders: dataset.ClassFolders(settings.Classes, indexName, cardName, settingsName, lockName)}
	if err := d.open(); err != nil {
		return Summary{}, err
	}
	defer d.index.Close() //nolint:errcheck // every row is synced
	var progress Progress
	for class := range d.tally {
		for d.wants(class) {
			if err := ctx.Err(); err != nil {
				return Summary{}, err
			}
			before := d.tally[class]
			ids := batchOf(class, before.Drawn, dataset.Batch(drawBatch, d.settings.Dataset.Size))
			images, err := draw(ctx, ids)
			if err != nil {
				return Summary{}, err
			}
			if err := d.add(ctx, ids, images); err != nil {
				return Summary{}, err
			}
			after := d.tally[class]
			progress = Progress{Drawn: progress.Drawn + after.Drawn - before.Drawn, Kept: progress.Kept + after.Kept - before.Kept, Missing: d.missing(), Possible: d.possible()}
			if o.Progress != nil {
				o.Progress(progress)
			}
		}
	}
	return d.finish(ctx)
}

// open reads what an earlier call left, removes what it did not finish, and opens the index.
func (d *drawing) open() error {
	if err := d.settings.settle(d.Dir); err != nil {
		return err
	}
	path := filepath.Join(d.Dir, indexName)
	rows, complete, err := ReadIndex(path)
	if err != nil {
		return err
	}
	if err := d.restore(rows); err != nil {
		return err
	}
	if err := d.clean(); err != nil {
		return err
	}
	if err := d.writeCard(false, 0); err != nil {
		return err
	}
	if d.index, err = os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o644); err != nil {
		return err
	}
	err = d.index.Truncate(complete)
	if err == nil {
		_, err = d.index.Seek(complete, 0)
	}
	if err == nil && complete == 0 {
		_, err = d.index.Write(header())
	}
	if err != nil {
		return errors.Join(err, d.index.Close())
	}
	return nil
}

// restore counts the generated images of an index, and remembers those that were kept.
func (d *drawing) restore(rows []Row) error {
	for class, name := range d.settings.Classes {
		d.tally = append(d.tally, Class{
			Name: name, Folder: d.folders[class], Trained: d.settings.TrainingImages[class], Wanted: d.Wanted[class], Refused: map[string]int{},
		})
	}
	sortRows(rows, d.settings.Classes)
	for _, r := range rows {
		if r.Source != SourceGenerated {
			continue
		}
		class := slices.Index(d.settings.Classes, r.Class)
		if class < 0 || r.Index != d.tally[class].Drawn || r.Status == Kept && r.File != d.file(class, r.Index) {
			return precheck.BadData(fmt.Errorf("%s is damaged at class %q, index %d (valid: another folder for --to)", filepath.Join(d.Dir, indexName), r.Class, r.Index))
		}
		d.count(class, r)
		if r.Status != Kept {
			continue
		}
		pixels, err := decodeFile(filepath.Join(d.Dir, filepath.FromSlash(r.File)), d.settings.Dataset.Size, d.settings.Dataset.Channels())
		if err != nil {
			return precheck.BadData(fmt.Errorf("%s lists an image that cannot be read: %w (valid: another folder for --to)", indexName, err))
		}
		d.inspector.remember(class, pixels)
	}
	return nil
}

// count adds a row to the tally.
func (d *drawing) count(class int, r Row) {
	t := &d.tally[class]
	t.Drawn++
	if r.Status == Kept {
		t.Kept++
	}
	for _, reason := range r.Reasons {
		t.Refused[reason]++
	}
	d.rows = append(d.rows, r)
}

const filePrefix = "generated-"

// file is the path of an image in the folder.
func (d *drawing) file(class, index int) string {
	return fmt.Sprintf("%s/%s%06d.png", d.folders[class], filePrefix, index)
}

// clean removes what a call that was killed left: files of images that have no row, and
// files that were being written.
func (d *drawing) clean() error {
	listed := map[string]bool{}
	for _, r := range d.rows {
		listed[r.File] = true
	}
	var stale []string
	for _, folder := range append([]string{"."}, d.folders...) {
		entries, err := os.ReadDir(filepath.Join(d.Dir, folder))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		for _, e := range entries {
			name := e.Name()
			image := strings.HasPrefix(name, filePrefix) && folder != "." && !listed[folder+"/"+name]
			if image || slices.ContainsFunc([]string{filePrefix, realPrefix, indexName, cardName, settingsName}, func(base string) bool { return isTemporary(name, base) }) {
				stale = append(stale, filepath.Join(d.Dir, folder, name))
			}
		}
	}
	for _, path := range stale {
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}

// wants reports whether a further image of a class is to be drawn: one is missing, and
// the limit allows it.
func (d *drawing) wants(class int) bool {
	t := d.tally[class]
	return t.Kept < t.Wanted && t.Drawn < d.Attempts*t.Wanted
}

// batchOf names the images that are drawn together with an image, in batches of n.
func batchOf(class, index, n int) []diffusion.SampleID {
	ids := make([]diffusion.SampleID, n)
	for i := range ids {
		ids[i] = diffusion.SampleID{Class: class, Index: index - index%n + i}
	}
	return ids
}

// missing is how many wanted images are not kept.
func (d *drawing) missing() int {
	n := 0
	for _, t := range d.tally {
		n += max(0, t.Wanted-t.Kept)
	}
	return n
}

// possible is how many images Attempts allows to draw for the missing ones.
func (d *drawing) possible() int {
	n := 0
	for class, t := range d.tally {
		if d.wants(class) {
			n += d.Attempts*t.Wanted - t.Drawn
		}
	}
	return n
}

// add checks the images of a batch, from the first that was not drawn yet to the last that
// is wanted, writes the files of those that pass, and then the rows.
func (d *drawing) add(ctx context.Context, ids []diffusion.SampleID, images []float32) error {
	class := ids[0].Class
	batch, err := d.inspector.look(ctx, images, len(ids))
	if err != nil {
		return err
	}
	var rows []Row
	var writes errgroup.Group
	writes.SetLimit(8)
	for i := d.tally[class].Drawn % len(ids); i < len(ids) && d.wants(class); i++ {
		found := d.inspector.check(batch, i, class)
		r := Row{
			Class: d.settings.Classes[class], Source: SourceGenerated, Status: Refused, Reasons: found.reasons,
			Seed: d.Seed, Index: ids[i].Index, Guidance: d.Guidance, Nearest: found.nearest, Checked: d.inspector.training != nil,
		}
		if d.inspector.classifier != nil {
			r.Label, r.Probability = d.settings.Classes[found.label], found.probability
		}
		if r.Reasons == nil {
			r.Status, r.File = Kept, d.file(class, r.Index)
			writes.Go(func() error { return d.write(r, batch.pixels[i]) })
		}
		rows = append(rows, r)
		d.count(class, r)
	}
	if err := writes.Wait(); err != nil {
		return err
	}
	if _, err := d.index.Write(encodeRows(rows)); err != nil {
		return err
	}
	return d.index.Sync()
}

// write writes the file of an image.
func (d *drawing) write(r Row, pixels []byte) error {
	data, err := encode(pixels, d.settings.Dataset.Size, []note{
		{"Description", Notice},
		{"tailsweep:class", r.Class},
		{"tailsweep:seed", fmt.Sprint(r.Seed)},
		{"tailsweep:index", fmt.Sprint(r.Index)},
		{"tailsweep:guidance", fmt.Sprint(r.Guidance)},
		{"tailsweep:checkpoint", d.settings.Checkpoint},
	})
	if err != nil {
		return err
	}
	path := filepath.Join(d.Dir, filepath.FromSlash(r.File))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return file.Write(path, data, 0o644)
}

// finish adds the real images, sorts the index and completes the card.
func (d *drawing) finish(ctx context.Context) (Summary, error) {
	old, _, err := ReadIndex(filepath.Join(d.Dir, indexName))
	if err != nil {
		return Summary{}, err
	}
	real := slices.DeleteFunc(old, func(r Row) bool { return r.Source != SourceReal })
	if d.WithReal {
		if real, err = d.addReal(ctx); err != nil {
			return Summary{}, err
		}
	}
	rows := slices.Concat(d.rows, real)
	sortRows(rows, d.settings.Classes)
	if err := file.Write(filepath.Join(d.Dir, indexName), append(header(), encodeRows(rows)...), 0o644); err != nil {
		return Summary{}, err
	}
	s := Summary{Dir: d.Dir, Settings: d.settings, Missing: d.missing(), Real: len(real)}
	for _, t := range d.tally {
		if t.Wanted > 0 || t.Drawn > 0 {
			s.Classes = append(s.Classes, t)
		}
	}
	return s, d.writeCard(true, len(real))
}
