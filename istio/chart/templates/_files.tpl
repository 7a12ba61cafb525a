{{/* The policy: that of `policy`, and then the apps of `policyFiles` in the order of their names. Teams are checked before an
     upgrade, see check.yaml, and neither the filter nor the companion reads them. */}}
{{- define "portcullis.policy" -}}
{{- $apps := .Values.policy.apps | default list }}
{{- range $name, $file := .Values.policyFiles }}
{{- $apps = concat $apps (get ($file | default dict) "apps" | default list) }}
{{- end }}
{{- toYaml (merge (dict "apps" $apps) (omit .Values.policy "teams")) }}
{{- end }}

{{/* Whether users sign in: not empty if they do. */}}
{{- define "portcullis.signIn" -}}
{{- if .Values.companion.providers }}true{{ end }}
{{- end }}

{{/* Whether the companion stores something on a volume: not empty if it does. */}}
{{- define "portcullis.volume" -}}
{{- if and (include "portcullis.signIn" .) (has .Values.store (list "cookie" "file")) }}true{{ end }}
{{- end }}

{{/* The companion's configuration: `companion`, and what follows from the other values. */}}
{{- define "portcullis.companion" -}}
{{- $config := deepCopy .Values.companion }}
{{- $files := dict "listen" "0.0.0.0:4180" "metrics" "0.0.0.0:9180" "policy" "/etc/portcullis/portcullis.yaml" }}
{{- if .Values.secrets.tls }}
{{- $_ := set $files "tls" (dict "cert" "/run/secrets/portcullis/tls/tls.crt" "key" "/run/secrets/portcullis/tls/tls.key") }}
{{- end }}
{{- if include "portcullis.signIn" . }}
{{- with .Values.policy.sso }}{{ with .url }}{{ $_ := set $files "url" . }}{{ end }}{{ end }}
{{- $session := dict }}
{{- if .Values.secrets.sessionKeys.name }}
{{- $_ := set $session "keys_file" "/run/secrets/portcullis/session-keys" }}
{{- end }}
{{- if eq .Values.store "cookie" }}
{{- $_ := set $session "state_file" "/var/lib/portcullis/session-keys.state" }}
{{- else if eq .Values.store "file" }}
{{- $_ := set $session "store" "file:/var/lib/portcullis/state/sessions" }}
{{- else if eq .Values.store "redis" }}
{{- $redis := dict }}
{{- if .Values.secrets.redisPassword.name }}
{{- $_ := set $redis "password_file" "/run/secrets/portcullis/redis-password" }}
{{- end }}
{{- if .Values.secrets.sentinelPassword.name }}
{{- $_ := set $redis "sentinel_password_file" "/run/secrets/portcullis/sentinel-password" }}
{{- end }}
{{- with $redis }}{{ $_ := set $session "redis" . }}{{ end }}
{{- end }}
{{- $_ := set $files "session" $session }}
{{- $secrets := .Values.secrets.clientSecrets }}
{{- $providers := list }}
{{- range $provider := $config.providers }}
{{- $name := $provider.name | default "sso" }}
{{- if hasKey $secrets $name }}
{{- $provider = merge $provider (dict "client_secret_file" (printf "/run/secrets/portcullis/clients/%s" $name)) }}
{{- end }}
{{- $providers = append $providers $provider }}
{{- end }}
{{- $_ := set $config "providers" $providers }}
{{- end }}
{{- toYaml (merge $config $files) }}
{{- end }}

{{/* The sources of the projected volume /run/secrets/portcullis; empty without Secrets. */}}
{{- define "portcullis.secrets" -}}
{{- $sources := list }}
{{- $secrets := .Values.secrets }}
{{- if include "portcullis.signIn" . }}
{{- if $secrets.sessionKeys.name }}
{{- $sources = append $sources (include "portcullis.secret" (list $secrets.sessionKeys "session-keys") | fromYaml) }}
{{- end }}
{{- range $name, $secret := $secrets.clientSecrets }}
{{- $sources = append $sources (include "portcullis.secret" (list $secret (printf "clients/%s" $name)) | fromYaml) }}
{{- end }}
{{- if eq .Values.store "redis" }}
{{- range $path, $secret := dict "redis-password" $secrets.redisPassword "sentinel-password" $secrets.sentinelPassword }}
{{- if $secret.name }}
{{- $sources = append $sources (include "portcullis.secret" (list $secret $path) | fromYaml) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- if $secrets.tls }}
{{- $items := list (dict "key" "tls.crt" "path" "tls/tls.crt") (dict "key" "tls.key" "path" "tls/tls.key") }}
{{- $sources = append $sources (dict "secret" (dict "name" $secrets.tls "items" $items)) }}
{{- end }}
{{- if $sources }}{{ toYaml $sources }}{{ end }}
{{- end }}

{{/* One key of a Secret at a path of the volume: (list SECRET PATH). */}}
{{- define "portcullis.secret" -}}
secret:
  name: {{ (index . 0).name }}
  items:
  - key: {{ (index . 0).key }}
    path: {{ index . 1 }}
{{- end }}
