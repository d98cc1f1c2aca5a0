package features

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

//go:embed weights
var frozen embed.FS

// Extractor applies a frozen network. It is not safe for concurrent use.
type Extractor struct {
	// Digest is the SHA-256 of the weights' file, in hexadecimal.
	Digest string
	// Dims is the length of an image's features.
	Dims int
	// Classes is how many classes the network tells apart; 0 of one that is no
	// classifier of a dataset.
	Classes int

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

// Output is what a network says of N images.
type Output struct {
	Features    []float32 // z, `[N, Dims]`
	Predictions []int     // `[N]`, the class of the largest logit; none where Classes is 0
}

// Open loads the built-in classifier of Fashion-MNIST for images of size x size
// pixels. batch images go through it together; every call is padded to it, so the
// graph compiles once.
func Open(b *backend.Backend, size, batch int) (*Extractor, error) {
	if !slices.Contains([]int{16, 28}, size) {
		return nil, fmt.Errorf("features: no classifier for images of %d pixels a side (valid: 16, 28)", size)
	}
	data, err := frozen.ReadFile(fmt.Sprintf("weights/fashion-mnist-%d.safetensors", size))
	if err != nil {
		return nil, fmt.Errorf("features: %w", err)
	}
	return newExtractor(b, data, Images{Size: size, Channels: 1}, batch)
}

// maxFile is the largest file of weights that is read; Inception-v3 has 95 MB.
const maxFile = 1 << 30

// OpenFile loads a network from a file: a classifier that Train made, or
// Inception-v3 (see inception). It is told by the names of the tensors.
func OpenFile(b *backend.Backend, path string, images Images, batch int) (*Extractor, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil {
		return nil, fmt.Errorf("features: %w", err)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("features: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("features: %w", err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("features: %s is larger than %d bytes", path, maxFile)
	}
	e, err := newExtractor(b, data, images, batch)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return e, nil
}

func newExtractor(b *backend.Backend, data []byte, images Images, batch int) (*Extractor, error) {
	all, _, err := checkpoint.DecodeTensors(data)
	if err != nil {
		return nil, fmt.Errorf("features: %w", err)
	}
	shapes := make(map[string][]int, len(all))
	for _, t := range all {
		shapes[t.Name] = t.Shape
	}
	sum := sha256.Sum256(data)
	e := &Extractor{Digest: hex.EncodeToString(sum[:]), images: images, batch: batch, store: model.NewStore()}
	var forward func(x *Node) []*Node
	if _, ok := shapes[inceptionFirst]; ok {
		err = e.loadInception(all)
		e.Dims, forward = inceptionDims, inception{e.store}.forward
	} else {
		err = e.loadClassifier(all, shapes)
		classifier := net{store: e.store, native: b.NativeConvolution()}
		forward = func(x *Node) []*Node {
			z, logits := classifier.forward(x)
			return []*Node{z, logits}
		}
	}
	if err == nil {
		e.exec, err = model.NewExec(b.Compute, e.store, func(_ *model.Scope, x *Node) []*Node { return forward(x) })
	}
	if err != nil {
		e.store.Finalize()
		return nil, fmt.Errorf("features: %w", err)
	}
	return e, nil
}

// loadClassifier makes the variables of net.
func (e *Extractor) loadClassifier(all []checkpoint.Tensor, shapes map[string][]int) error {
	kernel, logits := shapes["conv0.kernel"], shapes["logits.weight"]
	if len(kernel) != 4 || len(logits) != 2 {
		return fmt.Errorf("%w: neither a classifier (no tensor conv0.kernel) nor Inception-v3 (no tensor %s)", checkpoint.ErrCorrupt, inceptionFirst)
	}
	inputs, classes := kernel[2], logits[1]
	if inputs != e.images.Channels {
		return fmt.Errorf("the classifier is one of images with %d channels, and these have %d", inputs, e.images.Channels)
	}
	if size := e.images.Size; size != 28 && (size < 8 || size&(size-1) != 0) {
		return fmt.Errorf("no classifier takes images of %d pixels a side (valid: 28, 8, 16, 32, 64, ...)", size)
	}
	e.Dims, e.Classes = Dims, classes
	for _, w := range weights(inputs, classes) {
		i := slices.IndexFunc(all, func(t checkpoint.Tensor) bool { return t.Name == w.name })
		if i < 0 || !slices.Equal(all[i].Shape, w.dims) || len(all) != len(weights(inputs, classes)) {
			return fmt.Errorf("%w: no tensor %s %v, or others beside it", checkpoint.ErrCorrupt, w.name, w.dims)
		}
		flat, err := all[i].Float32()
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

// Extract runs the network over images `[N,S,S,I]` in [-1, 1]. progress, if not
// nil, hears how many are done; its error ends the work.
func (e *Extractor) Extract(ctx context.Context, images []float32, progress func(done int) error) (Output, error) {
	values := e.images.values()
	if len(images)%values != 0 {
		return Output{}, fmt.Errorf("features: %d values are no images of %d", len(images), values)
	}
	n := len(images) / values
	out := Output{Features: make([]float32, 0, n*e.Dims), Predictions: make([]int, 0, n)}
	done := 0
	for chunk := range slices.Chunk(images, e.batch*values) {
		if err := ctx.Err(); err != nil {
			return Output{}, err
		}
		z, logits, err := e.run(chunk)
		if err != nil {
			return Output{}, fmt.Errorf("features: %w", err)
		}
		k := len(chunk) / values
		out.Features = append(out.Features, z[:k*e.Dims]...)
		if e.Classes > 0 {
			for row := range slices.Chunk(logits[:k*e.Classes], e.Classes) {
				out.Predictions = append(out.Predictions, argmax(row))
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

// run takes up to batch images, padded with zeros to batch. A network that is no
// classifier has no logits.
func (e *Extractor) run(images []float32) (z, logits []float32, err error) {
	full := make([]float32, e.batch*e.images.values())
	copy(full, images)
	x := tensors.FromFlatDataAndDimensions(full, e.batch, e.images.Size, e.images.Size, e.images.Channels)
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

// argmax is the index of the largest value, the first of equals.
func argmax(row []float32) int {
	best := 0
	for i, v := range row {
		if v > row[best] {
			best = i
		}
	}
	return best
}

// encode is the file of the store's weights.
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
