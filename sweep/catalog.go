package sweep

import (
	"fmt"
	"math"
	"strings"
)

// ParameterInfo describes one entry of the closed list of parameters.
type ParameterInfo struct {
	Name    string
	About   string   // one sentence
	Default Value    // without an entry in the spec; for lr, batch, ema, label_dropout the fixed field of train holds instead
	Choices []string // the words allowed; nil for a number
	Integer bool
	Min     float64
	Max     float64
	OpenMin bool // Min itself is not allowed
	OpenMax bool // Max itself is not allowed
	Fixed   bool // the default is a fixed field of the spec, not Default
}

// The words of the parameters that are no numbers.
const (
	PassUncond = "uncond"
	PassCond   = "cond"

	StopNone      = "none"
	StopNegatives = "negatives"
	StopUncond    = "uncond"
	StopCond      = "cond"

	LayerDefault    = "default"    // bottleneck or quarter
	LayerBottleneck = "bottleneck" // unet; down0, up0, ... are its levels
	LayerQuarter    = "quarter"    // dit: the block at depth N/4
	LayerLast       = "last"       // dit

	NegativesAll        = "all"
	NegativesOtherClass = "other_class"
)

// Names of the parameters, as the spec writes them.
const (
	ParamInfonceWeight         = "infonce.weight"
	ParamInfonceTemperature    = "infonce.temperature"
	ParamInfonceExponent       = "infonce.exponent"
	ParamInfonceWindow         = "infonce.window"
	ParamInfoncePass           = "infonce.pass"
	ParamInfonceStopGradient   = "infonce.stop_gradient"
	ParamInfonceLayer          = "infonce.layer"
	ParamInfonceNegatives      = "infonce.negatives"
	ParamAlignmentWeight       = "alignment.weight"
	ParamAlignmentExponent     = "alignment.exponent"
	ParamAlignmentWindow       = "alignment.window"
	ParamAlignmentStopGradient = "alignment.stop_gradient"
	ParamCBDMWeight            = "cbdm.weight"
	ParamT2HWeight             = "t2h.weight"
	ParamCORALWeight           = "coral.weight"
	ParamCORALTemperature      = "coral.temperature"
	ParamCORALEmphasis         = "coral.emphasis"
	ParamDispersiveWeight      = "dispersive.weight"
	ParamDispersiveTemperature = "dispersive.temperature"
	ParamResamplingFactor      = "resampling.factor"
	ParamGuidance              = "guidance"
	ParamLR                    = "lr"
	ParamBatch                 = "batch"
	ParamEMA                   = "ema"
	ParamLabelDropout          = "label_dropout"
)

// ParameterList is the closed list of parameters, ordered by name.
func ParameterList() []ParameterInfo {
	return []ParameterInfo{
		{Name: ParamAlignmentExponent, About: "p of the weight (t/T)^p on the alignment loss; 1 as in the authors' released code.",
			Default: Number(1), Max: 10},
		{Name: ParamAlignmentStopGradient, About: "Which of the two predictions the alignment loss takes as given.",
			Default: Word(StopNone), Choices: []string{StopNone, StopUncond, StopCond}},
		{Name: ParamAlignmentWeight, About: "gamma, the weight of the conditional-unconditional alignment loss; 0 turns it off.",
			Max: 100},
		{Name: ParamAlignmentWindow, About: "The alignment loss counts only where t/T is at least this.",
			Max: 1, OpenMax: true},
		{Name: ParamBatch, About: "Images in a training step.", Integer: true, Min: 2, Max: 1 << 16, Fixed: true},
		{Name: ParamCBDMWeight, About: "tau_c, the weight of class-balancing diffusion (CBDM), which draws the predictions for a class and for one drawn by frequency together; 0 turns it off.",
			Max: 100},
		{Name: ParamCORALEmphasis, About: "tau_r of the weight exp((1 - t/T)/tau_r) on the CORAL loss: the smaller, the more low noise counts.",
			Default: Number(0.3), Min: 0.05, Max: 10},
		{Name: ParamCORALTemperature, About: "tau of the CORAL loss.",
			Default: Number(0.1), Min: 0.01, Max: 10},
		{Name: ParamCORALWeight, About: "Weight of CORAL, a supervised contrastive loss on a projection of the latent; 0 turns it off, 0.5 as published.",
			Max: 100},
		{Name: ParamDispersiveTemperature, About: "tau of the dispersive loss.",
			Default: Number(0.5), Max: 10, OpenMin: true},
		{Name: ParamDispersiveWeight, About: "Weight of the dispersive loss, which spreads latents; 0 turns it off, 0.25 to 0.5 as published.",
			Max: 100},
		{Name: ParamEMA, About: "Decay of the moving average of the weights.", Max: 1, OpenMax: true, Fixed: true},
		{Name: ParamGuidance, About: "Guidance scale w of sampling, eps_c + w (eps_c - eps_0); searched, it replaces evaluate.guidance.",
			Max: 20, Fixed: true},
		{Name: ParamInfonceExponent, About: "p of the weight (t/T)^p on the InfoNCE loss; 1 as in the authors' released code.",
			Default: Number(1), Max: 10},
		{Name: ParamInfonceLayer, About: "The latent that the InfoNCE loss reads: bottleneck (the default) or the end of a level on the way down or up of a unet, the block at a quarter of the depth (the default) or the last of a dit.",
			Default: Word(LayerDefault), Choices: []string{LayerDefault, LayerBottleneck, "down0", "down1", "down2", "down3", "up0", "up1", "up2", "up3", LayerQuarter, LayerLast}},
		{Name: ParamInfonceNegatives, About: "The samples that the InfoNCE loss pushes away: all others of the batch, or those of other classes only.",
			Default: Word(NegativesAll), Choices: []string{NegativesAll, NegativesOtherClass}},
		{Name: ParamInfoncePass, About: "The forward pass whose latent the InfoNCE loss reads.",
			Default: Word(PassUncond), Choices: []string{PassUncond, PassCond}},
		{Name: ParamInfonceStopGradient, About: "negatives: the InfoNCE loss moves the anchor only, its negatives are taken as given.",
			Default: Word(StopNone), Choices: []string{StopNone, StopNegatives}},
		{Name: ParamInfonceTemperature, About: "tau of the InfoNCE loss.",
			Default: Number(0.1), Max: 10, OpenMin: true},
		{Name: ParamInfonceWeight, About: "alpha, the weight of the InfoNCE loss with negatives only; 0 turns it off.",
			Max: 100},
		{Name: ParamInfonceWindow, About: "The InfoNCE loss counts only where t/T is at least this.",
			Max: 1, OpenMax: true},
		{Name: ParamLabelDropout, About: "Probability that a sample trains with the null label.", Max: 1, OpenMax: true, Fixed: true},
		{Name: ParamLR, About: "Adam's learning rate after warm-up.", Max: 1, OpenMin: true, Fixed: true},
		{Name: ParamResamplingFactor, About: "Classes are drawn with probability proportional to f^(rank/(C-1)); 1 is uniform, 0 is off (natural frequencies).",
			Max: 1},
		{Name: ParamT2HWeight, About: "Share of the long-tailed transfer (T2H) target in the training target: 0 is plain DDPM, 1 replaces it as published.",
			Max: 1},
	}
}

// LookupParameter finds a parameter of the closed list.
func LookupParameter(name string) (ParameterInfo, bool) {
	for _, p := range ParameterList() {
		if p.Name == name {
			return p, true
		}
	}
	return ParameterInfo{}, false
}

// Legal describes the values that p takes: "a number in (0, 10]", "one of none, cond".
func (p ParameterInfo) Legal() string {
	if p.Choices != nil {
		return "one of " + strings.Join(p.Choices, ", ")
	}
	kind, left, right := "a number", "[", "]"
	if p.Integer {
		kind = "an integer"
	}
	if p.OpenMin {
		left = "("
	}
	if p.OpenMax {
		right = ")"
	}
	return fmt.Sprintf("%s in %s%s, %s%s", kind, left, Number(p.Min), Number(p.Max), right)
}

// Accepts reports whether v is a legal value of p.
func (p ParameterInfo) Accepts(v Value) bool {
	if p.Choices != nil {
		for _, c := range p.Choices {
			if v == Word(c) {
				return true
			}
		}
		return false
	}
	if v.IsWord() {
		return false
	}
	f := v.Float()
	switch {
	case p.Integer && f != math.Trunc(f), f < p.Min, f > p.Max, p.OpenMin && f == p.Min, p.OpenMax && f == p.Max:
		return false
	}
	return true
}
