package earlier

import (
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

func TestFlag(t *testing.T) {
	f := pflag.NewFlagSet("run", pflag.ContinueOnError)
	from := Flag(f)
	require.Empty(t, *from)
	require.NoError(t, f.Parse([]string{"--from", "a,b", "--from=c"}))
	require.Equal(t, []string{"a", "b", "c"}, *from)
	for _, text := range []string{"", ",", "a,", ",a"} {
		require.ErrorContains(t, f.Set("from", text), "a name is empty (valid: --from OLD[,OLD2]", "%q", text)
	}
}
