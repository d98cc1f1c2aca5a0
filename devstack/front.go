package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// innerHost is where the servers behind a front listen.
const innerHost = "127.0.0.1"

// front serves an address and passes the requests for it to a server that does not check
// the Host header itself: without the check, a page of another site whose name resolves to
// this machine (DNS rebinding) can read the answers.
//
// The server behind it has a port of its own, with TLS and a certificate that only the
// front accepts: a browser that connects there gets no answer.
type front struct {
	inner atomic.Pointer[url.URL] // nil until the server is started
}

// startFront listens at the address. name is the server's, for messages.
func (s *stack) startFront(name, address string) (*front, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	f := &front{}
	down := func(w http.ResponseWriter, _ *http.Request, err error) {
		http.Error(w, fmt.Sprintf("%s does not answer (%v): `tailsweep up` starts it again, `tailsweep status` shows its log", name, err), http.StatusBadGateway)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(f.inner.Load())
			r.Out.Host = r.In.Host
		},
		Transport:     &http.Transport{TLSClientConfig: s.certificate.client(), IdleConnTimeout: time.Minute},
		FlushInterval: -1, // an answer in parts arrives in parts
		ErrorHandler:  down,
		ErrorLog:      slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: checkHost(s.config.Hosts, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.inner.Load() == nil {
			down(w, r, errors.New("it is not started yet"))
			return
		}
		proxy.ServeHTTP(w, r)
	}))}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	s.started(name+"'s front", func(context.Context) error {
		err := server.Close()
		if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
			err = errors.Join(err, ended)
		}
		return err
	})
	return f, nil
}

// open chooses a port for the server behind the front and returns it.
func (f *front) open() (port int, err error) {
	port, err = freePort(innerHost)
	if err == nil {
		f.inner.Store(&url.URL{Scheme: "https", Host: fmt.Sprintf("%s:%d", innerHost, port)})
	}
	return port, err
}

// checkHost answers only requests for a host of this machine or one of names, which are in
// lower case. The port may be another one, such as that of an SSH tunnel. CheckHost in
// internal/address/host.go of the main module is the same check: devstack is a module of its
// own and cannot import it.
func checkHost(names []string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		host = strings.ToLower(strings.Trim(host, "[]"))
		if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() || host == "localhost" || slices.Contains(names, host) {
			next.ServeHTTP(w, r)
			return
		}
		valid := strings.Join(append([]string{"localhost", "127.0.0.1", "[::1]"}, names...), ", ")
		http.Error(w, fmt.Sprintf("host %q is refused (valid: %s; TAILSWEEP_HOSTS adds names after `tailsweep down` and `tailsweep up`)", r.Host, valid), http.StatusMisdirectedRequest)
	})
}

// certificate is what the servers behind fronts show. It is made at each start.
type certificate struct {
	certFile, keyFile string
	pool              *x509.CertPool
}

func makeCertificate(dir string) (certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.ParseIP(innerHost)},
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().AddDate(10, 0, 0), // a stack runs for long
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return certificate{}, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return certificate{}, err
	}
	c := certificate{
		certFile: filepath.Join(dir, "run", "inner.crt"), keyFile: filepath.Join(dir, "run", "inner.key"), pool: x509.NewCertPool(),
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	c.pool.AppendCertsFromPEM(text)
	return c, errors.Join(
		os.WriteFile(c.certFile, text, 0o600),
		os.WriteFile(c.keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600),
	)
}

// client returns what a client of a server with the certificate needs.
func (c certificate) client() *tls.Config {
	return &tls.Config{RootCAs: c.pool, MinVersion: tls.VersionTLS13}
}
