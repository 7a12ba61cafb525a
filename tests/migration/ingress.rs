//! NGINX, configured as ingress-nginx does from the annotations `auth-url`, `auth-signin` and `auth-response-headers`.

use std::net::SocketAddr;

use portcullis_tests::lab::{App, Nginx, port};

use crate::stack::{AUTH, HOSTS, OAUTH2_PROXY, Stack};

/// The response headers that the app gets.
const HEADERS: [&str; 5] = [
    "X-Auth-Request-User",
    "X-Auth-Request-Email",
    "X-Auth-Request-Groups",
    "X-Portcullis-Caller",
    "Authorization",
];

/// What an Ingress asks about each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Authenticator {
    Companion,
    OAuth2Proxy,
}

/// The Ingresses of both apps, and of both authenticators, with the controller.
pub(crate) struct Ingresses {
    nginx: Nginx,
    template: Template,
    authenticators: [Authenticator; 2],
}

/// What the controller makes NGINX's configuration of.
struct Template {
    /// The beginning of each server block.
    common: String,
    apps: [SocketAddr; 2],
    companion: SocketAddr,
    oauth2_proxy: SocketAddr,
}

impl Ingresses {
    /// Starts the controller. All apps use oauth2-proxy.
    pub(crate) async fn start(stack: &Stack) -> Self {
        let address = port::free();
        let template = Template::new(stack, address);
        let authenticators = [Authenticator::OAuth2Proxy; 2];
        let http = template.http(authenticators);
        Self {
            nginx: Nginx::start_with_workers(address, &http).await,
            template,
            authenticators,
        }
    }

    /// The controller's address.
    pub(crate) fn address(&self) -> SocketAddr {
        self.nginx.address()
    }

    /// Changes the annotations of the Ingress of this host, and the controller reloads NGINX.
    pub(crate) fn set(&mut self, host: &str, authenticator: Authenticator) {
        let index = HOSTS.iter().position(|known| *known == host);
        self.authenticators[index.expect("an app's host")] = authenticator;
        self.nginx.reload(&self.template.http(self.authenticators));
    }
}

impl Template {
    fn new(stack: &Stack, address: SocketAddr) -> Self {
        let identity = stack.authority.identity(&["*.example.com"]);
        // Lines of the access log would have codes, which no log of the lab may contain.
        let common = format!(
            "access_log off;\nlisten {address} ssl;\nssl_certificate {};\nssl_certificate_key {};\n\
             large_client_header_buffers 4 64k;\nproxy_buffer_size 32k;\nproxy_buffers 4 32k;\n\
             proxy_http_version 1.1;\n",
            identity.certificate.display(),
            identity.key.display(),
        );
        Self {
            common,
            apps: stack.apps.each_ref().map(App::address),
            companion: stack.companion.address(),
            oauth2_proxy: stack.oauth2_proxy,
        }
    }

    fn http(&self, authenticators: [Authenticator; 2]) -> String {
        let mut http = String::new();
        for (host, address) in [(AUTH, self.companion), (OAUTH2_PROXY, self.oauth2_proxy)] {
            http.push_str(&self.server(
                host,
                &format!(
                    "location / {{\nproxy_set_header Host $host;\nproxy_set_header Connection \"\";\n\
                     proxy_set_header X-Forwarded-Proto https;\nproxy_pass http://{address};\n}}\n"
                ),
            ));
        }
        for ((host, app), authenticator) in HOSTS.iter().zip(self.apps).zip(authenticators) {
            http.push_str(&self.app(host, app, authenticator));
        }
        http
    }

    fn server(&self, host: &str, locations: &str) -> String {
        format!(
            "server {{\nserver_name {host};\n{}{locations}}}\n",
            self.common
        )
    }

    fn app(&self, host: &str, app: SocketAddr, authenticator: Authenticator) -> String {
        let (url, sign_in) = match authenticator {
            Authenticator::Companion => (self.companion, AUTH),
            Authenticator::OAuth2Proxy => (self.oauth2_proxy, OAUTH2_PROXY),
        };
        let mut headers = String::new();
        for (number, name) in HEADERS.iter().enumerate() {
            let variable = name.to_lowercase().replace('-', "_");
            headers.push_str(&format!(
                "auth_request_set $auth{number} $upstream_http_{variable};\nproxy_set_header {name} $auth{number};\n"
            ));
        }
        self.server(host, &format!(
            "location = /_external-auth {{\ninternal;\nproxy_pass_request_body off;\nproxy_set_header Content-Length \"\";\n\
             proxy_set_header X-Original-URL $scheme://$http_host$request_uri;\n\
             proxy_set_header X-Original-Method $request_method;\nproxy_set_header X-Sent-From nginx-ingress-controller;\n\
             proxy_set_header X-Real-IP $remote_addr;\nproxy_set_header X-Auth-Request-Redirect $request_uri;\n\
             proxy_set_header X-Forwarded-Proto \"\";\nproxy_set_header X-Forwarded-Host \"\";\n\
             proxy_set_header X-Forwarded-Uri \"\";\nproxy_set_header X-Forwarded-Method \"\";\n\
             proxy_set_header Connection \"\";\nproxy_pass http://{url}/oauth2/auth;\n}}\n\
             location @sign_in {{\nreturn 302 https://{sign_in}/oauth2/start?rd=$scheme://$http_host$request_uri;\n}}\n\
             location / {{\nauth_request /_external-auth;\nerror_page 401 = @sign_in;\n{headers}\
             proxy_set_header Host $http_host;\nproxy_set_header Connection \"\";\nproxy_pass http://{app};\n}}\n"
        ))
    }
}
