package services

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
)

// People read lines of text, not JSON of hundreds of columns.
func TestLogOfATrialIsText(t *testing.T) {
	var out bytes.Buffer
	log := `{"type":"opened","backend":"go","device":"cpu"}
{"type":"started","steps":450,"backend":"go","device":"cpu"}
free text
{"type":"progress","step":10,"steps":450,"point":{"step":10,"loss":1.5,"ddpm":1.25},"steps_per_second":2}
{"other":1}
{"type":"profiled","path":"trace.json"}
{"type":"error","class":"bug","message":"it broke"}`
	require.NoError(t, printEvents(&cli.App{Out: &out}, strings.NewReader(log)))
	require.Equal(t, `go on cpu, step 0 of 450
free text
step 10/450  loss 1.5000  ddpm 1.2500  2.0 steps/s  3m40s left
{"other":1}
{"type":"profiled","path":"trace.json"}
bug: it broke
`, out.String())
}
