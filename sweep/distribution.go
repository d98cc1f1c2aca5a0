package sweep

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
