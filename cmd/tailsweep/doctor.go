package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/internal/address"
	"github.com/tailsweep/tailsweep/internal/connect"
	"github.com/tailsweep/tailsweep/trainer/backend"
)

// doctorTimeout bounds how long doctor waits for each service.
const doctorTimeout = 5 * time.Second

func newDoctor(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look at this machine, this binary and the services",
		Args:  args(0, 0, "no arguments"),
	}
	output := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		checks := append(backend.Doctor(), a.checkServices(cmd.Context())...)
		var err error
		if output.value == "json" {
			err = a.printJSON(checks)
		} else {
			err = a.print(doctorText(checks, painter(a.terminal().colour))...)
		}
		if err != nil {
			return err
		}
		for _, c := range checks {
			if c.Level == backend.Fault {
				return silently(exitFailure)
			}
		}
		return nil
	}
	return cmd
}

// checkServices looks whether Temporal and the object store answer. An embedded
// stack that is down is no fault: run starts it.
func (a *app) checkServices(ctx context.Context) []backend.Check {
	temporal := backend.Check{Name: "Temporal", Level: backend.OK}
	objects := backend.Check{Name: "object store", Level: backend.OK}
	target, err := connect.Resolve(a.flags)
	if err != nil {
		return []backend.Check{{Name: "services", Level: backend.Fault, Found: address.Redact(err.Error())}}
	}
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	c, err := target.Dial(ctx, nil)
	if err == nil {
		temporal.Found = "answers at " + target.Address()
		c.Close()
	}
	found(&temporal, err)
	if _, err = target.OpenStore(ctx); err == nil {
		objects.Found = "answers at " + target.Endpoint().String()
	}
	found(&objects, err)
	return []backend.Check{temporal, objects}
}

// found puts an error into a check.
func found(c *backend.Check, err error) {
	switch {
	case err == nil:
	case errors.Is(err, connect.ErrStackDown):
		c.Found, c.Fix = "the embedded stack is down", "`tailsweep up`, or just `tailsweep run`"
	default:
		c.Level, c.Found = backend.Fault, address.Redact(err.Error())
	}
}

// doctorText is a line a check, and one for what to do about it.
func doctorText(checks []backend.Check, paint paint) []string {
	var lines []string
	for _, c := range checks {
		mark := paint(green, "ok     ")
		switch c.Level {
		case backend.Warning:
			mark = paint(yellow, "warning")
		case backend.Fault:
			mark = paint(red, "FAULT  ")
		}
		lines = append(lines, fmt.Sprintf("%s  %-20s %s", mark, c.Name, printable(c.Found)))
		if c.Fix != "" {
			lines = append(lines, fmt.Sprintf("         %-20s -> %s", "", printable(c.Fix)))
		}
	}
	return lines
}
