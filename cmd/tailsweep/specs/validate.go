package specs

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/trialview"
	"github.com/tailsweep/tailsweep/internal/address"
	"github.com/tailsweep/tailsweep/sweep/specfile"
)

// Validate is the verb validate: it checks specs.
func Validate(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "validate SPEC...",
		Short: "Check specs and report every fault at once",
		Long: `validate checks specs and reports every fault with file:line:column. Where the images
and networks of a spec are on this machine, it also checks that its trials can be
evaluated, as a training does before its first step. With -o json it prints an array
of the faults of all files, empty when there are none.`,
		Args: cli.Args(1, 1000, "one or more spec files"),
	}
	output := cli.OutputFlag(cmd)
	cmd.RunE = func(_ *cobra.Command, paths []string) error {
		code := cli.ExitOK
		found := specfile.Faults{} // JSON is always an array
		var valid []string
		for _, path := range paths {
			spec, text, err := a.ReadSpec(path)
			if err == nil {
				err = a.CheckData(path, text, spec)
			}
			var faults specfile.Faults
			switch {
			case errors.As(err, &faults) && output.Value == cli.FormatJSON:
				for _, f := range faults {
					f.Value, f.Message = address.Redact(f.Value), address.Redact(f.Message)
					found = append(found, f)
				}
				code = cli.ExitUsage
			case err != nil:
				a.Log("%s", cli.Message(err))
				code = cli.ExitUsage
			default:
				a.Warn(spec)
				valid = append(valid, fmt.Sprintf("%s: sweep %q is valid (%s, %s)", path, spec.Name, spec.Method, trialview.TrialCount(spec)))
			}
		}
		if output.Value == cli.FormatJSON || len(valid) > 0 {
			if err := a.PrintAs(output, found, valid...); err != nil {
				return err
			}
		}
		return cli.Silently(code)
	}
	return cmd
}
