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
	methods := make([]string, len(sweep.Methods()))
	for i, m := range sweep.Methods() {
		methods[i] = string(m)
	}
	if !slices.Contains(methods, string(method)) {
		return "", fmt.Errorf("unknown method %q (valid: %s)", method, strings.Join(methods, ", "))
	}
	t, err := template.New("init").Parse(initTemplate)
	if err != nil {
		return "", fmt.Errorf("init template: %w", err)
	}
	var b strings.Builder
	if err := t.Execute(&b, struct{ Name, Method, Methods string }{name, string(method), strings.Join(methods, " | ")}); err != nil {
		return "", fmt.Errorf("init template: %w", err)
	}
	spec, err := Parse("init", []byte(b.String()))
	if err != nil {
		return "", fmt.Errorf("name %q does not make a valid spec: %w", name, err)
	}
	if spec.Name != name {
		return "", fmt.Errorf("name %q is not well formed (valid: %s)", name, legal(inside(compiled(), "name")))
	}
	return b.String(), nil
}
