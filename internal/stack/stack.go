package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/tailsweep/tailsweep/internal/folder"
	"github.com/tailsweep/tailsweep/internal/retry"
	"github.com/tailsweep/tailsweep/internal/text"
)

// The kinds of S3 service.
const (
	S3Versitygw = "versitygw" // inside devstack; objects are plain files
	S3MinIO     = "minio"     // a child process of devstack
)

// S3Kinds lists the kinds of S3 service, the default first.
func S3Kinds() []string { return []string{S3Versitygw, S3MinIO} }

// Namespace is the Temporal namespace of the embedded stack.
const Namespace = "default"

// BackendVariable is the environment variable that names the backend of trainings.
const BackendVariable = "TAILSWEEP_BACKEND"

// CommandsVariable is the environment variable whose value 1 lets a worker run the commands of
// specs.
const CommandsVariable = "TAILSWEEP_ALLOW_COMMANDS"

// autoBackend is the backend of a worker for which none is named.
const autoBackend = "auto"

// The names of the processes, in the order of Status.Processes.
const (
	ProcessStack      = "stack"
	ProcessWorker     = "worker"
	ProcessPrometheus = "prometheus"
	ProcessMinIO      = "minio"
)

// ErrOtherS3 is returned by Up, wrapped, for an S3 service that the state folder does not use.
var ErrOtherS3 = errors.New("s3")

// ErrStopped is what Foreground returns, wrapped, when a process ended by itself.
var ErrStopped = errors.New("process ended")

// Options are the options of Up.
type Options struct {
	Dir              string            // the state folder; "" means folder.State()
	S3               string            // S3Versitygw or S3MinIO; "" means what the folder was made with, at first S3Versitygw
	Worker           bool              // start a local worker too
	Unasked          bool              // the user did not ask for a worker: a stack that was started without one gets none
	Slots            int               // of the worker, trainings at a time, that the user asked for; 0 for none
	Measured         int               // slots of a worker for which the user has never asked for a number; 0 leaves it to the worker
	WorkerArgs       []string          // after `worker`
	NoPrometheus     bool              // do not build or start Prometheus
	Backend          string            // for the worker, BackendVariable; "" leaves the environment's
	AllowCommands    *bool             // whether the worker runs the commands of specs; nil: as the one that ended, else not
	Out              io.Writer         // progress for people; nil discards it
	SearchAttributes map[string]string // name to Temporal type, registered at the start
	Executable       string            // the tailsweep that runs as the worker; "" means this one
}

// Status lists the processes and their addresses. The address of a service that is down
// is empty.
type Status struct {
	Dir           string    `json:"dir"`
	Processes     []Process `json:"processes"`
	Temporal      string    `json:"temporal"`               // host:port
	UI            string    `json:"ui"`                     // URL
	S3            string    `json:"s3"`                     // URL
	Prometheus    string    `json:"prometheus"`             // URL
	WorkerMetrics string    `json:"worker_metrics"`         // URL
	WorkerBackend string    `json:"worker_backend"`         // what the running worker was started with: auto, go, ...; "" where none runs
	WorkerSlots   int       `json:"worker_slots,omitempty"` // trainings at a time of the running worker; 0: one for each GPU, or one
	NoWorker      bool      `json:"no_worker,omitempty"`    // the running stack was started without a worker
	RunsCommands  bool      `json:"runs_commands"`          // the worker runs the commands of specs: the running one, or the next one in place of a dead one
	Bucket        string    `json:"bucket"`
	S3Kind        string    `json:"s3_kind"`
}

// Process is one process of the stack.
type Process struct {
	Name      string   `json:"name"`
	PID       int      `json:"pid,omitempty"` // 0 when it is not running
	Running   bool     `json:"running"`
	Dead      bool     `json:"dead,omitempty"` // it ended without being stopped; up starts it again
	Addresses []string `json:"addresses"`      // host:port, where it listens
	Log       string   `json:"log"`            // path; the file may not exist yet
}

// Process returns the process called name, or one that is not running.
func (s Status) Process(name string) Process {
	for _, p := range s.Processes {
		if p.Name == name {
			return p
		}
	}
	return Process{Name: name}
}

// Up starts the processes that do not run, on the state in the folder, and returns when
// all of them answer. It prints a line for each one that had ended without being stopped; such a
// worker keeps its settings, except that a number of slots that was measured gives way to a newly
// measured one. The first time it builds the programs, which takes minutes.
func Up(ctx context.Context, o Options) (Status, error) {
	o, err := o.complete()
	if err != nil {
		return Status{}, err
	}
	return up(ctx, o, func(kind string) (programs, error) { return build(ctx, o.Out, kind, !o.NoPrometheus) })
}

// Down stops the worker, which drains, and then the stack. It is not an error when nothing
// runs. State is kept.
func Down(ctx context.Context, dir string, out io.Writer) error {
	dir, err := resolve(dir)
	if err != nil {
		return err
	}
	l := layout(dir)
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if out == nil {
		out = io.Discard
	}
	release, err := l.take(ctx, out)
	if err != nil {
		return err
	}
	return errors.Join(stopAll(ctx, l, out), release())
}

// Foreground is Up, and Down as soon as ctx ends or one of the processes does.
// ready is called when everything answers. When Up fails, what ran before is left
// running.
func Foreground(ctx context.Context, o Options, ready func(Status)) error {
	o, err := o.complete()
	if err != nil {
		return err
	}
	before, err := Read(o.Dir)
	if err != nil {
		return err
	}
	s, err := Up(ctx, o)
	if err == nil {
		ready(s)
		err = watch(ctx, o.Dir, s)
	} else if before.Process(ProcessStack).Running || before.Process(ProcessWorker).Running {
		return err
	}
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), workerGrace+2*stackGrace)
	defer cancel()
	return errors.Join(err, Down(stop, o.Dir, o.Out))
}

// watch returns when ctx ends, or when a process that ran in s no longer does.
func watch(ctx context.Context, dir string, s Status) error {
	return retry.Until(ctx, 500*time.Millisecond, func() (bool, error) {
		now, err := Read(dir)
		if err != nil {
			return false, err
		}
		for _, p := range s.Processes {
			// devstack starts its children again.
			child := p.Name == ProcessPrometheus || p.Name == ProcessMinIO
			if p.Running && !child && now.Process(p.Name).PID != p.PID {
				return false, fmt.Errorf("%w: %s (pid %d), see %s", ErrStopped, p.Name, p.PID, p.Log)
			}
		}
		return false, nil
	})
}

// complete fills in the defaults and checks the options.
func (o Options) complete() (Options, error) {
	if o.S3 != "" && !slices.Contains(S3Kinds(), o.S3) {
		return o, fmt.Errorf("S3 service %q is unknown (valid: %s)", o.S3, text.List(S3Kinds(), len(S3Kinds())))
	}
	var err error
	if o.Dir, err = resolve(o.Dir); err != nil {
		return o, err
	}
	if o.Executable == "" {
		if o.Executable, err = os.Executable(); err != nil {
			return o, fmt.Errorf("find this executable: %w", err)
		}
	}
	if o.Out == nil {
		o.Out = io.Discard
	}
	return o, nil
}

// resolve makes a state folder's path absolute; "" means folder.State().
func resolve(dir string) (string, error) {
	if dir == "" {
		return folder.State()
	}
	return filepath.Abs(dir)
}

// say prints a line of progress. A write error is ignored.
func say(out io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(out, format+"\n", args...)
}
