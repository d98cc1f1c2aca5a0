package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/trialview"
	"github.com/tailsweep/tailsweep/sweep"
)

// Choice is a flag with a closed list of values.
type Choice struct {
	Value string
	Valid []string
}

func (c *Choice) String() string { return c.Value }

func (c *Choice) Type() string { return strings.Join(c.Valid, "|") }

func (c *Choice) Set(s string) error {
	if !slices.Contains(c.Valid, s) {
		return fmt.Errorf("%q is none of %s", s, strings.Join(c.Valid, ", "))
	}
	c.Value = s
	return nil
}

// OutputFlag adds -o table|json.
func OutputFlag(cmd *cobra.Command) *Choice {
	c := &Choice{Value: "table", Valid: []string{"table", "json"}}
	cmd.Flags().VarP(c, "output", "o", "form of what is printed")
	return c
}

// Args checks the number of arguments and names them when it is wrong.
func Args(least, most int, names string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		if n := len(given); n < least || n > most {
			return Usagef("%s takes %s, not %s; see `%s --help`", cmd.CommandPath(), names, trialview.Counted(n, "argument"), cmd.CommandPath())
		}
		return nil
	}
}

// CheckMetric refuses a metric that is not of the closed list.
func CheckMetric(name string) error {
	if name == "" {
		return nil
	}
	if _, known := sweep.LookupMetric(name); known {
		return nil
	}
	return Usagef("--metric: %q is no metric; valid: %s", name, sweep.MetricWords())
}

// MethodNames are the words that a method flag takes.
func MethodNames() []string {
	var names []string
	for _, m := range sweep.Methods() {
		names = append(names, string(m))
	}
	return names
}
