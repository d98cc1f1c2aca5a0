package search

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/asktell"
)

// Asktell is the verb asktell: it serves the search to another program.
func Asktell(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use:   "asktell",
		Short: "Serve the search to another program, one JSON line per request",
		Args:  cli.Args(0, 0, "no arguments"),
		Long: `asktell serves the search to another program, which asks for configurations and reports
their values: a JSON object in each line of stdin is answered by one on stdout. It needs
no stack and no network. All objectives are minimised; a constraint is satisfied at <= 0.

    {"op":"init","space":[{"name":"x","type":"float","low":0,"high":1},
        {"name":"k","type":"cat","choices":["a","b"]}],"seed":1,"budget":100}
                                {"ok":true}
    {"op":"ask"}                {"id":0,"params":{"k":"a","x":0.28}}
    {"op":"tell","id":0,"values":[3.5]}
                                {"ok":true}
    {"op":"best"}               {"ok":true,"id":0,"params":{...},"values":[3.5]}
    {"op":"quit"}               {"ok":true}

(An init is one line; here it is broken for reading.) The operations:

    init     starts a search over space; method is one of
             ` + strings.Join(cli.Words(sweep.Methods()), ", ") + ` (bayes)
    ask      asks for a configuration; for parallel trials ask again before tell
    tell     reports a trial: values and constraints, or "status": ` + strings.Join(cli.Words(asktell.StatusesWithoutValues()), " or ") + `
    inject   adds a finished trial that was not asked for
    best     asks for the best feasible trial, or with several objectives for the front
    explain  asks why a trial was suggested
    quit     ends, as does the end of the input

A faulty request is answered {"error":"FIELD: ..."} with the valid values, and changes
nothing. docs/asktell.md has every field and limit, and a client in Python.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ended := make(chan error, 1)
			go func() { ended <- asktell.Serve(a.In, a.Out) }()
			select { // a read of stdin cannot be interrupted
			case err := <-ended:
				return err
			case <-cmd.Context().Done():
				return cmd.Context().Err()
			}
		},
	}
}
