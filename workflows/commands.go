package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"
)

// handle registers the query and the Updates. An Update changes the phase and
// returns at once; the main loop and its coroutines act on it.
func (s *sweepRun) handle(ctx workflow.Context) error {
	err := workflow.SetQueryHandlerWithOptions(ctx, QueryProgress,
		func() (Progress, error) { return s.progress(), nil },
		workflow.QueryHandlerOptions{Description: "The sweep at a glance."})
	if err != nil {
		return fmt.Errorf("query %s: %w", QueryProgress, err)
	}
	for _, u := range []struct{ name, about string }{
		{UpdatePause, "No new trials start; running ones go on."},
		{UpdateResume, "New trials start again."},
		{UpdateStop, "Running trials finish, then the sweep ends."},
		{UpdateCancel, "Running trials are cancelled, their checkpoints kept; then the sweep ends."},
	} {
		if err := s.handleUpdate(ctx, u.name, u.about); err != nil {
			return fmt.Errorf("update %s: %w", u.name, err)
		}
	}
	return nil
}

func (s *sweepRun) handleUpdate(ctx workflow.Context, name, about string) error {
	return workflow.SetUpdateHandlerWithOptions(ctx, name,
		func(ctx workflow.Context, c Command) (Progress, error) {
			if err := s.obey(name, c, workflow.Now(ctx).UTC()); err != nil {
				return Progress{}, err
			}
			s.news = true
			return s.progress(), nil
		},
		workflow.UpdateHandlerOptions{
			Description: about,
			Validator: func(c Command) error {
				if c.By == "" {
					return fmt.Errorf("cannot %s sweep %q: by is empty; say who asks", name, s.spec.Name)
				}
				_, err := s.Phase.after(name)
				return err
			},
		})
}
