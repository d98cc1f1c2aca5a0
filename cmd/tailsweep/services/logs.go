package services

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/progress"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/trialview"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/stack"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/trainer/job"
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
	output := &cli.Choice{Value: formatText, Valid: []string{formatText, cli.FormatJSON}}
	cmd.Flags().VarP(output, "output", "o", "output format of the log of a trial")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			return processLog(a, args[0])
		}
		number, err := cli.TrialNumber(args[1])
		if err != nil {
			return err
		}
		return trialLog(a, cmd, args[0], number, *attempt, output)
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

// formatText is the log of a trial for people; as JSON it is printed as it is stored.
const formatText = "text"

// trialLog prints the log of one attempt of a trial; attempt 0 is the last.
func trialLog(a *cli.App, cmd *cobra.Command, name string, trial, attempt int, output *cli.Choice) error {
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
		return noLog(ctx, a, arc, name, trial)
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
	if output.Value == cli.FormatJSON {
		return errors.Join(a.Copy(log), log.Close())
	}
	return errors.Join(printEvents(a, log), log.Close())
}

// maxLine bounds a line of a log.
const maxLine = 1 << 20

// printEvents prints a log with its events as text.
func printEvents(a *cli.App, log io.Reader) error {
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		if line := logLine(lines.Bytes()); line != "" {
			if err := a.Print(line); err != nil {
				return err
			}
		}
	}
	return lines.Err()
}

// logLine formats a line of a log; "" for an event that says nothing to people. A line that is
// not an event of a known type stays as it is.
func logLine(line []byte) string {
	var e job.Event
	switch err := json.Unmarshal(line, &e); {
	case err != nil || !e.Type.Known():
		return string(line)
	case e.Type == job.Error:
		return string(e.Class) + ": " + e.Message
	default:
		return trialview.Event(e)
	}
}

// noLog is the error of a trial that left no log in the object store.
func noLog(ctx context.Context, a *cli.App, arc *archive.Archive, name string, trial int) error {
	trials, err := arc.Trials(ctx, name)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(trials, func(t sweep.Trial) bool { return t.Number == trial }) {
		return cli.NotFoundf("trial %d of %s has no log: none of its attempts has stored one (`tailsweep trials %[2]s` shows how it ended)", trial, name)
	}
	c, err := a.Temporal(ctx)
	if err != nil {
		return cli.NotFoundf("trial %d of %s has no log and no result; whether it runs is unknown: %w", trial, name, err)
	}
	defer c.Close()
	p, err := progress.QueryProgress(ctx, c, name)
	if err != nil {
		return cli.NotFoundf("trial %d of %s has no log and no result; whether it runs is unknown: %w", trial, name, err)
	}
	if !slices.ContainsFunc(p.Running, func(r conduct.Running) bool { return r.Number == trial }) {
		return cli.NotFoundf("sweep %s has no trial %d; `tailsweep trials %[1]s` lists the finished trials", name, trial)
	}
	return cli.NotFoundf("trial %d of %s has not ended: its log is stored when its attempt ends. Until then its worker writes it to "+
		"%[2]s-%06[1]d-*/out/log.txt in its staging folder; `tailsweep logs worker` shows what the worker of the embedded stack does", trial, name)
}
