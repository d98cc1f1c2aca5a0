package machine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/internal/address"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/connect"
	"github.com/tailsweep/tailsweep/internal/stack"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/workflows"
)

// doctorTimeout is how long doctor waits for each service.
const doctorTimeout = 5 * time.Second

// Doctor is the verb doctor: it checks this machine and the services, or what the object
// store has of a sweep.
func Doctor(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor [SWEEP]",
		Short: "Check this machine and its services, or a sweep in the store",
		Long: `doctor checks this machine, this binary and the services.

doctor SWEEP checks all that the object store has of a sweep: the spec, the ledger with
its digests and packs, the results, the pointer to the best trials, checkpoints, grids and
logs. --repair rebuilds from copies and results what is damaged; the damaged objects are
kept below v1/sweeps/SWEEP/damaged/. A blocked sweep continues by itself afterwards.`,
		Args: cli.Args(0, 1, "at most one sweep"),
	}
	output := cli.OutputFlag(cmd)
	readData := cmd.Flags().Bool("read-data", false, "read all bytes of checkpoints, grids and curves, too")
	repair := cmd.Flags().Bool("repair", false, "rebuild what is damaged and can be rebuilt")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			return checkSweep(cmd.Context(), a, args[0], archive.CheckOptions{ReadData: *readData, Repair: *repair}, output)
		}
		if *readData || *repair {
			return cli.Usagef("--read-data and --repair are for a sweep: tailsweep doctor SWEEP")
		}
		checks := append(backend.Doctor(), checkCommands())
		checks = append(checks, checkServices(cmd.Context(), a)...)
		if err := cmd.Context().Err(); err != nil { // the faults are its consequence
			return err
		}
		if err := a.PrintAs(output, checks, doctorText(checks, console.Painter(a.Terminal().Colour))...); err != nil {
			return err
		}
		for _, c := range checks {
			if c.Level == backend.Fault {
				return cli.Silently(cli.ExitFailure)
			}
		}
		return nil
	}
	return cmd
}

// checkCommands says whether the worker of the embedded stack runs the commands of specs.
// Either is as it should be: its user decides.
func checkCommands() backend.Check {
	c := backend.Check{Name: "commands of specs", Level: backend.OK}
	s, err := stack.Read("")
	if err != nil {
		c.Level, c.Found = backend.Fault, address.Redact(err.Error())
		return c
	}
	running := s.Process(stack.ProcessWorker).Running
	switch {
	case s.RunsCommands && running:
		c.Found = "the local worker runs them (--allow-commands)"
	case running:
		c.Found, c.Fix = "the local worker runs none", "for a spec with trainer.command: `tailsweep down`, then `tailsweep up --allow-commands`"
	default:
		c.Found, c.Fix = "no local worker runs", "for a spec with trainer.command: `tailsweep run SPEC --allow-commands`"
	}
	return c
}

// checkServices checks that Temporal and the object store answer. An embedded stack
// that is down is not a fault: run starts it.
func checkServices(ctx context.Context, a *cli.App) []backend.Check {
	temporal := backend.Check{Name: "Temporal", Level: backend.OK}
	objects := backend.Check{Name: "object store", Level: backend.OK}
	target, err := connect.Resolve(a.Flags)
	if err != nil {
		return []backend.Check{{Name: "services", Level: backend.Fault, Found: address.Redact(err.Error())}}
	}
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	c, err := target.Dial(ctx, nil)
	if err == nil {
		temporal.Found = fmt.Sprintf("answers at %s, and the namespace %q has its search attributes", target.Address(), target.Namespace())
		err = target.CheckAttributes(ctx, c, workflows.SearchAttributes())
		c.Close()
	}
	setError(&temporal, err)
	opened, err := target.OpenStore(ctx)
	if err == nil {
		objects.Found = fmt.Sprintf("answers at %s, and honours conditional writes", target.Endpoint())
		err = archive.New(opened).CheckConditions(ctx)
	}
	setError(&objects, err)
	return []backend.Check{temporal, objects}
}

// setError puts an error into a check.
func setError(c *backend.Check, err error) {
	switch {
	case err == nil:
	case errors.Is(err, connect.ErrStackDown):
		c.Found, c.Fix = "the embedded stack is down", "`tailsweep up`, or just `tailsweep run`"
	default:
		c.Level, c.Found = backend.Fault, address.Redact(err.Error())
	}
}

// levelColour has the colour of each level of a check, of this machine or of a sweep.
var levelColour = map[string]string{
	string(backend.OK):          console.Green,
	string(backend.Warning):     console.Yellow,
	string(backend.Fault):       console.Red,
	string(archive.LevelNotice): console.Yellow,
}

// doctorText has a line for each check, and one for what to do about it.
func doctorText(checks []backend.Check, paint console.Paint) []string {
	var lines []string
	for _, c := range checks {
		mark := paint(levelColour[string(c.Level)], fmt.Sprintf("%-7s", c.Level))
		lines = append(lines, fmt.Sprintf("%s  %-20s %s", mark, c.Name, console.Printable(c.Found)))
		if c.Fix != "" {
			lines = append(lines, fmt.Sprintf("         %-20s -> %s", "", console.Printable(c.Fix)))
		}
	}
	return lines
}
