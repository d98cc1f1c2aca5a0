package deploytest

import (
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/lint/support"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

const chartDir = root + "/charts/tailsweep"

// valueSets are the sets of values that the chart is rendered with.
var valueSets = map[string]string{"default": "", "gpu": "ci/gpu-values.yaml", "all-on": "ci/all-on-values.yaml"}

func values(t *testing.T, set string) map[string]any {
	t.Helper()
	v := map[string]any{}
	if file := valueSets[set]; file != "" {
		data, err := os.ReadFile(filepath.Join(chartDir, file))
		require.NoError(t, err)
		require.NoError(t, yaml.UnmarshalStrict(data, &v))
	}
	return v
}

// render returns the chart's files, the values having passed the schema.
func render(t *testing.T, v map[string]any) (map[string]string, error) {
	t.Helper()
	chart, err := loader.Load(chartDir)
	require.NoError(t, err)
	all, err := util.ToRenderValues(chart, v, common.ReleaseOptions{Name: "sweeps", Namespace: "vision", Revision: 1, IsInstall: true}, nil)
	if err != nil {
		return nil, err
	}
	e := engine.Engine{Strict: true}
	files, err := e.RenderWithContext(t.Context(), chart, all)
	require.NoError(t, err)
	return files, nil
}

// objects decodes the rendered chart; a field that Kubernetes does not know is an
// error. Kinds of KEDA and of the Prometheus operator come as unstructured.
func objects(t *testing.T, set string) []runtime.Object {
	t.Helper()
	files, err := render(t, values(t, set))
	require.NoError(t, err)
	strict := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme.Scheme, scheme.Scheme, json.SerializerOptions{Yaml: true, Strict: true})
	var names []string
	for name := range files {
		names = append(names, name)
	}
	sort.Strings(names)
	var out []runtime.Object
	for _, name := range names {
		if !strings.HasSuffix(name, ".yaml") {
			continue
		}
		for _, doc := range regexp.MustCompile(`(?m)^---$`).Split(files[name], -1) {
			if strings.TrimSpace(doc) == "" {
				continue
			}
			object, _, err := strict.Decode([]byte(doc), nil, nil)
			if runtime.IsNotRegisteredError(err) {
				u := &unstructured.Unstructured{}
				require.NoError(t, yaml.UnmarshalStrict([]byte(doc), &u.Object), name)
				object, err = u, nil
			}
			require.NoError(t, err, "%s:\n%s", name, doc)
			out = append(out, object)
		}
	}
	return out
}

// pick returns the objects of one Go type.
func pick[T runtime.Object](objects []runtime.Object) []T {
	var out []T
	for _, o := range objects {
		if typed, ok := o.(T); ok {
			out = append(out, typed)
		}
	}
	return out
}

func custom(objects []runtime.Object, kind string) *unstructured.Unstructured {
	for _, o := range pick[*unstructured.Unstructured](objects) {
		if o.GetKind() == kind {
			return o
		}
	}
	return nil
}

// deployments are control and training, by component.
func deployments(t *testing.T, set string) (control, training *appsv1.Deployment) {
	t.Helper()
	for _, d := range pick[*appsv1.Deployment](objects(t, set)) {
		switch d.Spec.Template.Labels["app.kubernetes.io/component"] {
		case "control":
			control = d
		case "training":
			training = d
		}
	}
	require.NotNil(t, control)
	require.NotNil(t, training)
	return control, training
}

func TestChartLints(t *testing.T) {
	for set := range valueSets {
		t.Run(set, func(t *testing.T) {
			for _, m := range lint.RunAll(chartDir, values(t, set), "vision").Messages {
				if m.Severity > support.InfoSev {
					t.Error(m)
				}
			}
		})
	}
}

// TestChartPods checks what every pod must have, for all values.
func TestChartPods(t *testing.T) {
	for set := range valueSets {
		t.Run(set, func(t *testing.T) {
			all := objects(t, set)
			require.Empty(t, pick[*corev1.Secret](all), "Secrets are the user's")
			for _, d := range pick[*appsv1.Deployment](all) {
				selector := labels.SelectorFromSet(d.Spec.Selector.MatchLabels)
				require.True(t, selector.Matches(labels.Set(d.Spec.Template.Labels)), d.Name)
			}
			pods := podSpecs(all)
			require.Len(t, pods, 3)
			for _, pod := range pods {
				require.True(t, *pod.SecurityContext.RunAsNonRoot)
				require.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, pod.SecurityContext.SeccompProfile.Type)
				require.False(t, *pod.AutomountServiceAccountToken)
				require.Len(t, pod.Containers, 1)
				c := pod.Containers[0]
				require.True(t, *c.SecurityContext.ReadOnlyRootFilesystem)
				require.False(t, *c.SecurityContext.AllowPrivilegeEscalation)
				require.Equal(t, []corev1.Capability{"ALL"}, c.SecurityContext.Capabilities.Drop)
				require.NotContains(t, c.Image, "latest")
				require.NotEmpty(t, c.Resources.Requests)
				checkMounts(t, pod)
				for _, e := range c.Env {
					knowsVariable(t, e.Name)
					if regexp.MustCompile(`SECRET|API_KEY|ACCESS_KEY`).MatchString(e.Name) {
						require.Empty(t, e.Value, "%s is written out", e.Name)
						require.NotNil(t, e.ValueFrom.SecretKeyRef, e.Name)
					}
				}
			}
			for _, cm := range pick[*corev1.ConfigMap](all) {
				for name := range cm.Data {
					knowsVariable(t, name)
				}
			}
		})
	}
}

// podSpecs are the pods of the Deployments and Jobs, by name.
func podSpecs(all []runtime.Object) map[string]corev1.PodSpec {
	pods := map[string]corev1.PodSpec{}
	for _, d := range pick[*appsv1.Deployment](all) {
		pods[d.Name] = d.Spec.Template.Spec
	}
	for _, j := range pick[*batchv1.Job](all) {
		pods[j.Name] = j.Spec.Template.Spec
	}
	return pods
}

// TestChartSlots renders --slots only with a number that the worker accepts.
func TestChartSlots(t *testing.T) {
	slots := func(v map[string]any) []string {
		files, err := render(t, v)
		require.NoError(t, err)
		return regexp.MustCompile(`--slots=\S+`).FindAllString(files["tailsweep/templates/training.yaml"], -1)
	}
	require.Empty(t, slots(nil), "0 means the worker's own default")
	require.Empty(t, slots(map[string]any{"training": map[string]any{"gpus": 2}}))
	require.Equal(t, []string{"--slots=3"}, slots(map[string]any{"training": map[string]any{"slots": 3}}))
}

// TestCommandsAreOffByDefault: a worker runs programs that a spec names only where its operator
// has switched that on.
func TestCommandsAreOffByDefault(t *testing.T) {
	argument := func(v map[string]any) []string {
		files, err := render(t, v)
		require.NoError(t, err)
		for name, text := range files {
			if name != "tailsweep/templates/training.yaml" {
				require.NotContains(t, text, "--allow-commands", name)
			}
		}
		return regexp.MustCompile(`--allow-commands\S*`).FindAllString(files["tailsweep/templates/training.yaml"], -1)
	}
	require.Empty(t, argument(nil))
	require.Empty(t, argument(map[string]any{"training": map[string]any{"allowCommands": false}}))
	require.Equal(t, []string{"--allow-commands"}, argument(map[string]any{"training": map[string]any{"allowCommands": true}}))

	const variable = "TAILSWEEP_ALLOW_COMMANDS"
	env := newEnv(t)
	require.Equal(t, "0", env[variable])
	for value, want := range map[string]string{"0": "0", "1": "1", "": "0"} {
		env[variable] = value
		p, err := load(t, env)
		require.NoError(t, err)
		for _, s := range p.Services {
			if !strings.HasPrefix(s.Name, "trainer-") {
				require.NotContains(t, s.Environment, variable, s.Name)
				continue
			}
			require.Equal(t, want, *s.Environment[variable], s.Name)
		}
	}
}

// TestWorkersCanWriteTheirCache compares the images' folders with what is writable
// in the pods and in the compose services.
func TestWorkersCanWriteTheirCache(t *testing.T) {
	variables := regexp.MustCompile(`TAILSWEEP_CACHE_DIR=(\S+)`).FindAllStringSubmatch(read(t, "Dockerfile"), -1)
	var dirs []string
	for _, m := range variables {
		if !strings.HasPrefix(m[1], "/out/") { // of the build stages
			dirs = append(dirs, m[1])
		}
	}
	require.Len(t, dirs, 2, "the targets cpu and cuda")
	homes := regexp.MustCompile(`install -d -o tailsweep -g tailsweep -m 0750 (\S+)`).FindAllStringSubmatch(read(t, "Dockerfile"), -1)
	require.Len(t, homes, 2)
	for i, dir := range dirs {
		require.True(t, strings.HasPrefix(dir, homes[i][1]+"/"), "%s is not below a folder of the image's user", dir)
	}
	within := func(mounts map[string]bool) {
		for _, dir := range dirs {
			writable := false
			for mount, readOnly := range mounts {
				writable = writable || !readOnly && strings.HasPrefix(dir, mount+"/")
			}
			require.True(t, writable, "%s is not below a writable mount of %v", dir, mounts)
		}
	}
	control, training := deployments(t, "default")
	for _, d := range []*appsv1.Deployment{control, training} {
		mounts := map[string]bool{}
		for _, m := range d.Spec.Template.Spec.Containers[0].VolumeMounts {
			mounts[m.MountPath] = m.ReadOnly
		}
		within(mounts)
	}
	p, _ := project(t)
	for _, name := range []string{"control", "trainer-cpu", "trainer-gpu"} {
		mounts := map[string]bool{}
		for _, v := range p.Services[name].Volumes {
			mounts[v.Target] = v.ReadOnly
		}
		within(mounts)
	}
}

// checkMounts fails when a mount has no volume or a volume no mount.
func checkMounts(t *testing.T, pod corev1.PodSpec) {
	t.Helper()
	volumes, mounts := map[string]bool{}, map[string]bool{}
	for _, v := range pod.Volumes {
		volumes[v.Name] = true
	}
	for _, m := range pod.Containers[0].VolumeMounts {
		mounts[m.Name] = true
	}
	require.Equal(t, volumes, mounts)
}

// TestChartSelectors checks that budgets, services and policies select their pods.
func TestChartSelectors(t *testing.T) {
	all := objects(t, "all-on")
	control, training := deployments(t, "all-on")
	matching := func(selector map[string]string) (n int) {
		for _, d := range []*appsv1.Deployment{control, training} {
			if labels.SelectorFromSet(selector).Matches(labels.Set(d.Spec.Template.Labels)) {
				n++
			}
		}
		return n
	}
	budgets := pick[*policyv1.PodDisruptionBudget](all)
	require.Len(t, budgets, 2)
	for _, b := range budgets {
		require.Equal(t, 1, matching(b.Spec.Selector.MatchLabels), b.Name)
	}
	for _, s := range pick[*corev1.Service](all) {
		require.Equal(t, 2, matching(s.Spec.Selector), s.Name)
		require.Equal(t, "metrics", s.Spec.Ports[0].TargetPort.StrVal)
	}
	policies := pick[*networkingv1.NetworkPolicy](all)
	require.Len(t, policies, 1)
	require.Equal(t, 2, matching(policies[0].Spec.PodSelector.MatchLabels))
	require.Len(t, policies[0].Spec.PolicyTypes, 2)
	require.Len(t, policies[0].Spec.Egress, 2, "DNS and what the values add")

	monitor := custom(all, "PodMonitor")
	require.NotNil(t, monitor)
	selector, _, err := unstructured.NestedStringMap(monitor.Object, "spec", "selector", "matchLabels")
	require.NoError(t, err)
	require.Equal(t, 2, matching(selector))
}

// TestChartGracePeriodCoversTheDrain checks that a deleted pod has the time to drain.
func TestChartGracePeriodCoversTheDrain(t *testing.T) {
	for set := range valueSets {
		_, training := deployments(t, set)
		grace := time.Duration(*training.Spec.Template.Spec.TerminationGracePeriodSeconds) * time.Second
		require.Greater(t, grace, drain(t), set)
	}
}

func TestChartGPUs(t *testing.T) {
	_, cpu := deployments(t, "default")
	_, gpu := deployments(t, "gpu")
	gpus := func(d *appsv1.Deployment) int64 {
		q := d.Spec.Template.Spec.Containers[0].Resources.Limits["nvidia.com/gpu"]
		return q.Value()
	}
	env := func(d *appsv1.Deployment, name string) string {
		for _, e := range d.Spec.Template.Spec.Containers[0].Env {
			if e.Name == name {
				return e.Value
			}
		}
		return ""
	}
	require.Zero(t, gpus(cpu))
	require.True(t, strings.HasSuffix(cpu.Spec.Template.Spec.Containers[0].Image, "-cpu"))
	require.Equal(t, "auto", env(cpu, "TAILSWEEP_BACKEND"))
	require.EqualValues(t, 2, gpus(gpu))
	require.True(t, strings.HasSuffix(gpu.Spec.Template.Spec.Containers[0].Image, "-cuda"))
	require.Equal(t, "xla:cuda", env(gpu, "TAILSWEEP_BACKEND"))
	limits := gpu.Spec.Template.Spec.Containers[0].Resources.Limits
	require.Equal(t, "64Gi", limits.Memory().String(), "the GPU does not replace the other limits")
	require.EqualValues(t, 0, gpu.Spec.Strategy.RollingUpdate.MaxSurge.IntValue(), "there may be no GPU for one more pod")
}

// TestChartMetrics checks that the worker listens on the pod's IP, which the probes use,
// and on loopback only when metrics are off.
func TestChartMetrics(t *testing.T) {
	listen := func(d *appsv1.Deployment) string {
		for _, e := range d.Spec.Template.Spec.Containers[0].Env {
			if e.Name == "TAILSWEEP_METRICS_ADDR" {
				return e.Value
			}
		}
		return ""
	}
	control, _ := deployments(t, "default")
	require.Equal(t, "[$(POD_IP)]:9464", listen(control))
	require.NotNil(t, control.Spec.Template.Spec.Containers[0].LivenessProbe)

	files, err := render(t, map[string]any{"metrics": map[string]any{"enabled": false}})
	require.NoError(t, err)
	for name, text := range files {
		require.NotContains(t, text, "TAILSWEEP_METRICS_ADDR", name)
		require.NotContains(t, text, "livenessProbe", name)
		require.NotContains(t, text, "kind: Service\n", name)
	}
}
