package worker

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
)

// heartbeats sends heartbeats while an activity of the control queue runs, so that a killed
// worker is noticed after the heartbeat timeout and not at the end of the attempt's time. A
// short activity ends before the first one and costs no request.
type heartbeats struct {
	interceptor.WorkerInterceptorBase
	every time.Duration
}

// InterceptActivity implements interceptor.WorkerInterceptor.
func (b *heartbeats) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &heartbeatActivity{interceptor.ActivityInboundInterceptorBase{Next: next}, b.every}
}

type heartbeatActivity struct {
	interceptor.ActivityInboundInterceptorBase
	every time.Duration
}

// ExecuteActivity implements interceptor.ActivityInboundInterceptor.
func (b *heartbeatActivity) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	if activity.GetInfo(ctx).IsLocalActivity {
		return b.Next.ExecuteActivity(ctx, in)
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(b.every)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				activity.RecordHeartbeat(ctx)
			}
		}
	}()
	defer func() {
		close(done)
		<-ended
	}()
	return b.Next.ExecuteActivity(ctx, in)
}
