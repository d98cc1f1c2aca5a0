package evaluate

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/tailsweep/tailsweep/trainer/job"
)

// RunChild is the child process of `tailsweep evaluate --job FILE`: trainer/job's
// protocol on stdin and stdout. It returns the exit code. There is nothing to save
// when the worker drains: the evaluation goes on until the worker ends it.
func RunChild(ctx context.Context, jobFile string, stdin io.Reader, stdout io.Writer) int {
	return job.Run(ctx, stdin, stdout, func(ctx context.Context, c job.Child) error {
		var j job.Evaluate
		if err := job.Read(jobFile, &j); err != nil {
			return err
		}
		return Run(ctx, j, c.Emit, func(format string, a ...any) {
			_, _ = fmt.Fprintf(os.Stderr, format+"\n", a...) // nobody is left to tell
		})
	})
}
