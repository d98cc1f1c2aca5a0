package cli

import (
	"strconv"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
)

// ParseParam reads the NAME=VALUE of a flag --param, where VALUE is a number or a word.
func ParseParam(text string) (string, sweep.Value, error) {
	name, value, found := strings.Cut(text, "=")
	info, known := sweep.LookupParameter(name)
	switch {
	case !found || value == "":
		return "", sweep.Value{}, Usagef("--param %q (valid: NAME=VALUE, for example infonce.weight=0.1)", text)
	case !known:
		return "", sweep.Value{}, Usagef("--param %s: unknown parameter (valid: %s)", name, strings.Join(parameterNames(), ", "))
	}
	v := sweep.Word(value)
	if number, err := strconv.ParseFloat(value, 64); err == nil && number-number == 0 {
		v = sweep.Number(number)
	}
	if !info.Accepts(v) {
		return "", sweep.Value{}, Usagef("--param %s: %s (valid: %s)", name, value, info.Legal())
	}
	return name, v, nil
}

func parameterNames() []string {
	var names []string
	for _, p := range sweep.ParameterList() {
		names = append(names, p.Name)
	}
	return names
}
