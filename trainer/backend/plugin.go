package backend

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/internal/folder"
)

// Kind is what a PJRT plugin computes on.
type Kind string

// The kinds of plugin.
const (
	CPU  Kind = "cpu"
	CUDA Kind = "cuda"
)

// PluginFile is the file name of a kind's plugin, the one that go-xla looks for.
func PluginFile(kind Kind) string { return "pjrt_c_api_" + string(kind) + "_plugin.so" }

// pluginPath is where Install puts the kind's plugin in the cache folder.
func pluginPath(cache string, kind Kind) string {
	return filepath.Join(cache, "pjrt", pinned(kind).Version, PluginFile(kind))
}

// Installed returns the path of the kind's plugin and whether it is there: the
// pinned version in the cache folder, else one in a folder of
// $PJRT_PLUGIN_LIBRARY_PATH, for images that bring their own.
func Installed(kind Kind) (path string, ok bool) {
	dir, err := folder.Cache()
	if err != nil {
		return "", false
	}
	path = pluginPath(dir, kind)
	if isFile(path) {
		return path, true
	}
	for _, folder := range filepath.SplitList(os.Getenv("PJRT_PLUGIN_LIBRARY_PATH")) {
		other, err := filepath.Abs(filepath.Join(folder, PluginFile(kind)))
		if err == nil && folder != "" && isFile(other) {
			return other, true
		}
	}
	return path, false
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// PluginDigest is the SHA-256, in hex, of the file at path. The library has some
// 270 MB, so the digest is remembered for the life of the process.
func PluginDigest(path string) (string, error) {
	digests.Lock()
	defer digests.Unlock()
	if sum, ok := digests.byPath[path]; ok {
		return sum, nil
	}
	sum, err := file.SHA256(path)
	if err == nil {
		digests.byPath[path] = sum
	}
	return sum, err
}

var digests = struct {
	sync.Mutex
	byPath map[string]string
}{byPath: map[string]string{}}

// FindGPU returns the name of the first NVIDIA GPU that CUDA would see, or "".
var FindGPU = sync.OnceValue(func() string {
	if visible, set := os.LookupEnv("CUDA_VISIBLE_DEVICES"); set && (visible == "" || visible == "-1") {
		return ""
	}
	if devices, _ := filepath.Glob("/dev/nvidia[0-9]*"); len(devices) == 0 {
		return ""
	}
	out, err := exec.Command("nvidia-smi", "--query-gpu=name", "--format=csv,noheader").Output()
	if err != nil {
		return "NVIDIA GPU"
	}
	name, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return name
})
