package address

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheckHost(t *testing.T) {
	t.Setenv(HostsVariable, " Ada.Example, ,two.example")
	require.Equal(t, []string{"ada.example", "two.example"}, Hosts())
	handler := CheckHost(Hosts(), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for host, want := range map[string]int{
		"localhost": 200, "localhost:20002": 200, "LocalHost:9": 200, "127.0.0.1:20002": 200, "[::1]:20002": 200, "[::1]": 200, "ada.example:80": 200, "ADA.example": 200,
		"evil.example": 421, "evil.example:20002": 421, "localhost.evil.example": 421, "127.0.0.1.evil.example:20002": 421, "10.0.0.1": 421, "": 421,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.Host = host
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		require.Equal(t, want, w.Code, host)
		if want != http.StatusOK {
			require.Contains(t, w.Body.String(), "valid: localhost, 127.0.0.1, [::1], ada.example, two.example; TAILSWEEP_HOSTS adds names")
		}
	}
}
