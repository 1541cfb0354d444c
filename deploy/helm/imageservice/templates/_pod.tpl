{{/* What every pod has in common. Takes (dict "root" $ "component" "api"). */}}

{{- define "imageservice.podMetadata" -}}
labels:
  {{- include "imageservice.labels" . | nindent 2 }}
annotations:
  # A changed setting is a new pod.
  checksum/settings: {{ include (print .root.Template.BasePath "/configmap.yaml") .root | sha256sum }}
  {{- if .root.Values.telemetry.scrapeAnnotations }}
  prometheus.io/scrape: "true"
  prometheus.io/port: "8080"
  prometheus.io/path: /metrics
  {{- end }}
  {{- with .root.Values.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "imageservice.podSpec" -}}
serviceAccountName: {{ include "imageservice.fullname" .root }}-{{ .component }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .root.Values.runAsUser }}
  runAsGroup: {{ .root.Values.runAsUser }}
  fsGroup: {{ .root.Values.runAsUser }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "imageservice.selector" . | nindent 8 }}
  - maxSkew: 1
    topologyKey: topology.kubernetes.io/zone
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "imageservice.selector" . | nindent 8 }}
{{- end -}}

{{- define "imageservice.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end -}}

{{/* Takes also "startupSeconds". Liveness says only that the process answers; readiness that it can do its work. */}}
{{- define "imageservice.probes" -}}
startupProbe:
  httpGet: { path: /healthz/live, port: http }
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: {{ max 1 (div .startupSeconds 5) }}
livenessProbe:
  httpGet: { path: /healthz/live, port: http }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: { path: /healthz/ready, port: http }
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 2
{{- end -}}

{{/* Settings common to all pods come from the ConfigMap; these differ by pod or come from secrets. Takes also "shutdownSeconds". */}}
{{- define "imageservice.env" -}}
- name: DOTNET_SHUTDOWNTIMEOUTSECONDS
  value: {{ .shutdownSeconds | quote }}
{{- if hasKey .values "graceSeconds" }}
- name: Worker__GraceSeconds
  value: {{ .values.graceSeconds | quote }}
{{- end }}
{{- if eq .root.Values.mode "distributed" }}
{{- with .root.Values.redis }}
{{- if .existingSecret }}
- name: Redis__Connection
  valueFrom:
    secretKeyRef:
      name: {{ .existingSecret }}
      key: {{ .connectionKey }}
{{- end }}
{{- end }}
{{- with .root.Values.blobs }}
{{- if and (eq .store "s3") .s3.existingSecret }}
- name: AWS_ACCESS_KEY_ID
  valueFrom:
    secretKeyRef:
      name: {{ .s3.existingSecret }}
      key: {{ .s3.accessKeyIdKey }}
- name: AWS_SECRET_ACCESS_KEY
  valueFrom:
    secretKeyRef:
      name: {{ .s3.existingSecret }}
      key: {{ .s3.secretAccessKeyKey }}
{{- end }}
{{- end }}
{{- end }}
{{- range .root.Values.secretEnv }}
- name: {{ .name }}
  valueFrom:
    secretKeyRef:
      name: {{ .secret }}
      key: {{ .key }}
{{- end }}
{{- end -}}

{{- define "imageservice.modelsMount" -}}
{{- if .Values.models.existingClaim -}}
- name: models
  mountPath: /models
  readOnly: true
{{- end }}
{{- end -}}

{{- define "imageservice.modelsVolume" -}}
{{- with .Values.models.existingClaim -}}
- name: models
  persistentVolumeClaim:
    claimName: {{ . }}
    readOnly: true
{{- end }}
{{- end -}}
