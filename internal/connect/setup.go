package connect

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/tailsweep/tailsweep/internal/retry"
	"github.com/tailsweep/tailsweep/internal/store"
)

// AttributesError means that a namespace lacks search attributes, or has them with other
// types. A sweep cannot start there.
type AttributesError struct {
	Namespace string
	Missing   []string
	Wrong     []string // "TailsweepDone is Keyword, not Int"
}

// Error implements error.
func (e *AttributesError) Error() string {
	var parts []string
	if len(e.Missing) > 0 {
		parts = append(parts, fmt.Sprintf("it has no %s: run `tailsweep setup`", strings.Join(e.Missing, ", ")))
	}
	if len(e.Wrong) > 0 {
		parts = append(parts, strings.Join(e.Wrong, ", ")+": remove it (`temporal operator search-attribute remove`), then run `tailsweep setup`")
	}
	return fmt.Sprintf("search attributes of Temporal's namespace %q: %s", e.Namespace, strings.Join(parts, "; "))
}

// CheckAttributes returns an *AttributesError unless the namespace has the search
// attributes want, by name with their types. A server that does not list them, as an API key
// may not permit it, is not an error.
func (t Target) CheckAttributes(ctx context.Context, c client.Client, want map[string]string) error {
	have, err := t.attributes(ctx, c)
	var denied *serviceerror.PermissionDenied
	var absent *serviceerror.Unimplemented
	if errors.As(err, &denied) || errors.As(err, &absent) {
		return nil
	}
	if err != nil {
		return err
	}
	return compareAttributes(t.Namespace(), have, want)
}

func (t Target) attributes(ctx context.Context, c client.Client) (map[string]enumspb.IndexedValueType, error) {
	answer, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: t.Namespace()})
	if err != nil {
		return nil, fmt.Errorf("list the search attributes of Temporal's namespace %q: %w", t.Namespace(), err)
	}
	return answer.GetCustomAttributes(), nil
}

func compareAttributes(namespace string, have map[string]enumspb.IndexedValueType, want map[string]string) error {
	e := &AttributesError{Namespace: namespace}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		typ, ok := have[name]
		switch {
		case !ok:
			e.Missing = append(e.Missing, name)
		case typ.String() != want[name]:
			e.Wrong = append(e.Wrong, fmt.Sprintf("%s is %s, not %s", name, typ, want[name]))
		}
	}
	if len(e.Missing)+len(e.Wrong) == 0 {
		return nil
	}
	return e
}

// Step is what SetUp found or made.
type Step struct {
	What string `json:"what"` // "namespace default", "search attribute TailsweepDone", "bucket tailsweep"
	Made bool   `json:"made"` // false: it was there
}

// SetUp makes what is missing: the namespace, the search attributes want, the bucket. It
// reports each to did, and returns when a sweep can start. It may be run again.
func (t Target) SetUp(ctx context.Context, want map[string]string, retention time.Duration, did func(Step)) error {
	t.anyNamespace = true
	c, err := t.Dial(ctx, nil)
	if err != nil {
		return err
	}
	defer c.Close()
	made, err := t.makeNamespace(ctx, c, retention)
	if err != nil {
		return err
	}
	did(Step{"namespace " + t.Namespace(), made})
	if err := t.makeAttributes(ctx, c, want, did); err != nil {
		return err
	}
	made, err = store.MakeBucket(ctx, t.store)
	if err != nil {
		return err
	}
	did(Step{"bucket " + t.store.Bucket, made})
	return nil
}

func (t Target) makeNamespace(ctx context.Context, c client.Client, retention time.Duration) (made bool, err error) {
	if err := t.checkNamespace(ctx, c.WorkflowService()); !errors.Is(err, ErrNoNamespace) {
		return false, err
	}
	_, err = c.WorkflowService().RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace: t.Namespace(), WorkflowExecutionRetentionPeriod: durationpb.New(retention),
	})
	var exists *serviceerror.NamespaceAlreadyExists
	if errors.As(err, &exists) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("make Temporal's namespace %q: %w", t.Namespace(), err)
	}
	return true, nil
}

// How long SetUp waits until all services of Temporal know the namespace and the search
// attributes, and how often it looks.
const (
	settleTime = time.Minute
	settleLook = 200 * time.Millisecond
)

func (t Target) makeAttributes(ctx context.Context, c client.Client, want map[string]string, did func(Step)) error {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	var have map[string]enumspb.IndexedValueType
	err := settle(ctx, func() (err error) {
		have, err = t.attributes(ctx, c)
		return err
	})
	if err != nil {
		return err
	}
	var lacks *AttributesError
	if err := compareAttributes(t.Namespace(), have, want); errors.As(err, &lacks) {
		if len(lacks.Wrong) > 0 {
			return lacks
		}
		missing := map[string]enumspb.IndexedValueType{}
		for _, name := range lacks.Missing {
			if missing[name], err = enumspb.IndexedValueTypeFromString(want[name]); err != nil {
				return fmt.Errorf("search attribute %s: %w", name, err)
			}
		}
		_, err := c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
			Namespace: t.Namespace(), SearchAttributes: missing,
		})
		if err != nil {
			return fmt.Errorf("add search attributes to Temporal's namespace %q: %w", t.Namespace(), err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		_, there := have[name]
		did(Step{"search attribute " + name, !there})
	}
	query := strings.Join(slices.Sorted(maps.Keys(want)), " IS NULL AND ") + " IS NULL"
	return settle(ctx, func() error { // a sweep that starts before they are visible is refused
		_, err := c.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Namespace: t.Namespace(), Query: query})
		return err
	})
}

// settle repeats do until it succeeds, ctx ends, or its error does not change with time.
func settle(ctx context.Context, do func() error) (err error) {
	_ = retry.Until(ctx, settleLook, func() (bool, error) {
		err = do()
		var denied *serviceerror.PermissionDenied
		var absent *serviceerror.Unimplemented
		return err == nil || errors.As(err, &denied) || errors.As(err, &absent), nil
	}) // the end of ctx says less than err
	return err
}
