package specfile

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
)

// path is where a field stands in a spec: "train.steps", "metrics[0].name",
// "parameters.lr.min"; "" is the spec itself.
type path string

func (p path) field(name string) path {
	if p == "" {
		return path(name)
	}
	return p + path("."+name)
}

func (p path) item(i int) path { return p + path(fmt.Sprintf("[%d]", i)) }

// parameter is the path of a parameter of the search space.
func parameter(name string) path { return path("parameters").field(name) }

// fieldPath returns the path of the field of s that pointer points to. Checks name a
// field by its address, &s.Train.Steps, so that the compiler knows its name. It panics
// when pointer points to nothing in s.
func fieldPath(s *sweep.Spec, pointer any) path {
	target := reflect.ValueOf(pointer)
	if target.Kind() == reflect.Pointer && !target.IsNil() {
		if p, ok := find(reflect.ValueOf(s).Elem(), "", target); ok {
			return p
		}
	}
	panic(fmt.Sprintf("specfile: a %T that is not a field of the spec", pointer))
}

func find(v reflect.Value, p path, target reflect.Value) (path, bool) {
	if v.Type() == target.Type().Elem() && v.Addr().Pointer() == target.Pointer() {
		return p, true
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return find(v.Elem(), p, target)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			if name == "" || name == "-" {
				continue
			}
			if found, ok := find(v.Field(i), p.field(name), target); ok {
				return found, true
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			item := p.item(i)
			if named, ok := v.Index(i).Interface().(sweep.Parameter); ok {
				item = p.field(named.Name)
			}
			if found, ok := find(v.Index(i), item, target); ok {
				return found, true
			}
		}
	}
	return "", false
}
