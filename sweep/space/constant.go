package space

import "github.com/tailsweep/tailsweep/sweep"

var constant = Distribution{
	Name: sweep.DistConstant, About: "The same value in every trial.", Needs: []string{"value"},
	List: func(p sweep.Parameter) []sweep.Value { return []sweep.Value{*p.Value} }, Order: true,
}
