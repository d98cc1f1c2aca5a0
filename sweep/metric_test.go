package sweep

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each class has a metric with a unique name, which specs and constraints can use.
func TestClassMetricsAreUniqueAndReadable(t *testing.T) {
	for _, c := range []struct{ classes, want []string }{
		{[]string{"ankle boot", "T-shirt/2"}, []string{"fid.class.ankle_boot", "fid.class.T-shirt_2"}},
		{[]string{"猫", "犬", "кошка", "हिन्दी", "٣"}, []string{"fid.class.猫", "fid.class.犬", "fid.class.кошка", "fid.class.हिन्दी", "fid.class.٣"}},
		{[]string{"caf\u00e9", "n"}, []string{"fid.class.caf\u00e9", "fid.class.n"}},
		{[]string{"cafe\u0301", "n"}, []string{"fid.class.caf\u00e9", "fid.class.n"}}, // as macOS stores it
		{[]string{"golden retriever", "x", "golden_retriever"}, []string{"fid.class.golden_retriever-0", "fid.class.x", "fid.class.golden_retriever-2"}},
		{[]string{"a b", "a_b", "a_b-0", "!"}, []string{"fid.class.a_b-0-0", "fid.class.a_b-1", "fid.class.a_b-0-2", "fid.class._"}},
	} {
		got := ClassMetrics(c.classes)
		require.Equal(t, c.want, got)
		seen := map[string]bool{}
		for _, name := range got {
			require.False(t, seen[name], name)
			seen[name] = true
			info, ok := LookupMetric(name)
			require.True(t, ok && info.Name == name, name)
			constraint, err := ParseConstraint(name + " <= baseline." + name + " * 1.5")
			require.NoError(t, err)
			require.Equal(t, [2]string{name, name}, [2]string{constraint.Metric, constraint.Baseline})
		}
	}
	for _, name := range []string{"fid.class.", "fid.class.a b", "fid.class.a.b", "fid.class.cafe\u0301"} {
		_, ok := LookupMetric(name)
		require.False(t, ok, name)
	}
}

// FuzzClassMetrics looks for names of classes that give equal metrics.
func FuzzClassMetrics(f *testing.F) {
	f.Add("a b", "a_b", "a_b-0")
	f.Add("a-1", "a-1", "a")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		seen := map[string]bool{}
		for _, name := range ClassMetrics([]string{a, b, c, a, b}) {
			require.False(t, seen[name], fmt.Sprintf("%q of %q %q %q", name, a, b, c))
			seen[name] = true
		}
	})
}
