package deploytest

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"helm.sh/helm/v4/pkg/chart/common"
	release "helm.sh/helm/v4/pkg/release/v1"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
)

// TestChartSetup checks that `tailsweep setup` runs where the control pods connect, with
// their image and credentials.
func TestChartSetup(t *testing.T) {
	for set := range valueSets {
		t.Run(set, func(t *testing.T) {
			all := objects(t, set)
			jobs := pick[*batchv1.Job](all)
			require.Len(t, jobs, 1)
			job := jobs[0].Spec.Template.Spec
			require.Equal(t, []string{"setup"}, job.Containers[0].Args)
			require.Empty(t, job.Containers[0].EnvFrom, "before an upgrade the ConfigMap has the old addresses")

			deployed, _ := deployments(t, set)
			control := deployed.Spec.Template.Spec
			require.Equal(t, control.Containers[0].Image, job.Containers[0].Image)
			require.Equal(t, control.Containers[0].SecurityContext, job.Containers[0].SecurityContext)
			require.Equal(t, control.SecurityContext, job.SecurityContext)
			require.Equal(t, control.ImagePullSecrets, job.ImagePullSecrets)

			want := podEnvironment(t, all, control, "")
			delete(want, "POD_IP")
			delete(want, "TAILSWEEP_METRICS_ADDR")
			require.Equal(t, want, podEnvironment(t, all, job, ""))
			references := func(pod corev1.PodSpec) (found []corev1.EnvVar) {
				for _, e := range pod.Containers[0].Env {
					if e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil {
						found = append(found, e)
					}
				}
				return found
			}
			require.Equal(t, references(control), references(job))
			without := func(pod corev1.PodSpec) (mounts []corev1.VolumeMount, volumes []corev1.Volume) {
				return slices.DeleteFunc(slices.Clone(pod.Containers[0].VolumeMounts), func(m corev1.VolumeMount) bool { return m.Name == "work" }),
					slices.DeleteFunc(slices.Clone(pod.Volumes), func(v corev1.Volume) bool { return v.Name == "work" })
			}
			wantMounts, wantVolumes := without(control)
			require.Equal(t, wantMounts, job.Containers[0].VolumeMounts)
			require.Equal(t, wantVolumes, job.Volumes)
		})
	}
}

// TestChartSetupRunsBeforeTheWorkers sorts the chart as Helm does: the Job is a hook of
// installs and upgrades, and needs nothing that Helm makes later.
func TestChartSetupRunsBeforeTheWorkers(t *testing.T) {
	for set := range valueSets {
		t.Run(set, func(t *testing.T) {
			files, err := render(t, values(t, set))
			require.NoError(t, err)
			delete(files, "tailsweep/templates/NOTES.txt")
			hooks, _, err := releaseutil.SortManifests(files, common.DefaultCapabilities.APIVersions, releaseutil.InstallOrder)
			require.NoError(t, err)
			require.Len(t, hooks, 2)
			slices.SortStableFunc(hooks, func(a, b *release.Hook) int { return a.Weight - b.Weight })
			for i, kind := range []string{"ServiceAccount", "Job"} {
				require.Equal(t, kind, hooks[i].Kind)
				require.Equal(t, []release.HookEvent{release.HookPreInstall, release.HookPreUpgrade}, hooks[i].Events)
				require.Equal(t, []release.HookDeletePolicy{release.HookBeforeHookCreation, release.HookSucceeded}, hooks[i].DeletePolicies, "a failed Job keeps its log")
			}
			all := objects(t, set)
			require.Equal(t, hooks[0].Name, pick[*batchv1.Job](all)[0].Spec.Template.Spec.ServiceAccountName)
			accounts := pick[*corev1.ServiceAccount](all)
			require.Len(t, accounts, 2)
			for name, value := range accounts[0].Annotations { // of the workers
				require.Equal(t, value, accounts[1].Annotations[name])
			}
		})
	}
	files, err := render(t, map[string]any{"serviceAccount": map[string]any{"create": false, "name": "mine"}})
	require.NoError(t, err)
	require.NotContains(t, files["tailsweep/templates/setup.yaml"], "kind: ServiceAccount", "the account exists")
	require.Contains(t, files["tailsweep/templates/setup.yaml"], "serviceAccountName: mine\n")
}

func TestChartSetupCanBeTurnedOff(t *testing.T) {
	files, err := render(t, map[string]any{"setup": map[string]any{"enabled": false}})
	require.NoError(t, err)
	require.Empty(t, strings.TrimSpace(files["tailsweep/templates/setup.yaml"]))
	require.Contains(t, files["tailsweep/templates/NOTES.txt"], "`tailsweep setup` makes what is missing")
}
