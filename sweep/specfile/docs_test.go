package specfile

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

// Every field of training, model and sampling is in the documentation.
func TestFieldsAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/losses.md")
	require.NoError(t, err)
	for section, fields := range map[string]reflect.Type{
		"train": reflect.TypeFor[sweep.Train](), "model": reflect.TypeFor[sweep.Model](), "evaluate": reflect.TypeFor[sweep.Evaluate](),
	} {
		for field := range fields.Fields() {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			require.Contains(t, string(doc), "`"+section+"."+name+"`")
		}
	}
}
