package evaluate

import (
	"context"
	"io"

	"github.com/tailsweep/tailsweep/trainer/job"
)

// RunChild is the child process of `tailsweep evaluate --job FILE`. It follows the
// protocol of trainer/job on stdin and stdout, and returns the exit code. An evaluation
// has no state to save: when the worker drains it continues until the worker ends it.
func RunChild(ctx context.Context, jobFile string, stdin io.Reader, stdout io.Writer) int {
	return job.Run(ctx, stdin, stdout, func(ctx context.Context, c job.Child) error {
		var j job.Evaluate
		if err := job.Read(jobFile, &j); err != nil {
			return err
		}
		return Run(ctx, j, c.Emit, c.Log)
	})
}
