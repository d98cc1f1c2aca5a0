package connect

import (
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
)

func TestSearchAttributesThatAreMissingAreNamed(t *testing.T) {
	want := map[string]string{"A": "Keyword", "B": "Int", "C": "Double"}
	have := map[string]enumspb.IndexedValueType{"A": enumspb.INDEXED_VALUE_TYPE_KEYWORD, "B": enumspb.INDEXED_VALUE_TYPE_KEYWORD, "Z": enumspb.INDEXED_VALUE_TYPE_BOOL}
	err := compareAttributes("default", have, want)
	var lacks *AttributesError
	require.ErrorAs(t, err, &lacks)
	require.Equal(t, []string{"C"}, lacks.Missing)
	require.ErrorContains(t, err, "it has no C: run `tailsweep setup`")
	require.ErrorContains(t, err, "B is Keyword, not Int")

	have["B"], have["C"] = enumspb.INDEXED_VALUE_TYPE_INT, enumspb.INDEXED_VALUE_TYPE_DOUBLE
	require.NoError(t, compareAttributes("default", have, want))
}
