package wheel

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/internal/address"
	"github.com/tailsweep/tailsweep/internal/download"
)

// defaultIndex is pip's index where none is configured.
const defaultIndex = "https://pypi.org/simple"

// maxIndexPage bounds a project's page of an index, in bytes.
const maxIndexPage = 16 << 20

// client gives a download half an hour: 165 MB on a slow line.
var client = &http.Client{Timeout: 30 * time.Minute, Transport: &http.Transport{
	Proxy:                 http.ProxyFromEnvironment,
	DialContext:           (&net.Dialer{Timeout: 30 * time.Second}).DialContext,
	TLSHandshakeTimeout:   30 * time.Second,
	ResponseHeaderTimeout: 60 * time.Second,
}}

// indexURL is the simple index that pip is configured with: $PIP_INDEX_URL, else
// index-url of its configuration files, else the public one.
func indexURL() string {
	if u := os.Getenv("PIP_INDEX_URL"); u != "" {
		return u
	}
	home, _ := os.UserHomeDir() // without one, fewer files are read
	config, _ := os.UserConfigDir()
	for _, file := range []string{
		os.Getenv("PIP_CONFIG_FILE"),
		filepath.Join(config, "pip", "pip.conf"),
		filepath.Join(home, ".pip", "pip.conf"),
		"/etc/pip.conf",
	} {
		if u := readIndexURL(file); u != "" {
			return u
		}
	}
	return defaultIndex
}

// readIndexURL finds index-url in the [global] or [install] section of a pip.conf.
func readIndexURL(file string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close() //nolint:errcheck // read only
	var section, found string
	lines := bufio.NewScanner(io.LimitReader(f, 1<<20))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "[") {
			section = strings.Trim(line, "[]")
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if ok && strings.TrimSpace(key) == "index-url" && (section == "global" || section == "install") {
			found = strings.TrimSpace(value)
		}
	}
	return found
}

// fetch downloads the pinned wheel into dir and returns the path of the verified file,
// which the caller removes.
func (r Request) fetch(ctx context.Context, dir string) (wheel string, err error) {
	index, pin := r.Index, r.Pin
	if index == "" {
		index = indexURL()
	}
	link, err := find(ctx, index, pin)
	if err != nil {
		return "", fmt.Errorf("%w (with the file %s at hand, `%s --from FILE` needs no network)", err, pin.Wheel, r.Command)
	}
	r.Log("downloading %s (%d MB) from %s", pin.Wheel, pin.Size/1e6, link.Host)
	wheel = filepath.Join(dir, pin.Wheel)
	shown := int64(0)
	return wheel, download.File(ctx, download.Request{
		URL: link.String(), Path: wheel, Limit: pin.Size, SHA256: pin.SHA256, Client: client,
		Progress: func(done, _ int64) {
			if quarter := 4 * done / pin.Size; quarter > shown && quarter < 4 {
				shown = quarter
				r.Log("  %d%%", 25*quarter)
			}
		},
	})
}

// find asks a simple index (PEP 503 in HTML, PEP 691 in JSON) for the link to the pinned
// wheel.
func find(ctx context.Context, index string, pin Pin) (*url.URL, error) {
	page, err := url.Parse(strings.TrimRight(index, "/") + "/" + pin.Project + "/")
	if err != nil || (page.Scheme != "https" && page.Scheme != "http") || page.Host == "" {
		return nil, fmt.Errorf("index %q is not an http or https URL", address.URL(index))
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, page.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/vnd.pypi.simple.v1+json, text/html;q=0.5")
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // read only
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", page.Redacted(), response.Status)
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, maxIndexPage+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", page.Redacted(), err)
	}
	if len(data) > maxIndexPage {
		return nil, fmt.Errorf("%s: a page of more than %d bytes", page.Redacted(), maxIndexPage)
	}
	for _, ref := range links(data) {
		u, err := page.Parse(ref)
		if err != nil || path.Base(u.Path) != pin.Wheel || (u.Scheme != "https" && u.Scheme != "http") {
			continue
		}
		u.Fragment = ""
		if u.Host == page.Host {
			u.User = page.User
		}
		return u, nil
	}
	return nil, fmt.Errorf("%s does not offer %s", page.Redacted(), pin.Wheel)
}

var anchor = regexp.MustCompile(`(?i)<a\s[^>]*?href\s*=\s*["']([^"']+)["']`)

// links are the file URLs of a project's page, as they are written there.
func links(page []byte) []string {
	var listing struct {
		Files []struct {
			URL string `json:"url"`
		} `json:"files"`
	}
	var all []string
	if json.Unmarshal(page, &listing) == nil {
		for _, f := range listing.Files {
			all = append(all, f.URL)
		}
		return all
	}
	for _, m := range anchor.FindAllSubmatch(page, -1) {
		all = append(all, html.UnescapeString(string(m[1])))
	}
	return all
}
