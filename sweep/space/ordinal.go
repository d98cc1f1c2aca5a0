package space

import "github.com/tailsweep/tailsweep/sweep"

var ordinal = Distribution{
	Name: sweep.DistOrdinal, About: "One of a list whose order means something; numbers ascend.", Needs: []string{"values"},
	List: func(p sweep.Parameter) []sweep.Value { return p.Values }, Order: true,
}
