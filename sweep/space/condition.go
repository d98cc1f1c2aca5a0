package space

import (
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
)

// Ordered returns the parameters so that each comes after the one that its condition
// names, otherwise by name. Parameters whose conditions form a cycle, which Parse
// refuses, are left out.
func Ordered(s *sweep.Spec) []sweep.Parameter {
	var ordered []sweep.Parameter
	placed := make(map[string]bool, len(s.Parameters))
	rest := slices.Clone(s.Parameters)
	for len(rest) > 0 {
		n := len(rest)
		rest = slices.DeleteFunc(rest, func(p sweep.Parameter) bool {
			if p.When != nil && !placed[p.When.Param] {
				return false
			}
			placed[p.Name] = true
			ordered = append(ordered, p)
			return true
		})
		if len(rest) == n {
			break
		}
	}
	return ordered
}

// Active reports whether p takes part in a trial that has these parameters.
func Active(p sweep.Parameter, params sweep.Params) bool {
	return p.When == nil || p.When.IsTrue(params)
}
