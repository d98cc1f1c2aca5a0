package conduct

// Logic is a version of the decisions in this package. A sweep keeps the version
// that its run began with.
type Logic int

// The versions.
const (
	// LogicFirst is the first released version.
	LogicFirst Logic = 1

	// LogicNow is the version of new runs.
	LogicNow = LogicFirst
)
