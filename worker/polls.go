package worker

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
)

// Polls knows the requests for an activity that wait at Temporal, and can end them, which the
// SDK cannot. Its Intercept has to be an interceptor of the client's connection. The zero value
// is ready.
type Polls struct {
	mu      sync.Mutex
	waiting map[*workflowservice.PollActivityTaskQueueRequest]context.CancelCauseFunc
	rests   map[string]time.Time // until when a queue gets no request
}

// errRests is why a request was ended.
var errRests = errors.New("the worker rests")

// Intercept implements grpc.UnaryClientInterceptor. A request that is ended, or not sent,
// looks like one that got no task in time.
func (p *Polls) Intercept(
	ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption,
) error {
	poll, ok := request.(*workflowservice.PollActivityTaskQueueRequest)
	if !ok {
		return invoke(ctx, method, request, reply, conn, options...)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	p.mu.Lock()
	if time.Now().Before(p.rests[poll.GetTaskQueue().GetName()]) {
		p.mu.Unlock()
		return nil
	}
	if p.waiting == nil {
		p.waiting = map[*workflowservice.PollActivityTaskQueueRequest]context.CancelCauseFunc{}
	}
	p.waiting[poll] = cancel
	p.mu.Unlock()
	err := invoke(ctx, method, request, reply, conn, options...)
	p.mu.Lock()
	delete(p.waiting, poll)
	p.mu.Unlock()
	if err != nil && errors.Is(context.Cause(ctx), errRests) {
		return nil
	}
	return err
}

// rest ends the requests that wait for a task of a queue, and has none sent until a time; the
// zero time ends the rest.
func (p *Polls) rest(queue string, until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rests == nil {
		p.rests = map[string]time.Time{}
	}
	p.rests[queue] = until
	if until.IsZero() {
		return
	}
	for poll, cancel := range p.waiting {
		if poll.GetTaskQueue().GetName() == queue {
			cancel(errRests)
		}
	}
}
