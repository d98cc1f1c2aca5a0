package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/sweep"
)

// Choice is a flag with a closed list of values. It implements pflag.Value.
type Choice struct {
	Value string
	Valid []string
}

// String implements pflag.Value.
func (c *Choice) String() string { return c.Value }

// Type implements pflag.Value: help shows it as the flag's argument.
func (c *Choice) Type() string { return strings.Join(c.Valid, "|") }

// Set implements pflag.Value.
func (c *Choice) Set(s string) error {
	if !slices.Contains(c.Valid, s) {
		return fmt.Errorf("valid: %s", strings.Join(c.Valid, ", "))
	}
	c.Value = s
	return nil
}

// OutputFlag adds -o table|json.
func OutputFlag(cmd *cobra.Command) *Choice {
	c := &Choice{Value: "table", Valid: []string{"table", "json"}}
	cmd.Flags().VarP(c, "output", "o", "form of the output")
	return c
}

// Verb returns the name of a command without that of the program.
func Verb(cmd *cobra.Command) string {
	return strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")
}

// Args checks the number of arguments. names describes them for the error.
func Args(least, most int, names string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		if n := len(given); n < least || n > most {
			return Usagef("%s takes %s, not %s; see `%s --help`", Verb(cmd), names, english.Plural(n, "argument", ""), cmd.CommandPath())
		}
		return nil
	}
}

// CheckMetric refuses a --metric that is not in the list of metrics.
func CheckMetric(name string) error {
	if _, known := sweep.LookupMetric(name); known || name == "" {
		return nil
	}
	return Usagef("--metric: unknown metric %q (valid: %s)", name, sweep.MetricWords())
}

// MethodNames are the valid values of a flag for the search method.
func MethodNames() []string {
	var names []string
	for _, m := range sweep.Methods() {
		names = append(names, string(m))
	}
	return names
}
