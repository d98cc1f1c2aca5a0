package sweep

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// ParameterInfo describes one entry of the closed list of parameters.
type ParameterInfo struct {
	Name    string
	About   string   // one sentence
	Default Value    // if the spec does not set the parameter; see Fixed
	Choices []string // the words allowed; nil for a number
	Integer bool
	Min     float64
	Max     float64
	OpenMin bool // Min itself is not allowed
	OpenMax bool // Max itself is not allowed
	Free    bool // of a program of the user: any number or word
	Fixed   bool // the default is the field of this name in train or evaluate, not Default
}

// Names of the parameters that belong to no term of the loss, as the spec writes them.
const (
	ParamResamplingFactor = "resampling.factor"
	ParamGuidance         = "guidance"
	ParamLR               = "lr"
	ParamBatch            = "batch"
	ParamEMA              = "ema"
	ParamLabelDropout     = "label_dropout"
)

// parameterList is the closed list of parameters, ordered by name: those of the terms
// of the loss and these.
var parameterList = func() []ParameterInfo {
	list := []ParameterInfo{
		{Name: ParamBatch, About: "Images in a training step.", Integer: true, Min: 2, Max: 1 << 16, Fixed: true},
		{Name: ParamEMA, About: "Decay of the moving average of the weights.", Max: 1, OpenMax: true, Fixed: true},
		{Name: ParamGuidance, Max: 20, Fixed: true,
			About: "Guidance scale w of sampling, eps_c + w (eps_c - eps_0); searched, it replaces evaluate.guidance."},
		{Name: ParamLabelDropout, About: "Probability that a training image has the null label in a step.", Max: 1, OpenMax: true, Fixed: true},
		{Name: ParamLR, About: "Adam's learning rate after warm-up.", Max: 1, OpenMin: true, Fixed: true},
		{Name: ParamResamplingFactor, Max: 1,
			About: "Classes are drawn with probability proportional to f^(rank/(C-1)); 1 is uniform, 0 is off (natural frequencies)."},
	}
	for _, t := range lossTerms {
		list = append(list, t.Parameters...)
	}
	slices.SortFunc(list, func(a, b ParameterInfo) int { return cmp.Compare(a.Name, b.Name) })
	return list
}()

// ParameterList is the closed list of parameters, ordered by name.
func ParameterList() []ParameterInfo { return slices.Clone(parameterList) }

// LookupParameter finds a parameter of the closed list.
func LookupParameter(name string) (ParameterInfo, bool) {
	return find(parameterList, func(p ParameterInfo) bool { return p.Name == name })
}

// find returns the first item that is wanted, and whether there is one.
func find[T any](list []T, wanted func(T) bool) (item T, ok bool) {
	if i := slices.IndexFunc(list, wanted); i >= 0 {
		return list[i], true
	}
	return item, false
}

// Legal describes the values that p takes: "a number in (0, 10]", "one of none, cond".
func (p ParameterInfo) Legal() string {
	if p.Free {
		return "a number or a word"
	}
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
	if p.Free {
		return true
	}
	if p.Choices != nil {
		return v.IsWord() && slices.Contains(p.Choices, v.String())
	}
	f := v.Float()
	return !v.IsWord() && f >= p.Min && f <= p.Max &&
		!(p.Integer && f != math.Trunc(f)) && !(p.OpenMin && f == p.Min) && !(p.OpenMax && f == p.Max)
}
