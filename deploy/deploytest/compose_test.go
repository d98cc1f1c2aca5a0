package deploytest

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
	"github.com/stretchr/testify/require"
)

// newEnv runs deploy/new-env.sh in a copy, and returns what it wrote.
func newEnv(t *testing.T) map[string]string {
	t.Helper()
	return newEnvIn(t, t.TempDir())
}

// newEnvIn is newEnv in the folder dir.
func newEnvIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "deploy"), 0o755))
	script := filepath.Join(dir, "deploy", "new-env.sh")
	require.NoError(t, os.WriteFile(script, []byte(read(t, "deploy/new-env.sh")), 0o755))
	run := func() (string, error) {
		cmd := exec.Command(script)
		cmd.Env = []string{"PATH=/usr/bin:/bin"}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := run()
	require.NoError(t, err, out)
	path := filepath.Join(dir, ".env")
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "secrets are for their owner only")

	env, err := dotenv.Read(path)
	require.NoError(t, err)
	_, err = run()
	require.Error(t, err, "a second run must not replace secrets in use")
	again, err := dotenv.Read(path)
	require.NoError(t, err)
	require.Equal(t, env, again)
	return env
}

func load(t *testing.T, env map[string]string) (*types.Project, error) {
	t.Helper()
	var list []string
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "docker-compose.yml")},
		cli.WithEnv(list), cli.WithProfiles([]string{"cpu", "gpu"}))
	require.NoError(t, err)
	return options.LoadProject(t.Context())
}

func project(t *testing.T) (*types.Project, map[string]string) {
	t.Helper()
	env := newEnv(t)
	p, err := load(t, env)
	require.NoError(t, err)
	require.Greater(t, len(p.Services), 10)
	return p, env
}

// oneShot reports whether a service ends by itself.
func oneShot(s types.ServiceConfig) bool { return strings.HasPrefix(s.Restart, "on-failure") }

func TestComposeNeedsItsSecrets(t *testing.T) {
	env := newEnv(t)
	for _, name := range []string{"POSTGRES_PASSWORD", "GRAFANA_ADMIN_PASSWORD", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		without := map[string]string{}
		for k, v := range env {
			if k != name {
				without[k] = v
			}
		}
		_, err := load(t, without)
		require.ErrorContains(t, err, "run deploy/new-env.sh first", "without %s", name)
	}
}

func TestComposeHoldsNoSecret(t *testing.T) {
	p, env := project(t)
	secret := regexp.MustCompile(`PASSWORD|SECRET|PWD|TOKEN|ACCESS_KEY`)
	seen := 0
	for _, s := range p.Services {
		for name, value := range s.Environment {
			if !secret.MatchString(name) || name == "AWS_ACCESS_KEY_ID" {
				continue
			}
			require.NotNil(t, value, "%s: %s", s.Name, name)
			require.GreaterOrEqual(t, len(*value), 32, "%s: %s", s.Name, name)
			require.Contains(t, []string{env["POSTGRES_PASSWORD"], env["GRAFANA_ADMIN_PASSWORD"], env["AWS_SECRET_ACCESS_KEY"]}, *value, "%s: %s", s.Name, name)
			seen++
		}
		for _, arg := range slices.Concat(s.Command, s.Entrypoint) {
			require.NotContains(t, arg, env["AWS_SECRET_ACCESS_KEY"], "%s shows a secret in its command line", s.Name)
		}
	}
	require.GreaterOrEqual(t, seen, 7)
}

func TestComposeImagesArePinned(t *testing.T) {
	p, _ := project(t)
	version := regexp.MustCompile(`:(v?\d+\.\d+[.\d]*)(-[a-z0-9]+)?$`)
	for _, s := range p.Services {
		if strings.HasPrefix(s.Image, "tailsweep/") {
			require.NotContains(t, s.Image, "latest", s.Name)
			require.Contains(t, []string{types.PullPolicyBuild, types.PullPolicyNever}, s.PullPolicy, "%s is built here, never pulled", s.Name)
			continue
		}
		require.Regexp(t, version, s.Image, s.Name)
	}
	from := regexp.MustCompile(`(?m)^FROM (\S+)`)
	stage := regexp.MustCompile(`(?m)^FROM \S+ AS (\S+)`)
	for _, file := range []string{"Dockerfile", "deploy/minio/minio.Dockerfile"} {
		text := read(t, file)
		var stages []string
		for _, m := range stage.FindAllStringSubmatch(text, -1) {
			stages = append(stages, m[1])
		}
		for _, m := range from.FindAllStringSubmatch(text, -1) {
			if !slices.Contains(stages, m[1]) {
				require.Regexp(t, `:[a-z-]*(\d+\.\d+\.\d+|\d{8})`, m[1], file)
			}
		}
		require.Contains(t, text, "\nUSER 65532\n", "%s runs as root", file)
	}
}

func TestComposeImagesSayTheirVersion(t *testing.T) {
	clone := t.TempDir()
	for _, args := range [][]string{
		{"init", "--quiet"}, {"-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--allow-empty", "-m", "first"}, {"tag", "v1.2.3"},
	} {
		out, err := exec.Command("git", append([]string{"-C", clone}, args...)...).CombinedOutput()
		require.NoError(t, err, string(out))
	}
	env := newEnvIn(t, clone)
	require.Equal(t, "v1.2.3", env["TAILSWEEP_VERSION"])
	require.Equal(t, "unknown", newEnv(t)["TAILSWEEP_VERSION"], "outside a clone")

	p, err := load(t, env)
	require.NoError(t, err)
	require.Regexp(t, `(?m)^ARG VERSION=`, read(t, "Dockerfile"))
	built := 0
	for _, s := range p.Services {
		if !strings.HasPrefix(s.Image, "tailsweep/worker:") {
			continue
		}
		require.NotNil(t, s.Build.Args["VERSION"], s.Name)
		require.Equal(t, "v1.2.3", *s.Build.Args["VERSION"], s.Name)
		built++
	}
	require.Equal(t, 3, built)
}

func TestComposePublishesOnLoopbackOnly(t *testing.T) {
	p, _ := project(t)
	ports := 0
	for _, s := range p.Services {
		for _, port := range s.Ports {
			require.Equal(t, "127.0.0.1", port.HostIP, "%s publishes %s", s.Name, port.Published)
			ports++
		}
		require.NotEqual(t, "host", s.NetworkMode, s.Name)
		require.False(t, s.Privileged, s.Name)
	}
	require.GreaterOrEqual(t, ports, 6)
}

// A service that depends on another waits until that is healthy, or has completed.
func TestComposeWaitsForHealth(t *testing.T) {
	p, _ := project(t)
	for _, s := range p.Services {
		if !oneShot(s) {
			require.NotNil(t, s.HealthCheck, "%s has no healthcheck", s.Name)
			require.NotEmpty(t, s.HealthCheck.Test, s.Name)
		}
		for name, d := range s.DependsOn {
			want := types.ServiceConditionHealthy
			if oneShot(p.Services[name]) {
				want = types.ServiceConditionCompletedSuccessfully
			}
			require.Equal(t, want, d.Condition, "%s depends on %s", s.Name, name)
		}
	}
}

func TestComposeMountsExist(t *testing.T) {
	p, _ := project(t)
	binds := 0
	for _, s := range p.Services {
		for _, v := range s.Volumes {
			if v.Type != types.VolumeTypeBind || (v.Bind != nil && bool(v.Bind.CreateHostPath) && v.Target == "/datasets") {
				continue
			}
			_, err := os.Stat(v.Source)
			require.NoError(t, err, s.Name)
			require.True(t, v.ReadOnly, "%s may write to %s", s.Name, v.Source)
			binds++
		}
	}
	require.GreaterOrEqual(t, binds, 6)
}

func TestComposeWorkers(t *testing.T) {
	p, _ := project(t)
	for name, only := range map[string]string{"control": "control", "trainer-cpu": "training", "trainer-gpu": "training"} {
		s := p.Services[name]
		require.Contains(t, strings.Join(s.Command, " "), "--only "+only)
		for variable := range s.Environment {
			knowsVariable(t, variable)
		}
		require.True(t, s.ReadOnly, name)
		require.Equal(t, []string{"ALL"}, s.CapDrop, name)
		require.NotNil(t, s.StopGracePeriod, name)
		require.Greater(t, time.Duration(*s.StopGracePeriod), drain(t), "%s is killed while it drains", name)
		require.Empty(t, s.Ports, "%s: metrics are for the compose network", name)
	}
	gpu := p.Services["trainer-gpu"]
	require.Equal(t, []string{"gpu"}, gpu.Profiles)
	require.Equal(t, "cuda", gpu.Build.Target)
	require.Equal(t, []string{"gpu"}, gpu.Deploy.Resources.Reservations.Devices[0].Capabilities)
	require.Equal(t, []string{"cpu"}, p.Services["trainer-cpu"].Profiles)
	for _, variable := range regexp.MustCompile(`TAILSWEEP_[A-Z_]+`).FindAllString(read(t, "Dockerfile"), -1) {
		knowsVariable(t, variable)
	}
}

// The number of shards cannot be changed once a stack has a database: docs/scale.md says why it
// is this one.
func TestComposeHasShardsForACluster(t *testing.T) {
	project, err := load(t, newEnv(t))
	require.NoError(t, err)
	shards := project.Services["temporal"].Environment["NUM_HISTORY_SHARDS"]
	require.NotNil(t, shards)
	require.Equal(t, "512", *shards)
	require.Contains(t, read(t, "docs/scale.md"), "with "+*shards+" (docker-compose.yml and Temporal's Helm chart)")
}

// TestSearchAttributesAreRegistered checks that the namespace script registers what the
// workflows upsert.
func TestSearchAttributesAreRegistered(t *testing.T) {
	got := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^(Tailsweep\w+)=(\w+)$`).FindAllStringSubmatch(read(t, "deploy/temporal/namespace.sh"), -1) {
		got[m[1]] = m[2]
	}
	require.Equal(t, searchAttributes(t), got)
}

// TestVersionsAgree checks that the repository names one version of Go and of MinIO.
func TestVersionsAgree(t *testing.T) {
	goVersion := regexp.MustCompile(`(?m)^go (\S+)$`).FindStringSubmatch(read(t, "go.mod"))[1]
	for _, file := range []string{"Dockerfile", "deploy/minio/minio.Dockerfile"} {
		require.Contains(t, read(t, file), "golang:"+goVersion+"-", file)
	}
	minio := regexp.MustCompile(`MINIO_VERSION=(\S+)`).FindStringSubmatch(read(t, "deploy/minio/minio.Dockerfile"))[1]
	source, err := mainSource()
	require.NoError(t, err)
	require.Contains(t, source, minio, "the embedded stack builds another MinIO")
	require.Contains(t, read(t, "docker-compose.yml"), "tailsweep/minio:"+minio[strings.LastIndex(minio, "-")+1:])
}

// TestDockerignoreKeepsEmbeddedFiles checks that .dockerignore keeps the files that the
// build embeds, and hides secrets and data.
func TestDockerignoreKeepsEmbeddedFiles(t *testing.T) {
	lines, err := ignorefile.ReadAll(strings.NewReader(read(t, ".dockerignore")))
	require.NoError(t, err)
	matcher, err := patternmatcher.New(lines)
	require.NoError(t, err)
	hides := func(path string) bool {
		hidden, err := matcher.MatchesOrParentMatches(path)
		require.NoError(t, err)
		return hidden
	}
	files := embedded(t)
	require.GreaterOrEqual(t, len(files), 7, "the sources embed a schema, a template, a style, weights and a data set")
	for _, path := range files {
		require.False(t, hides(path), "%s is embedded, and the image is built without it", path)
	}
	for _, path := range []string{".env", ".git/config", "datasets/full/train-images-idx3-ubyte.gz", "sweep/testdata/any.yaml", "worker/any_test.go"} {
		require.True(t, hides(path), "%s enters the build", path)
	}
}

// embedded lists the files that the main module's sources embed, as paths in the
// repository.
func embedded(t *testing.T) []string {
	t.Helper()
	directive := regexp.MustCompile(`(?m)^//go:embed (.+)$`)
	var files []string
	require.NoError(t, walkSource(func(source string, text []byte) error {
		for _, m := range directive.FindAllSubmatch(text, -1) {
			for pattern := range strings.FieldsSeq(string(m[1])) {
				found, err := filepath.Glob(filepath.Join(filepath.Dir(source), strings.TrimPrefix(pattern, "all:")))
				require.NoError(t, err)
				require.NotEmpty(t, found, "%s embeds %s", source, pattern)
				for _, path := range found {
					require.NoError(t, filepath.WalkDir(path, func(path string, d fs.DirEntry, err error) error {
						if err == nil && !d.IsDir() {
							path, err = filepath.Rel(root, path)
							files = append(files, path)
						}
						return err
					}))
				}
			}
		}
		return nil
	}))
	return files
}

// TestScriptsParse checks the syntax of scripts that only containers run.
func TestScriptsParse(t *testing.T) {
	for _, script := range []string{"deploy/new-env.sh", "deploy/temporal/schema.sh", "deploy/temporal/namespace.sh", "deploy/minio/make-bucket.sh"} {
		out, err := exec.Command("sh", "-n", filepath.Join(root, script)).CombinedOutput()
		require.NoError(t, err, "%s: %s", script, out)
		require.Contains(t, read(t, script), "\nset -eu\n", script)
	}
}
