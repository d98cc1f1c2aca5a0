package cli

import (
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/stack"
	"github.com/tailsweep/tailsweep/sweep"
)

func TestAllowCommandsIsAskedFor(t *testing.T) {
	for name, c := range map[string]struct {
		env  string
		args []string
		want *bool
		err  string
	}{
		"nothing":           {},
		"flag":              {args: []string{"--allow-commands"}, want: new(true)},
		"variable":          {env: "1", want: new(true)},
		"flag off":          {env: "1", args: []string{"--allow-commands=false"}, want: new(false)},
		"variable off":      {env: "0", want: new(false)},
		"unknown":           {env: "yes", err: `TAILSWEEP_ALLOW_COMMANDS is "yes" (valid: 1, or 0 for no commands)`},
		"unknown, unneeded": {env: "yes", args: []string{"--allow-commands"}, want: new(true)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(stack.CommandsVariable, c.env)
			f := pflag.NewFlagSet("test", pflag.ContinueOnError)
			asked := AllowCommandsFlag(f, "the worker")
			require.NoError(t, f.Parse(c.args))
			got, err := asked()
			require.Equal(t, c.want, got)
			if c.err != "" {
				require.EqualError(t, err, c.err)
				require.Equal(t, ExitUsage, CodeOf(err))
				return
			}
			require.NoError(t, err)
		})
	}
}

// The command of a spec is refused before the sweep starts where the local worker would not run it.
func TestCheckCommand(t *testing.T) {
	program := &sweep.Spec{Trainer: &sweep.Trainer{Command: []string{"python", "train.py"}}}
	worker := func(running, commands bool) stack.Status {
		return stack.Status{RunsCommands: commands, Processes: []stack.Process{{Name: stack.ProcessWorker, Running: running}}}
	}
	const down, flag = "`tailsweep down`, then `tailsweep up --allow-commands`", "add --allow-commands if you trust this program"
	for name, c := range map[string]struct {
		status stack.Status
		asked  *bool
		spec   *sweep.Spec
		want   string
	}{
		"built-in trainer":                      {worker(true, false), nil, &sweep.Spec{}, ""},
		"runs commands":                         {worker(true, true), nil, program, ""},
		"runs none":                             {worker(true, false), nil, program, down},
		"runs none, asked for":                  {worker(true, false), new(true), program, down},
		"none runs":                             {worker(false, false), nil, program, flag},
		"none runs, asked for":                  {worker(false, false), new(true), program, ""},
		"a dead one ran commands":               {worker(false, true), nil, program, ""},
		"a dead one ran commands, not asked to": {worker(false, true), new(false), program, flag},
		"without one":                           {stack.Status{NoWorker: true}, nil, program, ""},
	} {
		err := CheckCommand(c.status, c.asked, c.spec)
		if c.want == "" {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorContains(t, err, c.want, name)
		require.ErrorContains(t, err, `trainer.command is "python train.py"`, name)
		require.Equal(t, ExitUsage, CodeOf(err), name)
	}
	require.NoError(t, RefuseWithoutCommands(worker(true, true), new(true)))
	require.NoError(t, RefuseWithoutCommands(worker(true, false), nil))
	require.NoError(t, RefuseWithoutCommands(worker(false, false), new(true)))
	err := RefuseWithoutCommands(worker(true, false), new(true))
	require.ErrorContains(t, err, down)
	require.Equal(t, ExitUsage, CodeOf(err))
}
