package main

import (
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"sync"
	"time"
)

// mode is what the proxy does with requests.
type mode string

const (
	pass     mode = "passes on"
	away     mode = "refuses connections"
	failing  mode = "answers 500"
	readonly mode = "refuses writes"
	slow     mode = "answers after 2 s"
	hanging  mode = "does not answer"
	cutting  mode = "cuts off every second answer"
)

// proxy stands between the workers and the object store, and injects faults.
type proxy struct {
	address string
	reverse *httputil.ReverseProxy

	mu       sync.Mutex
	mode     mode
	server   *http.Server
	requests int
	moment   *moment // nil: nobody waits for a request
}

// moment is a request that somebody waits for.
type moment struct {
	method  string
	path    *regexp.Regexp
	after   bool // once the store has carried it out, before the answer is passed on
	reached chan struct{}
	proceed chan struct{} // closed when the request may continue
}

// heldAtMost bounds how long a request is held at a moment.
const heldAtMost = 5 * time.Second

func newProxy(target string) (*proxy, error) {
	to, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	p := &proxy{mode: pass, address: "127.0.0.1:0"}
	p.reverse = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = r.In.Host // it is signed
		},
		Transport: &http.Transport{DisableCompression: true},
		ErrorLog:  log.New(io.Discard, "", 0),
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) {
			panic(http.ErrAbortHandler) // the store is away: so is the proxy
		},
	}
	return p, p.listen()
}

// listen accepts connections, always at the same address.
func (p *proxy) listen() error {
	l, err := net.Listen("tcp", p.address)
	if err != nil {
		return err
	}
	p.address = l.Addr().String()
	p.server = &http.Server{Handler: p, ErrorLog: log.New(io.Discard, "", 0)}
	go func(s *http.Server) { _ = s.Serve(l) }(p.server)
	return nil
}

// set changes what the proxy does.
func (p *proxy) set(m mode) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.mode
	p.mode = m
	switch {
	case m == away && was != away:
		return p.server.Close()
	case m != away && was == away:
		return p.listen()
	}
	return nil
}

// wait announces the next request that fits. The caller must call leave.
func (p *proxy) wait(method, path string, after bool) *moment {
	m := &moment{method: method, path: regexp.MustCompile(path), after: after, reached: make(chan struct{}), proceed: make(chan struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.moment = m
	return m
}

// leave lets the request of a moment continue.
func (p *proxy) leave(m *moment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.moment == m {
		p.moment = nil
	}
	close(m.proceed)
}

// enter counts a request, and returns the moment that it is.
func (p *proxy) enter(r *http.Request) (m mode, odd bool, at *moment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests++
	if at = p.moment; at != nil && r.Method == at.method && at.path.MatchString(r.URL.Path) {
		p.moment = nil
	} else {
		at = nil
	}
	return p.mode, p.requests%2 == 1, at
}

// hold holds a request at a moment.
func (m *moment) hold() {
	close(m.reached)
	select {
	case <-m.proceed:
	case <-time.After(heldAtMost):
	}
}

// ServeHTTP implements http.Handler.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m, odd, at := p.enter(r)
	if at != nil && !at.after {
		at.hold()
	}
	write := r.Method != http.MethodGet && r.Method != http.MethodHead
	switch {
	case m == away:
		panic(http.ErrAbortHandler)
	case m == failing:
		refuse(w, http.StatusInternalServerError, "InternalError")
		return
	case m == readonly && write:
		refuse(w, http.StatusForbidden, "AccessDenied")
		return
	case m == slow:
		time.Sleep(2 * time.Second)
	case m == hanging:
		_, _ = io.Copy(io.Discard, r.Body) // otherwise nobody notices that the client gives up
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case m == cutting && odd && !write:
		w = &cutter{ResponseWriter: w}
	}
	p.reverse.ServeHTTP(w, r)
	if at != nil && at.after {
		at.hold()
	}
	if m == cutting && odd {
		panic(http.ErrAbortHandler) // the request was carried out, and its answer is lost
	}
}

// refuse answers like an S3 service.
func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>`+code+`</Code><Message>injected</Message></Error>`)
}

// cutter ends a connection in the middle of an answer.
type cutter struct{ http.ResponseWriter }

// Write implements io.Writer.
func (c *cutter) Write(p []byte) (int, error) {
	_, err := c.ResponseWriter.Write(p[:len(p)/2])
	err = errors.Join(err, http.NewResponseController(c.ResponseWriter).Flush())
	if err != nil {
		return 0, err
	}
	panic(http.ErrAbortHandler)
}
