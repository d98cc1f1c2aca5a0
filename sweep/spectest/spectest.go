package spectest

import (
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
)

// Base is a valid spec; tests replace one of its lines or add to its end.
const Base = `apiVersion: tailsweep/v1
name: base
method: random
dataset: {name: fashion-mnist-10k}
model: {arch: unet}
train: {steps: 600}
evaluate: {samples_per_class: 100}
parameters: {infonce.weight: {min: 0.0, max: 1.0}}
metrics: [{name: fid.tail}]
budget: {run_cap: 4}
`

// With replaces the line of Base that has the same field, or adds one.
func With(lines ...string) string {
	text := Base
	for _, line := range lines {
		field, _, _ := strings.Cut(line, ":")
		kept, replaced := []string{}, false
		for _, old := range strings.SplitAfter(text, "\n") {
			if strings.HasPrefix(old, field+":") {
				old, replaced = line+"\n", true
			}
			kept = append(kept, old)
		}
		text = strings.Join(kept, "")
		if !replaced {
			text += line + "\n"
		}
	}
	return text
}

// Train completes what a test says of a training with the defaults of a spec file.
func Train(t sweep.Train) sweep.Train {
	t.LabelDropoutMode, t.Schedule, t.Prediction, t.Precision = sweep.DropSample, sweep.ScheduleLinear, sweep.PredictEps, sweep.PrecisionF32
	t.ClipNorm = 1
	return t
}
