package sweep

import (
	"fmt"
	"slices"
)

// DefaultMult is what Model.Mult means when empty.
var DefaultMult = []int{1, 2, 2}

// Levels are the multiples of Width that a unet's levels have.
func (m Model) Levels() []int {
	if len(m.Mult) == 0 {
		return slices.Clone(DefaultMult)
	}
	return m.Mult
}

// Layers are the words of infonce.layer that name a latent of this model, the
// default first.
func (m Model) Layers() []string {
	if m.Arch == ArchDiT {
		return []string{LayerQuarter, LayerLast}
	}
	layers := []string{LayerBottleneck}
	for _, way := range []string{"down", "up"} {
		for level := range m.Levels() {
			layers = append(layers, fmt.Sprintf("%s%d", way, level))
		}
	}
	return layers
}
