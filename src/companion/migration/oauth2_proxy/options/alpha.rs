//! Every field of the alpha configuration of oauth2-proxy 7.15, and what becomes of it.

use crate::migration::oauth2_proxy::outcome::Outcome::{self, Changed, Dropped, NeedsYou};

/// A field.
#[derive(Debug)]
pub(in crate::migration::oauth2_proxy) struct AlphaField {
    /// Its path. `[]` is any element of a list.
    pub(in crate::migration::oauth2_proxy) path: &'static str,
    pub(in crate::migration::oauth2_proxy) becomes: Becomes,
}

/// What becomes of a field.
#[derive(Clone, Copy, Debug)]
pub(in crate::migration::oauth2_proxy) enum Becomes {
    /// The same as the option with this flag.
    Option(&'static str),
    /// The outcome, the field in our files, and why.
    Own(Outcome, &'static str, &'static str),
    /// A part of a header, which has one line as a whole.
    Header,
    /// A part of a parameter of the authorization request, which has one line as a whole.
    Parameter,
}

/// All fields.
pub(in crate::migration::oauth2_proxy) const fn fields() -> &'static [AlphaField] {
    FIELDS
}

#[rustfmt::skip]
const FIELDS: &[AlphaField] = &[
    field("upstreamConfig.proxyRawPath", Becomes::Own(Dropped, "", "Envoy's routes lead to apps")),
    field("upstreamConfig.upstreams[].id", Becomes::Own(Dropped, "", "Envoy's routes lead to apps")),
    field("upstreamConfig.upstreams[].path", Becomes::Own(Dropped, "", "Envoy's routes lead to apps")),
    field("upstreamConfig.upstreams[].rewriteTarget", Becomes::Own(Dropped, "", "Envoy's routes lead to apps")),
    field("upstreamConfig.upstreams[].uri", Becomes::Option("upstream")),
    field("upstreamConfig.upstreams[].insecureSkipTLSVerify", Becomes::Own(Dropped, "", "Envoy's routes lead to apps")),
    field("upstreamConfig.upstreams[].static", Becomes::Own(Dropped, "", "Envoy's routes lead to apps")),
    field("upstreamConfig.upstreams[].staticCode", Becomes::Own(Dropped, "", "Envoy's routes lead to apps")),
    field("upstreamConfig.upstreams[].flushInterval", Becomes::Own(Dropped, "", "Envoy's routes lead to apps")),
    field("upstreamConfig.upstreams[].passHostHeader", Becomes::Own(Dropped, "", "Envoy's routes lead to apps")),
    field("upstreamConfig.upstreams[].proxyWebSockets", Becomes::Own(Dropped, "", "Envoy's routes lead to apps")),
    field("upstreamConfig.upstreams[].timeout", Becomes::Own(Dropped, "", "Envoy's routes lead to apps")),
    field("upstreamConfig.upstreams[].disableKeepAlives", Becomes::Own(Dropped, "", "Envoy's routes lead to apps")),
    field("injectRequestHeaders[].name", Becomes::Header),
    field("injectRequestHeaders[].preserveRequestValue", Becomes::Header),
    field("injectRequestHeaders[].InsecureSkipHeaderNormalization", Becomes::Header),
    field("injectRequestHeaders[].values[].secretSource.value", Becomes::Header),
    field("injectRequestHeaders[].values[].secretSource.fromEnv", Becomes::Header),
    field("injectRequestHeaders[].values[].secretSource.fromFile", Becomes::Header),
    field("injectRequestHeaders[].values[].claimSource.claim", Becomes::Header),
    field("injectRequestHeaders[].values[].claimSource.prefix", Becomes::Header),
    field("injectRequestHeaders[].values[].claimSource.basicAuthPassword.value", Becomes::Header),
    field("injectRequestHeaders[].values[].claimSource.basicAuthPassword.fromEnv", Becomes::Header),
    field("injectRequestHeaders[].values[].claimSource.basicAuthPassword.fromFile", Becomes::Header),
    field("injectResponseHeaders[].name", Becomes::Header),
    field("injectResponseHeaders[].preserveRequestValue", Becomes::Header),
    field("injectResponseHeaders[].InsecureSkipHeaderNormalization", Becomes::Header),
    field("injectResponseHeaders[].values[].secretSource.value", Becomes::Header),
    field("injectResponseHeaders[].values[].secretSource.fromEnv", Becomes::Header),
    field("injectResponseHeaders[].values[].secretSource.fromFile", Becomes::Header),
    field("injectResponseHeaders[].values[].claimSource.claim", Becomes::Header),
    field("injectResponseHeaders[].values[].claimSource.prefix", Becomes::Header),
    field("injectResponseHeaders[].values[].claimSource.basicAuthPassword.value", Becomes::Header),
    field("injectResponseHeaders[].values[].claimSource.basicAuthPassword.fromEnv", Becomes::Header),
    field("injectResponseHeaders[].values[].claimSource.basicAuthPassword.fromFile", Becomes::Header),
    field("server.bindAddress", Becomes::Option("http-address")),
    field("server.secureBindAddress", Becomes::Option("https-address")),
    field("server.tls.key.value", Becomes::Own(NeedsYou, "tls.key", "write it to a file, a key with mode 0600, and name the file here")),
    field("server.tls.key.fromEnv", Becomes::Own(NeedsYou, "tls.key", "write it to a file, a key with mode 0600, and name the file here")),
    field("server.tls.key.fromFile", Becomes::Option("tls-key-file")),
    field("server.tls.cert.value", Becomes::Own(NeedsYou, "tls.cert", "write it to a file, a key with mode 0600, and name the file here")),
    field("server.tls.cert.fromEnv", Becomes::Own(NeedsYou, "tls.cert", "write it to a file, a key with mode 0600, and name the file here")),
    field("server.tls.cert.fromFile", Becomes::Option("tls-cert-file")),
    field("server.tls.minVersion", Becomes::Option("tls-min-version")),
    field("server.tls.cipherSuites", Becomes::Option("tls-cipher-suite")),
    field("metricsServer.bindAddress", Becomes::Option("metrics-address")),
    field("metricsServer.secureBindAddress", Becomes::Option("metrics-secure-address")),
    field("metricsServer.tls.key.value", Becomes::Own(Dropped, "", "metrics have no TLS")),
    field("metricsServer.tls.key.fromEnv", Becomes::Own(Dropped, "", "metrics have no TLS")),
    field("metricsServer.tls.key.fromFile", Becomes::Option("metrics-tls-key-file")),
    field("metricsServer.tls.cert.value", Becomes::Own(Dropped, "", "metrics have no TLS")),
    field("metricsServer.tls.cert.fromEnv", Becomes::Own(Dropped, "", "metrics have no TLS")),
    field("metricsServer.tls.cert.fromFile", Becomes::Option("metrics-tls-cert-file")),
    field("metricsServer.tls.minVersion", Becomes::Own(Dropped, "", "metrics have no TLS")),
    field("metricsServer.tls.cipherSuites", Becomes::Own(Dropped, "", "metrics have no TLS")),
    field("providers[].clientID", Becomes::Option("client-id")),
    field("providers[].clientSecret", Becomes::Option("client-secret")),
    field("providers[].clientSecretFile", Becomes::Option("client-secret-file")),
    field("providers[].keycloakConfig.groups", Becomes::Option("keycloak-group")),
    field("providers[].keycloakConfig.roles", Becomes::Option("allowed-role")),
    field("providers[].azureConfig.tenant", Becomes::Option("azure-tenant")),
    field("providers[].azureConfig.graphGroupField", Becomes::Option("azure-graph-group-field")),
    field("providers[].microsoftEntraIDConfig.allowedTenants", Becomes::Option("entra-id-allowed-tenant")),
    field("providers[].microsoftEntraIDConfig.federatedTokenAuth", Becomes::Option("entra-id-federated-token-auth")),
    field("providers[].ADFSConfig.skipScope", Becomes::Own(Dropped, "", "`scopes` are requested as they are")),
    field("providers[].bitbucketConfig.team", Becomes::Option("bitbucket-team")),
    field("providers[].bitbucketConfig.workspace", Becomes::Option("bitbucket-workspace")),
    field("providers[].bitbucketConfig.repository", Becomes::Option("bitbucket-repository")),
    field("providers[].githubConfig.org", Becomes::Option("github-org")),
    field("providers[].githubConfig.team", Becomes::Option("github-team")),
    field("providers[].githubConfig.repo", Becomes::Option("github-repo")),
    field("providers[].githubConfig.token", Becomes::Option("github-token")),
    field("providers[].githubConfig.users", Becomes::Option("github-user")),
    field("providers[].gitlabConfig.group", Becomes::Option("gitlab-group")),
    field("providers[].gitlabConfig.projects", Becomes::Option("gitlab-project")),
    field("providers[].googleConfig.group", Becomes::Option("google-group")),
    field("providers[].googleConfig.adminEmail", Becomes::Option("google-admin-email")),
    field("providers[].googleConfig.serviceAccountJson", Becomes::Option("google-service-account-json")),
    field("providers[].googleConfig.useApplicationDefaultCredentials", Becomes::Option("google-use-application-default-credentials")),
    field("providers[].googleConfig.targetPrincipal", Becomes::Option("google-target-principal")),
    field("providers[].googleConfig.useOrganizationID", Becomes::Option("google-use-organization-id")),
    field("providers[].googleConfig.adminAPIUserScope", Becomes::Option("google-admin-api-user-scope")),
    field("providers[].oidcConfig.issuerURL", Becomes::Option("oidc-issuer-url")),
    field("providers[].oidcConfig.insecureAllowUnverifiedEmail", Becomes::Option("insecure-oidc-allow-unverified-email")),
    field("providers[].oidcConfig.insecureSkipIssuerVerification", Becomes::Option("insecure-oidc-skip-issuer-verification")),
    field("providers[].oidcConfig.insecureSkipNonce", Becomes::Option("insecure-oidc-skip-nonce")),
    field("providers[].oidcConfig.skipDiscovery", Becomes::Option("skip-oidc-discovery")),
    field("providers[].oidcConfig.jwksURL", Becomes::Option("oidc-jwks-url")),
    field("providers[].oidcConfig.publicKeyFiles", Becomes::Option("oidc-public-key-file")),
    field("providers[].oidcConfig.emailClaim", Becomes::Option("oidc-email-claim")),
    field("providers[].oidcConfig.groupsClaim", Becomes::Option("oidc-groups-claim")),
    field("providers[].oidcConfig.userIDClaim", Becomes::Option("user-id-claim")),
    field("providers[].oidcConfig.audienceClaims", Becomes::Option("oidc-audience-claim")),
    field("providers[].oidcConfig.extraAudiences", Becomes::Option("oidc-extra-audience")),
    field("providers[].oidcConfig.enabledSigningAlgs", Becomes::Option("oidc-enabled-signing-alg")),
    field("providers[].loginGovConfig.jwtKey", Becomes::Option("jwt-key")),
    field("providers[].loginGovConfig.jwtKeyFile", Becomes::Option("jwt-key-file")),
    field("providers[].loginGovConfig.pubjwkURL", Becomes::Option("pubjwk-url")),
    field("providers[].id", Becomes::Own(Dropped, "", "the provider has the name `sso`")),
    field("providers[].provider", Becomes::Option("provider")),
    field("providers[].name", Becomes::Option("provider-display-name")),
    field("providers[].caFiles", Becomes::Option("provider-ca-file")),
    field("providers[].useSystemTrustStore", Becomes::Option("use-system-trust-store")),
    field("providers[].loginURL", Becomes::Option("login-url")),
    field("providers[].loginURLParameters[].name", Becomes::Parameter),
    field("providers[].loginURLParameters[].default", Becomes::Parameter),
    field("providers[].loginURLParameters[].allow[].value", Becomes::Parameter),
    field("providers[].loginURLParameters[].allow[].pattern", Becomes::Parameter),
    field("providers[].authRequestResponseMode", Becomes::Option("auth-request-response-mode")),
    field("providers[].redeemURL", Becomes::Option("redeem-url")),
    field("providers[].profileURL", Becomes::Option("profile-url")),
    field("providers[].skipClaimsFromProfileURL", Becomes::Option("skip-claims-from-profile-url")),
    field("providers[].resource", Becomes::Option("resource")),
    field("providers[].validateURL", Becomes::Option("validate-url")),
    field("providers[].scope", Becomes::Option("scope")),
    field("providers[].allowedGroups", Becomes::Option("allowed-group")),
    field("providers[].code_challenge_method", Becomes::Option("code-challenge-method")),
    field("providers[].additionalClaims", Becomes::Own(Changed, "apps[].rules[].allow[]", "sessions have the claims that rules match by `claim`")),
    field("providers[].backendLogoutURL", Becomes::Option("backend-logout-url")),
];

const fn field(path: &'static str, becomes: Becomes) -> AlphaField {
    AlphaField { path, becomes }
}
