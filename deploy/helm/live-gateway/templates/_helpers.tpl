{{- define "live-gateway.fullname" -}}
{{- if .Values.fullnameOverride }}{{ .Values.fullnameOverride | trunc 55 | trimSuffix "-" }}
{{- else }}{{ $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}{{ .Release.Name | trunc 55 | trimSuffix "-" }}
{{- else }}{{ printf "%s-%s" .Release.Name $name | trunc 55 | trimSuffix "-" }}{{ end }}
{{- end }}
{{- end }}

{{- define "live-gateway.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "live-gateway.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "live-gateway.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "live-gateway.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}{{ default (include "live-gateway.fullname" .) .Values.serviceAccount.name }}
{{- else }}{{ default "default" .Values.serviceAccount.name }}{{ end }}
{{- end }}

{{/* What is wrong with values that the schema cannot say: ends the rendering. */}}
{{- define "live-gateway.check" -}}
{{- if not .Values.nats.urls }}{{ fail "nats.urls: name your NATS servers, such as [tls://nats-0.nats:4222]; a gateway in a pod runs none of its own" }}{{ end }}
{{- $auth := .Values.auth }}
{{- $ways := list $auth.jwksUrl $auth.keys.hs256 $auth.keys.publicKey | compact | len }}
{{- if and (eq $ways 0) (not $auth.insecure) }}{{ fail "auth: say how tokens of viewers are verified (auth.jwksUrl, auth.keys.hs256 or auth.keys.publicKey), or set auth.insecure" }}{{ end }}
{{- if gt $ways 1 }}{{ fail "auth: jwksUrl, keys.hs256 and keys.publicKey are ways to verify a token: choose one" }}{{ end }}
{{- if and (or $auth.keys.hs256 $auth.keys.publicKey) (not $auth.existingSecret) }}{{ fail "auth.existingSecret: name the Secret that auth.keys are entries of" }}{{ end }}
{{- if and (compact (values .Values.nats.keys)) (not .Values.nats.existingSecret) }}{{ fail "nats.existingSecret: name the Secret that nats.keys are entries of" }}{{ end }}
{{- if and .Values.tls.clientCaKey (not .Values.tls.existingSecret) }}{{ fail "tls.existingSecret: name the Secret that tls.clientCaKey is an entry of" }}{{ end }}
{{- end }}

{{/* The settings of the gateway, as the variables that they have. */}}
{{- define "live-gateway.env" -}}
{{- $env := dict
  "LIVE_LISTEN" "0.0.0.0:50051"
  "LIVE_METRICS" (printf "0.0.0.0:%v" .Values.metrics.port)
  "LIVE_NATS" (join "," .Values.nats.urls)
  "LIVE_REPLICAS" .Values.nats.replicas
  "LIVE_NATS_USER" .Values.nats.user
  "LIVE_DRAIN" (printf "%vs" .Values.drainSeconds)
  "LIVE_WORKERS" .Values.workers
  "LIVE_JWKS_URL" .Values.auth.jwksUrl
  "LIVE_JWT_ISSUER" .Values.auth.issuer
  "LIVE_JWT_AUDIENCE" .Values.auth.audience
}}
{{- if .Values.http.enabled }}{{ $_ := set $env "LIVE_HTTP" "0.0.0.0:8080" }}{{ end }}
{{- if .Values.auth.insecure }}{{ $_ := set $env "LIVE_INSECURE" "true" }}{{ end }}
{{- $files := dict "creds" "NATS_CREDS" "nkey" "NATS_NKEY" "token" "NATS_TOKEN_FILE" "password" "NATS_PASSWORD_FILE" "ca" "NATS_CA" "cert" "NATS_CERT" "key" "NATS_KEY" }}
{{- range $key, $entry := .Values.nats.keys }}{{ if $entry }}{{ $_ := set $env (printf "LIVE_%s" (get $files $key)) (printf "/run/secrets/nats/%s" $entry) }}{{ end }}{{ end }}
{{- with .Values.auth.keys.hs256 }}{{ $_ := set $env "LIVE_JWT_SECRET_FILE" (printf "/run/secrets/auth/%s" .) }}{{ end }}
{{- with .Values.auth.keys.publicKey }}{{ $_ := set $env "LIVE_JWT_PUBLIC_KEY" (printf "/run/secrets/auth/%s" .) }}{{ end }}
{{- if .Values.tls.existingSecret }}{{ $_ := set $env "LIVE_TLS_CERT" "/run/secrets/tls/tls.crt" }}{{ $_ := set $env "LIVE_TLS_KEY" "/run/secrets/tls/tls.key" }}{{ end }}
{{- with .Values.tls.clientCaKey }}{{ $_ := set $env "LIVE_TLS_CLIENT_CA" (printf "/run/secrets/tls/%s" .) }}{{ end }}
{{- range $flag, $value := .Values.settings }}
{{- $name := printf "LIVE_%s" ($flag | upper | replace "-" "_") }}
{{- if hasKey $env $name }}{{ fail (printf "settings.%s: has a value of its own in this chart" $flag) }}{{ end }}
{{- $_ := set $env $name (ternary ($value | int64) $value (kindIs "float64" $value)) }}
{{- end }}
{{- range $name, $value := $env }}{{ if ne (toString $value) "" }}
- name: {{ $name }}
  value: {{ $value | toString | quote }}
{{- end }}{{ end }}
{{- end }}

{{/* Secrets of others, by the folders that they are mounted in. */}}
{{- define "live-gateway.secrets" -}}
{{- range $folder, $secret := dict "nats" .Values.nats.existingSecret "auth" .Values.auth.existingSecret "tls" .Values.tls.existingSecret }}
{{- if $secret }}
- name: {{ $folder }}
  secret: { secretName: {{ $secret | quote }}, defaultMode: 0440 }
{{- end }}
{{- end }}
{{- end }}
