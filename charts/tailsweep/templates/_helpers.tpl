{{- define "tailsweep.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Labels that never change: they select pods. Takes (dict "root" $ "part" "control"). */}}
{{- define "tailsweep.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end -}}

{{- define "tailsweep.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "tailsweep.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "tailsweep.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{/* Takes (dict "root" $ "variant" "cpu"). */}}
{{- define "tailsweep.image" -}}
{{- printf "%s:%s-%s" .root.Values.image.repository (.root.Values.image.tag | default .root.Chart.AppVersion) .variant -}}
{{- end -}}

{{/* The addresses of Temporal and the object store, as variables without secrets. */}}
{{- define "tailsweep.addresses" -}}
TEMPORAL_ADDRESS: {{ .Values.temporal.address | quote }}
TEMPORAL_NAMESPACE: {{ .Values.temporal.namespace | quote }}
TAILSWEEP_S3_ENDPOINT: {{ .Values.s3.endpoint | quote }}
TAILSWEEP_S3_BUCKET: {{ .Values.s3.bucket | quote }}
{{- with .Values.s3.prefix }}
TAILSWEEP_S3_PREFIX: {{ . | quote }}
{{- end }}
AWS_REGION: {{ .Values.s3.region | quote }}
{{- end -}}

{{/* The environment of both workers. */}}
{{- define "tailsweep.environment" -}}
{{- if .Values.metrics.enabled }}
- name: POD_IP
  valueFrom: {fieldRef: {fieldPath: status.podIP}}
- name: TAILSWEEP_METRICS_ADDR
  value: "[$(POD_IP)]:{{ .Values.metrics.port }}"
{{- end }}
{{- include "tailsweep.credentials" . }}
{{- end -}}

{{/* The credentials of a pod. Secrets come by reference only. */}}
{{- define "tailsweep.credentials" -}}
{{- with .Values.temporal.apiKeySecret }}
{{- if .name }}
- name: TEMPORAL_API_KEY
  valueFrom: {secretKeyRef: {name: {{ .name | quote }}, key: {{ .key | quote }}}}
{{- end }}
{{- end }}
{{- with .Values.temporal.tlsSecret }}
{{- if .name }}
- name: TEMPORAL_TLS_CLIENT_CERT_PATH
  value: /etc/tailsweep/temporal-tls/tls.crt
- name: TEMPORAL_TLS_CLIENT_KEY_PATH
  value: /etc/tailsweep/temporal-tls/tls.key
{{- if .caInSecret }}
- name: TEMPORAL_TLS_SERVER_CA_CERT_PATH
  value: /etc/tailsweep/temporal-tls/ca.crt
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.s3.credentialsSecret }}
{{- if .name }}
- name: AWS_ACCESS_KEY_ID
  valueFrom: {secretKeyRef: {name: {{ .name | quote }}, key: {{ .accessKeyIDKey | quote }}}}
- name: AWS_SECRET_ACCESS_KEY
  valueFrom: {secretKeyRef: {name: {{ .name | quote }}, key: {{ .secretAccessKeyKey | quote }}}}
{{- end }}
{{- end }}
{{- end -}}

{{- define "tailsweep.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "tailsweep.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* Takes the root. A worker that answers /metrics is alive; the patience is for a machine busy with training. */}}
{{- define "tailsweep.probes" -}}
{{- if .Values.metrics.enabled }}
ports:
  - {name: metrics, containerPort: {{ .Values.metrics.port }}}
readinessProbe:
  httpGet: {path: /metrics, port: metrics}
  periodSeconds: 10
  timeoutSeconds: 5
livenessProbe:
  httpGet: {path: /metrics, port: metrics}
  periodSeconds: 30
  timeoutSeconds: 10
  failureThreshold: 10
{{- end }}
{{- end -}}

{{- define "tailsweep.mounts" -}}
- {name: tmp, mountPath: /tmp}
{{- if .Values.temporal.tlsSecret.name }}
- {name: temporal-tls, mountPath: /etc/tailsweep/temporal-tls, readOnly: true}
{{- end }}
{{- end -}}

{{- define "tailsweep.volumes" -}}
- name: tmp
  emptyDir: {sizeLimit: 1Gi}
{{- if .Values.temporal.tlsSecret.name }}
- name: temporal-tls
  secret: {secretName: {{ .Values.temporal.tlsSecret.name | quote }}, defaultMode: 0440}
{{- end }}
{{- end -}}

{{/* What schedules a pod. Takes .Values.control or .Values.training. */}}
{{- define "tailsweep.scheduling" -}}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
