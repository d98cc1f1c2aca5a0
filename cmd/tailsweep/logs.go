package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/internal/stack"
	"github.com/tailsweep/tailsweep/internal/store"
)

// logTail is how much of a process's log is printed, in bytes from its end.
const logTail = 64 << 10

func newLogs(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "logs PROCESS | logs SWEEP TRIAL",
		Short: "What a process of the stack, or a trial's training, has printed",
		Example: `  tailsweep logs worker
  tailsweep logs my-sweep 3
  tailsweep logs my-sweep 3 --attempt 1`,
		Args: args(1, 2, "a process of `tailsweep status`, or a sweep and a trial"),
	}
	attempt := cmd.Flags().Int("attempt", 0, "of the trial (default: the last)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			return a.processLog(args[0])
		}
		number, err := strconv.Atoi(args[1])
		if err != nil || number < 0 {
			return usagef("logs: %q is no trial number", args[1])
		}
		return a.trialLog(cmd, args[0], number, *attempt)
	}
	return cmd
}

// processLog prints the end of a process's log.
func (a *app) processLog(name string) error {
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
		return usagef("logs: no process %q; valid: %s; for a trial: tailsweep logs SWEEP TRIAL", name, strings.Join(names, ", "))
	}
	f, err := os.Open(p.Log)
	if errors.Is(err, os.ErrNotExist) {
		return &codedError{exitNotFound, fmt.Errorf("%s has not logged anything yet (%s)", name, p.Log)}
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	if info, err := f.Stat(); err == nil && info.Size() > logTail {
		if _, err := f.Seek(-logTail, io.SeekEnd); err != nil {
			return err
		}
		a.say("the last %d KiB of %s:", logTail>>10, p.Log)
	}
	_, err = io.Copy(a.out, f)
	return err
}

// trialLog prints the log of one attempt at training a trial; attempt 0 is the last.
func (a *app) trialLog(cmd *cobra.Command, name string, trial, attempt int) error {
	ctx := cmd.Context()
	arc, err := a.archive(ctx)
	if err != nil {
		return err
	}
	if _, _, err := loadSpec(ctx, arc, name); err != nil {
		return err
	}
	attempts, err := arc.Attempts(ctx, name, trial)
	if err != nil {
		return err
	}
	if len(attempts) == 0 {
		return &codedError{exitNotFound, fmt.Errorf("there is no log of trial %d of %s: an attempt's log is stored when it ends; `tailsweep watch %[2]s` shows what runs, `tailsweep trials %[2]s` what has ended", trial, name)}
	}
	if attempt == 0 {
		attempt = attempts[len(attempts)-1]
	}
	log, err := arc.Log(ctx, name, trial, attempt)
	if errors.Is(err, store.ErrNotFound) {
		return &codedError{exitNotFound, fmt.Errorf("trial %d of %s has no log of attempt %d; there are: %s", trial, name, attempt, numbersText(attempts))}
	}
	if err != nil {
		return err
	}
	a.say("trial %d of %s, attempt %d (there are: %s):", trial, name, attempt, numbersText(attempts))
	_, err = io.Copy(a.out, log)
	return errors.Join(err, log.Close())
}

func numbersText(numbers []int) string {
	words := make([]string, len(numbers))
	for i, n := range numbers {
		words[i] = strconv.Itoa(n)
	}
	return strings.Join(words, ", ")
}
