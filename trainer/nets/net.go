package nets

import (
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/tailsweep/tailsweep/sweep"
)

// The architectures, as the spec names them.
const (
	ArchUNet = "unet"
	ArchDiT  = "dit"
)

// Config is everything that a net's variables and graph are a function of.
type Config struct {
	Model   sweep.Model
	Size    int   // S
	Classes int   // C, without null
	Seed    int64 // of the initial weights
	// NativeConvolution selects the backend's own convolution over a sum of
	// shifted matrix products; equal results up to rounding, never in speed.
	NativeConvolution bool
	// ShapesOnly makes variables that have a shape and no value: for graphs that
	// are built to be looked at, never run.
	ShapesOnly bool
}

// The limits that a spec is held to; what comes from a file of somebody else is,
// too, before a graph is built of it.
const (
	maxWidth = 1024
	maxDepth = 48
	maxSize  = 64
)

// Net predicts noise.
type Net interface {
	// Forward builds the graph of eps and h for x `[B,S,S,1]`, t `[B]` and label
	// `[B]` int32 in 0..C, C meaning null. It creates the variables that scope
	// does not have yet. Like all graph builders it panics on shapes that do not fit.
	Forward(scope *model.Scope, x, t, label *graph.Node) (eps, h *graph.Node)
}

// New checks cfg and returns its net.
func New(cfg Config) (Net, error) {
	m := cfg.Model
	if m.Width < 1 || m.Depth < 1 || m.Width > maxWidth || m.Depth > maxDepth || cfg.Size > maxSize {
		return nil, fmt.Errorf("model.width = %d must be 1 to %d, model.depth = %d 1 to %d, and dataset.size = %d at most %d",
			m.Width, maxWidth, m.Depth, maxDepth, cfg.Size, maxSize)
	}
	if cfg.Classes < 1 {
		return nil, fmt.Errorf("a net needs at least 1 class, not %d", cfg.Classes)
	}
	switch m.Arch {
	case ArchUNet:
		if cfg.Size < 4 || cfg.Size%4 != 0 {
			return nil, fmt.Errorf("model.arch = unet halves the image twice: dataset.size = %d is not a multiple of 4", cfg.Size)
		}
		return unet{cfg}, nil
	case ArchDiT:
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
	return nil, fmt.Errorf("model.arch = %q is unknown: want %s or %s", m.Arch, ArchUNet, ArchDiT)
}
