package address

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
)

// HostsVariable names further hosts for which local servers answer, separated by commas.
const HostsVariable = "TAILSWEEP_HOSTS"

// Hosts returns the names in HostsVariable, in lower case.
func Hosts() []string {
	var names []string
	for name := range strings.SplitSeq(os.Getenv(HostsVariable), ",") {
		if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// CheckHost answers only requests for a host of this machine or one of names, which are in
// lower case. It is for servers that listen on loopback: without it, a page of another site
// whose name resolves to 127.0.0.1 (DNS rebinding) can read their answers. The port may be
// another one, such as that of an SSH tunnel. devstack/front.go, in a
// module of its own, has the same check.
func CheckHost(names []string, next http.Handler) http.Handler {
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
		http.Error(w, fmt.Sprintf("host %q is refused (valid: %s; %s adds names)", r.Host, valid, HostsVariable), http.StatusMisdirectedRequest)
	})
}
