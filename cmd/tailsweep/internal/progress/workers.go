package progress

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dustin/go-humanize/english"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workerpb "go.temporal.io/api/worker/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"github.com/tailsweep/tailsweep/internal/connect"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/workflows"
)

const (
	// pollerTimeout is the age from which a worker that has not polled is gone: a poll
	// lasts a minute.
	pollerTimeout = 2 * time.Minute
	// workerSilent is how far the last heartbeat of a worker that does not poll, since its
	// slots are busy, may be from now.
	workerSilent = 3 * connect.WorkerHeartbeat
	maxWorkers   = 100              // whose slots are counted
	lookEvery    = 10 * time.Second // how long an answer about the workers of a queue counts
	lookers      = 8                // requests at a time
)

// ErrNoWorker means that no worker does the work of sweeps.
var ErrNoWorker = errors.New("waits for a worker: none polls the queue " + workflows.ControlQueue + " (`tailsweep up` or `tailsweep worker` starts one)")

// WorkerPolls reports whether a worker asks for the work of sweeps. It is true where
// this is not known.
func WorkerPolls(ctx context.Context, c client.Client) bool {
	polled, err := pollers(ctx, c, workflows.ControlQueue, enumspb.TASK_QUEUE_TYPE_WORKFLOW)
	return err != nil || len(polled) > 0
}

// TrainerPolls reports whether a worker takes the trials of a queue. It is true where this is
// not known.
func TrainerPolls(ctx context.Context, c client.Client, namespace, queue string) bool {
	s, err := look(ctx, c, namespace, queue)
	if err != nil {
		return true
	}
	w := s.count(nil)
	return w.polled || w.count > 0
}

// pollers returns the identities of the workers that have polled a queue lately, by the clock
// of Temporal: that of a worker may be wrong.
func pollers(ctx context.Context, c client.Client, queue string, kind enumspb.TaskQueueType) (map[string]bool, error) {
	d, err := c.DescribeTaskQueue(ctx, queue, kind)
	if err != nil {
		return nil, fmt.Errorf("describe the queue %s: %w", queue, err)
	}
	polled := map[string]bool{}
	for _, p := range d.GetPollers() {
		if time.Since(p.GetLastAccessTime().AsTime()) < pollerTimeout {
			polled[p.GetIdentity()] = true
		}
	}
	return polled, nil
}

// sighting is what Temporal knows of the training workers of a queue.
type sighting struct {
	at     time.Time
	polled map[string]bool             // identities of those that have polled lately
	beats  []*workerpb.WorkerHeartbeat // of those that have not shut down
}

// look asks Temporal about the training workers of a queue.
func look(ctx context.Context, c client.Client, namespace, queue string) (sighting, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	s := sighting{at: time.Now()}
	var err error
	if s.polled, err = pollers(ctx, c, queue, enumspb.TASK_QUEUE_TYPE_ACTIVITY); err != nil {
		return s, err
	}
	list, err := c.WorkflowService().ListWorkers(ctx, &workflowservice.ListWorkersRequest{
		Namespace: namespace, PageSize: maxWorkers, Query: fmt.Sprintf("TaskQueue = '%s'", queue),
	})
	if err != nil {
		return s, fmt.Errorf("list the workers of the queue %s: %w", queue, err)
	}
	s.beats = make([]*workerpb.WorkerHeartbeat, len(list.GetWorkers()))
	var g errgroup.Group
	g.SetLimit(lookers)
	for i, w := range list.GetWorkers() {
		if w.GetTaskQueue() != queue || w.GetStatus() == enumspb.WORKER_STATUS_SHUTDOWN {
			continue
		}
		g.Go(func() error {
			d, err := c.WorkflowService().DescribeWorker(ctx, &workflowservice.DescribeWorkerRequest{Namespace: namespace, WorkerInstanceKey: w.GetWorkerInstanceKey()})
			if _, gone := errors.AsType[*serviceerror.NotFound](err); gone {
				return nil
			}
			if err != nil {
				return fmt.Errorf("describe a worker of the queue %s: %w", queue, err)
			}
			s.beats[i] = d.GetWorkerInfo().GetWorkerHeartbeat()
			return nil
		})
	}
	return s, g.Wait()
}

// workers are those of one queue.
type workers struct {
	count       int  // whose slots are known
	polled      bool // one has polled lately
	busy, slots int  // of their slots for activities
}

// count counts the workers that are there: one has polled lately, or trains one of the live
// trials, or has sent a heartbeat lately by its own clock.
func (s sighting) count(live map[int]LiveTrial) workers {
	w := workers{polled: len(s.polled) > 0}
	trains := map[string]bool{}
	for _, l := range live {
		trains[l.worker] = true
	}
	for _, b := range s.beats {
		id := b.GetWorkerIdentity()
		silent := s.at.Sub(b.GetHeartbeatTime().AsTime()).Abs() > workerSilent
		if b == nil || silent && !s.polled[id] && !trains[id] {
			continue
		}
		w.count++
		slots := b.GetActivityTaskSlotsInfo()
		w.busy += int(slots.GetCurrentUsedSlots())
		w.slots += int(slots.GetCurrentUsedSlots() + slots.GetCurrentAvailableSlots())
	}
	return w
}

// lookout knows the training workers of a queue, and asks Temporal for them once in lookEvery.
type lookout struct {
	queue string
	at    time.Time
	seen  sighting
	err   error
}

// waiting returns what the queued trials wait for; "" if none is queued or if this is not
// known.
func (k *lookout) waiting(ctx context.Context, c client.Client, namespace, queue string, live map[int]LiveTrial) string {
	queued := 0
	for _, l := range live {
		if l.queued() {
			queued++
		}
	}
	if queued == 0 {
		return ""
	}
	if k.queue != queue || time.Since(k.at) >= lookEvery {
		k.seen, k.err = look(ctx, c, namespace, queue)
		k.queue, k.at = queue, time.Now()
	}
	if k.err != nil { // a server without the list of workers
		return ""
	}
	return waitingText(queued, queue, k.seen.count(live))
}

// Waiting returns what the queued trials wait for; "" if none is queued or if this is not
// known.
func Waiting(ctx context.Context, c client.Client, namespace, queue string, live map[int]LiveTrial) string {
	return new(lookout).waiting(ctx, c, namespace, queue, live)
}

func waitingText(queued int, queue string, w workers) string {
	who := english.Plural(queued, "trial waits", "trials wait")
	switch {
	case w.count > 0 && w.busy == w.slots:
		return fmt.Sprintf("%s for a training slot: %d of %d busy", who, w.busy, w.slots)
	case w.count > 0, w.polled: // a slot that is free was so at a heartbeat before the trial waited
		return who + " for a training slot"
	}
	return fmt.Sprintf("%s for a worker: none polls the queue %s (`tailsweep worker --only training --queue %[2]s` starts one)", who, queue)
}

// WhyQueued says for what trials of a sweep wait, or that the sweep itself waits for a
// worker; "" where nothing waits or where this is not known.
func WhyQueued(ctx context.Context, c client.Client, namespace string, spec *sweep.Spec) string {
	if !WorkerPolls(ctx, c) { // the query would wait for one
		d, err := c.DescribeWorkflowExecution(ctx, workflows.SweepID(spec.Name), "")
		if err == nil && d.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
			return ErrNoWorker.Error()
		}
		return ""
	}
	p, err := QueryProgress(ctx, c, spec.Name)
	if err != nil || p.EndedAt != nil {
		return ""
	}
	live, err := LiveTrials(ctx, c, namespace, p)
	if err != nil {
		return ""
	}
	return Waiting(ctx, c, namespace, spec.Resources.Queue, live)
}
