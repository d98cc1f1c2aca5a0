package cli

import (
	"cmp"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/internal/stack"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/workflows"
)

// StackOptions are the options of every start of the stack.
func (a *App) StackOptions() stack.Options {
	return stack.Options{Worker: true, Out: a.Err, SearchAttributes: workflows.SearchAttributes()}
}

// BackendFlag adds --backend, whose default is the environment's.
func BackendFlag(cmd *cobra.Command) *Choice {
	c := &Choice{Value: cmp.Or(os.Getenv(stack.BackendVariable), backend.Auto), Valid: backend.Names()}
	cmd.Flags().Var(c, "backend", "backend of trainings ("+stack.BackendVariable+")")
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		if cmd.Flags().Changed("backend") {
			return nil
		}
		_, err := AskedBackend()
		return err
	}
	return c
}

// AskedBackend returns the backend that the environment asks for, or auto. An unknown
// one is a usage error.
func AskedBackend() (string, error) {
	name := cmp.Or(os.Getenv(stack.BackendVariable), backend.Auto)
	if !slices.Contains(backend.Names(), name) {
		return "", Usagef("%s is %q (valid: %s)", stack.BackendVariable, name, strings.Join(backend.Names(), ", "))
	}
	return name, nil
}

// RefuseOtherBackend returns a usage error where the worker of the embedded stack
// trains on another backend than the one that is asked for.
func RefuseOtherBackend(asked string) error {
	status, err := stack.Read("")
	if err != nil {
		return err
	}
	return checkBackend(asked, status.WorkerBackend)
}

// checkBackend refuses a backend that the running worker does not train on. auto
// accepts every worker; "" means that no worker runs.
func checkBackend(asked, worker string) error {
	if asked == backend.Auto || worker == "" {
		return nil
	}
	running, _, err := backend.Choose(worker)
	if err == nil && running != asked {
		return Usagef("backend %s was requested, but the running worker trains on %s: stop it with `tailsweep down` and try again", asked, running)
	}
	return err
}
