package specfile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/cost"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// Warnings say what of a sound spec is probably not meant, for people.
func Warnings(s *sweep.Spec) []string {
	settings, err := s.Settings(cost.Costliest(s))
	if err != nil || !keepsLabels(s) {
		return nil
	}
	var uses []string
	if guides(s, settings) {
		uses = append(uses, "guidance")
	}
	if settings.InfoNCE.Weight > 0 && settings.InfoNCE.Pass == sweep.PassUncond {
		uses = append(uses, "infonce (infonce.pass uncond)")
	}
	if settings.Alignment.Weight > 0 {
		uses = append(uses, "alignment")
	}
	if len(uses) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("train.label_dropout is 0, so that no sample trains with the null label, whose prediction is used by %s: "+
		"give it 0.1, or do without them (evaluate.guidance [0], weights of 0)", strings.Join(uses, ", "))}
}

// keepsLabels reports whether no trial ever drops a label.
func keepsLabels(s *sweep.Spec) bool {
	if i := slices.IndexFunc(s.Parameters, func(p sweep.Parameter) bool { return p.Name == sweep.ParamLabelDropout }); i >= 0 {
		return space.Greatest(s.Parameters[i]) == 0
	}
	return s.Train.LabelDropout == 0
}

// guides reports whether a trial may sample at another guidance scale than 0.
func guides(s *sweep.Spec, settings sweep.Settings) bool {
	if i := slices.IndexFunc(s.Parameters, func(p sweep.Parameter) bool { return p.Name == sweep.ParamGuidance }); i >= 0 {
		return space.Greatest(s.Parameters[i]) > 0
	}
	return slices.ContainsFunc(settings.Guidance, func(w float64) bool { return w != 0 })
}
