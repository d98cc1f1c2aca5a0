package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	sdk "go.temporal.io/sdk/worker"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/address"
	"github.com/tailsweep/tailsweep/internal/child"
	"github.com/tailsweep/tailsweep/workflows"
)

// The parts of a worker; see Config.Only.
const (
	OnlyBoth     = "both"
	OnlyControl  = "control"  // workflows and short activities
	OnlyTraining = "training" // Train and Evaluate, in children
)

// Drain is how long a training child may take to finish its step and write a
// checkpoint, and the worker to store it. A child that takes longer is killed, and its
// trial continues from the checkpoint before. A supervisor must wait at least DrainAll
// before it kills the worker, as package stack and the Helm chart do.
const (
	Drain        = 2 * time.Minute
	controlDrain = 10 * time.Second // control activities are short
	DrainAll     = Drain + controlDrain
)

// Metrics is what a worker exports to Prometheus.
type Metrics interface {
	activities.Recorder
	Handler() http.Handler
	// ActiveSweeps returns the sweeps that are exported as active, with their numbers.
	ActiveSweeps() map[string]activities.SweepNumbers
	// WorkerResting exports whether this worker takes no trials because of its machine.
	WorkerResting(resting bool)
}

// Config configures Run.
type Config struct {
	Client  client.Client
	Polls   *Polls // of the Client
	Archive activities.Archive
	Metrics Metrics
	Log     *slog.Logger

	Datasets activities.Datasets // downloads the datasets of specs; nil: they are on this machine

	Only          string   // one of the Only constants; "" is OnlyBoth
	Queue         string   // of trainings
	Slots         int      // children at a time; 0 is one per device, or one without a device
	Devices       []string // see Devices
	Backend       string   // of trainings
	Build         string   // of this worker: its version and commit
	AllowCommands bool     // run the commands of specs with a trainer; otherwise their trials fail at once
	Executable    string   // this tailsweep, for children
	StagingRoot   string   // for checkpoints on their way; made when absent
	MetricsAddr   string   // host:port of /metrics; port 0 takes a free one
	Hosts         []string // for which /metrics answers too where it listens on loopback; see address.CheckHost
}

// slots returns how many children run at a time.
func (c Config) slots() int {
	if c.Slots > 0 {
		return c.Slots
	}
	return max(1, len(c.Devices))
}

// Run runs the worker until ctx ends, and then drains: trainings save a checkpoint and
// return to the queue before it returns nil. Any other end is an error.
func Run(ctx context.Context, c Config) (err error) {
	if c.AllowCommands {
		if err := child.Hide(); err != nil {
			return fmt.Errorf("hide this worker's memory from the commands of specs: %w", err)
		}
	}
	staging, err := makeStaging(c.StagingRoot)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, staging.release()) }()
	children := NewChildren(ChildrenConfig{
		Executable: c.Executable, Backend: c.Backend, Slots: c.slots(), Devices: c.Devices, AllowCommands: c.AllowCommands, Logs: logs{c.Archive}, Log: c.Log,
	})
	defer children.Close()

	at, stopMetrics, err := serveMetrics(c.MetricsAddr, c.Hosts, c.Metrics.Handler())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopMetrics()) }()
	c.Log.Info("metrics", "address", "http://"+at+"/metrics")

	running, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	acts := &activities.Activities{
		Trainer: children, Archive: c.Archive, Recorder: c.Metrics, Build: c.Build,
		Executions: activities.NewExecutions(c.Client), StagingRoot: staging.dir, Restage: staging.ensure, Datasets: c.Datasets,
	}
	workers, err := c.workers(acts, fail)
	if err != nil {
		return err
	}
	var stops []func() // in the order of stopping: trainings return to the queue while workflows still run
	for _, w := range workers {
		if err := w.Start(); err != nil {
			stopAll(stops)
			return fmt.Errorf("start worker: %w", err)
		}
		stops = append(stops, w.Stop)
	}
	if c.Only != OnlyTraining {
		go c.keepGauges(running)
	}
	<-running.Done()
	c.Log.Info("worker drains")
	stopAll(stops)
	c.Log.Info("worker ended")
	if cause := context.Cause(running); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

func stopAll(stops []func()) {
	for _, stop := range stops {
		stop()
	}
}

// pollers is how many requests for a task of each kind wait at the server. By default there
// are two, and only one of those for workflows is for workflows that this worker has in its
// cache: of trials that end together each would wait for the requests of those before it.
const pollers = 8

// controlSlots is how many tasks of each kind of the control queue run at a time: the default
// of the SDK.
const controlSlots = 1000

// workers makes the Temporal workers, the training one first. fail is called with the
// first fatal error.
func (c Config) workers(acts *activities.Activities, fail context.CancelCauseFunc) ([]sdk.Worker, error) {
	fatal := func(err error) { fail(fmt.Errorf("worker: %w", err)) }
	var made []sdk.Worker
	if c.Only != OnlyControl {
		b := newBreaker(trainingRests, c.slots(), c.Log, c.Metrics.WorkerResting, func(until time.Time) { c.Polls.rest(c.Queue, until) })
		tuner, err := b.tuner(1)
		if err != nil {
			return nil, err
		}
		w := sdk.New(c.Client, c.Queue, sdk.Options{
			DisableWorkflowWorker:            true,
			MaxConcurrentActivityTaskPollers: pollers,
			Tuner:                            tuner,
			Interceptors:                     []interceptor.WorkerInterceptor{&watched{breaker: b}},
			WorkerStopTimeout:                Drain,
			MaxHeartbeatThrottleInterval:     activities.DefaultHeartbeatEvery,
			DefaultHeartbeatThrottleInterval: activities.DefaultHeartbeatEvery,
			OnFatalError:                     fatal,
		})
		w.RegisterActivity(acts.Train)
		w.RegisterActivity(acts.Evaluate)
		made = append(made, w)
		c.Log.Info("training worker", "queue", c.Queue, "slots", c.slots(), "devices", c.Devices, "backend", c.Backend, "commands", c.AllowCommands)
	}
	if c.Only != OnlyTraining {
		b := newBreaker(controlRests, controlSlots, c.Log, func(bool) {}, func(until time.Time) { c.Polls.rest(workflows.ControlQueue, until) })
		tuner, err := b.tuner(controlSlots)
		if err != nil {
			return nil, err
		}
		w := sdk.New(c.Client, workflows.ControlQueue, sdk.Options{
			WorkerStopTimeout: controlDrain, OnFatalError: fatal, Tuner: tuner,
			MaxConcurrentWorkflowTaskPollers: pollers, MaxConcurrentActivityTaskPollers: pollers,
			MaxHeartbeatThrottleInterval: activities.DefaultHeartbeatEvery, // else 12 of the 15 s of the timeout
			Interceptors:                 []interceptor.WorkerInterceptor{&watched{breaker: b}, &heartbeats{every: activities.DefaultHeartbeatEvery}},
		})
		w.RegisterWorkflow(workflows.Sweep)
		w.RegisterWorkflow(workflows.Trial)
		w.RegisterActivity(acts.Suggest)
		w.RegisterActivity(acts.Publish)
		w.RegisterActivity(acts.AppendSegment)
		w.RegisterActivity(acts.Rank)
		w.RegisterActivity(acts.Curate)
		w.RegisterActivity(acts.Save)
		w.RegisterActivity(acts.Record)
		w.RegisterActivity(acts.Reconcile)
		made = append(made, w)
		c.Log.Info("control worker", "queue", workflows.ControlQueue)
	}
	return made, nil
}

// serveMetrics serves /metrics at addr until stop, and returns where it listens.
func serveMetrics(addr string, hosts []string, metrics http.Handler) (at string, stop func() error, err error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return "", nil, fmt.Errorf("serve metrics at %q (%s): %w", addr, address.MetricsVariable, err)
	}
	if a, ok := listener.Addr().(*net.TCPAddr); ok && a.IP.IsLoopback() {
		metrics = address.CheckHost(hosts, metrics)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	return listener.Addr().String(), func() error {
		err := server.Close()
		if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
			err = errors.Join(err, ended)
		}
		return err
	}, nil
}

// DefaultStaging returns a folder of this user for Config.StagingRoot.
func DefaultStaging() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("tailsweep-%d", os.Getuid()))
}
