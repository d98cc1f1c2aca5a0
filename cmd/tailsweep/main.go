// Command tailsweep runs hyper-parameter sweeps of class-imbalanced diffusion
// models. main.go wires the verbs, one file each; exit.go says what the exit
// codes mean; app.go holds what verbs share.
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

	"github.com/tailsweep/tailsweep/workflows"
)

// version is set by the Makefile from the repository's tags.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	code := run(ctx, &app{in: os.Stdin, out: os.Stdout, err: os.Stderr}, os.Args[1:])
	stop()
	os.Exit(code)
}

// run does one command line and returns its exit code. An error is told once.
func run(ctx context.Context, a *app, arguments []string) int {
	root := newRoot(a)
	root.SetArgs(arguments)
	err := root.ExecuteContext(ctx)
	if text := message(err); text != "" {
		a.say("%s", text)
	}
	return codeOf(err)
}

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "tailsweep",
		Short: "Hyper-parameter sweeps for class-imbalanced diffusion models",
		Long: `tailsweep searches the weights of regularisers that let the rare classes of a
diffusion model gain diversity while the frequent ones lose nothing.

    tailsweep init > my.yaml      write a spec, then: validate, plan
    tailsweep run my.yaml         run it, here or on a cluster
    tailsweep best my-sweep       then: pull, report, sample`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				return usagef("tailsweep has no verb %q; did you mean %q?", args[0], near[0])
			}
			return usagef("tailsweep has no verb %q; `tailsweep --help` lists them", args[0])
		},
	}
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetIn(a.in)
	root.SuggestionsMinimumDistance = 2
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), "FlagUsages", fmt.Sprintf("FlagUsagesWrapped %d", lineWidth)))
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%s: %s; see `%s --help`", cmd.CommandPath(), strconvText.ReplaceAllString(err.Error(), "want a number"), cmd.CommandPath())
	})
	root.CompletionOptions.HiddenDefaultCmd = true
	a.connectionFlags(root)

	for _, group := range []struct {
		id, title string
		verbs     []*cobra.Command
	}{
		{"spec", "Write a spec:", []*cobra.Command{newInit(a), newValidate(a), newSchema(a), newPlan(a)}},
		{"stack", "The embedded stack:", []*cobra.Command{newUp(a), newDown(a), newStatus(a), newLogs(a)}},
		{"sweep", "Run and steer a sweep:", []*cobra.Command{
			newRun(a), newWatch(a), newList(a), newDescribe(a),
			newSteer(a, workflows.UpdatePause, "Start no new trials until resume"),
			newSteer(a, workflows.UpdateResume, "Go on after pause"),
			newSteer(a, workflows.UpdateStop, "End the sweep when its running trials have finished"),
			newSteer(a, workflows.UpdateCancel, "End the sweep now; checkpoints are kept"),
		}},
		{"result", "Look at results:", []*cobra.Command{newTrials(a), newBest(a), newPareto(a), newImportance(a), newExplain(a), newPull(a), newSample(a), newReport(a), newExport(a)}},
		{"search", "The search by itself:", []*cobra.Command{newSimulate(a), newAsktell(a)}},
		{"machine", "Workers and machines:", []*cobra.Command{newWorker(a), newTrain(a), newEvaluate(a), newFeatures(a), newData(a), newDoctor(a), newBackend(a), newVersion(a)}},
	} {
		root.AddGroup(&cobra.Group{ID: group.id, Title: group.title})
		for _, verb := range group.verbs {
			verb.GroupID = group.id
			root.AddCommand(verb)
		}
	}
	root.AddCommand(&cobra.Command{Use: "exit-codes", Short: "What the exit codes mean", Long: exitCodes})
	return root
}

// strconvText is how a flag's number that is none is complained of.
var strconvText = regexp.MustCompile(`strconv\.Parse\w+: parsing .*: (invalid syntax|value out of range)`)
