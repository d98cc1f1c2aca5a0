package features

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"slices"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

//go:embed weights
var frozen embed.FS

// Extractor applies the frozen classifier. It is not safe for concurrent use.
type Extractor struct {
	// Digest is the SHA-256 of the weights' file, in hexadecimal.
	Digest string

	size, batch int
	store       *model.Store
	exec        *model.Exec
}

// Output is what the classifier says of N images.
type Output struct {
	Features    []float32 // z, `[N, 64]`
	Predictions []int     // `[N]`, the class of the largest logit
}

// Open loads the frozen classifier for images of size x size pixels. batch images
// go through it together; every call is padded to it, so the graph compiles once.
func Open(b *backend.Backend, size, batch int) (*Extractor, error) {
	if !slices.Contains([]int{16, 28}, size) {
		return nil, fmt.Errorf("features: no classifier for images of %d pixels a side (valid: 16, 28)", size)
	}
	data, err := frozen.ReadFile(fmt.Sprintf("weights/fashion-mnist-%d.safetensors", size))
	if err != nil {
		return nil, fmt.Errorf("features: %w", err)
	}
	return newExtractor(b, data, size, batch)
}

func newExtractor(b *backend.Backend, data []byte, size, batch int) (*Extractor, error) {
	all, _, err := checkpoint.DecodeTensors(data)
	if err != nil {
		return nil, fmt.Errorf("features: %w", err)
	}
	sum := sha256.Sum256(data)
	e := &Extractor{Digest: hex.EncodeToString(sum[:]), size: size, batch: batch, store: model.NewStore()}
	for _, w := range weights() {
		i := slices.IndexFunc(all, func(t checkpoint.Tensor) bool { return t.Name == w.name })
		if i < 0 || !slices.Equal(all[i].Shape, w.dims) || len(all) != len(weights()) {
			return nil, fmt.Errorf("features: %w: no tensor %s %v, or others beside it", checkpoint.ErrCorrupt, w.name, w.dims)
		}
		flat, err := all[i].Float32()
		if err != nil {
			return nil, fmt.Errorf("features: %w", err)
		}
		if _, err := e.store.CreateVariable(root+"/"+w.name, tensors.FromFlatDataAndDimensions(flat, w.dims...)); err != nil {
			return nil, fmt.Errorf("features: %w", err)
		}
	}
	classifier := net{store: e.store, native: b.NativeConvolution()}
	e.exec, err = model.NewExec(b.Compute, e.store, func(_ *model.Scope, x *Node) (z, logits *Node) {
		return classifier.forward(x)
	})
	if err != nil {
		return nil, fmt.Errorf("features: %w", err)
	}
	return e, nil
}

// Close frees the weights and the graph.
func (e *Extractor) Close() {
	e.exec.Finalize()
	e.store.Finalize()
}

// Extract runs the classifier over images `[N,S,S,1]` in [-1, 1]. progress, if not
// nil, hears how many are done; its error ends the work.
func (e *Extractor) Extract(ctx context.Context, images []float32, progress func(done int) error) (Output, error) {
	pixels := e.size * e.size
	if len(images)%pixels != 0 {
		return Output{}, fmt.Errorf("features: %d values are no images of %d pixels", len(images), pixels)
	}
	n := len(images) / pixels
	out := Output{Features: make([]float32, 0, n*Dims), Predictions: make([]int, 0, n)}
	for chunk := range slices.Chunk(images, e.batch*pixels) {
		if err := ctx.Err(); err != nil {
			return Output{}, err
		}
		z, logits, err := e.run(chunk)
		if err != nil {
			return Output{}, fmt.Errorf("features: %w", err)
		}
		k := len(chunk) / pixels
		out.Features = append(out.Features, z[:k*Dims]...)
		for row := range slices.Chunk(logits[:k*Classes], Classes) {
			out.Predictions = append(out.Predictions, argmax(row))
		}
		if progress != nil {
			if err := progress(len(out.Predictions)); err != nil {
				return Output{}, err
			}
		}
	}
	return out, nil
}

// run classifies up to batch images, padded with zeros to batch.
func (e *Extractor) run(images []float32) (z, logits []float32, err error) {
	full := make([]float32, e.batch*e.size*e.size)
	copy(full, images)
	x := tensors.FromFlatDataAndDimensions(full, e.batch, e.size, e.size, 1)
	zs, ls, err := e.exec.Call2(x)
	if err != nil {
		return nil, nil, err
	}
	if z, err = tensors.CopyFlatData[float32](zs); err != nil {
		return nil, nil, err
	}
	if logits, err = tensors.CopyFlatData[float32](ls); err != nil {
		return nil, nil, err
	}
	for _, t := range []*tensors.Tensor{x, zs, ls} {
		if err := t.FinalizeAll(); err != nil {
			return nil, nil, err
		}
	}
	return z, logits, nil
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
func encode(store *model.Store, metadata map[string]string) ([]byte, error) {
	var all []checkpoint.Tensor
	for _, w := range weights() {
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
