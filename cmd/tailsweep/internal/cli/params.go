package cli

import (
	"strconv"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
)

// ParseParam reads the NAME=VALUE of a flag --param for a trial of a spec. VALUE is a number or a
// word.
func ParseParam(spec *sweep.Spec, text string) (string, sweep.Value, error) {
	name, v, err := SplitParam(text)
	if err != nil {
		return "", v, err
	}
	info, known := spec.Parameter(name)
	if !known {
		return "", sweep.Value{}, Usagef("--param %s: unknown parameter (valid: %s)", name, strings.Join(parameterNames(spec), ", "))
	}
	if !info.Accepts(v) {
		return "", sweep.Value{}, Usagef("--param %s: %v (valid: %s)", name, v, info.Legal())
	}
	return name, v, nil
}

// SplitParam is ParseParam without a check of the name and of the value.
func SplitParam(text string) (string, sweep.Value, error) {
	name, value, _ := strings.Cut(text, "=")
	if name == "" || value == "" {
		return "", sweep.Value{}, Usagef("--param %q (valid: NAME=VALUE, for example infonce.weight=0.1)", text)
	}
	v := sweep.Word(value)
	if number, err := strconv.ParseFloat(value, 64); err == nil && number-number == 0 {
		v = sweep.Number(number)
	}
	return name, v, nil
}

// parameterNames lists the parameters that trials of a spec may have.
func parameterNames(spec *sweep.Spec) []string {
	var names []string
	if spec.Trainer != nil {
		for _, p := range spec.Parameters {
			names = append(names, p.Name)
		}
		return names
	}
	for _, p := range sweep.ParameterList() {
		names = append(names, p.Name)
	}
	return names
}
