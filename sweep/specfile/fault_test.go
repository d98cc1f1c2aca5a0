package specfile

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

// A fault shows a part of a long value: not a part of a password in it.
func TestFaultHidesAPasswordThatIsCut(t *testing.T) {
	url := "https://ada:" + strings.Repeat("pass", 20) + "@example.com/images.tar"
	for _, e := range []sweep.FieldError{
		{Field: "dataset.path", Value: url, Message: "is not a folder"},
		{Field: "dataset." + url, Message: "unknown field"},
	} {
		text := Fault{File: "spec.yaml", Line: 1, Column: 1, FieldError: e}.Error()
		require.NotContains(t, text, "pass")
		require.Contains(t, text, "https://***@example.com")
	}
}
