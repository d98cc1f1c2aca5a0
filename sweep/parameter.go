package sweep

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Parameter is one dimension of the search space.
type Parameter struct {
	Name         string       `json:"-"`
	Distribution Distribution `json:"distribution"`
	Value        *Value       `json:"value,omitempty"`  // constant
	Values       []Value      `json:"values,omitempty"` // categorical; ordinal, in order
	Min          float64      `json:"min,omitempty"`
	Max          float64      `json:"max,omitempty"`
	Q            float64      `json:"q,omitempty"`     // q_uniform and q_log_uniform_values: step
	Mu           float64      `json:"mu,omitempty"`    // normal: mean; log_normal: mean of the natural logarithm
	Sigma        float64      `json:"sigma,omitempty"` // standard deviation of the same, > 0
	Zero         float64      `json:"zero,omitempty"`  // probability of an exact 0, [0, 1); needs Min > 0
	Count        int          `json:"count,omitempty"` // grid: values taken from a range, ends included; an exact zero comes on top
	When         *Condition   `json:"when,omitempty"`  // absent from a trial whose condition is false
}

// Space is the search space, ordered by name. In YAML and JSON it is a mapping from a
// parameter's name to its fields.
type Space []Parameter

// MarshalJSON writes the mapping.
func (s Space) MarshalJSON() ([]byte, error) {
	fields := make(map[string]Parameter, len(s))
	for _, p := range s {
		fields[p.Name] = p
	}
	return json.Marshal(fields)
}

// UnmarshalJSON reads the mapping.
func (s *Space) UnmarshalJSON(data []byte) error {
	var fields map[string]Parameter
	if err := json.Unmarshal(data, &fields); err != nil {
		return fmt.Errorf("sweep: parameters: %w", err)
	}
	*s = nil
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		p := fields[name]
		p.Name = name
		*s = append(*s, p)
	}
	return nil
}

// Distribution names how a parameter's values are spread; package space has a row for
// each. Parse resolves it once.
type Distribution string

// The distributions, in W&B's words. Bounds of log distributions are values, never
// exponents.
const (
	DistConstant    Distribution = "constant"
	DistCategorical Distribution = "categorical"
	DistOrdinal     Distribution = "ordinal"
	DistUniform     Distribution = "uniform"
	DistLogUniform  Distribution = "log_uniform_values"
	DistIntUniform  Distribution = "int_uniform"
	DistQUniform    Distribution = "q_uniform"
	DistQLogUniform Distribution = "q_log_uniform_values"
	DistNormal      Distribution = "normal"
	DistLogNormal   Distribution = "log_normal"
)
