package services

import (
	"errors"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/internal/stack"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/internal/text"
)

// logTail is how many bytes from the end of a process's log are printed.
const logTail = 64 << 10

// Logs is the verb logs: it prints the log of a process or of a trial.
func Logs(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "logs PROCESS | logs SWEEP TRIAL",
		Short: "Print the log of a process of the stack or of a trial",
		Example: `  tailsweep logs worker
  tailsweep logs my-sweep 3
  tailsweep logs my-sweep 3 --attempt 1`,
		Args: cli.Args(1, 2, "a process of `tailsweep status`, or a sweep and a trial"),
	}
	attempt := cmd.Flags().Int("attempt", 0, "attempt of the trial (default: the last)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			return processLog(a, args[0])
		}
		number, err := cli.TrialNumber(args[1])
		if err != nil {
			return err
		}
		return trialLog(a, cmd, args[0], number, *attempt)
	}
	return cmd
}

// processLog prints the end of the log of a process.
func processLog(a *cli.App, name string) error {
	status, err := stack.Read("")
	if err != nil {
		return err
	}
	p := status.Process(name)
	if p.Log == "" {
		var names []string
		for _, p := range status.Processes {
			names = append(names, p.Name)
		}
		return cli.Usagef("logs: no process %q (valid: %s; for a trial: tailsweep logs SWEEP TRIAL)", name, strings.Join(names, ", "))
	}
	f, err := os.Open(p.Log)
	if errors.Is(err, os.ErrNotExist) {
		return cli.NotFoundf("%s has not logged anything yet (%s)", name, p.Log)
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	if info, err := f.Stat(); err == nil && info.Size() > logTail {
		if _, err := f.Seek(-logTail, io.SeekEnd); err != nil {
			return err
		}
		a.Log("the last %d KiB of %s:", logTail>>10, p.Log)
	}
	return a.Copy(f)
}

// trialLog prints the log of one attempt of a trial; attempt 0 is the last.
func trialLog(a *cli.App, cmd *cobra.Command, name string, trial, attempt int) error {
	ctx := cmd.Context()
	arc, _, _, err := a.Sweep(ctx, name)
	if err != nil {
		return err
	}
	attempts, err := arc.Attempts(ctx, name, trial)
	if err != nil {
		return err
	}
	if len(attempts) == 0 {
		return cli.NotFoundf("trial %d of %s has no log: a log is stored when its attempt ends; `tailsweep watch %[2]s` shows the running trials, `tailsweep trials %[2]s` the finished ones", trial, name)
	}
	if attempt == 0 {
		attempt = attempts[len(attempts)-1]
	}
	log, err := arc.Log(ctx, name, trial, attempt)
	if errors.Is(err, store.ErrNotFound) {
		return cli.NotFoundf("trial %d of %s has no log of attempt %d (valid: %s)", trial, name, attempt, text.Numbers(attempts, len(attempts)))
	}
	if err != nil {
		return err
	}
	a.Log("trial %d of %s, attempt %d (of %s):", trial, name, attempt, text.Numbers(attempts, len(attempts)))
	err = a.Copy(log)
	return errors.Join(err, log.Close())
}
