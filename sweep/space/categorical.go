package space

import "github.com/tailsweep/tailsweep/sweep"

var categorical = Distribution{
	Name: sweep.DistCategorical, About: "One of a list, whose order means nothing.", Needs: []string{"values"},
	List: func(p sweep.Parameter) []sweep.Value { return p.Values },
}
