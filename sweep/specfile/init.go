package specfile

import (
	_ "embed" // init.yaml
	"fmt"
	"slices"
	"strings"
	"text/template"

	"github.com/tailsweep/tailsweep/sweep"
)

//go:embed init.yaml
var initTemplate string

// Init returns the text of a commented spec to start from. It is valid.
func Init(name string, method sweep.Method) (string, error) {
	if !slices.Contains(sweep.Methods(), method) {
		var valid []string
		for _, m := range sweep.Methods() {
			valid = append(valid, string(m))
		}
		return "", fmt.Errorf("unknown method %q (valid: %s)", method, strings.Join(valid, ", "))
	}
	t, err := template.New("init").Parse(initTemplate)
	if err != nil {
		return "", fmt.Errorf("init template: %w", err)
	}
	var b strings.Builder
	if err := t.Execute(&b, struct{ Name, Method string }{name, string(method)}); err != nil {
		return "", fmt.Errorf("init template: %w", err)
	}
	spec, err := Parse("init", []byte(b.String()))
	if err != nil {
		return "", fmt.Errorf("name %q does not make a valid spec: %w", name, err)
	}
	if spec.Name != name {
		return "", fmt.Errorf("name %q is not well formed (valid: a letter, then a-z, 0-9 and -, 63 at most, - not last)", name)
	}
	return b.String(), nil
}
