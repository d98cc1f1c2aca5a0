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
    {"op":"ask"}                  {"id":0,"params":{"k":"a","x":0.28}}
    {"op":"tell","id":0,"values":[3.5]}
                                  {"ok":true}
    {"op":"best"}                 {"ok":true,"id":0,"params":{...},"values":[3.5]}
    {"op":"quit"}                 {"ok":true}

(An init is one line; here it is broken for reading.) The operations:

    init     Starts a search; a second init starts another. Fields:
               space     the parameters, 1 to 200, see below
               nobj      objectives, 1 to 8 (1)
               ncon      constraints, 0 to 8 (0)
               noisy     repeated evaluations can differ (false)
               seed      of the search, from 0 (0)
               budget    trials that the search plans for; it does not end there
               parallel  parallel trials that the search plans for (1)
               method    ` + strings.Join(cli.Words(sweep.Methods()), ", ") + ` (bayes)
    ask      Answers {"id","params"}. For parallel trials ask again before tell. When
             every configuration of the space was tried, the answer is
             {"error":...,"exhausted":true}.
    tell     id, values (one for each objective), constraints (one for each
             constraint); ids in any order, each once. Or, without values,
             "status":"failed" (no information about the configuration) or
             "diverged" (as bad as the worst).
    inject   Adds a finished trial that was not asked for: params, or u, its point in
             the unit cube with a number for each parameter in the order of space;
             then as in tell. Answers {"ok":true,"id"}.
    best     Answers the best feasible trial:
             {"ok":true,"id","params","values","constraints"}; with several
             objectives {"ok":true,"front":[...]}.
    explain  id. Answers the trial and "reason": why it was suggested.
    quit     Ends, as does the end of the input.

A parameter has name, type, and the fields of its type:

    float    low, high; log; step (or q); zero, the probability of an exact 0,
             which needs low > 0; mu and sigma for a normal distribution, with log
             of the natural logarithm, cut off at low and high
    int      low, high; log; step (or q); zero
    cat      choices: numbers or strings
    ordinal  choices, whose order has a meaning
    const    value
    any      when: "NAME OP VALUE", OP one of == != < <= > >=: the parameter is
             absent from params while this is false. count: the number of values of
             a range with method grid

A faulty request is answered {"error":"FIELD: ..."} and changes nothing; the session
continues. Unknown fields are faults. Limits: 1 MiB for a line, 100000 trials, 1000
choices. docs/asktell.md has a client in Python.`,
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
