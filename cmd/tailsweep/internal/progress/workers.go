package progress

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dustin/go-humanize/english"
	enumspb "go.temporal.io/api/enums/v1"
	workerpb "go.temporal.io/api/worker/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/tailsweep/tailsweep/internal/connect"
	"github.com/tailsweep/tailsweep/workflows"
)

const (
	workerSilent = 3 * connect.WorkerHeartbeat // after that a worker counts as gone
	maxWorkers   = 100                         // whose slots are counted
)

// ErrNoWorker means that no worker does the work of sweeps.
var ErrNoWorker = errors.New("waits for a worker: none polls the queue " + workflows.ControlQueue + " (`tailsweep up` or `tailsweep worker` starts one)")

// workers are those of one queue.
type workers struct {
	count       int
	busy, slots int // of their slots for activities
}

// workersOf reads the heartbeats of the workers of a queue.
func workersOf(ctx context.Context, c client.Client, namespace, queue string) (workers, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	list, err := c.WorkflowService().ListWorkers(ctx, &workflowservice.ListWorkersRequest{
		Namespace: namespace, PageSize: maxWorkers, Query: fmt.Sprintf("TaskQueue = '%s'", queue),
	})
	if err != nil {
		return workers{}, fmt.Errorf("list the workers of the queue %s: %w", queue, err)
	}
	var beats []*workerpb.WorkerHeartbeat
	for _, w := range list.GetWorkers() {
		if w.GetTaskQueue() != queue || w.GetStatus() == enumspb.WORKER_STATUS_SHUTDOWN {
			continue
		}
		d, err := c.WorkflowService().DescribeWorker(ctx, &workflowservice.DescribeWorkerRequest{Namespace: namespace, WorkerInstanceKey: w.GetWorkerInstanceKey()})
		if err != nil {
			return workers{}, fmt.Errorf("describe a worker of the queue %s: %w", queue, err)
		}
		beats = append(beats, d.GetWorkerInfo().GetWorkerHeartbeat())
	}
	return count(beats, time.Now()), nil
}

// count counts the workers that are not silent.
func count(beats []*workerpb.WorkerHeartbeat, now time.Time) (w workers) {
	for _, b := range beats {
		if now.Sub(b.GetHeartbeatTime().AsTime()) > workerSilent {
			continue
		}
		w.count++
		slots := b.GetActivityTaskSlotsInfo()
		w.busy += int(slots.GetCurrentUsedSlots())
		w.slots += int(slots.GetCurrentUsedSlots() + slots.GetCurrentAvailableSlots())
	}
	return w
}

// Waiting says for what the queued ones of the running trials wait; "" where none is queued
// or where this is not known.
func Waiting(ctx context.Context, c client.Client, namespace, queue string, live map[int]LiveTrial) string {
	queued := 0
	for _, l := range live {
		if l.Queued() {
			queued++
		}
	}
	if queued == 0 {
		return ""
	}
	w, err := workersOf(ctx, c, namespace, queue)
	if err != nil { // a server without the list of workers
		return ""
	}
	return waitingText(queued, queue, w)
}

func waitingText(queued int, queue string, w workers) string {
	who := english.Plural(queued, "trial waits", "trials wait")
	if w.count == 0 {
		return fmt.Sprintf("%s for a worker: none polls the queue %s (`tailsweep worker --only training --queue %[2]s` starts one)", who, queue)
	}
	return fmt.Sprintf("%s for a training slot: %d of %d busy", who, w.busy, w.slots)
}

// Explained adds ErrNoWorker to the error of a query that no worker has answered, where none
// polls.
func Explained(ctx context.Context, c client.Client, namespace string, err error) error {
	if errors.Is(err, ErrNoSweep) {
		return err
	}
	if w, listErr := workersOf(ctx, c, namespace, workflows.ControlQueue); listErr == nil && w.count == 0 {
		return fmt.Errorf("%w: %w", ErrNoWorker, err)
	}
	return err
}
