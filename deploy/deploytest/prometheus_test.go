package deploytest

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/token"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

const rulesFile = "deploy/prometheus/rules.yml"

var promql = parser.NewParser(parser.Options{})

// exported are the metrics that internal/metrics registers, with their labels,
// read from its calls m.gauge(name, help, labels...) and m.counter(...), and from the
// names of histogram options.
func exported(t *testing.T) map[string][]string {
	t.Helper()
	const prefix = "tailsweep_"
	metrics, constants := map[string][]string{}, map[string]string{}
	text := func(e ast.Expr) string {
		switch e := e.(type) {
		case *ast.BasicLit:
			if e.Kind != token.STRING {
				return ""
			}
			s, err := strconv.Unquote(e.Value)
			require.NoError(t, err)
			return s
		case *ast.Ident:
			return constants[e.Name]
		}
		return ""
	}
	files := parseGo(t, "internal/metrics")
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			if v, ok := n.(*ast.ValueSpec); ok && len(v.Values) == 1 {
				constants[v.Names[0].Name] = text(v.Values[0])
			}
			return true
		})
	}
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.SelectorExpr); ok && (f.Sel.Name == "gauge" || f.Sel.Name == "counter") {
					name := prefix + text(n.Args[0])
					metrics[name] = []string{}
					for _, label := range n.Args[2:] {
						metrics[name] = append(metrics[name], text(label))
					}
				}
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Name" && text(n.Value) != "" {
					metrics[prefix+text(n.Value)] = []string{"le"}
				}
			}
			return true
		})
	}
	require.Equal(t, []string{"sweep", "metric", "group"}, metrics["tailsweep_best_value"], "this test no longer reads internal/metrics correctly")
	return metrics
}

// checkExpression parses a PromQL expression and fails when it uses a metric of
// ours that is not exported, or selects by a label that the metric lacks.
func checkExpression(t *testing.T, expr string) {
	t.Helper()
	// What Grafana fills in.
	expr = strings.NewReplacer("$__rate_interval", "1m", "$__range", "3h", "$sweep", "quickstart").Replace(expr)
	parsed, err := promql.ParseExpr(expr)
	require.NoError(t, err, expr)
	known := exported(t)
	selectors := 0
	parser.Inspect(parsed, func(n parser.Node, _ []parser.Node) error {
		v, ok := n.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		selectors++
		if !strings.HasPrefix(v.Name, "tailsweep_") {
			return nil
		}
		labels, ok := known[regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(v.Name, "")]
		require.True(t, ok, "no program exports %s, used in %s", v.Name, expr)
		for _, m := range v.LabelMatchers {
			if m.Name != "__name__" {
				require.Contains(t, labels, m.Name, "%s has no such label, used in %s", v.Name, expr)
			}
		}
		return nil
	})
	require.NotZero(t, selectors, expr)
}

func rules(t *testing.T) map[string]rulefmt.Rule {
	t.Helper()
	groups, errs := rulefmt.ParseFile(filepath.Join(root, rulesFile), false, model.UTF8Validation, promql, slog.New(slog.DiscardHandler))
	require.Empty(t, errs)
	out := map[string]rulefmt.Rule{}
	for _, g := range groups.Groups {
		for _, r := range g.Rules {
			out[r.Alert] = r
		}
	}
	return out
}

func TestRulesUseOurMetrics(t *testing.T) {
	for name, r := range rules(t) {
		checkExpression(t, r.Expr)
		require.NotEmpty(t, r.Annotations["summary"], name)
		require.NotEmpty(t, r.Annotations["description"], name)
		require.NotEmpty(t, r.Labels["severity"], name)
	}
}

// Each alert's expression is evaluated by Prometheus' engine over series, a sample
// a minute. want is what it returns at the given time; "" is nothing.
func TestAlertsFire(t *testing.T) {
	tests := []struct {
		alert, name, series string
		at                  time.Duration
		want                string
	}{
		{"TailsweepWorkerDown", "fires", `up{job="tailsweep",instance="a"} 1 0`, time.Minute, `up{job="tailsweep",instance="a"} 0`},
		{"TailsweepWorkerDown", "other jobs are ignored", `up{job="temporal",instance="a"} 0 0`, time.Minute, ""},

		{"TailsweepSweepStalled", "no step moves", `
			tailsweep_sweep_active{sweep="s"} 1x60
			tailsweep_trials_running{sweep="s"} 2x60
			tailsweep_trial_step{sweep="s",trial="1"} 100x60`, time.Hour, `{sweep="s"} 1`},
		{"TailsweepSweepStalled", "two control workers make one alert", `
			tailsweep_sweep_active{sweep="s",instance="a"} 1x60
			tailsweep_sweep_active{sweep="s",instance="b"} 1x60
			tailsweep_trials_running{sweep="s",instance="a"} 2x60
			tailsweep_trials_running{sweep="s",instance="b"} 2x60`, time.Hour, `{sweep="s"} 1`},
		{"TailsweepSweepStalled", "a long evaluation moves", `
			tailsweep_sweep_active{sweep="s"} 1x60
			tailsweep_trials_running{sweep="s"} 1x60
			tailsweep_trial_images{sweep="s",trial="1"} 0+100x60`, time.Hour, ""},
		{"TailsweepSweepStalled", "an evaluation hangs", `
			tailsweep_sweep_active{sweep="s"} 1x60
			tailsweep_trials_running{sweep="s"} 1x60
			tailsweep_trial_images{sweep="s",trial="1"} 100x60`, time.Hour, `{sweep="s"} 1`},
		{"TailsweepSweepStalled", "no trial trains at all", `
			tailsweep_sweep_active{sweep="s"} 1x60
			tailsweep_trials_running{sweep="s"} 2x60`, time.Hour, `{sweep="s"} 1`},
		{"TailsweepSweepStalled", "one of two trials moves", `
			tailsweep_sweep_active{sweep="s"} 1x60
			tailsweep_trials_running{sweep="s"} 2x60
			tailsweep_trial_step{sweep="s",trial="1"} 100x60
			tailsweep_trial_step{sweep="s",trial="2"} 0+10x60`, time.Hour, ""},
		{"TailsweepSweepStalled", "trials are evaluated and end", `
			tailsweep_sweep_active{sweep="s"} 1x60
			tailsweep_trials_running{sweep="s"} 2x60
			tailsweep_trials{sweep="s",status="completed"} 1x50 2x9`, time.Hour, ""},
		{"TailsweepSweepStalled", "a finished sweep does not move", `
			tailsweep_sweep_active{sweep="s"} 0x60
			tailsweep_trials_running{sweep="s"} 0x60`, time.Hour, ""},

		{"TailsweepSweepBlocked", "by two control workers", `
			tailsweep_sweep_blocked{sweep="s",reason="unknown_key",instance="a"} 1
			tailsweep_sweep_blocked{sweep="s",reason="unknown_key",instance="b"} 1
			tailsweep_sweep_blocked{sweep="s",reason="no_bucket",instance="a"} 0`, 0, `{sweep="s",reason="unknown_key"} 1`},
		{"TailsweepSweepBlocked", "the cause is gone", `tailsweep_sweep_blocked{sweep="s",reason="unknown_key"} 1 0`, time.Minute, ""},

		{"TailsweepWorkerResting", "for longer", `tailsweep_worker_resting{instance="a"} 1x15
			tailsweep_worker_resting{instance="b"} 0x15`, 15 * time.Minute, `{instance="a"} 1`},
		{"TailsweepWorkerResting", "it tries a trial between two rests", `tailsweep_worker_resting{instance="a"} 1x4 0 1x4 0 1x4`, 14 * time.Minute, `{instance="a"} 1`},
		{"TailsweepWorkerResting", "it works again", `tailsweep_worker_resting{instance="a"} 1x5 0x10`, 15 * time.Minute, ""},
		{"TailsweepTrainingRestarts", "four in an hour", `tailsweep_training_restarts_total{sweep="s",reason="lost"} 0x30 1 2 3 4x27`, time.Hour, `{sweep="s",reason="lost"} 4`},
		{"TailsweepTrainingRestarts", "three are below the limit", `tailsweep_training_restarts_total{sweep="s",reason="lost"} 0x30 1 2 3x28`, time.Hour, ""},
		{"TailsweepTrainingRestarts", "preemptions are planned", `tailsweep_training_restarts_total{sweep="s",reason="preempted"} 0+1x60`, time.Hour, ""},

		{"TailsweepTrialsFailing", "three of four", `
			tailsweep_sweep_active{sweep="s"} 1
			tailsweep_trials{sweep="s",status="completed"} 1
			tailsweep_trials{sweep="s",status="failed"} 2
			tailsweep_trials{sweep="s",status="diverged"} 1`, 0, `{sweep="s"} 0.75`},
		{"TailsweepTrialsFailing", "two of three are too few", `
			tailsweep_sweep_active{sweep="s"} 1
			tailsweep_trials{sweep="s",status="completed"} 1
			tailsweep_trials{sweep="s",status="failed"} 2`, 0, ""},
		{"TailsweepTrialsFailing", "half is not more than half", `
			tailsweep_sweep_active{sweep="s"} 1
			tailsweep_trials{sweep="s",status="completed"} 2
			tailsweep_trials{sweep="s",status="failed"} 2`, 0, ""},
	}
	all := rules(t)
	tested := map[string]bool{}
	engine := promqltest.NewTestEngine(t, false, 0, promqltest.DefaultMaxSamplesPerQuery)
	for _, tt := range tests {
		tested[tt.alert] = true
		t.Run(tt.alert+"/"+tt.name, func(t *testing.T) {
			rule, ok := all[tt.alert]
			require.True(t, ok)
			script := "load 1m\n"
			for line := range strings.Lines(tt.series + "\n") {
				if line = strings.TrimSpace(line); line != "" {
					script += "  " + line + "\n"
				}
			}
			script += fmt.Sprintf("\neval instant at %s %s\n", tt.at, strings.Join(strings.Fields(rule.Expr), " "))
			if tt.want != "" {
				script += "  " + tt.want + "\n"
			}
			promqltest.RunTest(t, script, engine)
		})
	}
	for name := range all {
		require.True(t, tested[name], "no test of %s", name)
	}
}

func TestPrometheusConfiguration(t *testing.T) {
	var config struct {
		RuleFiles     []string `json:"rule_files"`
		ScrapeConfigs []struct {
			JobName string `json:"job_name"`
			DNS     []struct {
				Names []string `json:"names"`
				Port  int      `json:"port"`
			} `json:"dns_sd_configs"`
			Static []struct {
				Targets []string `json:"targets"`
			} `json:"static_configs"`
		} `json:"scrape_configs"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(read(t, "deploy/prometheus/prometheus.yml")), &config))
	require.Equal(t, []string{"rules.yml"}, config.RuleFiles)
	p, _ := project(t)
	for _, job := range config.ScrapeConfigs {
		for _, dns := range job.DNS {
			for _, name := range dns.Names {
				require.Contains(t, p.Services, name, job.JobName)
				require.Equal(t, fmt.Sprintf("0.0.0.0:%d", dns.Port), *p.Services[name].Environment["TAILSWEEP_METRICS_ADDR"])
			}
		}
		for _, static := range job.Static {
			for _, target := range static.Targets {
				host, _, ok := strings.Cut(target, ":")
				require.True(t, ok, target)
				if host != "127.0.0.1" {
					require.Contains(t, p.Services, host, job.JobName)
				}
			}
		}
	}
}

// dashboard is what the checks need of Grafana's JSON.
type dashboard struct {
	UID        string `json:"uid"`
	Templating struct {
		List []struct {
			Name       string `json:"name"`
			Definition string `json:"definition"`
		} `json:"list"`
	} `json:"templating"`
	Panels []struct {
		ID         int                      `json:"id"`
		Title      string                   `json:"title"`
		GridPos    struct{ X, Y, W, H int } `json:"gridPos"`
		Datasource struct{ UID string }     `json:"datasource"`
		Targets    []struct {
			RefID string `json:"refId"`
			Expr  string `json:"expr"`
		} `json:"targets"`
	} `json:"panels"`
}

func TestDashboards(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "deploy/grafana/dashboards/*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	datasource := regexp.MustCompile(`uid: (\S+)`).FindStringSubmatch(read(t, "deploy/grafana/provisioning/datasources/prometheus.yml"))[1]
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		var d dashboard
		require.NoError(t, json.Unmarshal(data, &d))
		require.NotEmpty(t, d.UID)
		for _, v := range d.Templating.List {
			m := regexp.MustCompile(`^label_values\((\w+)(?:{sweep="\$sweep"})?, (\w+)\)$`).FindStringSubmatch(v.Definition)
			require.NotNil(t, m, v.Definition)
			checkExpression(t, m[1])
		}
		taken, ids := map[[2]int]string{}, map[int]bool{}
		for _, p := range d.Panels {
			require.False(t, ids[p.ID], "panel id %d twice", p.ID)
			ids[p.ID] = true
			require.Equal(t, datasource, p.Datasource.UID, p.Title)
			require.NotEmpty(t, p.Targets, p.Title)
			for _, target := range p.Targets {
				checkExpression(t, target.Expr)
				require.NotRegexp(t, `^tailsweep_(best_value|trials|sweep|gpu)`, target.Expr, "%s: every control worker exports it", p.Title)
			}
			require.LessOrEqual(t, p.GridPos.X+p.GridPos.W, 24, p.Title)
			for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
				for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
					require.Empty(t, taken[[2]int{x, y}], "%s covers another panel", p.Title)
					taken[[2]int{x, y}] = p.Title
				}
			}
		}
	}
}
