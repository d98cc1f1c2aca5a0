package trainer

import (
	"context"
	"io"

	"github.com/tailsweep/tailsweep/trainer/job"
)

// RunChild is the child process of `tailsweep train --job FILE`. It follows the
// protocol of trainer/job on stdin and stdout, logs text to stderr, and returns the
// exit code. A nil stdin is not watched, for training without a worker. version is the program's
// version, for manifests.
func RunChild(ctx context.Context, jobFile string, stdin io.Reader, stdout io.Writer, version string) int {
	return job.Run(ctx, stdin, stdout, func(ctx context.Context, c job.Child) error {
		var j job.Train
		if err := job.Read(jobFile, &j); err != nil {
			return err
		}
		return Train(ctx, j, Options{Events: c.Emit, Drain: c.Drain, Log: c.Log, Version: version})
	})
}
