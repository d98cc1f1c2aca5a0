package sweep

import (
	"fmt"
	"slices"
	"strings"
)

// Warnings say what of a sound spec is probably not meant, for people.
func (s *Spec) Warnings() []string {
	settings, err := s.Settings(s.Dearest())
	if err != nil || !s.keepsLabels() {
		return nil
	}
	var uses []string
	if s.guides(settings) {
		uses = append(uses, "guidance")
	}
	if settings.InfoNCE.Weight > 0 && settings.InfoNCE.Pass == PassUncond {
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
func (s *Spec) keepsLabels() bool {
	if i := slices.IndexFunc(s.Parameters, func(p Parameter) bool { return p.Name == ParamLabelDropout }); i >= 0 {
		return s.Parameters[i].greatest() == 0
	}
	return s.Train.LabelDropout == 0
}

// guides reports whether a trial may sample at another guidance scale than 0.
func (s *Spec) guides(settings Settings) bool {
	if i := slices.IndexFunc(s.Parameters, func(p Parameter) bool { return p.Name == ParamGuidance }); i >= 0 {
		return s.Parameters[i].greatest() > 0
	}
	return slices.ContainsFunc(settings.Guidance, func(w float64) bool { return w != 0 })
}
