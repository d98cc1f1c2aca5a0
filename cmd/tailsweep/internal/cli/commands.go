package cli

import (
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/tailsweep/tailsweep/internal/stack"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
)

// AllowCommandsFlag adds --allow-commands, whose default is the environment's. asked returns
// nil where neither is given, and a usage error for a value of the variable that is unknown.
func AllowCommandsFlag(f *pflag.FlagSet, whose string) (asked func() (*bool, error)) {
	const name = "allow-commands"
	allow := f.Bool(name, false, "let "+whose+" run the commands of specs (trainer.command) as this user ("+stack.CommandsVariable+")")
	return func() (*bool, error) {
		if f.Changed(name) {
			return allow, nil
		}
		switch value := os.Getenv(stack.CommandsVariable); value {
		case "":
			return nil, nil
		case "0", "1":
			return new(value == "1"), nil
		default:
			return nil, Usagef("%s is %q (valid: 1, or 0 for no commands)", stack.CommandsVariable, value)
		}
	}
}

// RefuseWithoutCommands returns a usage error where commands are asked for and the running
// worker of the embedded stack runs none.
func RefuseWithoutCommands(s stack.Status, asked *bool) error {
	if asked == nil || !*asked || !s.Process(stack.ProcessWorker).Running || s.RunsCommands {
		return nil
	}
	return Usagef("--allow-commands: the running worker does not run commands: `tailsweep down`, then `tailsweep up --allow-commands`")
}

// CheckCommand returns a usage error where the worker of the embedded stack, the running one
// or the one that would be started with asked, does not run the command of the spec.
func CheckCommand(s stack.Status, asked *bool, spec *sweep.Spec) error {
	worker := s.Process(stack.ProcessWorker)
	switch {
	case spec.Trainer == nil, s.NoWorker: // other workers decide themselves
		return nil
	case worker.Running:
		if s.RunsCommands {
			return nil
		}
		return Usagef("trainer.command is %q, and the running worker does not run commands of specs: `tailsweep down`, then `tailsweep up --allow-commands`, if you trust this program", CommandText(spec))
	case asked == nil && s.RunsCommands, asked != nil && *asked: // a dead worker keeps its settings
		return nil
	}
	return Usagef("trainer.command is %q, and the worker that this would start does not run commands of specs: add --allow-commands if you trust this program", CommandText(spec))
}

// maxCommand bounds CommandText, in bytes.
const maxCommand = 200

// CommandText is the command of a spec's trainer in one line, shortened.
func CommandText(s *sweep.Spec) string {
	return text.Clip(strings.Join(s.Trainer.Command, " "), maxCommand)
}
