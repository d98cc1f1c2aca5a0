package cli

import (
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/internal/stack"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/workflows"
)

// stackOptions are those that every start of the stack shares.
func (a *App) StackOptions() stack.Options {
	return stack.Options{Worker: true, Out: a.Err, SearchAttributes: workflows.SearchAttributes()}
}

// EnvOr is an environment variable, or else a default.
func EnvOr(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// BackendFlag adds --backend, whose default is the environment's.
func BackendFlag(cmd *cobra.Command) *Choice {
	c := &Choice{Value: EnvOr(backendVariable, backend.Auto), Valid: backend.Names()}
	cmd.Flags().Var(c, "backend", "what trainings compute with ("+backendVariable+")")
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		if cmd.Flags().Changed("backend") {
			return nil
		}
		_, err := AskedBackend()
		return err
	}
	return c
}

const backendVariable = "TAILSWEEP_BACKEND"

// AskedBackend is the environment's backend, auto where it has none; an unknown one
// is bad input.
func AskedBackend() (string, error) {
	name := EnvOr(backendVariable, backend.Auto)
	if !slices.Contains(backend.Names(), name) {
		return "", Usagef("%s is %q, want one of %s", backendVariable, name, strings.Join(backend.Names(), ", "))
	}
	return name, nil
}

// RefuseOtherBackend is otherBackend of the embedded stack's worker.
func RefuseOtherBackend(asked string) error {
	status, err := stack.Read("")
	if err != nil {
		return err
	}
	return otherBackend(asked, status.WorkerBackend)
}

// otherBackend refuses a backend that a running worker, started with another, does
// not train on. auto asks for none in particular; no worker ("") may have any.
func otherBackend(asked, worker string) error {
	if asked == backend.Auto || worker == "" {
		return nil
	}
	running, _, err := backend.Choose(worker)
	if err == nil && running != asked {
		return Usagef("backend %s is asked for, and the running worker trains on %s: `tailsweep down` ends that worker, then try again", asked, running)
	}
	return err
}
