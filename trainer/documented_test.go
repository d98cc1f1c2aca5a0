package trainer

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/diffusion"
)

// documentedTable returns the cells of the rows of the table that follows the line
// <!-- marker --> in docs/checkpoints.md, without back-ticks.
func documentedTable(t *testing.T, marker string) (rows [][]string) {
	t.Helper()
	text, err := os.ReadFile("../docs/checkpoints.md")
	require.NoError(t, err)
	_, after, found := strings.Cut(string(text), "<!-- "+marker+" -->\n")
	require.True(t, found, marker)
	for i, line := range strings.Split(after, "\n") {
		if !strings.HasPrefix(line, "|") {
			break
		}
		if i < 2 { // the head
			continue
		}
		var cells []string
		for _, cell := range strings.Split(strings.Trim(line, "|"), "|") {
			cells = append(cells, strings.ReplaceAll(strings.TrimSpace(cell), "`", ""))
		}
		rows = append(rows, cells)
	}
	require.NotEmpty(t, rows, marker)
	return rows
}

// place is a block or an attention of a net, which takes in channels and returns out.
type place struct {
	name    string
	in, out int
}

// unetPlaces are the blocks and attentions of a U-Net as docs/checkpoints.md describes
// them in words.
func unetPlaces(m sweep.Model) (blocks, attentions []place) {
	channels := m.Width
	var skips []int
	add := func(name string, in, out int) {
		blocks = append(blocks, place{name, in, out})
		channels = out
	}
	attend := func(name string) { attentions = append(attentions, place{name, channels, channels}) }
	level := func(way string, level int, skip func() int) {
		for b := range m.Depth {
			name := fmt.Sprintf("%s%d_%d", way, level, b)
			add(name, channels+skip(), m.Mult[level]*m.Width)
			if slices.Contains(m.Attention, level) {
				attend(name + "_attention")
			}
			if way == "down" {
				skips = append(skips, channels)
			}
		}
	}
	for l := range m.Mult {
		level("down", l, func() int { return 0 })
	}
	add("middle0", channels, channels)
	attend("attention")
	add("middle1", channels, channels)
	for l := len(m.Mult) - 1; l >= 0; l-- {
		level("up", l, func() int {
			last := skips[len(skips)-1]
			skips = skips[:len(skips)-1]
			return last
		})
	}
	return blocks, attentions
}

// dimension evaluates a length such as C+1, 4W or P*P*K.
func dimension(t *testing.T, text string, symbols map[string]int) (sum int) {
	t.Helper()
	factor := regexp.MustCompile(`^([0-9]*)([A-Z]?)$`)
	for _, term := range strings.Split(text, "+") {
		product := 1
		for _, f := range strings.Split(term, "*") {
			parts := factor.FindStringSubmatch(f)
			require.NotNil(t, parts, text)
			if parts[1] != "" {
				n, err := strconv.Atoi(parts[1])
				require.NoError(t, err)
				product *= n
			}
			if parts[2] != "" {
				require.Contains(t, symbols, parts[2], text)
				product *= symbols[parts[2]]
			}
		}
		sum += product
	}
	return sum
}

// documentedShapes are the tensors of a model by docs/checkpoints.md.
func documentedShapes(t *testing.T, spec sweep.Spec) map[string][]int {
	t.Helper()
	m, all := spec.Model, map[string][]int{}
	var blocks, attentions []place
	if m.Arch == sweep.ArchUNet {
		blocks, attentions = unetPlaces(m)
	}
	for b := range m.Depth {
		if m.Arch == sweep.ArchDiT {
			blocks = append(blocks, place{fmt.Sprintf("block%d", b), m.Width, m.Width})
		}
	}
	for _, row := range documentedTable(t, "tensors: "+m.Arch) {
		name, where := row[0], []place{{out: m.Width}}
		if m.Arch == sweep.ArchUNet {
			where[0].out = m.Mult[0] * m.Width
		}
		word := ""
		switch {
		case strings.Contains(name, "BLOCK"):
			word, where = "BLOCK", blocks
		case strings.Contains(name, "ATTENTION"):
			word, where = "ATTENTION", attentions
		}
		for _, p := range where {
			if p.in == p.out && strings.HasPrefix(row[2], "only if I is not O") {
				continue
			}
			symbols := map[string]int{
				"W": m.Width, "K": spec.Dataset.Channels(), "C": spec.Dataset.Classes(), "P": m.Patch, "I": p.in, "O": p.out,
			}
			var dims []int
			for _, text := range strings.Split(strings.Trim(row[1], "[]"), ", ") {
				dims = append(dims, dimension(t, text, symbols))
			}
			full := name
			if word != "" {
				full = strings.Replace(name, word, p.name, 1)
			}
			require.NotContains(t, all, full)
			all[full] = dims
		}
	}
	return all
}

// docs/checkpoints.md has the name and shape of every tensor, and no other.
func TestTensorsAreDocumented(t *testing.T) {
	for name, c := range map[string]struct {
		model   sweep.Model
		dataset sweep.Dataset
	}{
		"grey U-Net":  {sweep.Model{Arch: "unet", Width: 16, Depth: 2, Mult: []int{1, 2, 3}, Attention: []int{0, 2}}, sweep.Dataset{Name: sweep.FashionMNIST, Size: 28}},
		"RGB U-Net":   {sweep.Model{Arch: "unet", Width: 12, Depth: 1, Mult: []int{2, 1, 1, 4}}, sweep.Dataset{Name: sweep.CIFAR100, Size: 32}},
		"small U-Net": {sweep.Model{Arch: "unet", Width: 8, Depth: 1, Mult: []int{1}, Attention: []int{0}}, sweep.Dataset{Name: sweep.CIFAR10, Size: 16}},
		"RGB DiT":     {sweep.Model{Arch: "dit", Width: 24, Depth: 3, Patch: 4, Heads: 3}, sweep.Dataset{Name: sweep.CIFAR10, Size: 32}},
		"grey DiT":    {sweep.Model{Arch: "dit", Width: 8, Depth: 1, Patch: 7, Heads: 1}, sweep.Dataset{Name: sweep.FashionMNIST, Size: 28}},
	} {
		t.Run(name, func(t *testing.T) {
			spec := sweep.Spec{Model: c.model, Dataset: c.dataset}
			made, err := shapes(spec)
			require.NoError(t, err)
			documented := documentedShapes(t, spec)
			for name, dims := range made {
				if there := documented[name]; !slices.Equal(there, dims) {
					t.Errorf("%s is %v in the net, %v in the document", name, dims, there)
				}
				delete(documented, name)
			}
			require.Empty(t, documented, "the net has no such tensors")
		})
	}
}

func TestChannelsOfBlocksAreDocumented(t *testing.T) {
	blocks, _ := unetPlaces(sweep.Model{Width: 16, Depth: 2, Mult: []int{1, 2, 3}})
	var want [][]string
	for _, b := range blocks {
		want = append(want, []string{b.name, strconv.Itoa(b.in), strconv.Itoa(b.out)})
	}
	require.Equal(t, want, documentedTable(t, "blocks: width 16, depth 2, mult 1 2 3"))
}

func TestSchedulesAreDocumented(t *testing.T) {
	for _, row := range documentedTable(t, "schedules") {
		step, err := strconv.Atoi(row[0])
		require.NoError(t, err)
		for i, name := range []string{sweep.ScheduleLinear, sweep.ScheduleCosine} {
			s, err := diffusion.NewSchedule(name)
			require.NoError(t, err)
			require.Equal(t, fmt.Sprintf("%.6g", s.AlphaBar[step]), row[i+1], "%s at %d", name, step)
		}
	}
}
