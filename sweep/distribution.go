package sweep

// Distribution is how a parameter's values are spread. Parse resolves it once.
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

// DistributionInfo describes a distribution.
type DistributionInfo struct {
	Name    Distribution
	About   string   // one sentence
	Needs   []string // fields of a parameter that it needs
	Takes   []string // fields that it takes besides
	Numbers bool     // it is for numbers only, not for words
}

// DistributionList lists the distributions.
func DistributionList() []DistributionInfo {
	bounds, optional := []string{"min", "max"}, []string{"zero", "count"}
	steps, spread := []string{"min", "max", "q"}, []string{"mu", "sigma"}
	return []DistributionInfo{
		{Name: DistConstant, About: "The same value in every trial.", Needs: []string{"value"}},
		{Name: DistCategorical, About: "One of a list, whose order means nothing.", Needs: []string{"values"}},
		{Name: DistOrdinal, About: "One of a list whose order means something; numbers ascend.", Needs: []string{"values"}},
		{Name: DistUniform, About: "Any number from min to max.", Needs: bounds, Takes: optional, Numbers: true},
		{Name: DistLogUniform, About: "Any number from min to max, uniform in its logarithm. min and max are values, not exponents.", Needs: bounds, Takes: optional, Numbers: true},
		{Name: DistIntUniform, About: "An integer from min to max.", Needs: bounds, Takes: optional, Numbers: true},
		{Name: DistQUniform, About: "One of min, min + q, min + 2q, ... up to max.", Needs: steps, Takes: optional, Numbers: true},
		{Name: DistQLogUniform, About: "The same steps, uniform in the logarithm.", Needs: steps, Takes: optional, Numbers: true},
		{Name: DistNormal, About: "Normal with mean mu and standard deviation sigma, cut off at min and max.", Needs: spread, Takes: append(bounds[:2:2], optional...), Numbers: true},
		{Name: DistLogNormal, About: "A number whose natural logarithm is normal with mu and sigma, cut off at min and max.", Needs: spread, Takes: append(bounds[:2:2], optional...), Numbers: true},
	}
}

// LookupDistribution finds a distribution by name.
func LookupDistribution(name Distribution) (DistributionInfo, bool) {
	for _, d := range DistributionList() {
		if d.Name == name {
			return d, true
		}
	}
	return DistributionInfo{}, false
}
