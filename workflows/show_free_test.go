package workflows

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// What the spec in force names of a program's metrics reaches Prometheus.
func TestNumbersHaveTheMetricsOfAProgram(t *testing.T) {
	n := Numbers(conduct.Progress{Free: []string{"val_acc"}, Objectives: []sweep.Objective{{Name: "val_acc", Goal: sweep.Maximize}}})
	require.Equal(t, []string{"val_acc"}, n.Free)
	require.Len(t, n.Objectives, 1)
}
