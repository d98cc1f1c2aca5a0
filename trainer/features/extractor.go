package features

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"fmt"
	"math"
	"slices"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/dataset"
)

//go:embed weights
var frozen embed.FS

// Extractor applies a frozen network. It is not safe for concurrent use.
type Extractor struct {
	Network
	// Digest is the SHA-256 of the weights' file, in hexadecimal.
	Digest string

	images Images
	batch  int
	store  *model.Store
	exec   *model.Exec
}

// Images are the square images that an Extractor takes.
type Images struct {
	Size     int // S, pixels a side
	Channels int // I
}

func (i Images) values() int { return i.Size * i.Size * i.Channels }

// Output is the output of a network for N images.
type Output struct {
	Features      []float32 // z, `[N, Dims]`
	Predictions   []int     // `[N]`, the class of the largest logit; none where Classes is 0
	Probabilities []float64 // `[N]`, of that class, by the softmax; likewise
}

// Open loads the built-in classifier of Fashion-MNIST for images of size x size
// pixels. batch images go through it together, fewer of large ones (see dataset.Batch);
// every call is padded to it, so the graph compiles once.
func Open(b *backend.Backend, size, batch int) (*Extractor, error) {
	info, _ := sweep.LookupDataset(sweep.FashionMNIST)
	if !slices.Contains(info.Sizes, size) {
		return nil, fmt.Errorf("features: no classifier for images of %d pixels a side (valid: %s)", size, text.Numbers(info.Sizes, len(info.Sizes)))
	}
	data, err := frozen.ReadFile(builtInFile(size))
	if err != nil {
		return nil, fmt.Errorf("features: %w", err)
	}
	return newExtractor(b, data, Images{Size: size, Channels: 1}, batch)
}

// OpenFile loads a network from a file: a classifier that Train made, or
// Inception-v3 (see inception). The names of the tensors show which one it is.
func OpenFile(b *backend.Backend, path string, images Images, batch int) (*Extractor, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	e, err := newExtractor(b, data, images, batch)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return e, nil
}

// BuiltIn reports whether a digest is that of a built-in classifier's weights. It was trained on
// all 60,000 images of fashion-mnist, and on none of fashion-mnist-10k.
func BuiltIn(digest string) bool {
	info, _ := sweep.LookupDataset(sweep.FashionMNIST)
	return slices.ContainsFunc(info.Sizes, func(size int) bool {
		data, err := frozen.ReadFile(builtInFile(size))
		return err == nil && digestOf(data) == digest
	})
}

func builtInFile(size int) string { return fmt.Sprintf("weights/fashion-mnist-%d.safetensors", size) }

func digestOf(weights []byte) string { return fmt.Sprintf("%x", sha256.Sum256(weights)) }

func newExtractor(b *backend.Backend, data []byte, images Images, batch int) (*Extractor, error) {
	n, byName, err := recognise(data, images)
	if err != nil {
		return nil, fmt.Errorf("features: %w", err)
	}
	if n.Classes > 0 { // which, unlike Inception-v3, does not scale the images
		batch = dataset.Batch(batch, images.Size)
	}
	e := &Extractor{Network: n, Digest: digestOf(data), images: images, batch: batch, store: model.NewStore()}
	if n.Classes == 0 {
		err = e.compile(b, e.loadInception(byName), inception{e.store}.forward)
	} else {
		classifier := net{store: e.store, native: b.NativeConvolution()}
		err = e.compile(b, e.loadClassifier(byName), func(x *Node) []*Node {
			z, logits := classifier.forward(x)
			return []*Node{z, logits}
		})
	}
	if err != nil {
		return nil, fmt.Errorf("features: %w", err)
	}
	return e, nil
}

// compile makes the graph of a network, unless loading its weights failed.
func (e *Extractor) compile(b *backend.Backend, loaded error, forward func(x *Node) []*Node) error {
	err := loaded
	if err == nil {
		e.exec, err = model.NewExec(b.Compute, e.store, func(_ *model.Scope, x *Node) []*Node { return forward(x) })
	}
	if err != nil {
		e.store.Finalize()
	}
	return err
}

// loadClassifier makes the variables of net.
func (e *Extractor) loadClassifier(byName map[string]checkpoint.Tensor) error {
	for _, w := range weights(e.images.Channels, e.Classes) {
		flat, err := byName[w.name].Float32()
		if err != nil {
			return err
		}
		if err := e.variable(w.name, flat, w.dims...); err != nil {
			return err
		}
	}
	return nil
}

func (e *Extractor) variable(name string, flat []float32, dims ...int) error {
	_, err := e.store.CreateVariable(root+"/"+name, tensors.FromFlatDataAndDimensions(flat, dims...))
	return err
}

// Close frees the weights and the graph.
func (e *Extractor) Close() {
	e.exec.Finalize()
	e.store.Finalize()
}

// Extract runs the network over images. progress, if not nil, is called with the number of
// images done; its error ends the work.
func (e *Extractor) Extract(ctx context.Context, images dataset.Images, progress func(done int) error) (Output, error) {
	n, values := images.Len(), e.images.values()
	out := Output{Features: make([]float32, 0, n*e.Dims), Predictions: make([]int, 0, n)}
	full := make([]float32, e.batch*values)
	for done := 0; done < n; {
		if err := ctx.Err(); err != nil {
			return Output{}, err
		}
		k := min(e.batch, n-done)
		for i := range k {
			if err := images.Read(full[i*values:(i+1)*values], done+i); err != nil {
				return Output{}, err
			}
		}
		clear(full[k*values:]) // a batch is padded with zeros
		z, logits, err := e.run(full)
		if err != nil {
			return Output{}, fmt.Errorf("features: %w", err)
		}
		out.Features = append(out.Features, z[:k*e.Dims]...)
		if e.Classes > 0 {
			for row := range slices.Chunk(logits[:k*e.Classes], e.Classes) {
				best := argmax(row)
				out.Predictions = append(out.Predictions, best)
				out.Probabilities = append(out.Probabilities, softmax(row, best))
			}
		}
		done += k
		if progress != nil {
			if err := progress(done); err != nil {
				return Output{}, err
			}
		}
	}
	return out, nil
}

// run takes a batch of images. A network that is not a classifier has no logits.
func (e *Extractor) run(images []float32) (z, logits []float32, err error) {
	x := tensors.FromFlatDataAndDimensions(images, e.batch, e.images.Size, e.images.Size, e.images.Channels)
	outs, err := e.exec.Exec(x)
	if err != nil {
		return nil, nil, err
	}
	flat := make([][]float32, 2)
	for i, t := range outs {
		if flat[i], err = tensors.CopyFlatData[float32](t); err != nil {
			return nil, nil, err
		}
	}
	for _, t := range append(outs, x) {
		if err := t.FinalizeAll(); err != nil {
			return nil, nil, err
		}
	}
	return flat[0], flat[1], nil
}

// argmax returns the index of the largest value, the first among equals.
func argmax(row []float32) int {
	best := 0
	for i, v := range row {
		if v > row[best] {
			best = i
		}
	}
	return best
}

// softmax returns exp(row[i]) over the sum of exp(row[k]), of which row[i] is the largest.
func softmax(row []float32, i int) float64 {
	var sum float64
	for _, v := range row {
		sum += math.Exp(float64(v) - float64(row[i]))
	}
	return 1 / sum
}

// encode returns the file of the store's weights.
func encode(store *model.Store, list []weight, metadata map[string]string) ([]byte, error) {
	var all []checkpoint.Tensor
	for _, w := range list {
		value, err := store.GetVariable(root + "/" + w.name).Value()
		if err != nil {
			return nil, err
		}
		flat, err := tensors.CopyFlatData[float32](value)
		if err != nil {
			return nil, err
		}
		all = append(all, checkpoint.FromFloat32(w.name, w.dims, flat))
	}
	var out bytes.Buffer
	if err := checkpoint.EncodeTensors(&out, all, metadata); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
