package cli

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestConfirmed(t *testing.T) {
	for text, want := range map[string]bool{"y\n": true, "Yes\n": true, "yes": true, "\n": false, "": false, "n\n": false, "yesterday\n": false} {
		got, err := confirmed(strings.NewReader(text))
		require.NoError(t, err)
		require.Equal(t, want, got, "%q", text)
	}
	_, err := (&App{In: strings.NewReader("y\n")}).Confirm("rm", "remove it?")
	require.Equal(t, ExitUsage, CodeOf(err))
	require.ErrorContains(t, err, "--yes")
}

func TestPrintHidesSecretsOfURLs(t *testing.T) {
	var out strings.Builder
	a := &App{Out: &out}
	require.NoError(t, a.Print("path: https://me:geheim@data.local/x.zip"))
	require.NoError(t, a.PrintJSON(map[string]string{"path": "https://me:geheim@data.local/x.zip"}))
	require.Equal(t, "path: https://***@data.local/x.zip\n{\n  \"path\": \"https://***@data.local/x.zip\"\n}\n", out.String())
}
