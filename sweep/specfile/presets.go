package specfile

import (
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
)

// presets lists the models that a preset stands for. unet-released has the numbers of
// arXiv 2507.09052's released U-Net on this program's blocks (trainer/nets says where
// these differ); dit-s2 is DiT-S/2 of arXiv 2212.09748. The small ones train on a CPU,
// or in minutes on a GPU: unet-small-28 has levels of 28, 14 and 7 pixels, unet-small-32
// of 32, 16, 8 and 4.
var presets = []struct {
	name  string
	model sweep.Model
	flip  string // train.flip
}{
	{"unet-released", sweep.Model{Arch: sweep.ArchUNet, Width: 128, Depth: 2, Mult: []int{1, 2, 2, 2}, Attention: []int{1}, Dropout: 0.1}, sweep.FlipHorizontal},
	{"unet-small-28", sweep.Model{Arch: sweep.ArchUNet, Width: 32, Depth: 1, Mult: []int{1, 2, 2}}, ""},
	{"unet-small-32", sweep.Model{Arch: sweep.ArchUNet, Width: 32, Depth: 1, Mult: []int{1, 2, 2, 2}, Attention: []int{1}}, ""},
	{"dit-s2", sweep.Model{Arch: sweep.ArchDiT, Width: 384, Depth: 12, Patch: 2, Heads: 6}, ""},
	{presetDiT, sweep.Model{Arch: sweep.ArchDiT, Width: 128, Depth: 4, Patch: 4, Heads: 4}, ""},
}

// unetDefaults are the defaults of arch unet.
var unetDefaults = sweep.Model{Width: 32, Depth: 2, Mult: []int{1, 2, 2}}

// presetDiT is the preset whose numbers are also the defaults of arch dit.
const presetDiT = "dit-small"

// preset returns the model that a preset stands for.
func preset(name string) (sweep.Model, bool) {
	for _, p := range presets {
		if p.name == name {
			return p.model, true
		}
	}
	return sweep.Model{}, false
}

// resolveFlip fills in train.flip from the model's preset. none is stored as an empty text, so
// that specs which mean the same are equal.
func (c *checker) resolveFlip() {
	flip := &c.spec.Train.Flip
	for _, p := range presets {
		if p.name == c.spec.Model.Preset {
			orElse(c, flip, p.flip)
		}
	}
	if *flip == sweep.FlipNone {
		*flip = ""
	}
}

// resolveModel fills in the model's fields from its preset, else from its
// architecture. The preset's name is then removed, so that models which mean the same
// are equal.
func (c *checker) resolveModel() {
	m := &c.spec.Model
	c.resolveFlip()
	from, ok := preset(m.Preset)
	switch {
	case ok:
	case m.Arch == sweep.ArchDiT:
		from, _ = preset(presetDiT)
	default:
		from = unetDefaults
		from.Arch = m.Arch
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
	m.Preset = ""
}
