package sweep

import (
	"fmt"
	"slices"
)

// LossTerm is one entry of the closed list of terms that the training loss has in
// addition to DDPM's. Its weight is the parameter NAME.weight; 0 turns the term off. The term's
// computation is a file of trainer/diffusion.
type LossTerm struct {
	Name       string
	Formula    string          // in Markdown, with the notation of docs/losses.md
	Source     string          // the paper
	Share      bool            // the weight w is a share of the training target: the loss is (1-w) DDPM + w value; others are added with their weight
	Parameters []ParameterInfo // the weight first
	// NullLabel reports whether the term, when it is on, uses the prediction for the
	// null label. Nil means never.
	NullLabel func(Settings) bool
}

// Weight is the name of the parameter that is the term's weight.
func (t LossTerm) Weight() string { return t.Name + ".weight" }

// The names of the terms.
const (
	TermInfoNCE    = "infonce"
	TermAlignment  = "alignment"
	TermCBDM       = "cbdm"
	TermT2H        = "t2h"
	TermCORAL      = "coral"
	TermDispersive = "dispersive"
)

// The names of the terms' parameters, as the spec writes them.
const (
	ParamInfonceWeight         = TermInfoNCE + ".weight"
	ParamInfonceTemperature    = TermInfoNCE + ".temperature"
	ParamInfonceExponent       = TermInfoNCE + ".exponent"
	ParamInfonceWindow         = TermInfoNCE + ".window"
	ParamInfoncePass           = TermInfoNCE + ".pass"
	ParamInfonceStopGradient   = TermInfoNCE + ".stop_gradient"
	ParamInfonceLayer          = TermInfoNCE + ".layer"
	ParamInfonceNegatives      = TermInfoNCE + ".negatives"
	ParamAlignmentWeight       = TermAlignment + ".weight"
	ParamAlignmentExponent     = TermAlignment + ".exponent"
	ParamAlignmentWindow       = TermAlignment + ".window"
	ParamAlignmentStopGradient = TermAlignment + ".stop_gradient"
	ParamCBDMWeight            = TermCBDM + ".weight"
	ParamT2HWeight             = TermT2H + ".weight"
	ParamCORALWeight           = TermCORAL + ".weight"
	ParamCORALTemperature      = TermCORAL + ".temperature"
	ParamCORALEmphasis         = TermCORAL + ".emphasis"
	ParamDispersiveWeight      = TermDispersive + ".weight"
	ParamDispersiveTemperature = TermDispersive + ".temperature"
)

// The words of the terms' parameters that are not numbers.
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

// lossTerms is the closed list, in the order in which terms are shown.
var lossTerms = []LossTerm{
	{
		Name:    TermInfoNCE,
		Formula: "`mean_i weight(t_i) log(1 + sum_j exp((c_ij - 1)/tau))`, j over the negatives",
		Source:  "arXiv 2507.09052",
		Parameters: []ParameterInfo{
			{Name: ParamInfonceWeight, Max: 100,
				About: "alpha, the weight of the InfoNCE loss, whose only positive is the image itself; 0 turns it off."},
			{Name: ParamInfonceTemperature, Default: Number(0.1), Max: 10, OpenMin: true,
				About: "tau of the InfoNCE loss."},
			{Name: ParamInfonceExponent, Default: Number(1), Max: 10,
				About: "p of the weight (t/T)^p on the InfoNCE loss; 1 as in the authors' released code."},
			{Name: ParamInfonceWindow, Max: 1, OpenMax: true,
				About: "The InfoNCE loss counts only where t/T is at least this."},
			{Name: ParamInfoncePass, Default: Word(PassUncond), Choices: []string{PassUncond, PassCond},
				About: "The forward pass whose latent the InfoNCE loss reads."},
			{Name: ParamInfonceStopGradient, Default: Word(StopNone), Choices: []string{StopNone, StopNegatives},
				About: "negatives: the InfoNCE loss has gradients through the anchor only, not through its negatives."},
			{Name: ParamInfonceLayer, Default: Word(LayerDefault),
				Choices: []string{LayerDefault, LayerBottleneck, "down0", "down1", "down2", "down3", "up0", "up1", "up2", "up3", LayerQuarter, LayerLast},
				About:   "The latent that the InfoNCE loss reads: bottleneck (the default) or the end of a level on the way down or up of a unet, the block at a quarter of the depth (the default) or the last of a dit."},
			{Name: ParamInfonceNegatives, Default: Word(NegativesAll), Choices: []string{NegativesAll, NegativesOtherClass},
				About: "The images of the batch that the InfoNCE loss pushes away: all others, or those of other classes only."},
		},
		NullLabel: func(s Settings) bool { return s.Word(ParamInfoncePass) == PassUncond },
	},
	{
		Name:    TermAlignment,
		Formula: "`mean_i weight(t_i) kept_i mean_pixels (eps_c - eps_0)^2`",
		Source:  "arXiv 2507.09052",
		Parameters: []ParameterInfo{
			{Name: ParamAlignmentWeight, Max: 100,
				About: "gamma, the weight of the conditional-unconditional alignment loss; 0 turns it off."},
			{Name: ParamAlignmentExponent, Default: Number(1), Max: 10,
				About: "p of the weight (t/T)^p on the alignment loss; 1 as in the authors' released code."},
			{Name: ParamAlignmentWindow, Max: 1, OpenMax: true,
				About: "The alignment loss counts only where t/T is at least this."},
			{Name: ParamAlignmentStopGradient, Default: Word(StopNone), Choices: []string{StopNone, StopUncond, StopCond},
				About: "Which of the two predictions gets no gradient of the alignment loss."},
		},
		NullLabel: func(Settings) bool { return true },
	},
	{
		Name:    TermCBDM,
		Formula: "`mean_i (t_i/T) kept_i mean_pixels [(e_y - sg(e_y'))^2 + 1/4 (sg(e_y) - e_y')^2]`, y' drawn by the training counts",
		Source:  "arXiv 2305.00562",
		Parameters: []ParameterInfo{
			{Name: ParamCBDMWeight, Max: 100,
				About: "tau_c, the weight of class-balancing diffusion (CBDM), which pulls together the predictions for the class of an image and for a class drawn by frequency; 0 turns it off."},
		},
	},
	{
		Name:    TermT2H,
		Formula: "`mean (prediction - target(x_z, e_z))^2`, z drawn with `p ∝ exp(-\\|x_i + sigma e_i - x_z\\|^2 / 2 sigma^2)`, kept where y_z is at least as frequent as y_i",
		Source:  `Zhang et al. 2024, "Long-tailed Diffusion Models with Oriented Calibration", ICLR`,
		Share:   true,
		Parameters: []ParameterInfo{
			{Name: ParamT2HWeight, Max: 1,
				About: "Share of the long-tailed transfer (T2H) target in the training target: 0 is plain DDPM, 1 replaces it as published."},
		},
	},
	{
		Name:    TermCORAL,
		Formula: "`tau mean_i kept_i exp((1 - t_i/T)/tau_r) SupCon_i` of a learnt projection of the pooled latent to 128",
		Source:  "arXiv 2506.15933",
		Parameters: []ParameterInfo{
			{Name: ParamCORALWeight, Max: 100,
				About: "Weight of CORAL, a supervised contrastive loss on a projection of the latent; 0 turns it off, 0.5 as published."},
			{Name: ParamCORALTemperature, Default: Number(0.1), Min: 0.01, Max: 10,
				About: "tau of the CORAL loss."},
			{Name: ParamCORALEmphasis, Default: Number(0.3), Min: 0.05, Max: 10,
				About: "tau_r of the weight exp((1 - t/T)/tau_r) on the CORAL loss: the smaller, the more low noise counts."},
		},
	},
	{
		Name:    TermDispersive,
		Formula: "`log mean_ij exp(-\\|z_i - z_j\\|^2 / (D tau))` of the latent, self-pairs included",
		Source:  "arXiv 2506.09027",
		Parameters: []ParameterInfo{
			{Name: ParamDispersiveWeight, Max: 100,
				About: "Weight of the dispersive loss, which spreads latents; 0 turns it off, 0.25 to 0.5 as published."},
			{Name: ParamDispersiveTemperature, Default: Number(0.5), Max: 10, OpenMin: true,
				About: "tau of the dispersive loss."},
		},
	},
}

// LossTerms is the closed list of the terms of the training loss in addition to DDPM's,
// in the order in which they are shown.
func LossTerms() []LossTerm { return slices.Clone(lossTerms) }

// LookupLossTerm finds a term by name.
func LookupLossTerm(name string) (LossTerm, bool) {
	return find(lossTerms, func(t LossTerm) bool { return t.Name == name })
}

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
