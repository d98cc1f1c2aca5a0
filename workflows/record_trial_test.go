package workflows

import (
	"context"
	"errors"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/activities/activitiestest"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/stopping"
)

// lab runs one Trial on a real server; its sweep is a workflow that nobody executes.
type lab struct {
	t       *testing.T
	c       client.Client
	trainer *activitiestest.Trainer
	archive *activitiestest.Archive
	spec    sweep.Spec
	beat    time.Duration
	train   worker.Worker
	run     client.WorkflowRun
}

func (l *lab) queue() string { return "control-" + l.spec.Name }

func (l *lab) do() *activities.Activities {
	return &activities.Activities{
		Trainer: l.trainer, Archive: l.archive, Recorder: &activitiestest.Recorder{},
		Executions: activities.NewExecutions(l.c), StagingRoot: l.t.TempDir(), HeartbeatEvery: l.beat,
	}
}

func (l *lab) worker(queue string) worker.Worker {
	w := worker.New(l.c, queue, worker.Options{MaxHeartbeatThrottleInterval: 100 * time.Millisecond, WorkerStopTimeout: time.Second})
	w.RegisterWorkflow(Trial)
	w.RegisterActivity(l.do())
	require.NoError(l.t, w.Start())
	return w
}

func (l *lab) start() {
	ctx := context.Background()
	_, err := l.c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: SweepID(l.spec.Name), TaskQueue: "nobody", WorkflowExecutionTimeout: 10 * time.Minute}, "Sweep")
	require.NoError(l.t, err)
	l.run, err = l.c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: TrialID(l.spec.Name, 3), TaskQueue: l.queue(), WorkflowExecutionTimeout: 10 * time.Minute}, Trial,
		TrialInput{Spec: l.spec, Assignment: sweep.Assignment{Number: 3, Kind: sweep.KindSearch, Seed: 1, Params: sweep.Params{"infonce.weight": sweep.Number(3)}}})
	require.NoError(l.t, err)
}

func (l *lab) workers() {
	w := l.worker(l.queue())
	l.t.Cleanup(w.Stop)
	l.train = l.worker(l.spec.Resources.Queue)
	l.t.Cleanup(func() { l.train.Stop() })
}

func (l *lab) cancel() {
	require.NoError(l.t, l.c.CancelWorkflow(context.Background(), l.run.GetID(), ""))
}

func (l *lab) verdict(step int, d stopping.Decision) {
	require.NoError(l.t, l.c.SignalWorkflow(context.Background(), l.run.GetID(), "", SignalVerdict, verdict(step, d, "because")))
}

func (l *lab) history() *historypb.History {
	h := &historypb.History{}
	events := l.c.GetWorkflowHistory(context.Background(), l.run.GetID(), "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		require.NoError(l.t, err)
		h.Events = append(h.Events, e)
	}
	return h
}

func (l *lab) seen(kind enumspb.EventType, n int) {
	l.t.Helper()
	require.Eventually(l.t, func() bool {
		count := 0
		for _, e := range l.history().GetEvents() {
			if e.GetEventType() == kind {
				count++
			}
		}
		return count >= n
	}, 2*time.Minute, 100*time.Millisecond)
}

func (l *lab) keep(name string) {
	ctx, stop := context.WithTimeout(context.Background(), 8*time.Minute)
	defer stop()
	err := l.run.Get(ctx, nil)
	require.NoError(l.t, ctx.Err())
	l.t.Logf("%s ended with %v", name, err)
	write(l.t, name+"-trial.json", l.history())
}

// TestRecordTrials records trials alone, in the situations that TestRecord does not reach.
func TestRecordTrials(t *testing.T) {
	address := os.Getenv(addressVariable)
	if address == "" {
		t.Skip("needs a Temporal server, named by " + addressVariable)
	}
	at := func(step int, class sweep.FailureClass) activitiestest.Fault {
		return activitiestest.Fault{Step: step, Err: failed(class)}
	}
	timer, train := enumspb.EVENT_TYPE_TIMER_STARTED, enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED
	scenario := func(name string, rungs bool, run func(l *lab)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := client.Dial(client.Options{HostPort: address, Identity: "record", Logger: quiet})
			require.NoError(t, err)
			t.Cleanup(c.Close)
			l := &lab{t: t, c: c, trainer: &activitiestest.Trainer{}, archive: activitiestest.NewArchive(), spec: gridSpec(4), beat: 100 * time.Millisecond}
			if rungs {
				l.spec = rungSpec(4)
			}
			l.spec.Name = name + "-" + strconv.FormatInt(time.Now().UnixMilli(), 36)
			l.spec.Resources.Queue = "train-" + l.spec.Name
			run(l)
			l.keep(name)
		})
	}
	scenario("cancelled-waiting", false, func(l *lab) {
		l.trainer.Faults = map[int][]activitiestest.Fault{3: {at(100, sweep.FailTransient)}}
		l.workers()
		l.start()
		l.seen(timer, 1)
		l.cancel()
	})
	scenario("cancelled-before", false, func(l *lab) {
		l.start()
		l.cancel()
		l.workers()
	})
	scenario("cancelled-queued", false, func(l *lab) {
		w := l.worker(l.queue())
		l.t.Cleanup(w.Stop)
		l.start()
		l.seen(enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, 1)
		l.cancel()
	})
	scenario("cancelled-trained", false, func(l *lab) {
		release := make(chan struct{})
		l.trainer.Faults = map[int][]activitiestest.Fault{3: {{Step: 300, Hang: true, Until: release}}}
		l.beat = 20 * time.Second
		l.workers()
		l.start()
		require.Eventually(l.t, func() bool { return len(l.trainer.Jobs()) == 1 }, time.Minute, 50*time.Millisecond)
		l.cancel()
		l.seen(enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED, 1)
		close(release)
	})
	scenario("cancelled-evaluated-rung", true, func(l *lab) {
		release, began := make(chan struct{}), make(chan struct{}, 9)
		l.trainer.Metrics = func(a sweep.Assignment) map[string]float64 {
			began <- struct{}{}
			<-release
			return activitiestest.Metrics(a)
		}
		l.beat = 20 * time.Second
		l.workers()
		l.start()
		<-began
		l.cancel()
		l.seen(enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED, 1)
		close(release)
	})
	scenario("cancelled-at-rung", true, func(l *lab) {
		l.workers()
		l.start()
		l.seen(timer, 2)
		l.cancel()
	})
	scenario("asked-again", true, func(l *lab) {
		l.workers()
		l.start()
		l.seen(timer, 2)
		l.verdict(200, stopping.Stop)
		l.verdict(100, stopping.Continue)
		l.seen(train, 4)
		l.verdict(100, stopping.Stop)
		l.verdict(200, stopping.Stop)
	})
	scenario("program", true, func(l *lab) {
		l.spec.Trainer, l.spec.Dataset = &sweep.Trainer{Command: []string{"train.sh"}}, sweep.Dataset{}
		l.trainer.Faults = map[int][]activitiestest.Fault{3: {at(100, sweep.FailTransient)}}
		l.workers()
		l.start()
		l.seen(timer, 2)
		l.verdict(100, stopping.Continue)
		l.verdict(200, stopping.Continue)
	})
	scenario("program-samples", true, func(l *lab) {
		l.spec.Trainer = &sweep.Trainer{Command: []string{"train.sh"}}
		l.spec.Dataset = sweep.Dataset{Name: sweep.FashionMNIST10k, Imbalance: sweep.Imbalance{Profile: sweep.ProfileNone}}
		l.workers()
		l.start()
		l.seen(timer, 1)
		l.verdict(100, stopping.Continue)
		l.verdict(200, stopping.Stop)
	})
	scenario("publish-blocked", false, func(l *lab) {
		l.archive.Fail("PutResult", errors.New("store is away"))
		l.workers()
		l.start()
		l.seen(timer, 2)
		l.archive.Fail("PutResult", nil)
	})
	scenario("publish-blocked-cancelled", false, func(l *lab) {
		l.archive.Fail("PutResult", errors.New("store is away"))
		l.workers()
		l.start()
		l.seen(timer, 1)
		l.cancel()
		l.seen(timer, 3)
		l.archive.Fail("PutResult", nil)
	})
	scenario("publish-given-up", false, func(l *lab) {
		l.archive.Fail("PutResult", errors.New("store is away"))
		l.trainer.Faults = map[int][]activitiestest.Fault{3: {{Step: 100, Hang: true}}}
		l.workers()
		l.start()
		require.Eventually(l.t, func() bool { return len(l.trainer.Jobs()) == 1 }, time.Minute, 50*time.Millisecond)
		l.cancel()
	})
	scenario("publish-permanent", false, func(l *lab) {
		l.archive.Fail("PutResult", activities.ErrConflict)
		l.workers()
		l.start()
	})
	scenario("blocked-training", false, func(l *lab) {
		l.trainer.Faults = map[int][]activitiestest.Fault{3: {{Step: 100, Err: blockedError{}}, {Step: 200, Preempt: true}}}
		l.workers()
		l.start()
	})
	scenario("environment", false, func(l *lab) {
		l.trainer.Faults = map[int][]activitiestest.Fault{3: {at(0, sweep.FailEnvironment), at(0, sweep.FailEnvironment), {Step: 100, Diverge: true}}}
		l.workers()
		l.start()
	})
	scenario("corrupt", true, func(l *lab) {
		l.archive.CorruptWhenStored(activitiestest.Key(3, 1, 100))
		l.workers()
		l.start()
		l.seen(timer, 2)
		l.verdict(100, stopping.Continue)
		l.verdict(200, stopping.Continue)
	})
	scenario("no-slot", false, func(l *lab) {
		l.spec.MaxTrialTime = sweep.Duration(8 * time.Second)
		l.trainer.Faults = map[int][]activitiestest.Fault{3: {at(100, sweep.FailTransient)}}
		l.workers()
		l.start()
		l.seen(timer, 1)
		l.train.Stop()
	})
	scenario("limit-waiting", false, func(l *lab) {
		l.spec.MaxTrialTime = sweep.Duration(3 * time.Second)
		l.trainer.Faults = map[int][]activitiestest.Fault{3: {at(100, sweep.FailTransient)}}
		l.workers()
		l.start()
	})
	scenario("given-up", false, func(l *lab) {
		l.spec.MaxRestarts = 1
		l.trainer.Faults = map[int][]activitiestest.Fault{3: {at(100, sweep.FailLost), at(100, sweep.FailPreempted), at(200, sweep.FailTransient)}}
		l.workers()
		l.start()
	})
}
