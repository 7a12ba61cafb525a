//! A client whose token is rotated all the time: it polls like Karma, with what it read when it started.

use std::net::SocketAddr;
use std::time::Duration;

use crate::demo::callers::{Caller, Clusters};
use crate::demo::gateway::{DemoGateway, ENVOY};
use crate::lab::karma::{Karma, Polls, Upstream};
use crate::lab::token::now;
use crate::lab::{Call, ExampleConfig, ProjectedToken, folder, port, wait};

/// How often its token is rotated: each second, until a copy of the first one has expired.
pub const ROTATIONS: usize = 8;

/// How long the gateway accepts each token, in seconds. On a busy machine, Envoy can need more than a second to read the
/// next one.
pub const ACCEPTED: i64 = 6;

/// The client polls this often.
const PAUSE: Duration = Duration::from_millis(200);

/// What became of the polls of two clients.
#[derive(Clone, Debug)]
pub struct Rotation {
    /// Of one to whose requests an Envoy adds the token that is in the file.
    pub injected: Polls,
    /// Of one that has a copy of the first token.
    pub copied: Polls,
}

impl Rotation {
    /// Whether the first client never failed, and the second did.
    #[must_use]
    pub fn is_expected(&self) -> bool {
        self.injected.failures.is_empty() && !self.copied.failures.is_empty()
    }
}

/// Lets both clients poll Alertmanager while the token is rotated.
///
/// # Panics
/// If the client's Envoy does not start, or the clients do not poll.
pub async fn run(gateway: &DemoGateway, clusters: &Clusters) -> Rotation {
    let host = gateway.host("alertmanager");
    let host = host.rsplit_once(':').map_or(&*host, |(name, _)| name);
    let first = Caller::Karma.token_accepted_for(clusters, ACCEPTED);
    let mut volume = ProjectedToken::create(&folder::fresh("token"), &first);
    let mut config = ExampleConfig::read("credential-injector.yaml");
    config.file("gate-ca.pem", gateway.authority().file());
    config.mount_token(&volume);
    config.replace("alertmanager-blue.example.com", host);
    config.set_endpoint("alertmanager-blue", gateway.address());
    // The demo has one Alertmanager.
    let nowhere: SocketAddr = port::free();
    config.set_endpoint("alertmanager-green", nowhere);
    config.listen(port::free());
    config.admin(port::free());
    let envoy = config.start(ENVOY).await;

    let copy = Caller::Karma.token_accepted_for(clusters, ACCEPTED);
    volume.rotate(&copy);
    let call = Call::get(host, "/metrics");
    wait::until_true("the token is used", wait::LONG, async || {
        call.send(envoy.address()).await.status == 200
    })
    .await;
    let copied = Upstream::new(host, gateway.address())
        .tls(gateway.authority().trust())
        .authorization(&format!("Bearer {copy}"));
    let copied = Karma::start(vec![copied], PAUSE);
    let injected = Karma::start(vec![Upstream::new(host, envoy.address())], PAUSE);
    for _ in 0..ROTATIONS {
        let before = now();
        wait::until_true("the next second", wait::LONG, async || now() > before).await;
        volume.rotate(&Caller::Karma.token_accepted_for(clusters, ACCEPTED));
    }
    injected.polled(1).await;
    copied.polled(1).await;
    Rotation {
        injected: injected.polls(),
        copied: copied.polls(),
    }
}
