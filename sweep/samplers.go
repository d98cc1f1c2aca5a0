package sweep

import "slices"

// The samplers of images, as Evaluate.Sampler has them.
const (
	SamplerDDIM = "ddim"
	SamplerDDPM = "ddpm"
)

// SamplerInfo is one entry of the closed list of samplers of images. Its step is a
// file of trainer/diffusion.
type SamplerInfo struct {
	Name         string
	DefaultSteps int
	Steps        func(*Evaluate) *int // the field with the number of its steps
}

// samplers is the closed list; the first is the default.
var samplers = []SamplerInfo{
	{SamplerDDIM, 50, func(e *Evaluate) *int { return &e.DDIMSteps }},
	{SamplerDDPM, 1000, func(e *Evaluate) *int { return &e.DDPMSteps }},
}

// SamplerList is the closed list of samplers; the first is the default.
func SamplerList() []SamplerInfo { return slices.Clone(samplers) }

// Samplers lists the names of the samplers.
func Samplers() []string {
	var names []string
	for _, s := range samplers {
		names = append(names, s.Name)
	}
	return names
}

// Steps is how many denoising steps the sampler takes.
func (e Evaluate) Steps() int {
	for _, s := range samplers {
		if s.Name == e.Sampler {
			return *s.Steps(&e)
		}
	}
	return 0
}
