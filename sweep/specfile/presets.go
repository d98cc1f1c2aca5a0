package specfile

import (
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
)

// The presets, as Model.Preset has them.
const (
	PresetUNetReleased = "unet-released"
	PresetUNetSmall28  = "unet-small-28"
	PresetUNetSmall32  = "unet-small-32"
	PresetDiTS2        = "dit-s2"
	PresetDiTSmall     = "dit-small"
)

// presets are the models that a preset stands for. unet-released has the numbers of
// arXiv 2507.09052's released U-Net on this program's blocks (trainer/nets says where
// these differ); dit-s2 is DiT-S/2 of arXiv 2212.09748. The small ones train on a CPU
// or in minutes on a GPU: unet-small-28 goes 28-14-7, unet-small-32 goes 32-16-8-4.
var presets = map[string]sweep.Model{
	PresetUNetReleased: {Arch: sweep.ArchUNet, Width: 128, Depth: 2, Mult: []int{1, 2, 2, 2}, Attention: []int{1}, Dropout: 0.1},
	PresetUNetSmall28:  {Arch: sweep.ArchUNet, Width: 32, Depth: 1},
	PresetUNetSmall32:  {Arch: sweep.ArchUNet, Width: 32, Depth: 1, Mult: []int{1, 2, 2, 2}, Attention: []int{1}},
	PresetDiTS2:        {Arch: sweep.ArchDiT, Width: 384, Depth: 12, Patch: 2, Heads: 6},
	PresetDiTSmall:     {Arch: sweep.ArchDiT, Width: 128, Depth: 4, Patch: 4, Heads: 4},
}

// resolveModel fills in the model's fields from its preset, else from its
// architecture. The preset's name is then removed, so that models which mean the same
// are equal.
func (c *checker) resolveModel() {
	m := &c.spec.Model
	from, ok := presets[m.Preset]
	if !ok {
		from = sweep.Model{Arch: m.Arch, Width: 32, Depth: 2}
		if m.Arch == sweep.ArchDiT {
			from = sweep.Model{Arch: m.Arch, Width: 128, Depth: 4, Patch: 4, Heads: 4}
		}
	}
	orElse(c, &m.Arch, from.Arch)
	if m.Arch == from.Arch { // else checkModel reports it
		orElse(c, &m.Width, from.Width)
		orElse(c, &m.Depth, from.Depth)
		orElse(c, &m.Mult, slices.Clone(from.Mult))
		orElse(c, &m.Attention, slices.Clone(from.Attention))
		orElse(c, &m.Dropout, from.Dropout)
		orElse(c, &m.Patch, from.Patch)
		orElse(c, &m.Heads, from.Heads)
	}
	if m.Arch == sweep.ArchUNet && len(m.Mult) == 0 {
		orElse(c, &m.Mult, []int{1, 2, 2})
	}
	m.Preset = ""
}
