package address_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/address"
)

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"http://127.0.0.1:9000":                                    "http://127.0.0.1:9000",
		"http://user:geheim@s3.local:9000/a?b=c":                   "http://***@s3.local:9000/a?b=c",
		"http://geheim@s3.local":                                   "http://***@s3.local",
		"http://user:ge@heim@s3.local":                             "http://***@s3.local",
		"http://user:ge/heim@s3.local:9000":                        "http://***@s3.local:9000",
		"http://user:ge%zzheim@s3.local":                           "http://***@s3.local",
		"s3://bucket/me@work/images":                               "s3://bucket/me@work/images",
		"https://a/x.zip?token=geheim&v=2#top":                     "https://a/x.zip?token=***&v=2#top",
		"https://a/x?X-Amz-Signature=geheim":                       "https://a/x?X-Amz-Signature=***",
		"https://a/x?v=1&AWSAccessKeyId=geheim&Expires":            "https://a/x?v=1&AWSAccessKeyId=***&Expires",
		"https://a/x?sig=geheim&monkey=1":                          "https://a/x?sig=***&monkey=1",
		`Get "http://me:geheim@a:1/": EOF, see https://b:geheim@c`: `Get "http://***@a:1/": EOF, see https://***@c`,
		"mail me@work":                                             "mail me@work",
		`index "bob:geheim@host/simple" is no URL`:                 `index "***@host/simple" is no URL`,
		"stat bob:geh/e@im@host/x: no such file":                   "stat ***@host/x: no such file",
		"stat /work/bob:geheim@host/x: no such file":               "stat /work/***@host/x: no such file",
		"--from=bob:geheim@[::1]:80":                               "--from=***@[::1]:80",
		"host/x?token=geheim&v=2":                                  "host/x?token=***&v=2",
		"mail: me@work, at 12:30@ the host, v1:/data/me@work":      "mail: me@work, at 12:30@ the host, v1:/data/me@work",
		"s3://bucket/a:b@work/images":                              "s3://bucket/a:b@work/images",
	} {
		require.Equal(t, want, address.Redact(in))
	}
}

func TestURLPrintsNoSecret(t *testing.T) {
	const secret = "geheim"
	for _, u := range []address.URL{"http://user:geheim@s3:9000", "user:geheim@temporal:7233", "geheim@temporal:7233"} {
		text, err := json.Marshal(map[string]any{"u": u})
		require.NoError(t, err)
		for _, printed := range []string{u.String(), fmt.Sprintf("%v %s %q %+v %#v", u, u, u, u, u), string(text)} {
			require.NotContains(t, printed, secret)
		}
	}
	require.Equal(t, "temporal:7233", address.URL("temporal:7233").String())
}

// What libraries log about a request has its URL.
func TestLoggerWritesNoSecrets(t *testing.T) {
	var out strings.Builder
	log := address.NewLogger(&out, slog.LevelInfo)
	u, err := url.Parse("https://me:geheim@host/path?token=geheim")
	require.NoError(t, err)
	failed := &url.Error{Op: "Get", URL: u.String(), Err: errors.New("refused")}
	log.Info("cannot load https://me:geheim@host", "error", failed, "wrapped", fmt.Errorf("dataset: %w", failed), "url", u, "text", u.String(), "tries", 3)
	log.With("endpoint", "http://me:geheim@host").WithGroup("g").Warn("again", "error", failed)
	require.NotContains(t, out.String(), "geheim")
	require.Contains(t, out.String(), "https://***@host/path?token=***")
	require.Regexp(t, `^time=\d{4}-\d\d-\d\dT\S+ level=INFO msg="cannot load `, out.String())
	require.Contains(t, out.String(), "tries=3")
	log.Debug("not at this level")
	require.NotContains(t, out.String(), "not at this level")
}
