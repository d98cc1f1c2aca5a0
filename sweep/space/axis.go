package space

// Axis describes one coordinate for the search methods that use one-dimensional
// densities.
type Axis struct {
	Fixed      bool    // a constant
	Categories int     // values of a categorical parameter, 0 for any other
	Cells      int     // values of an ordered list or a range with steps, 0 for a continuous one
	Zero       float64 // probability of an exact zero
	Low        float64 // where the range begins: Gap if there is an exact zero, else 0
}

// Axes describes the coordinates of the cube.
func (c *Cube) Axes() []Axis {
	list := make([]Axis, len(c.Order))
	for k, p := range c.Order {
		a := &list[k]
		a.Zero, a.Low = p.Zero, rangeBegin(p)
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
