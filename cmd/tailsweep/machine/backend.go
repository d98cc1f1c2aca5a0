package machine

import (
	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/trainer/backend"
)

// Backend is the verb backend: it installs and lists backends.
func Backend(a *cli.App) *cobra.Command {
	return cli.Group("backend", "Install XLA's plugins and list the backends of training", newBackendInstall(a), newBackendList(a))
}

func newBackendInstall(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Download and verify XLA's plugin for the CPU or for CUDA",
		Args:  cli.Args(0, 0, "no arguments"),
	}
	f := cmd.Flags()
	cuda := f.Bool("cuda", false, "install the plugin for NVIDIA GPUs")
	from := f.String("from", "", "install this wheel instead of a download")
	index := f.String("index", "", "URL of a simple package index (default: pip's)")
	ifPossible := f.Bool("if-possible", false, "if the plugin is not available, print the reason and exit with 0")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		o := backend.InstallOptions{Kind: backend.CPU, From: *from, Index: *index, Out: a.Err}
		if *cuda {
			o.Kind = backend.CUDA
		}
		path, err := backend.Install(cmd.Context(), o)
		if err != nil && *ifPossible && cmd.Context().Err() == nil {
			a.Log("the XLA plugin is not available, trainings use backend go: %v", err)
			return nil
		}
		if err != nil {
			return err
		}
		return a.Print(path)
	}
	return cmd
}

// ListedBackend is a line of `tailsweep backend list`.
type ListedBackend struct {
	Name   string `json:"name"`
	Ready  bool   `json:"ready"`
	Detail string `json:"detail"` // the plugin's path, or why it is not ready
}

func newBackendList(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List the backends and which are ready", Args: cli.Args(0, 0, "no arguments")}
	output := cli.OutputFlag(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		backends := []ListedBackend{{Name: backend.Go, Ready: true, Detail: "built in"}}
		for _, plugin := range []struct {
			name string
			kind backend.Kind
		}{{backend.XLACPU, backend.CPU}, {backend.XLACUDA, backend.CUDA}} {
			path, ok := backend.Installed(plugin.kind)
			b := ListedBackend{Name: plugin.name, Ready: ok && cli.ReadBuild().Cgo, Detail: path}
			switch {
			case !ok:
				b.Detail = "not installed; expected at " + path
			case !b.Ready:
				b.Detail = "installed, but this binary was built without cgo: " + path
			}
			backends = append(backends, b)
		}
		t := console.NewTable("BACKEND", "STATE", "DETAIL")
		for _, b := range backends {
			state := "missing"
			if b.Ready {
				state = "ready"
			}
			t.Row(b.Name, state, b.Detail)
		}
		return a.PrintAs(output, backends, a.Lines(t)...)
	}
	return cmd
}
