package specfile

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/goccy/go-yaml"

	"github.com/tailsweep/tailsweep/sweep"
)

// Written writes a spec as YAML, with its defaults. Parse reads it as the same spec.
func Written(spec *sweep.Spec) ([]byte, error) {
	return write(spec)
}

// WrittenJSON is Written as JSON, which is YAML, too.
func WrittenJSON(spec *sweep.Spec) (json.RawMessage, error) {
	return write(spec, yaml.JSON())
}

func write(spec *sweep.Spec, options ...yaml.EncodeOption) ([]byte, error) {
	data, err := json.Marshal(spec)
	if err != nil {
		return nil, fmt.Errorf("specfile: write a spec: %w", err)
	}
	var fields yaml.MapSlice
	if err := yaml.UnmarshalWithOptions(data, &fields, yaml.UseOrderedMap()); err != nil {
		return nil, fmt.Errorf("specfile: write a spec: %w", err)
	}
	fields = without(fields, "model", spec.Trainer != nil)
	fields = without(without(fields, "dataset", !spec.HasDataset()), "evaluate", !spec.Evaluates())
	for i := range fields {
		part, ok := fields[i].Value.(yaml.MapSlice)
		if !ok {
			continue
		}
		switch fields[i].Key {
		case "parameters":
			for j := range part {
				part[j].Value = withZeros(spec.Parameters, part[j])
			}
		case "train":
			if spec.Trainer != nil {
				part = slices.DeleteFunc(part, func(f yaml.MapItem) bool { return f.Key != "steps" && f.Key != "seed" })
			}
		case "model":
			if spec.Model.Arch == sweep.ArchUNet {
				part = with(with(part, "attention", []int{}), "dropout", 0)
			}
		case "evaluate":
			part = without(part, "ddim_steps", spec.Evaluate.DDIMSteps == 0)
			part = without(part, "guidance", len(spec.Evaluate.Guidance) == 0)
			part = without(part, "seed", spec.Trainer != nil)
			for j := range part {
				if rung, ok := part[j].Value.(yaml.MapSlice); ok && part[j].Key == "rung" {
					part[j].Value = without(rung, "guidance", len(spec.Evaluate.Rung.Guidance) == 0)
				}
			}
		case "early_terminate":
			part = without(part, "min_trials", spec.EarlyTerminate.MinTrials == 0)
			part = without(part, "brackets", spec.EarlyTerminate.Brackets == 0)
		}
		fields[i].Value = part
	}
	return yaml.MarshalWithOptions(fields, options...)
}

// withZeros returns the fields of a parameter with those that its distribution needs and that
// its JSON leaves out because they are 0.
func withZeros(space sweep.Space, field yaml.MapItem) any {
	fields := field.Value.(yaml.MapSlice)
	i := slices.IndexFunc(space, func(p sweep.Parameter) bool { return p.Name == field.Key })
	p := space[i]
	if p.Min != 0 || p.Max != 0 {
		fields = with(with(fields, "min", 0), "max", 0)
	}
	if p.Sigma != 0 {
		fields = with(fields, "mu", 0)
	}
	return fields
}

// with adds a field that is not there.
func with(fields yaml.MapSlice, name string, value any) yaml.MapSlice {
	if slices.ContainsFunc(fields, func(f yaml.MapItem) bool { return f.Key == name }) {
		return fields
	}
	return append(fields, yaml.MapItem{Key: name, Value: value})
}

// without removes a field if remove is true.
func without(fields yaml.MapSlice, name string, remove bool) yaml.MapSlice {
	return slices.DeleteFunc(fields, func(f yaml.MapItem) bool { return remove && f.Key == name })
}
