package conduct

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

// An edit of a field that is in no section would be taken for no change.
func TestSectionsCoverEveryFieldOfASpec(t *testing.T) {
	var covered []string
	for _, s := range sections {
		covered = append(covered, s.field)
	}
	var check func(prefix string, of reflect.Type)
	check = func(prefix string, of reflect.Type) {
		for f := range of.Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			name = prefix + name
			if f.Type == reflect.TypeFor[sweep.Checkpoints]() { // compared by its fields
				check(name+".", f.Type)
				continue
			}
			require.Contains(t, covered, name)
		}
	}
	check("", reflect.TypeFor[sweep.Spec]())
}

func TestExtendKnowsEveryLimitOfABudget(t *testing.T) {
	require.Len(t, limits, reflect.TypeFor[sweep.Budget]().NumField())
}
