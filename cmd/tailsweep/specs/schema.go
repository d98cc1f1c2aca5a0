package specs

import (
	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/sweep/specfile"
	"github.com/tailsweep/tailsweep/trainer/program"
)

// Schema is the verb schema: it prints the JSON Schema of specs, or of what a program of the
// user reads and writes.
func Schema(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schema [--message job|event]",
		Short: "Print the JSON Schema of specs, for editors",
		Long: `schema prints the JSON Schema of specs. With --message it prints that of the job file that a
program of yours reads (job), or of the messages that it writes (event): see docs/trainer-protocol.md.`,
		Args: cli.Args(0, 0, "no arguments"),
	}
	message := cmd.Flags().String("message", "", "the schema of a message of the trainer protocol in place of specs: job or event")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		text := specfile.Schema()
		if cmd.Flags().Changed("message") {
			var ok bool
			if text, ok = program.Schema(*message); !ok {
				return cli.Usagef("schema: --message is %q (valid: %s, %s)", *message, program.MessageJob, program.MessageEvent)
			}
		}
		_, err := a.Out.Write(text)
		return err
	}
	return cmd
}
