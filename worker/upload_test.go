package worker

import (
	"fmt"
	"io/fs"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/activities/activitiestest"
	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/sweep"
)

// refused is the error of a store that refuses requests.
type refused block.Reason

func (r refused) Error() string             { return "refused: " + string(r) }
func (r refused) BlockReason() block.Reason { return block.Reason(r) }

// failing is the error of a store that fails.
type failing struct{}

func (failing) Error() string   { return "500 Internal Server Error" }
func (failing) Transient() bool { return true }

// A child stores a checkpoint, and the store refuses it: the error of the activity is what
// package workflows decides by. Those of a block cost no restart, see TestTrialOutlivesARefusingStore there.
func TestTheTypeOfAFailedUpload(t *testing.T) {
	for want, failure := range map[string]error{
		string(block.Denied):          refused(block.Denied),
		string(block.Full):            refused(block.Full),
		string(block.ExpiredKeys):     refused(block.ExpiredKeys),
		string(block.NotOwner):        refused(block.NotOwner),
		string(block.Unreachable):     refused(block.Unreachable), // for longer than Transfers.RetryFor
		string(block.Other):           failing{},
		string(sweep.FailEnvironment): &fs.PathError{Op: "open", Path: "/staging", Err: syscall.EIO},
		string(sweep.FailTransient):   activities.ErrConflict,
	} {
		t.Run(want, func(t *testing.T) {
			children, _ := newTestChildren(t)
			archive := activitiestest.NewArchive()
			archive.Fail("Upload", fmt.Errorf("upload: %w", failure))
			acts := &activities.Activities{
				Trainer: children, Archive: archive, Recorder: &activitiestest.Recorder{}, Executions: &activitiestest.Executions{}, StagingRoot: t.TempDir(),
				Transfers: activities.Transfers{Timeout: time.Minute, FirstWait: time.Millisecond, MaxWait: time.Millisecond, RetryFor: 10 * time.Millisecond},
			}
			var suite testsuite.WorkflowTestSuite
			env := suite.NewTestActivityEnvironment()
			env.RegisterActivity(acts.Train)
			_, err := env.ExecuteActivity(acts.Train, activities.TrainInput{Task: sweep.Task{Spec: sweep.Spec{Name: "stores"}, Attempt: 1}})
			var application *temporal.ApplicationError
			require.ErrorAs(t, err, &application)
			require.Equal(t, want, application.Type(), err)
			require.ErrorContains(t, err, failure.Error())
		})
	}
}
