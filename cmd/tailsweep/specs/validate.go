package specs

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/trialview"
	"github.com/tailsweep/tailsweep/internal/address"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/specfile"
)

// checked is the output of `tailsweep validate -o json`.
type checked struct {
	Faults   specfile.Faults `json:"faults"`
	Warnings []warning       `json:"warnings"` // of the specs without faults
}

// warning is a probable mistake of a valid spec.
type warning struct {
	File    string `json:"file"`
	Sweep   string `json:"sweep"`
	Message string `json:"message"`
}

func (c *checked) warn(path string, spec *sweep.Spec) {
	for _, message := range specfile.Warnings(spec) {
		c.Warnings = append(c.Warnings, warning{cli.SpecName(path), spec.Name, message})
	}
}

// Validate is the verb validate: it checks specs.
func Validate(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "validate SPEC...",
		Short: "Check specs and report every fault at once",
		Long: `validate checks specs and reports every fault with file:line:column. Where the images
and networks of a spec are on this machine, it also reads every image, lists those that
cannot be read, and checks that its trials can be evaluated, as a training does before its
first step. Images that have not changed are not read again. With -o json it prints the
faults and the warnings of all files, each an array that is empty when there are none.`,
		Args: cli.Args(1, 1000, "one or more spec files"),
	}
	output := cli.OutputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, paths []string) error {
		code := cli.ExitOK
		all := checked{Faults: specfile.Faults{}, Warnings: []warning{}} // JSON has arrays, also empty ones
		var valid []string
		for _, path := range paths {
			spec, text, err := a.ReadChecked(cmd.Context(), path)
			if err == nil {
				err = a.CheckData(cmd.Context(), path, text, spec)
			}
			var faults specfile.Faults
			switch {
			case cmd.Context().Err() != nil:
				return err
			case errors.As(err, &faults) && output.Value == cli.FormatJSON:
				for _, f := range faults {
					f.Value, f.Message = address.Redact(f.Value), address.Redact(f.Message)
					all.Faults = append(all.Faults, f)
				}
				code = cli.ExitUsage
			case err != nil:
				a.Log("%s", cli.Message(err))
				code = cli.ExitUsage
			default:
				if output.Value == cli.FormatJSON {
					all.warn(path, spec)
				} else {
					a.Warn(spec)
				}
				valid = append(valid, fmt.Sprintf("%s: sweep %q is valid (%s, %s)", path, spec.Name, spec.Method, trialview.TrialCount(spec)))
			}
		}
		if output.Value == cli.FormatJSON || len(valid) > 0 {
			if err := a.PrintAs(output, all, valid...); err != nil {
				return err
			}
		}
		return cli.Silently(code)
	}
	return cmd
}
