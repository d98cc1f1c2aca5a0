package deploytest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

func TestChartKEDA(t *testing.T) {
	all := objects(t, "all-on")
	_, training := deployments(t, "all-on")
	require.Nil(t, training.Spec.Replicas, "KEDA and Helm must not both set the replicas")
	scaled := custom(all, "ScaledObject")
	require.NotNil(t, scaled)
	target, _, err := unstructured.NestedString(scaled.Object, "spec", "scaleTargetRef", "name")
	require.NoError(t, err)
	require.Equal(t, training.Name, target)
	triggers, _, err := unstructured.NestedSlice(scaled.Object, "spec", "triggers")
	require.NoError(t, err)
	require.Len(t, triggers, 2)
	for _, trigger := range triggers {
		fields, ok := trigger.(map[string]any)
		require.True(t, ok)
		metadata, ok := fields["metadata"].(map[string]any)
		require.True(t, ok)
		for key, value := range metadata {
			require.IsType(t, "", value, "KEDA wants strings: %s", key)
		}
		switch fields["type"] {
		case "temporal":
			require.Equal(t, "a100", metadata["taskQueue"])
			require.Equal(t, "2", metadata["targetQueueSize"])
			auth, ok := fields["authenticationRef"].(map[string]any)
			require.True(t, ok)
			require.Equal(t, custom(all, "TriggerAuthentication").GetName(), auth["name"])
		case "prometheus":
			query, ok := metadata["query"].(string)
			require.True(t, ok)
			checkExpression(t, query)
		default:
			t.Errorf("trigger %v", fields["type"])
		}
	}
	_, fixed := deployments(t, "default")
	require.EqualValues(t, 1, *fixed.Spec.Replicas)
	require.Nil(t, custom(objects(t, "default"), "ScaledObject"))
}

// TestChartSchemaRefuses checks that a mistake in the values is refused by name.
func TestChartSchemaRefuses(t *testing.T) {
	tests := []struct{ name, yaml, want string }{
		{"misspelt field", "training: {gpu: 1}", "gpu"},
		{"unknown section", "trainer: {gpus: 1}", "trainer"},
		{"grace period below a drain", "training: {terminationGracePeriodSeconds: 30}", "terminationGracePeriodSeconds"},
		{"unknown backend", "training: {backend: cuda}", "backend"},
		{"commands by a word", "training: {allowCommands: 'yes'}", "allowCommands"},
		{"address without a port", "temporal: {address: temporal}", "address"},
		{"endpoint without a scheme", "s3: {endpoint: 'minio:9000'}", "endpoint"},
		{"a secret in the values", "s3: {secretAccessKey: hunter2}", "secretAccessKey"},
		{"privileged port", "metrics: {port: 80}", "port"},
		{"setup without a field of its name", "setup: {enable: true}", "enable"},
		{"replicas as text", "control: {replicas: two}", "replicas"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := map[string]any{}
			require.NoError(t, yaml.Unmarshal([]byte(tt.yaml), &v))
			_, err := render(t, v)
			require.ErrorContains(t, err, tt.want)
		})
	}
}

// Every value of values.yaml is in the schema: additionalProperties is false, so
// rendering the defaults shows it; and the README names each section.
func TestChartReadmeNamesTheValues(t *testing.T) {
	var v map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(read(t, "charts/tailsweep/values.yaml")), &v))
	readme := read(t, "charts/tailsweep/README.md")
	for section, content := range v {
		fields, ok := content.(map[string]any)
		if !ok {
			continue
		}
		for field := range fields {
			if !strings.Contains(readme, field) {
				switch section + "." + field {
				case "image.pullPolicy", "training.runtimeClassName", "training.workSizeLimit", "serviceAccount.create", "serviceAccount.name",
					"keda.minReplicas", "keda.maxReplicas", "keda.pollingInterval", "keda.cooldownPeriod":
					continue // explained in values.yaml
				}
				t.Errorf("README.md does not name %s.%s", section, field)
			}
		}
	}
}
