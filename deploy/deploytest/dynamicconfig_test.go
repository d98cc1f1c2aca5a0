package deploytest

import (
	"fmt"
	"go/ast"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// The task queues of docker-compose have the fairness and the priority of the embedded stack.
func TestDynamicConfigIsThatOfTheEmbeddedStack(t *testing.T) {
	embedded := map[string]string{} // by name, as matchingenablefairness
	for _, file := range parseGo(t, "devstack") {
		ast.Inspect(file, func(n ast.Node) bool {
			pair, ok := n.(*ast.KeyValueExpr)
			if !ok {
				return true
			}
			call, ok := pair.Key.(*ast.CallExpr)
			if !ok {
				return true
			}
			key := call.Fun.(*ast.SelectorExpr).X.(*ast.SelectorExpr).Sel.Name
			if strings.HasPrefix(key, "Matching") && !strings.Contains(key, "Persistence") { // the limits of the embedded database are its own
				switch v := pair.Value.(type) {
				case *ast.Ident:
					embedded[strings.ToLower(key)] = v.Name
				case *ast.BasicLit:
					embedded[strings.ToLower(key)] = v.Value
				}
			}
			return true
		})
	}
	require.Contains(t, embedded, "matchingenablefairness")

	var settings map[string][]struct {
		Value any `json:"value"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(read(t, "deploy/temporal/dynamicconfig.yaml")), &settings))
	composed := map[string]string{}
	for key, values := range settings {
		if strings.HasPrefix(key, "matching.") {
			require.Len(t, values, 1, key)
			composed[strings.ToLower(strings.ReplaceAll(key, ".", ""))] = fmt.Sprint(values[0].Value)
		}
	}
	require.Equal(t, embedded, composed)
}
