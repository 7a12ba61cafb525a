//! One redemption of a refresh token, from asking the provider to keeping what it gave.

use std::sync::Arc;
use std::time::Duration;

use portcullis_core::session::SessionHandles;
use portcullis_core::timestamp::Timestamp;
use tokio::time::{Instant, sleep, timeout};

use super::refresh::Redeem;
use super::{Place, stays};
use crate::session::bytes;
use crate::session::ended::{Ending, Over};
use crate::session::flights::Landing;
use crate::session::record::{NotRenewed, Session};
use crate::session::redis::{Redis, Ticket};
use crate::session::store::Store;
use crate::session::unavailable::Unavailable;

/// How long a provider may take. All of its answers together have less.
const ASK: Duration = Duration::from_secs(25);

/// How long one replica may take before another tries: longer than the provider.
const LOCK: Duration = Duration::from_secs(30);

/// How often a replica that waits for another looks, and for how long.
const LOOK: Duration = Duration::from_millis(50);
const WAIT: Duration = Duration::from_secs(35);

/// For how long new tokens are offered to Redis, and how often: without them the session is lost.
const OFFER: Duration = Duration::from_secs(30);
const OFFER_AGAIN: Duration = Duration::from_millis(250);

/// One redemption of a refresh token. It owns all that it needs, because it goes on when nobody
/// waits for it any more: a token that has been spent for nothing ends the session.
pub(super) struct Redemption<R> {
    pub(super) store: Arc<Store>,
    pub(super) provider: Arc<R>,
    pub(super) session: Session,
    /// What ends it, and when all of its person's sessions would be over.
    pub(super) marks: SessionHandles,
    pub(super) all_over: Timestamp,
    pub(super) place: Place,
    pub(super) idle: Duration,
    pub(super) clock: Clock,
}

/// The time, for what goes on after the call that said what time it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    at: Timestamp,
    began: Instant,
}

impl<R: Redeem> Redemption<R> {
    pub(super) async fn run(self) -> Landing {
        let landed = match (&*self.store, &self.place) {
            (Store::Redis(redis), Place::Redis(ticket, generation)) => {
                self.in_turn(redis, ticket, *generation).await
            }
            _ => self.ask().await,
        };
        match landed {
            Ok(session) => Landing::Renewed(Arc::new(session)),
            Err(NotRenewed::Unavailable) => Landing::Unavailable,
            Err(NotRenewed::Ended) => {
                self.mark().await;
                Landing::Ended
            }
        }
    }

    /// Asks the provider.
    async fn ask(&self) -> Result<Session, NotRenewed> {
        let renewed = timeout(ASK, self.provider.redeem(self.session.clone())).await;
        let renewed = renewed.map_err(|_| NotRenewed::Unavailable)??;
        if renewed.person.sub != self.session.person.sub {
            tracing::warn!(
                idp = self.session.idp,
                "a session was renewed for somebody else"
            );
            return Err(NotRenewed::Ended);
        }
        Ok(self.session.renewed(renewed, self.clock.now()))
    }

    /// Asks while no other replica does, unless one has done so since the session was read.
    async fn in_turn(
        &self,
        redis: &Redis,
        ticket: &Ticket,
        generation: u64,
    ) -> Result<Session, NotRenewed> {
        let owner = bytes::encode(bytes::random::<16>());
        let landed = self.wait_for_turn(redis, ticket, generation, &owner).await;
        // Whoever has no lock gives none back.
        if let Err(error) = redis.unlock(ticket.sid, &owner).await {
            tracing::warn!(%error, "the lock of a session stays until it is over");
        }
        landed
    }

    async fn wait_for_turn(
        &self,
        redis: &Redis,
        ticket: &Ticket,
        generation: u64,
        owner: &str,
    ) -> Result<Session, NotRenewed> {
        loop {
            let is_ours = redis.lock(ticket.sid, owner, LOCK).await.map_err(untold)?;
            // Looked at with the lock in hand, for whoever had it before may have done the work.
            let record = redis.get_session(ticket).await.map_err(untold)?;
            let record = record.ok_or(NotRenewed::Ended)?;
            if record.generation != generation {
                return Ok(record.session);
            }
            if is_ours {
                return match self.ask().await {
                    Ok(session) => self.keep(redis, ticket, generation, owner, session).await,
                    Err(NotRenewed::Ended) => self.only_here(redis, ticket, generation).await,
                    Err(unavailable) => Err(unavailable),
                };
            }
            if WAIT < self.clock.elapsed() {
                return Err(NotRenewed::Unavailable);
            }
            sleep(LOOK).await;
        }
    }

    /// What another replica made of the session meanwhile, if one did. A lock can lapse, and then the
    /// provider may have refused a token only because that replica had spent it.
    async fn only_here(
        &self,
        redis: &Redis,
        ticket: &Ticket,
        generation: u64,
    ) -> Result<Session, NotRenewed> {
        let record = redis.get_session(ticket).await.map_err(untold)?;
        let newer = record.filter(|record| record.generation != generation);
        newer.map(|record| record.session).ok_or(NotRenewed::Ended)
    }

    /// Puts the renewed session into Redis.
    async fn keep(
        &self,
        redis: &Redis,
        ticket: &Ticket,
        generation: u64,
        owner: &str,
        session: Session,
    ) -> Result<Session, NotRenewed> {
        let lives = stays(&session, self.idle, self.clock.now());
        let generations = (generation, generation + 1);
        let asked = self.clock.elapsed();
        loop {
            // So that no other replica sends the spent token before the new ones are there. Where that
            // fails, they are offered all the same.
            let _ = redis.lock(ticket.sid, owner, LOCK).await;
            match redis
                .replace_session(ticket, generations, &session, lives)
                .await
            {
                Ok(true) => return Ok(session),
                // Somebody signed out, or this is here already and only the answer was lost.
                Ok(false) => {
                    let record = redis.get_session(ticket).await.map_err(untold)?;
                    return record.map(|record| record.session).ok_or(NotRenewed::Ended);
                }
                Err(error) if OFFER < self.clock.elapsed().saturating_sub(asked) => {
                    return Err(untold(error));
                }
                Err(_) => sleep(OFFER_AGAIN).await,
            }
        }
    }

    /// SessionHandles the session as ended, so that its session tokens end too.
    pub(super) async fn mark(&self) {
        let (marks, ends) = (self.marks, self.session.ends);
        let over = Over::session(marks.sid, ends).began(marks.began);
        let ending = Ending {
            marks: vec![over.of(marks.handle, ends.max(self.all_over))],
            ..Ending::default()
        };
        // The refresh token that was shown is worth nothing, so that it ends in any case where it was.
        if let Err(error) = self.store.end(&ending, self.clock.now()).await {
            tracing::warn!(%error, "a session that has ended has no mark");
        }
    }
}

fn untold(error: Unavailable) -> NotRenewed {
    tracing::warn!(%error, "a session was not renewed");
    NotRenewed::Unavailable
}

// === impl Clock ===

impl Clock {
    /// The clock of somebody who says that it is this time.
    pub(super) fn at(at: Timestamp) -> Self {
        Self {
            at,
            began: Instant::now(),
        }
    }

    fn now(self) -> Timestamp {
        self.at.after(self.elapsed())
    }

    fn elapsed(self) -> Duration {
        self.began.elapsed()
    }
}
