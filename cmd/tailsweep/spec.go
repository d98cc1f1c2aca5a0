package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/cost"
	"github.com/tailsweep/tailsweep/sweep/specfile"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/precheck"
)

// maxSpec bounds the spec file that is read, in bytes; sweep.Parse has limits of its own.
const maxSpec = 4 << 20

// readSpec reads and parses a spec file, "-" for standard input. Faults of the
// spec are sweep.Faults; a file that cannot be read is a usage error.
func (a *app) readSpec(path string) (*sweep.Spec, []byte, error) {
	name, text, err := a.readText(path)
	if err != nil {
		return nil, nil, err
	}
	spec, err := specfile.Parse(name, text)
	return spec, text, err
}

// readText reads a spec file, and what faults call it.
func (a *app) readText(path string) (name string, text []byte, err error) {
	in, name := a.in, "stdin"
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return name, nil, usagef("read the spec: %w", err)
		}
		defer func() { _ = f.Close() }() // only read
		in, name = f, path
	}
	if text, err = io.ReadAll(io.LimitReader(in, maxSpec+1)); err != nil {
		return name, nil, usagef("read the spec %s: %w", name, err)
	}
	if len(text) > maxSpec {
		return name, nil, usagef("the spec %s is larger than %d MiB", name, maxSpec>>20)
	}
	return name, text, nil
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
		text, err := specfile.Init(name, sweep.Method(method.value))
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
		Long: `validate checks specs and tells every fault at once, as file:line:column. Where the
images and networks of a spec are on this machine, it also checks that its trials can
be judged, as a training does before its first step. With -o json it prints an array
of the faults of all files, empty when there are none.`,
		Args: args(1, 1000, "one or more spec files"),
	}
	output := outputFlag(cmd)
	cmd.RunE = func(_ *cobra.Command, paths []string) error {
		code := exitOK
		found := []faultLine{} // JSON is always an array
		for _, path := range paths {
			spec, text, err := a.readSpec(path)
			if err == nil {
				err = judgeable(path, text, spec)
			}
			var faults specfile.Faults
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
				a.warn(spec)
			default:
				a.warn(spec)
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

// judgeable checks a spec against images and networks, if they are on this machine.
func judgeable(path string, text []byte, spec *sweep.Spec) error {
	d, err := dataset.Local(spec.Dataset)
	if err != nil {
		return err
	}
	var files []string
	if d.Name == sweep.ImageFolder {
		files = append(files, d.Path)
		if sweep.Remote(spec.Dataset.Reference) { // its place in the cache
			files = append(files, d.Reference)
		}
	} else if f := spec.Evaluate.Features; f != nil { // how many images there are is known
		files = append(files, f.Path)
	}
	for _, file := range files {
		if _, err := os.Stat(file); err != nil {
			return nil //nolint:nilerr // it is where the trials train
		}
	}
	about, err := dataset.Describe(d)
	if err == nil {
		err = precheck.Trial(spec, sweep.Assignment{}, about)
	}
	var failure *sweep.FailureError
	if !errors.As(err, &failure) || failure.Class != sweep.FailBadData {
		return err
	}
	if path == "-" {
		path = "stdin"
	}
	fault := specfile.Fault{File: path}
	fault.Field, fault.Message, _ = strings.Cut(failure.Message, ": ")
	fault.Line, fault.Column = specfile.Locate(text, fault.Field)
	return specfile.Faults{fault}
}

// warn tells what of a sound spec is probably not meant.
func (a *app) warn(spec *sweep.Spec) {
	for _, text := range specfile.Warnings(spec) {
		a.say("%s: warning: %s", spec.Name, text)
	}
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
	if n := cost.TrialCount(spec); n > 0 {
		return counted(n, "trial")
	}
	return "trials until the budget ends it"
}

func newSchema(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of specs, for editors",
		Args:  args(0, 0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			_, err := a.out.Write(specfile.Schema())
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
