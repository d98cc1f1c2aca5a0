package specfile

// checkFrom checks that each earlier sweep is another one.
func (c *checker) checkFrom() {
	seen := map[string]bool{}
	for i, e := range c.spec.From {
		at := path("from").item(i).field("sweep")
		switch {
		case !c.valid(at):
		case e.Sweep == c.spec.Name:
			c.wrong(at, e.Sweep, "is this sweep", "the name of an earlier one")
		case seen[e.Sweep]:
			c.wrong(at, e.Sweep, "is named twice", "each earlier sweep once")
		}
		seen[e.Sweep] = true
	}
}
