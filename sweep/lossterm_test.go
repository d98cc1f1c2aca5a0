package sweep

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var regen = flag.Bool("regen", false, "write the generated part of docs/losses.md")

// The table of terms in docs/losses.md is that of LossTerms.
func TestLossTermsAreDocumented(t *testing.T) {
	const path, begin, end = "../docs/losses.md", "-regen -->\n", "<!-- end -->"
	var table strings.Builder
	table.WriteString("| term | formula | parameters | source |\n|---|---|---|---|\n")
	for _, term := range LossTerms() {
		var names []string
		for _, p := range term.Parameters {
			names = append(names, "`"+strings.TrimPrefix(p.Name, term.Name+".")+"`")
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", term.Name, term.Formula, strings.Join(names, ", "), term.Source)
	}
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(data), begin)
	require.True(t, ok)
	was, after, ok := strings.Cut(rest, end)
	require.True(t, ok)
	if *regen {
		require.NoError(t, os.WriteFile(path, []byte(before+begin+table.String()+end+after), 0o644))
		return
	}
	require.Equal(t, table.String(), was, "run: go test ./sweep -run LossTerms -regen")
}

// Each parameter of a term belongs to it by its name, and the weight is the first.
func TestLossTermParameters(t *testing.T) {
	for _, term := range LossTerms() {
		require.Equal(t, term.Weight(), term.Parameters[0].Name)
		for _, p := range term.Parameters {
			require.True(t, strings.HasPrefix(p.Name, term.Name+"."), p.Name)
			info, ok := LookupParameter(p.Name)
			require.True(t, ok)
			require.Equal(t, p, info)
			require.True(t, info.Accepts(info.Default), p.Name)
		}
	}
}
