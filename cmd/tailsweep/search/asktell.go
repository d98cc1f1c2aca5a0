package search

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/sweep/asktell"
)

func Asktell(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use:   "asktell",
		Short: "Search for another program: ask and tell, a JSON line each",
		Args:  cli.Args(0, 0, "no arguments"),
		Long: `asktell searches for another program, which asks for points and tells their
values: one JSON object a line on stdin, one a line back on stdout. It needs no
stack and no network. All objectives are minimised; a constraint holds at <= 0.

    {"op":"init","space":[{"name":"x","type":"float","low":0,"high":1},
        {"name":"k","type":"cat","choices":["a","b"]}],"seed":1,"budget":100}
                                  {"ok":true}
    {"op":"ask"}                  {"id":0,"params":{"k":"a","x":0.28}}
    {"op":"tell","id":0,"values":[3.5]}
                                  {"ok":true}
    {"op":"best"}                 {"ok":true,"id":0,"params":{...},"values":[3.5]}
    {"op":"quit"}                 {"ok":true}

(An init is one line; it is broken here to be read.) The operations:

    init     Begins a search; a second one begins another. Fields:
               space     the parameters, 1 to 200, see below
               nobj      objectives, 1 to 8 (1)
               ncon      constraints, 0 to 8 (0)
               noisy     equal points can have unequal values (false)
               seed      of the search, from 0 (0)
               budget    trials that the search plans with; it does not end by it
               parallel  trials that run at the same time, likewise (1)
               method    ` + strings.Join(cli.MethodNames(), ", ") + ` (bayes)
    ask      Answers {"id","params"}. Ask again before telling for trials in
             parallel. A space without an untried point left is
             {"error":...,"exhausted":true}.
    tell     id, values (one an objective), constraints (one a constraint); in any
             order, each id once. Or "status":"failed" (it says nothing about the
             point) or "diverged" (as bad as the worst), with neither.
    inject   A finished trial that was not asked for: params, or u, the point of
             the unit cube with a number a parameter in the space's order; then as
             in tell. Answers {"ok":true,"id"}.
    best     The trial to take: {"ok":true,"id","params","values","constraints"};
             of several objectives {"ok":true,"front":[...]}. Infeasible ones take
             no part.
    explain  id. Answers with the trial and "reason": why its point was chosen.
    quit     Ends, as does the end of the input.

A parameter has name, type and

    float    low, high; log; step (or q); zero, the probability of an exact 0,
             which needs low > 0; mu and sigma for a normal distribution, with log
             of the natural logarithm, cut off at low and high
    int      low, high; log; step (or q); zero
    cat      choices: numbers or strings
    ordinal  choices, whose order means something
    const    value
    any      when: "NAME OP VALUE", OP one of == != < <= > >=: the parameter is
             absent from params when that is false. count: with method grid, the
             points that it takes of a range

A mistake is answered {"error":"FIELD: ..."}, changes nothing, and the session goes
on. Unknown fields are mistakes. A line has 1 MiB at most, a search 100000 trials,
choices 1000. docs/asktell.md has a client in Python.`,
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
