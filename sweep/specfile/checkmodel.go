package specfile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// checkModel holds that the model's fields belong to its architecture and fit each
// other, the image and the latent that a loss reads.
func (c *conformer) checkModel(s *sweep.Spec) {
	if !c.sound("model.arch", "model.preset") {
		return
	}
	if given := c.nodes["model.preset"]; given != nil && presets[given.text].Arch != s.Model.Arch {
		c.fault("model.arch", s.Model.Arch, fmt.Sprintf("is not that of model.preset = %s", given.text), presets[given.text].Arch)
		return
	}
	fields, other := []string{"model.patch", "model.heads"}, sweep.ArchDiT
	if s.Model.Arch == sweep.ArchDiT {
		fields, other = []string{"model.mult", "model.attention", "model.dropout"}, sweep.ArchUNet
	}
	for _, field := range fields {
		if c.given(field) {
			c.fault(field, c.nodes[field].shown(), fmt.Sprintf("belongs to arch %s, and this is %s", other, s.Model.Arch), "arch: "+other)
		}
	}
	if s.Model.Arch == sweep.ArchDiT {
		c.checkDiT(s)
	} else {
		c.checkUNet(s)
	}
	if c.sound("model") {
		c.checkLayer(s)
	}
}

func (c *conformer) checkUNet(s *sweep.Spec) {
	if !c.sound("model.mult") {
		return
	}
	levels := len(s.Model.Levels())
	for i, level := range s.Model.Attention {
		if level >= levels && c.sound("model.attention") {
			c.fault(c.modelPath(fmt.Sprintf("model.attention[%d]", i)), fmt.Sprint(level), fmt.Sprintf("is no level of this unet, which has %d", levels), fmt.Sprintf("0 to %d", levels-1))
			break
		}
	}
	if shrink := 1 << (levels - 1); c.sound("dataset.size") && s.Dataset.Size%shrink != 0 {
		c.fault(c.modelPath("model.mult"), "", fmt.Sprintf("has %d levels, which halve dataset.size = %d to a fraction", levels, s.Dataset.Size), fmt.Sprintf("fewer levels, or a multiple of %d for dataset.size", shrink))
	}
}

func (c *conformer) checkDiT(s *sweep.Spec) {
	if c.sound("model.width") && s.Model.Width%4 != 0 {
		c.fault(c.modelPath("model.width"), fmt.Sprint(s.Model.Width), "dit needs a multiple of 4", "4, 8, 12, ...")
	}
	if c.sound("model.width", "model.heads") && s.Model.Width%s.Model.Heads != 0 {
		c.fault("model.heads", fmt.Sprint(s.Model.Heads), fmt.Sprintf("does not divide model.width = %d", s.Model.Width), divisors(s.Model.Width, 64))
	}
	if c.sound("model.patch", "dataset.size") && s.Dataset.Size%s.Model.Patch != 0 {
		c.fault("model.patch", fmt.Sprint(s.Model.Patch), fmt.Sprintf("does not divide dataset.size = %d", s.Dataset.Size), divisors(s.Dataset.Size, s.Dataset.Size))
	}
}

// checkLayer holds that infonce.layer names latents of the model; a baseline's is
// checked with its other parameters.
func (c *conformer) checkLayer(s *sweep.Spec) {
	layers := append(s.Model.Layers(), sweep.LayerDefault)
	for _, p := range s.Parameters {
		if p.Name != sweep.ParamInfonceLayer {
			continue
		}
		for _, v := range space.GridValues(p) {
			if !slices.Contains(layers, v.String()) {
				c.fault("parameters."+p.Name, v.String(), "is no latent of this model", strings.Join(layers, ", "))
				return
			}
		}
	}
}

// checkSampler holds that step counts belong to the sampler.
func (c *conformer) checkSampler(s *sweep.Spec) {
	if !c.sound("evaluate.sampler") {
		return
	}
	mine, other := sweep.SamplerDDIM, sweep.SamplerDDPM
	if s.Evaluate.Sampler == sweep.SamplerDDPM {
		mine, other = other, mine
	}
	if field := "evaluate." + other + "_steps"; c.given(field) && c.sound(field) {
		c.fault(field, c.nodes[field].shown(), fmt.Sprintf("belongs to sampler %s, and this is %s", other, mine), fmt.Sprintf("sampler: %s, or %s_steps", other, mine))
	}
}

// modelPath is the path itself if the file has a value there, else model.
func (c *conformer) modelPath(path string) string {
	if c.given(path) {
		return path
	}
	return "model"
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
