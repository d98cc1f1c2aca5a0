package archive

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNeededErrorNamesTheSweeps(t *testing.T) {
	e := &NeededError{Name: "tail", By: []string{"next"}}
	require.EqualError(t, e, "the spec of sweep next names sweep tail in from: remove sweep next first")
	e.By = append(e.By, "last")
	require.EqualError(t, e, "the specs of sweeps next, last name sweep tail in from: remove those first")
}
