package sweeps

import (
	"encoding/json"
	"time"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// differenceText is a table of the fields that differ.
func differenceText(list []conduct.Difference) []string {
	if len(list) == 0 {
		return []string{"the spec has not changed"}
	}
	shown := func(v json.RawMessage) string {
		if v == nil {
			return "-"
		}
		return string(v)
	}
	t := console.NewTable("FIELD", "OLD", "NEW")
	var long []string
	short := 0
	for _, d := range list {
		if len(d.Field)+len(shown(d.Old))+len(shown(d.New)) > longDifference {
			long = append(long, d.Field, "  old  "+shown(d.Old), "  new  "+shown(d.New))
			continue
		}
		t.Row(d.Field, shown(d.Old), shown(d.New))
		short++
	}
	if short == 0 {
		return long
	}
	return append(t.Plain(), long...)
}

// longDifference is the length from which a difference does not fit into the table.
const longDifference = 70

// checkEdit says why no sweep with this spec accepts the edit; nil where one may.
func checkEdit(spec *sweep.Spec, c conduct.Command) error {
	c.By = userAtHost()
	if err := conduct.New(spec, nil, conduct.LogicNow, time.Now()).Check(conduct.Commanded{Name: conduct.CommandEdit, Command: c}); err != nil {
		return cli.ExitWith(cli.ExitUsage, err)
	}
	return nil
}
