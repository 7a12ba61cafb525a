//! Sessions that go on: a fresh session token for a sealed session.

use std::future::Future;
use std::time::Duration;

use super::*;
use tokio::time::timeout;

use super::redemption::{Clock, Redemption};
use crate::provider::Renewed;
use crate::session::flights::Landing;
use crate::session::record::NotRenewed;

/// How long a caller waits. The filter gives up after two seconds.
const PATIENCE: Duration = Duration::from_millis(1800);

/// How much earlier than its end a provider's token counts as run out.
const MARGIN: Duration = Duration::from_secs(5);

/// How often one call comes back to a session that others change meanwhile.
const ROUNDS: usize = 4;

const UNTOLD: &str = "the provider or the store cannot tell whether the session goes on";

/// Who renews a provider's tokens.
pub(crate) trait Redeem: Send + Sync + 'static {
    /// Asks the provider of this session, with its refresh token, for new tokens. It is asked once
    /// for all who want them, and the call goes on when nobody waits for it any more.
    fn redeem(&self, session: Session) -> impl Future<Output = Result<Renewed, NotRenewed>> + Send;
}

/// Which cookies an answer can set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Sets {
    /// As many as there are.
    All,
    /// One, and that is the session token: NGINX hands on no more.
    One,
}

impl Sessions {
    /// A fresh session token for a sealed session: what the filter asks for.
    pub(crate) async fn refresh<R: Redeem>(
        &self,
        cookies: &Cookies<'_>,
        now: Timestamp,
        provider: &Arc<R>,
    ) -> Result<Live, NoSession> {
        let live = self.go_on(cookies, now, provider, Sets::All).await;
        live.map_err(|no| match no {
            NoSession::Ended { why, .. } => NoSession::Ended {
                why,
                set_cookies: self.settings.delete_session(cookies),
            },
            NoSession::Unavailable(_) => no,
        })
    }

    /// The same for forward auth, whose answer sets at most one cookie. Where sessions are in cookies
    /// nothing can be redeemed then, because what came of it could not be kept: [`Why::Due`], and the
    /// browser passes through a sign-in, which sets them all.
    pub(crate) async fn refresh_token_alone<R: Redeem>(
        &self,
        cookies: &Cookies<'_>,
        now: Timestamp,
        provider: &Arc<R>,
    ) -> Result<Live, NoSession> {
        self.go_on(cookies, now, provider, Sets::One).await
    }

    async fn go_on<R: Redeem>(
        &self,
        cookies: &Cookies<'_>,
        now: Timestamp,
        provider: &Arc<R>,
        sets: Sets,
    ) -> Result<Live, NoSession> {
        let going_on = async {
            let Found { session, place } = self.proved(cookies, now, provider, sets).await?;
            let mut set_cookies = self.put_token(cookies, &session, now).await?;
            match sets {
                Sets::All => set_cookies.extend(self.put_sealed(cookies, &session, &place, now)?),
                // The first line sets a token that is whole, and others only delete what is older.
                // One in pieces is of no use without all of them.
                Sets::One => {
                    set_cookies.truncate(1);
                    set_cookies.retain(|line| line.is_of(self.settings.names.token()));
                }
            }
            Ok(Live {
                session,
                set_cookies,
            })
        };
        let late = |_| Unavailable::new("the session's provider or store does not answer in time");
        timeout(PATIENCE, going_on).await.map_err(late)?
    }

    /// The session that the cookies hold, after the provider has vouched for it where that was due.
    async fn proved<R: Redeem>(
        &self,
        cookies: &Cookies<'_>,
        now: Timestamp,
        provider: &Arc<R>,
        sets: Sets,
    ) -> Result<Found, NoSession> {
        let mut found = self.find(cookies).await?;
        let mut renewed = false;
        for _ in 0..ROUNDS {
            let state = self.store.ended(now).await?;
            self.check(&found.session, &state, now)?;
            let Some(why) = due(&found.session, &state, now) else {
                if renewed || self.keep_used(&mut found, now).await? {
                    return Ok(found);
                }
                found = self.find(cookies).await?;
                continue;
            };
            let token = found.session.tokens.refresh_token.clone().ok_or(why)?;
            if sets == Sets::One && matches!(found.place, Place::Cookie) {
                return Err(why.into());
            }
            let redemption = || self.redemption(&found, provider, now).run();
            match self
                .flights
                .join(&token, &found.session, now, redemption)
                .await
            {
                Landing::Renewed(session) => found.session.take_over(&session),
                Landing::Ended => return Err(Why::Refused.into()),
                Landing::Replayed => {
                    self.replayed(&found, provider, now).await;
                    return Err(Why::Refused.into());
                }
                Landing::Unavailable => return Err(Unavailable::new(UNTOLD).into()),
            }
            renewed = true;
        }
        Err(Unavailable::new("the session is changed all the time").into())
    }

    /// A refresh token that was spent is shown again, and its sealed session is authentic: whoever has
    /// redeemed it is somebody else. The provider never sees that, so the session ends here for all
    /// who hold it. It ends no other, whatever else the request shows.
    async fn replayed<R: Redeem>(&self, found: &Found, provider: &Arc<R>, now: Timestamp) {
        // In Redis they all hold the one record, and nobody can have an older one.
        if !matches!(found.place, Place::Cookie) {
            return;
        }
        let Session { idp, sid, .. } = &found.session;
        tracing::warn!(provider = idp, %sid, "a spent refresh token was shown again: its session ends");
        let redemption = self.redemption(found, provider, now);
        // It is kept also where nobody waits for that any more.
        let marked = tokio::spawn(async move { redemption.mark().await });
        if let Err(error) = marked.await {
            tracing::warn!(%error, "a session whose refresh token was shown again has no mark");
        }
    }

    /// Notes that the session is used now. `false`: it has been changed since it was read.
    async fn keep_used(&self, found: &mut Found, now: Timestamp) -> Result<bool, Unavailable> {
        found.session.last_used = Timestamp::from_secs(now.secs());
        let (Store::Redis(redis), Place::Redis(ticket, generation)) = (&*self.store, &found.place)
        else {
            return Ok(true);
        };
        let lives = stays(&found.session, self.settings.idle, now);
        let generations = (*generation, *generation);
        redis
            .replace_session(ticket, generations, &found.session, lives)
            .await
    }

    fn redemption<R: Redeem>(
        &self,
        found: &Found,
        provider: &Arc<R>,
        now: Timestamp,
    ) -> Redemption<R> {
        Redemption {
            store: Arc::clone(&self.store),
            provider: Arc::clone(provider),
            session: found.session.clone(),
            marks: self.keys.load().marks(&found.session),
            all_over: now.after(self.settings.lifetime),
            place: found.place.clone(),
            idle: self.settings.idle,
            clock: Clock::at(now),
        }
    }
}

/// Why the provider has to vouch for a session again, if it has to.
fn due(session: &Session, state: &State, now: Timestamp) -> Option<Why> {
    if session.vouched < state.beginning() {
        return Some(Why::AuthnFailure);
    }
    let runs_out = Timestamp::from_secs(session.tokens.expires_at);
    // Tokens that are shorter than that would be redeemed at every turn.
    let lately = now.since(session.vouched) < SHORTEST;
    (runs_out <= now.after(MARGIN) && !lately).then_some(Why::Due)
}
