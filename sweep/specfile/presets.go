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
// architecture. A model that means the same is the same afterwards: the preset's
// name goes, and a field at its default is empty where it can be.
func resolveModel(s *sweep.Spec, given func(path string) bool) {
	m := &s.Model
	if preset, ok := presets[m.Preset]; ok {
		orElse(&m.Arch, preset.Arch, given("model.arch"))
		if m.Arch == preset.Arch { // otherwise the check tells
			orElse(&m.Width, preset.Width, given("model.width"))
			orElse(&m.Depth, preset.Depth, given("model.depth"))
			orElse(&m.Mult, slices.Clone(preset.Mult), given("model.mult"))
			orElse(&m.Attention, slices.Clone(preset.Attention), given("model.attention"))
			orElse(&m.Dropout, preset.Dropout, given("model.dropout"))
			orElse(&m.Patch, preset.Patch, given("model.patch"))
			orElse(&m.Heads, preset.Heads, given("model.heads"))
		}
		m.Preset = ""
	} else {
		width, depth := 32, 2
		if m.Arch == sweep.ArchDiT {
			width, depth = 128, 4
			orElse(&m.Patch, 4, given("model.patch"))
			orElse(&m.Heads, 4, given("model.heads"))
		}
		orElse(&m.Width, width, given("model.width"))
		orElse(&m.Depth, depth, given("model.depth"))
	}
	if slices.Equal(m.Mult, sweep.DefaultMult) {
		m.Mult = nil
	}
	slices.Sort(m.Attention)
}
