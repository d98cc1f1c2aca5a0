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
	Backend *backend.Backend
	Dataset sweep.Dataset // whose balanced images it is trained on
	Epochs  int           // passes over the images; more for a small dataset, up to at least 400 steps
	Output  string        // file that the weights are written to
	Log     func(format string, a ...any)
}

// Trained is the result of Train.
type Trained struct {
	Steps    int
	Tested   int     // images that it was measured on and not trained on
	Accuracy float64 // on them
	Digest   string  // SHA-256 of the file
}

// Train trains a classifier on the balanced images of a dataset, writes it to
// o.Output, and measures it: of fashion-mnist on the 10,000 test images, of another
// set on every tenth image, which it then is not trained on. It is deterministic
// on one backend and machine type.
func Train(ctx context.Context, o TrainOptions) (Trained, error) {
	if !sweep.ClassifierTakes(o.Dataset.Size) {
		return Trained{}, sweep.Fail(sweep.FailBadData, &sweep.FieldError{Field: "dataset.size", Value: fmt.Sprint(o.Dataset.Size), Message: "no classifier takes images of this size", Valid: sweep.ClassifierSizes()})
	}
	data, err := dataset.Loader{Log: o.Log}.Balanced(o.Dataset)
	if err != nil {
		return Trained{}, err
	}
	var test *dataset.Set
	if o.Dataset.Name == sweep.FashionMNIST {
		test, err = dataset.Balanced(sweep.Dataset{Name: sweep.FashionMNIST10k, Size: o.Dataset.Size})
		if err != nil {
			return Trained{}, err
		}
	} else {
		data, test = tenth(data)
	}
	steps := stepsOf(data.Len(), o.Epochs)
	weights, err := fit(ctx, o.Backend, data, ownSeed, steps, o.Log)
	if err != nil {
		return Trained{}, fmt.Errorf("features: %w", err)
	}
	accuracy, digest, err := measure(ctx, o.Backend, weights, test)
	if err != nil {
		return Trained{}, err
	}
	if err := file.Write(o.Output, weights, 0o644); err != nil {
		return Trained{}, fmt.Errorf("features: %w", err)
	}
	return Trained{Steps: steps, Tested: test.Len(), Accuracy: accuracy, Digest: digest}, nil
}

// stepsOf returns the number of training steps for n images.
func stepsOf(n, epochs int) int { return max(leastSteps, epochs*n/batch) }

// tenth takes every tenth image out of a set.
func tenth(all *dataset.Set) (most, tenth *dataset.Set) {
	empty := func() *dataset.Set {
		s := *all
		s.Images, s.Labels, s.Counts = nil, nil, make([]int, len(all.Counts))
		return &s
	}
	most, tenth = empty(), empty()
	for i, label := range all.Labels {
		s := most
		if i%10 == 9 {
			s = tenth
		}
		s.Images, s.Labels = append(s.Images, all.Image(i)...), append(s.Labels, label)
		s.Counts[label]++
	}
	return most, tenth
}

// Fit trains a classifier of data for steps, and returns it for batches of extract images.
// The initial weights and the order of the images come from seed. It is deterministic on
// one backend and machine type.
func Fit(ctx context.Context, b *backend.Backend, data *dataset.Set, seed int64, steps, extract int) (*Extractor, error) {
	weights, err := fit(ctx, b, data, seed, steps, func(string, ...any) {})
	if err != nil {
		return nil, fmt.Errorf("features: %w", err)
	}
	return newExtractor(b, weights, Images{data.Size, data.Channels}, extract)
}

// fit trains for steps and returns the file of the weights.
func fit(ctx context.Context, b *backend.Backend, data *dataset.Set, seed int64, steps int, log func(format string, a ...any)) ([]byte, error) {
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
	var sum float64
	for step := range steps {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := rate.SetValue(tensors.FromScalar(float32(rateAt(step, steps)))); err != nil {
			return nil, err
		}
		pixels, labels := data.Gather(order.Batch(step))
		l, err := exec.Call1(
			tensors.FromFlatDataAndDimensions(pixels, batch, images.Size, images.Size, images.Channels),
			tensors.FromFlatDataAndDimensions(labels, batch, 1))
		if err != nil {
			return nil, fmt.Errorf("step %d: %w", step+1, err)
		}
		sum += float64(tensors.ToScalar[float32](l))
		const every = 200
		if (step+1)%every == 0 {
			if math.IsNaN(sum) {
				return nil, fmt.Errorf("step %d: the loss is not a number", step+1)
			}
			log("step %d of %d, loss %.4f", step+1, steps, sum/every)
			sum = 0
		}
	}
	return encode(store, list, map[string]string{"dataset": data.Digest(), "backend": b.Choice, "steps": fmt.Sprint(steps)})
}

// rateAt falls from learningRate to zero along half a cosine.
func rateAt(step, steps int) float64 {
	return learningRate * (1 + math.Cos(math.Pi*float64(step)/float64(steps))) / 2
}

func measure(ctx context.Context, b *backend.Backend, weights []byte, test *dataset.Set) (accuracy float64, digest string, err error) {
	e, err := newExtractor(b, weights, Images{test.Size, test.Channels}, 500)
	if err != nil {
		return 0, "", err
	}
	defer e.Close()
	out, err := e.Extract(ctx, test.Images, nil)
	if err != nil {
		return 0, "", err
	}
	right := 0
	for i, p := range out.Predictions {
		if p == test.Labels[i] {
			right++
		}
	}
	return float64(right) / float64(test.Len()), e.Digest, nil
}
