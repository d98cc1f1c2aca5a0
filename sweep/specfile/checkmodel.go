package specfile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// checkModel checks that the model's fields belong to its architecture, and fit each
// other, the image and the latent that a loss reads.
func (c *checker) checkModel() {
	m := &c.spec.Model
	if !c.valid(&m.Arch, &m.Preset) {
		return
	}
	if name := c.values[c.at(&m.Preset)].text; c.given(&m.Preset) {
		if from, _ := preset(name); from.Arch != m.Arch {
			c.wrong(&m.Arch, m.Arch, fmt.Sprintf("is not that of model.preset = %s", name), from.Arch)
			return
		}
	}
	c.onlyFor(sweep.ArchDiT, &m.Arch, &m.Patch, &m.Heads)
	c.onlyFor(sweep.ArchUNet, &m.Arch, &m.Mult, &m.Attention, &m.Dropout)
	if m.Arch == sweep.ArchDiT {
		c.checkDiT()
	} else {
		c.checkUNet()
	}
	if c.valid(m) {
		c.checkLayer()
	}
}

func (c *checker) checkUNet() {
	m, size := &c.spec.Model, &c.spec.Dataset.Size
	if !c.valid(&m.Mult) {
		return
	}
	levels := len(m.Mult)
	for i, level := range m.Attention {
		if level >= levels && c.valid(&m.Attention) {
			c.wrong(c.givenOr(&m.Attention[i], m), fmt.Sprint(level), fmt.Sprintf("is not a level of this unet, which has %d", levels), fmt.Sprintf("0 to %d", levels-1))
			break
		}
	}
	if shrink := 1 << (levels - 1); c.valid(size) && *size%shrink != 0 {
		c.wrong(c.givenOr(&m.Mult, m), "", fmt.Sprintf("has %d levels, but dataset.size = %d is not a multiple of %d", levels, *size, shrink), fmt.Sprintf("fewer levels, or a multiple of %d for dataset.size", shrink))
	}
}

func (c *checker) checkDiT() {
	m, size := &c.spec.Model, &c.spec.Dataset.Size
	if c.valid(&m.Width) && m.Width%4 != 0 {
		c.wrong(c.givenOr(&m.Width, m), fmt.Sprint(m.Width), "dit needs a multiple of 4", "4, 8, 12, ...")
	}
	if c.valid(&m.Width, &m.Heads) && m.Width%m.Heads != 0 {
		c.wrong(&m.Heads, fmt.Sprint(m.Heads), fmt.Sprintf("does not divide model.width = %d", m.Width), divisors(m.Width, 64))
	}
	if c.valid(&m.Patch, size) && *size%m.Patch != 0 {
		c.wrong(&m.Patch, fmt.Sprint(m.Patch), fmt.Sprintf("does not divide dataset.size = %d", *size), divisors(*size, *size))
	}
}

// checkLayer checks that infonce.layer names latents of the model. checkBaseline checks
// the baseline's.
func (c *checker) checkLayer() {
	layers := append(c.spec.Model.Layers(), sweep.LayerDefault)
	for i := range c.spec.Parameters {
		p := &c.spec.Parameters[i]
		if p.Name != sweep.ParamInfonceLayer {
			continue
		}
		for _, v := range space.GridValues(*p) {
			if !slices.Contains(layers, v.String()) {
				c.wrong(p, v.String(), "is not a latent of this model", strings.Join(layers, ", "))
				return
			}
		}
	}
}

// checkSampler checks that step counts belong to the sampler.
func (c *checker) checkSampler() {
	e := &c.spec.Evaluate
	if !c.valid(&e.Sampler) {
		return
	}
	for _, other := range sweep.SamplerList() {
		c.onlyFor(other.Name, &e.Sampler, other.Steps(e))
	}
}

// givenOr is the path of a field if the file has it, else that of the mapping it
// belongs to.
func (c *checker) givenOr(field, mapping any) path {
	if c.given(field) {
		return c.at(field)
	}
	return c.at(mapping)
}

// divisors lists the divisors of n up to limit.
func divisors(n, limit int) string {
	var list []string
	for d := 1; d <= limit; d++ {
		if n%d == 0 {
			list = append(list, fmt.Sprint(d))
		}
	}
	return strings.Join(list, ", ")
}
