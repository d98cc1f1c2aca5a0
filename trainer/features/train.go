package features

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train/loss"
	"github.com/gomlx/gomlx/ml/train/optimizer"

	"github.com/gomlx/compute/dtypes"

	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/dataset"
)

// DefaultEpochs is the number of epochs of the built-in weights.
const DefaultEpochs = 12

// The settings of the training are fixed, so that the command and the data determine a
// file.
const (
	leastSteps   = 400 // minimum; a small dataset is trained on for more epochs
	batch        = 128
	learningRate = 2e-3 // Adam's, at the start
	ownSeed      = 1    // of Train
)

// TrainOptions configures Train.
type TrainOptions struct {
	Backend  *backend.Backend
	Dataset  sweep.Dataset // whose training images it is trained on
	Epochs   int           // passes over the images; more for a small dataset, up to at least 400 steps
	Output   string        // file that the weights are written to
	Loader   dataset.Loader
	Progress func(step, steps int, loss float64) // called after each step; may be nil
}

// Trained is the result of Train.
type Trained struct {
	dataset.About // the dataset; Counts are of the images that it was trained on

	Steps       int
	Epochs      int    // passes over the images that the steps are, rounded up
	Digest      string // SHA-256 of the file
	Labels      []int  // of the images that it was tested on, which it was not trained on
	Predictions []int  // of these images
}

// Train trains a classifier on the training images of a dataset, writes it to o.Output, and
// tests it: of fashion-mnist on the 10,000 test images, of another set on the images that
// testImages chooses. It is not trained on held-out images, so that what is measured on them
// with the classifier is fair. It is deterministic on one backend and machine type.
func Train(ctx context.Context, o TrainOptions) (Trained, error) {
	if !sweep.ClassifierTakes(o.Dataset.Size) {
		return Trained{}, sweep.Fail(sweep.FailBadData, &sweep.FieldError{Field: "dataset.size", Value: fmt.Sprint(o.Dataset.Size), Message: "no classifier takes images of this size", Valid: sweep.ClassifierSizes()})
	}
	if err := o.Loader.Check(o.Dataset); err != nil {
		return Trained{}, err
	}
	training, err := o.Loader.Load(o.Dataset)
	if err != nil {
		return Trained{}, err
	}
	made := Trained{About: training.About}
	load := o.Loader
	if o.Dataset.Reference == "" {
		load.Log = nil // the same folder: what is left out has been logged
	}
	test, err := load.Unseen(o.Dataset)
	if err == nil && o.Dataset.Name != sweep.FashionMNIST {
		training, test, err = testImages(training, test)
	}
	if err != nil {
		return Trained{}, err
	}
	made.Counts, made.Labels = training.Counts, test.Labels
	made.Steps = stepsOf(training.Len(), o.Epochs)
	made.Epochs = (made.Steps*batch + training.Len() - 1) / training.Len()
	weights, err := fit(ctx, o.Backend, training, ownSeed, made.Steps, o.Progress)
	if err != nil {
		return Trained{}, fmt.Errorf("features: %w", err)
	}
	if made.Predictions, made.Digest, err = measure(ctx, o.Backend, weights, test); err != nil {
		return Trained{}, err
	}
	if err := file.Write(o.Output, weights, 0o644); err != nil {
		return Trained{}, fmt.Errorf("features: %w", err)
	}
	return made, nil
}

// stepsOf returns the number of training steps for n images.
func stepsOf(n, epochs int) int { return max(leastSteps, epochs*n/batch) }

// testImages splits the training images of a dataset into those that a classifier is trained
// on and those that it is tested on, and adds the held-out images to the latter. A class with
// held-out images is tested on them alone; another class on every tenth of its images, or on
// the last of fewer than ten. A class with one image is not tested, and no image is tested
// that has the pixels of one that the classifier is trained on.
func testImages(training, real *dataset.Set) (train, test *dataset.Set, err error) {
	held, err := real.HeldOut(training)
	if err != nil {
		return nil, nil, err
	}
	test = real.Where(held)
	aside, rest := make([]bool, training.Len()), make([]bool, training.Len())
	place := make([]int, len(training.Counts))
	for i, label := range training.Labels {
		n := training.Counts[label]
		tenth := place[label]%10 == 9 || n < 10 && place[label] == n-1
		aside[i] = tenth && n > 1 && test.Counts[label] == 0
		rest[i] = !aside[i]
		place[label]++
	}
	train = training.Where(rest)
	own := training.Where(aside)
	if held, err = own.HeldOut(train); err != nil {
		return nil, nil, err
	}
	own = own.Where(held)
	return train, test.With(own.Images, own.Labels), nil
}

// Fit trains a classifier of data for steps, and returns it for batches of extract images.
// The initial weights and the order of the images come from seed. It is deterministic on
// one backend and machine type.
func Fit(ctx context.Context, b *backend.Backend, data *dataset.Set, seed int64, steps, extract int) (*Extractor, error) {
	weights, err := fit(ctx, b, data, seed, steps, nil)
	if err != nil {
		return nil, fmt.Errorf("features: %w", err)
	}
	return newExtractor(b, weights, Images{data.Size, data.Channels}, extract)
}

// fit trains for steps and returns the file of the weights.
func fit(ctx context.Context, b *backend.Backend, data *dataset.Set, seed int64, steps int, progress func(step, steps int, loss float64)) ([]byte, error) {
	images := Images{data.Size, data.Channels}
	list := weights(images.Channels, len(data.Classes))
	store := model.NewStore()
	defer store.Finalize()
	r := rand.New(rand.NewPCG(uint64(seed), 0))
	for _, w := range list {
		if _, err := store.CreateVariable(root+"/"+w.name, w.initial(r)); err != nil {
			return nil, err
		}
	}
	rate := optimizer.LearningRateVarWithValue(store.RootScope(), dtypes.Float32, learningRate)
	adam := optimizer.Adam().Done()
	classifier := net{store: store, native: b.NativeConvolution()}
	exec, err := model.NewExec(b.Compute, store, func(scope *model.Scope, x, labels *Node) *Node {
		_, logits := classifier.forward(x)
		l := ReduceAllMean(loss.SparseCategoricalCrossEntropyLogits([]*Node{labels}, []*Node{logits}))
		adam.UpdateGraph(scope, x.Graph(), l)
		return l
	})
	if err != nil {
		return nil, err
	}
	defer exec.Finalize()

	order := data.Order(batch, seed, 0)
	for step := range steps {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := rate.SetValue(tensors.FromScalar(float32(rateAt(step, steps)))); err != nil {
			return nil, err
		}
		pixels, labels, err := data.Gather(order.Batch(step))
		if err != nil {
			return nil, err
		}
		l, err := exec.Call1(
			tensors.FromFlatDataAndDimensions(pixels, batch, images.Size, images.Size, images.Channels),
			tensors.FromFlatDataAndDimensions(labels, batch, 1))
		if err != nil {
			return nil, fmt.Errorf("step %d: %w", step+1, err)
		}
		value := float64(tensors.ToScalar[float32](l))
		if math.IsNaN(value) {
			return nil, fmt.Errorf("step %d: the loss is not a number", step+1)
		}
		if progress != nil {
			progress(step+1, steps, value)
		}
	}
	digest, err := data.Digest()
	if err != nil {
		return nil, err
	}
	return encode(store, list, map[string]string{"dataset": digest, "backend": b.Choice, "steps": fmt.Sprint(steps)})
}

// rateAt falls from learningRate to zero along half a cosine.
func rateAt(step, steps int) float64 {
	return learningRate * (1 + math.Cos(math.Pi*float64(step)/float64(steps))) / 2
}

// measure returns the predictions for the test images, and the digest of the file.
func measure(ctx context.Context, b *backend.Backend, weights []byte, test *dataset.Set) (predictions []int, digest string, err error) {
	e, err := newExtractor(b, weights, Images{test.Size, test.Channels}, 500)
	if err != nil {
		return nil, "", err
	}
	defer e.Close()
	out, err := e.Extract(ctx, test.Images, nil)
	if err != nil {
		return nil, "", err
	}
	return out.Predictions, e.Digest, nil
}
