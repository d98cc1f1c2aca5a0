package nets

import (
	"fmt"
	"strings"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/support/exceptions"

	"github.com/tailsweep/tailsweep/sweep"
)

// Config determines the variables and the graph of a net.
type Config struct {
	Model    sweep.Model
	Size     int   // S
	Channels int   // K: 1 grey, 3 RGB
	Classes  int   // C, without null
	Seed     int64 // of the initial weights
	// NativeConvolution selects the backend's own convolution over a sum of
	// shifted matrix products; equal results up to rounding, never in speed.
	NativeConvolution bool
	// BFloat16 computes matrix products and convolutions in bfloat16, from float32
	// variables; norms and softmax stay in float32.
	BFloat16 bool
	// ShapesOnly creates variables that have a shape and no value, for graphs that are
	// inspected and not run.
	ShapesOnly bool
}

// The limits of a spec. A spec from a checkpoint is checked too, before a graph is built.
const (
	maxWidth  = 1024
	maxDepth  = 48
	maxSize   = sweep.MaxSize
	maxLevels = 4
	maxMult   = 8
)

// Input is the input of a net.
type Input struct {
	X     *graph.Node // `[B,S,S,K]`
	T     *graph.Node // `[B]` int32
	Label *graph.Node // `[B]` int32 in 0..C, C meaning null
	Masks *Masks      // nil: no dropout
}

// Output is the output of a net.
type Output struct {
	Prediction *graph.Node // `[B,S,S,K]`: of the noise, or of what it is trained on
	latents    map[string]latent
}

// latent is a feature map `[B,H,W,channels]` or tokens `[B,n,channels]`, flattened.
type latent struct {
	flat     *graph.Node
	channels int
}

// NewOutput is an output with these latents `[B,...,channels]` by layer.
func NewOutput(prediction *graph.Node, latents map[string]*graph.Node) Output {
	o := Output{Prediction: prediction, latents: map[string]latent{}}
	for layer, h := range latents {
		o.keep(layer, h)
	}
	return o
}

func (o Output) keep(layer string, h *graph.Node) {
	o.latents[layer] = latent{graph.Reshape(h, h.Shape().Dim(0), -1), h.Shape().Dim(-1)}
}

// Latent is the latent of a layer, one of sweep.Model.Layers, flattened: `[B,D]`. It
// panics for a layer that is not there.
func (o Output) Latent(layer string) *graph.Node { return o.latent(layer).flat }

// Pooled is its mean over positions, `[B,channels]`.
func (o Output) Pooled(layer string) *graph.Node {
	h := o.latent(layer)
	return graph.ReduceMean(graph.Reshape(h.flat, h.flat.Shape().Dim(0), -1, h.channels), 1)
}

func (o Output) latent(layer string) latent {
	h, ok := o.latents[layer]
	if !ok {
		exceptions.Panicf("the net has no layer %q", layer)
	}
	return h
}

// Net predicts noise.
type Net interface {
	// Forward builds the graph of the output. It creates the variables that scope
	// does not have yet. Like all graph builders it panics on shapes that do not fit.
	Forward(scope *model.Scope, in Input) Output
}

// New checks cfg and returns its net.
func New(cfg Config) (Net, error) {
	m := cfg.Model
	if m.Width < 1 || m.Depth < 1 || m.Width > maxWidth || m.Depth > maxDepth || cfg.Size > maxSize {
		return nil, fmt.Errorf("model.width = %d must be 1 to %d, model.depth = %d 1 to %d, and dataset.size = %d at most %d",
			m.Width, maxWidth, m.Depth, maxDepth, cfg.Size, maxSize)
	}
	if cfg.Channels != 1 && cfg.Channels != 3 {
		return nil, fmt.Errorf("a net of %d channels: want 1 or 3", cfg.Channels)
	}
	if cfg.Classes < 1 {
		return nil, fmt.Errorf("a net needs at least 1 class, not %d", cfg.Classes)
	}
	switch m.Arch {
	case sweep.ArchUNet:
		return newUNet(cfg)
	case sweep.ArchDiT:
		switch {
		case m.Patch < 1 || cfg.Size%m.Patch != 0:
			return nil, fmt.Errorf("model.patch = %d does not divide dataset.size = %d", m.Patch, cfg.Size)
		case m.Heads < 1 || m.Width%m.Heads != 0:
			return nil, fmt.Errorf("model.heads = %d does not divide model.width = %d", m.Heads, m.Width)
		case m.Width%4 != 0:
			return nil, fmt.Errorf("model.width = %d must be a multiple of 4 for dit", m.Width)
		}
		return dit{cfg}, nil
	}
	return nil, fmt.Errorf("model.arch = %q is unknown: want %s", m.Arch, strings.Join(sweep.Archs(), " or "))
}
