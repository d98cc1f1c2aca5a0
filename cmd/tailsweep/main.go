package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/machine"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/results"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/search"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/services"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/specs"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/sweeps"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// version is set by the Makefile from the repository's tags.
var version = "dev"

// verb makes the command of a verb.
type verb func(*cli.App) *cobra.Command

// groups are the verbs, in the order of the help.
var groups = []struct {
	id, title string
	verbs     []verb
}{
	{"spec", "Write a spec:", []verb{specs.Init, specs.Validate, specs.Schema, specs.Metrics, specs.Plan}},
	{"stack", "The embedded stack:", []verb{services.Up, services.Down, services.Status, services.Logs}},
	{"sweep", "Run and steer a sweep:", []verb{
		sweeps.Run, sweeps.Rerun, sweeps.Watch, sweeps.Wait, sweeps.List, sweeps.Describe,
		sweeps.Steer(conduct.CommandPause), sweeps.Steer(conduct.CommandResume), sweeps.Steer(conduct.CommandStop), sweeps.Steer(conduct.CommandCancel),
		sweeps.Rm, sweeps.GC,
	}},
	{"change", "Change a sweep that runs or has ended:", []verb{
		sweeps.Steer(conduct.CommandExtend), sweeps.Steer(conduct.CommandSet), sweeps.Steer(conduct.CommandEdit), sweeps.Steer(conduct.CommandEnqueue),
		sweeps.Steer(conduct.CommandRetry), sweeps.Steer(conduct.CommandPin), sweeps.Steer(conduct.CommandUnpin),
	}},
	{"result", "Look at results:", []verb{
		results.Trials, results.Best, results.Pareto, results.Importance, results.Explain, results.Pull, results.Sample, results.Generate, results.CAS,
		results.Report, results.Export,
	}},
	{"search", "The search by itself:", []verb{search.Simulate, search.Asktell}},
	{"machine", "Workers and machines:", []verb{
		machine.Worker, machine.Train, machine.TrainerCheck, machine.Evaluate, machine.Features, machine.Data, machine.Doctor, machine.Setup, machine.Backend, machine.Version,
	}},
}

func main() {
	cli.Version = version
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	code := run(ctx, &cli.App{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, os.Args[1:])
	stop()
	os.Exit(code)
}

// run executes a command line and returns its exit code.
func run(ctx context.Context, a *cli.App, arguments []string) int {
	root := newRoot(a)
	root.SetArgs(arguments)
	err := cli.Interrupted(ctx, root.ExecuteContext(ctx))
	if text := cli.Message(err); text != "" {
		a.Log("%s", text)
	}
	return cli.CodeOf(err)
}

func newRoot(a *cli.App) *cobra.Command {
	root := &cobra.Command{
		Use:   "tailsweep",
		Short: "Hyper-parameter sweeps for class-imbalanced diffusion models",
		Long: `tailsweep searches loss weights that improve the rare classes of a diffusion model
without making the frequent classes worse.

    tailsweep init > my.yaml      write a spec (--from FOLDER: of your images), then: validate, plan
    tailsweep run my.yaml         run it, here or on a cluster
    tailsweep best my-sweep       then: pull, report, sample

` + "`tailsweep help exit-codes`" + ` and ` + "`tailsweep help environment`" + ` explain the exit codes and the
environment variables (docs/guide.md).`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return unknownVerb(cmd, args[0])
		},
	}
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	root.SetIn(a.In)
	root.SuggestionsMinimumDistance = 2
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), "FlagUsages", fmt.Sprintf("FlagUsagesWrapped %d", console.LineWidth)))
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		text := strconvText.ReplaceAllString(err.Error(), "not a number")
		text = durationText.ReplaceAllString(text, "not a time such as 90m or 12h")
		text = negativeText.ReplaceAllString(text, `"$1" is neither a flag nor a number that is valid here (valid: 0 or more)`)
		return cli.Usagef("%s: %s; see `%s --help`", cli.Verb(cmd), text, cmd.CommandPath())
	})
	root.CompletionOptions.HiddenDefaultCmd = true
	a.ConnectionFlags(root)

	for _, group := range groups {
		root.AddGroup(&cobra.Group{ID: group.id, Title: group.title})
		for _, make := range group.verbs {
			cmd := make(a)
			cmd.GroupID = group.id
			reflow(cmd)
			root.AddCommand(cmd)
		}
	}
	root.AddCommand(&cobra.Command{Use: "exit-codes", Short: "What the exit codes mean", Long: console.Reflow(cli.ExitCodesHelp())})
	root.AddCommand(&cobra.Command{Use: "environment", Short: "Environment variables", Long: cli.EnvironmentHelp()})
	root.Long = console.Reflow(root.Long)
	root.InitDefaultHelpCmd()
	help, _, _ := root.Find([]string{"help"}) // it was just made
	help.RunE = func(cmd *cobra.Command, args []string) error {
		topic, rest, err := root.Find(args)
		if err != nil || len(rest) > 0 {
			return unknownVerb(topic, args[len(args)-max(1, len(rest))])
		}
		help.Run(cmd, args)
		return nil
	}
	return root
}

// unknownVerb is the error of a command line that names a verb that cmd does not have.
func unknownVerb(cmd *cobra.Command, name string) error {
	if near := cmd.SuggestionsFor(name); len(near) > 0 {
		return cli.Usagef("unknown verb %q; did you mean %q?", name, near[0])
	}
	return cli.Usagef("unknown verb %q; `%s --help` lists the verbs", name, cmd.CommandPath())
}

// reflow breaks the help of a verb and of those below it into lines of console.LineWidth.
func reflow(cmd *cobra.Command) {
	cmd.Long = console.Reflow(cmd.Long)
	for _, sub := range cmd.Commands() {
		reflow(sub)
	}
}

// durationText matches what package time reports about the value of a flag for a duration.
var durationText = regexp.MustCompile(`time: (?:invalid duration|missing unit in duration|unknown unit .* in duration) .*$`)

// strconvText matches what strconv reports about the value of a flag for a number.
var strconvText = regexp.MustCompile(`strconv\.Parse\w+: parsing .*: (invalid syntax|value out of range)`)

// negativeText matches what pflag reports about a negative number as an argument.
var negativeText = regexp.MustCompile(`unknown shorthand flag: '\d' in (-\S+)`)
