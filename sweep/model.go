package sweep

import "fmt"

// Layers lists the words of infonce.layer that name a latent of this model, the default
// first.
func (m Model) Layers() []string {
	if m.Arch == ArchDiT {
		return []string{LayerQuarter, LayerLast}
	}
	layers := []string{LayerBottleneck}
	for _, way := range []string{"down", "up"} {
		for level := range m.Mult {
			layers = append(layers, fmt.Sprintf("%s%d", way, level))
		}
	}
	return layers
}
