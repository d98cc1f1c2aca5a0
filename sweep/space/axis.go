package space

// Axis is what search methods that are built of one-dimensional densities know of a
// coordinate.
type Axis struct {
	Fixed      bool    // a constant
	Categories int     // values of a categorical parameter, 0 for another
	Cells      int     // values of an ordered list or a range with steps, 0 for a continuous one
	Zero       float64 // probability of an exact zero
	Low        float64 // where the range begins: Gap beside an exact zero, else 0
}

// Axes describes the coordinates of the cube.
func (s *Cube) Axes() []Axis {
	list := make([]Axis, len(s.Order))
	for k, p := range s.Order {
		a := &list[k]
		if a.Zero = p.Zero; p.Zero > 0 {
			a.Low = Gap
		}
		switch {
		case IsConstant(p):
			a.Fixed = true
		case IsCategorical(p):
			a.Categories = Count(p)
		default:
			a.Cells = Count(p)
		}
	}
	return list
}

// IsZero reports whether coordinate u of the axis is its exact zero.
func (a Axis) IsZero(u float64) bool { return a.Zero > 0 && u < Gap/2 }
