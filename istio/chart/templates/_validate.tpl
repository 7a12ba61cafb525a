{{/* What the schema can't say. */}}
{{- define "portcullis.validate" -}}
{{- $values := .Values }}
{{- if and (eq $values.store "none") $values.companion.providers }}
{{- fail "\n\nstore: `none` is a companion without sign-in, but `companion.providers` is set\nhelp: set `store` to `cookie`, `file` or `redis`" }}
{{- end }}
{{- if and $values.policy.sso (not $values.companion.providers) }}
{{- fail "\n\npolicy.sso: `companion.providers` is missing, so nobody can sign in\nhelp: add the OpenID provider, or remove `sso`" }}
{{- end }}
{{- if and $values.companion.providers (not $values.policy.sso) }}
{{- fail "\n\ncompanion.providers: `policy.sso` is missing, so no app has sign-in\nhelp: add `sso: {url: …, envoy_cluster: …}` to the policy, or remove `providers`" }}
{{- end }}
{{- if and $values.policy.teams (not $values.check.enabled) }}
{{- fail "\n\npolicy.teams: nothing would check the apps of the teams\nhelp: set `check.enabled: true`, so that a Job checks them before an upgrade" }}
{{- end }}
{{- $providers := list }}
{{- range $values.companion.providers }}{{ $providers = append $providers (.name | default "sso") }}{{ end }}
{{- range $name, $_ := $values.secrets.clientSecrets }}
{{- if not (has $name $providers) }}
{{- fail (printf "\n\nsecrets.clientSecrets.%s: `companion.providers` has no provider of this name\nhelp: use the provider's `name`, or `sso` for one without a name" $name) }}
{{- end }}
{{- end }}
{{- if and $values.companion.providers (not $values.secrets.sessionKeys.name) (not (dig "session" "keys_file" "" $values.companion)) }}
{{- fail "\n\nsecrets.sessionKeys.name: the companion needs session keys\nhelp: name the Secret, or set `companion.session.keys_file` to a file of `extraVolumes`" }}
{{- end }}
{{- if ge (int $values.preStopSeconds) (int $values.terminationGracePeriodSeconds) }}
{{- fail "\n\nterminationGracePeriodSeconds: not longer than `preStopSeconds`, so requests in flight are aborted\nhelp: make it at least the sum of `preStopSeconds` and `companion.limits.shutdown`, by default 25" }}
{{- end }}
{{- if and $values.caBundle.configMap $values.caBundle.secret }}
{{- fail "\n\ncaBundle: both `configMap` and `secret` are set\nhelp: set one of them" }}
{{- end }}
{{- if and $values.monitoring.serviceMonitor.enabled $values.networkPolicy.enabled (not $values.networkPolicy.metricsFrom) }}
{{- fail "\n\nnetworkPolicy.metricsFrom: nobody may read metrics, but `monitoring.serviceMonitor` is enabled\nhelp: list the namespace of Prometheus: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}]" }}
{{- end }}
{{- include "portcullis.validatePlugin" . }}
{{- end }}

{{- define "portcullis.validatePlugin" -}}
{{- $plugin := .Values.plugin }}
{{- if ne $plugin.kind "none" }}
{{- if not .Values.image.filter.digest }}
{{- fail (printf "\n\nimage.filter.digest: required for `plugin.kind: %s`, because proxies keep what they have loaded from a tag\nhelp: set it to the digest of the image: \"sha256:\" and 64 hexadecimal digits" $plugin.kind) }}
{{- end }}
{{- if and (not $plugin.targetRefs) (not $plugin.selector) }}
{{- fail "\n\nplugin.targetRefs: required, because a plugin without a target applies to every proxy of its namespace\nhelp: list Gateways or Services, or set `plugin.selector`" }}
{{- end }}
{{- if and $plugin.targetRefs $plugin.selector }}
{{- fail "\n\nplugin.selector: can't be combined with `plugin.targetRefs`\nhelp: set one of them" }}
{{- end }}
{{- if eq $plugin.kind "EnvoyExtensionPolicy" }}
{{- if $plugin.selector }}
{{- fail "\n\nplugin.selector: Envoy Gateway has no selector of proxies\nhelp: set `plugin.targetRefs`" }}
{{- end }}
{{- if or $plugin.match (kindIs "float64" $plugin.priority) (kindIs "int64" $plugin.priority) }}
{{- fail "\n\nplugin.match, plugin.priority: only for Istio\nhelp: remove them" }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
