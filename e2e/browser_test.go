package e2e

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/stack"
)

// browser is a page in headless Chromium and what went wrong in it.
type browser struct {
	ctx  context.Context
	mu   sync.Mutex
	errs []string
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.WindowSize(1400, 1600),
		chromedp.Flag("disable-quic", true), chromedp.UserDataDir(t.TempDir()))
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	page, done := chromedp.NewContext(allocator)
	t.Cleanup(done)
	ctx, cancel := context.WithTimeout(page, 2*time.Minute)
	t.Cleanup(cancel)
	b := &browser{ctx: ctx}
	require.NoError(t, chromedp.Do(ctx)) // starts the browser
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return // the page is closed
			}
			if m.Type == chromedp.ConsoleError || m.IsException() {
				b.mu.Lock()
				b.errs = append(b.errs, string(m.Type)+": "+m.Text+" "+m.URL)
				b.mu.Unlock()
			}
		}
	}()
	return b
}

func (b *browser) errors() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.errs...)
}

// keep saves a screenshot where a person can look at it, if TAILSWEEP_E2E_SHOTS
// names a folder.
func (b *browser) keep(t *testing.T, name string) {
	t.Helper()
	dir := os.Getenv("TAILSWEEP_E2E_SHOTS")
	if dir == "" {
		return
	}
	shot, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, name+".png"), shot, 0o600))
}

// temporalUI opens the list of workflows and then the sweep.
func temporalUI(t *testing.T, status stack.Status, trials int) {
	b := newBrowser(t)
	base := "http://" + strings.TrimPrefix(status.UI, "http://")
	body := func() string {
		text, err := chromedp.Run(b.ctx, chromedp.Text("body"))
		if err != nil {
			return "" // the page is being replaced
		}
		return text
	}
	query := url.QueryEscape(`TailsweepSweep="quickstart"`)
	require.NoError(t, chromedp.Do(b.ctx, chromedp.Navigate(base+"/namespaces/default/workflows?query="+query)))
	eventually(t, time.Minute, "the sweep and its trials in the Temporal UI's list", func() bool {
		return strings.Count(body(), "sweep/quickstart/trial/") >= trials
	})
	b.keep(t, "temporal-list")

	require.NoError(t, chromedp.Do(b.ctx, chromedp.Navigate(base+"/namespaces/default/workflows/sweep%2Fquickstart")))
	eventually(t, time.Minute, "the sweep's page", func() bool { return strings.Contains(body(), "sweep/quickstart") })
	var run string // the page of the sweep's run, which the UI finds by itself
	eventually(t, time.Minute, "the sweep's run", func() bool {
		address, err := chromedp.Run(b.ctx, chromedp.Location())
		var found bool
		run, found = strings.CutSuffix(strings.SplitN(address, "?", 2)[0], "/timeline")
		return err == nil && found
	})
	b.keep(t, "temporal-sweep")
	require.NoError(t, chromedp.Do(b.ctx, chromedp.Navigate(run+"/search-attributes")))
	eventually(t, time.Minute, "the sweep's search attributes", func() bool {
		text := body()
		for _, want := range []string{"TailsweepState", "completed", "TailsweepBestTail", "TailsweepDone"} {
			if !strings.Contains(text, want) {
				return false
			}
		}
		return true
	})
	b.keep(t, "temporal-attributes")
}

// reportPage opens the report from disk: one grid a trial, no error.
func reportPage(t *testing.T, path string, trials int) {
	b := newBrowser(t)
	require.NoError(t, chromedp.Do(b.ctx, chromedp.Navigate("file://"+path), chromedp.WaitReady("body")))
	grids, err := chromedp.Run(b.ctx, chromedp.Evaluate[int](`document.querySelectorAll("img").length`))
	require.NoError(t, err)
	broken, err := chromedp.Run(b.ctx, chromedp.Evaluate[int](`[...document.images].filter(i => !i.complete || i.naturalWidth === 0).length`))
	require.NoError(t, err)
	b.keep(t, "report")
	require.Equal(t, trials, grids, "one grid image a trial")
	require.Zero(t, broken, "images that are not shown")
	require.Empty(t, b.errors(), "errors in the console")
}
