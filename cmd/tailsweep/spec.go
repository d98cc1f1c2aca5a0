package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/sweep"
)

// maxSpec bounds the spec file that is read, in bytes; sweep.Parse has limits of its own.
const maxSpec = 4 << 20

// readSpec reads and parses a spec file, "-" for standard input. Faults of the
// spec are sweep.Faults; a file that cannot be read is a usage error.
func (a *app) readSpec(path string) (*sweep.Spec, []byte, error) {
	in, name := a.in, "stdin"
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, nil, usagef("read the spec: %w", err)
		}
		defer func() { _ = f.Close() }() // only read
		in, name = f, path
	}
	text, err := io.ReadAll(io.LimitReader(in, maxSpec+1))
	if err != nil {
		return nil, nil, usagef("read the spec %s: %w", name, err)
	}
	if len(text) > maxSpec {
		return nil, nil, usagef("the spec %s is larger than %d MiB", name, maxSpec>>20)
	}
	spec, err := sweep.Parse(name, text)
	return spec, text, err
}

func newInit(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "init [NAME]",
		Short: "Print a commented spec to start from",
		Example: `  tailsweep init my-sweep > my-sweep.yaml
  tailsweep init --method bayes my-search > my-search.yaml`,
		Args: args(0, 1, "at most one name"),
	}
	method := &choice{value: string(sweep.MethodGrid), valid: methodNames()}
	cmd.Flags().Var(method, "method", "how to search")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		name := "my-sweep"
		if len(args) == 1 {
			name = args[0]
		}
		text, err := sweep.Init(name, sweep.Method(method.value))
		if err != nil {
			return usagef("init: %v", err)
		}
		_, err = io.WriteString(a.out, text)
		return err
	}
	return cmd
}

func newValidate(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "validate SPEC...",
		Short: "Check specs; every fault is told at once",
		Long: `validate checks specs and tells every fault at once, as file:line:column. With
-o json it prints an array of the faults of all files, empty when there are none.`,
		Args: args(1, 1000, "one or more spec files"),
	}
	output := outputFlag(cmd)
	cmd.RunE = func(_ *cobra.Command, paths []string) error {
		code := exitOK
		found := []faultLine{} // JSON is always an array
		for _, path := range paths {
			spec, _, err := a.readSpec(path)
			var faults sweep.Faults
			switch {
			case errors.As(err, &faults) && output.value == "json":
				for _, f := range faults {
					found = append(found, faultLine(f))
				}
				code = exitUsage
			case err != nil:
				a.say("%s", message(err))
				code = exitUsage
			case output.value == "json":
			default:
				if err := a.print(fmt.Sprintf("%s: sweep %q is valid (%s, %s)", path, spec.Name, spec.Method, plannedText(spec))); err != nil {
					return err
				}
			}
		}
		if output.value == "json" {
			if err := a.printJSON(found); err != nil {
				return err
			}
		}
		if code != exitOK {
			return silently(code)
		}
		return nil
	}
	return cmd
}

// faultLine is a fault as `tailsweep validate -o json` prints it.
type faultLine struct {
	File    string `json:"file"`
	Line    int    `json:"line"`   // from 1
	Column  int    `json:"column"` // from 1, in characters
	Field   string `json:"field"`
	Value   string `json:"value"` // as written
	Message string `json:"message"`
	Valid   string `json:"valid"` // the valid choices
}

func plannedText(spec *sweep.Spec) string {
	if n := spec.Planned(); n > 0 {
		return fmt.Sprintf("%d trials", n)
	}
	return "trials until the budget ends it"
}

func newSchema(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of specs, for editors",
		Args:  args(0, 0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			_, err := a.out.Write(sweep.Schema())
			return err
		},
	}
}

// methodNames are the words that a method flag takes.
func methodNames() []string {
	var names []string
	for _, m := range sweep.Methods() {
		names = append(names, string(m))
	}
	return names
}
