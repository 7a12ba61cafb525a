//! PendingRefresh a session while no other replica does.
//!
//! A provider that rotates refresh tokens revokes the grant when a token is redeemed twice. So a replica
//! holds a lock while it redeems a token, and the generation of the record shows whether another replica
//! has refreshed the session since it was loaded.

use std::time::Duration;

use tokio::time::sleep;

use super::RedisStore;
use crate::session::bytes;
use crate::session::record::{RefreshFailure, Session};
use crate::session::store::ticket::warn_of_size;
use crate::session::store::{PendingRefresh, RecordRef, record_ttl};
use crate::session::unavailable::Unavailable;

/// The time to active of the lock: longer than a redemption takes.
const LOCK_TTL: Duration = Duration::from_secs(30);

/// How often a replica tries to take a lock that another replica holds. A notification by Redis would need
/// a second connection for subscriptions.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// How long it tries.
const LOCK_TIMEOUT: Duration = Duration::from_secs(35);

/// How often, and for how long, a replica tries to save new tokens. Without them the session is lost.
const SAVE_INTERVAL: Duration = Duration::from_millis(250);
const SAVE_TIMEOUT: Duration = Duration::from_secs(30);

/// A refresh of one record.
struct RecordRefresh<'a> {
    store: &'a RedisStore,
    record: &'a RecordRef,
    /// The owner of the lock: a random name of this call.
    owner: String,
}

impl RedisStore {
    /// Refreshes a session, unless another replica has done so since it was loaded.
    pub(super) async fn refresh_record(
        &self,
        record: &RecordRef,
        refresh: PendingRefresh<'_>,
    ) -> Result<Session, RefreshFailure> {
        let owner = bytes::encode(bytes::random::<16>());
        let own = RecordRefresh {
            store: self,
            record,
            owner,
        };
        let refreshed = own.run(refresh).await;
        // Without effect if this call does not hold the lock.
        if let Err(error) = self.unlock(record.ticket.sid, &own.owner).await {
            tracing::warn!(%error, "session lock not released; it expires by itself");
        }
        refreshed
    }
}

impl RecordRefresh<'_> {
    async fn run(&self, refresh: PendingRefresh<'_>) -> Result<Session, RefreshFailure> {
        let sid = self.record.ticket.sid;
        loop {
            let locked = self.store.lock(sid, &self.owner, LOCK_TTL).await;
            let locked = locked.map_err(unavailable)?;
            // Its last owner may have refreshed the session, so this is read after taking the lock.
            if let Some(session) = self.refreshed_elsewhere().await? {
                return Ok(session);
            }
            if locked {
                break;
            }
            if LOCK_TIMEOUT < refresh.clock.elapsed() {
                return Err(RefreshFailure::Unavailable);
            }
            sleep(POLL_INTERVAL).await;
        }
        let PendingRefresh {
            redeem,
            idle,
            clock,
        } = refresh;
        match redeem.await {
            Ok(session) => {
                let ttl = record_ttl(&session, idle, clock.now());
                self.save(session, ttl).await
            }
            // If the lock has expired, the provider may have rejected the token only because another replica
            // has redeemed it.
            Err(RefreshFailure::Ended) => {
                let newer = self.refreshed_elsewhere().await?;
                newer.ok_or(RefreshFailure::Ended)
            }
            Err(RefreshFailure::Unavailable) => Err(RefreshFailure::Unavailable),
        }
    }

    /// The session as another replica has refreshed it, if one has since it was loaded.
    async fn refreshed_elsewhere(&self) -> Result<Option<Session>, RefreshFailure> {
        let RecordRef { ticket, generation } = self.record;
        let record = self.store.get_record(ticket).await.map_err(unavailable)?;
        let record = record.ok_or(RefreshFailure::Ended)?;
        Ok((record.generation != *generation).then_some(record.session))
    }

    /// Saves the refreshed session.
    async fn save(&self, session: Session, ttl: Duration) -> Result<Session, RefreshFailure> {
        let RecordRef { ticket, generation } = self.record;
        if !ticket.has_room_for(&session, &self.store.url) {
            // It could never be stored, and its refresh token is spent.
            warn_of_size();
            return Err(RefreshFailure::Ended);
        }
        let generations = (*generation, generation.wrapping_add(1));
        let started = tokio::time::Instant::now();
        loop {
            // Extends the lock, so that no other replica redeems the spent token before the new tokens are
            // saved. They are saved even if this fails.
            let _ = self.store.lock(ticket.sid, &self.owner, LOCK_TTL).await;
            let replaced = self
                .store
                .replace_record(ticket, generations, &session, ttl)
                .await;
            match replaced {
                Ok(true) => return Ok(session),
                // The session was signed out, or it was saved and the reply was lost.
                Ok(false) => {
                    let record = self.store.get_record(ticket).await.map_err(unavailable)?;
                    let record = record.ok_or(RefreshFailure::Ended)?;
                    return Ok(record.session);
                }
                Err(error) if SAVE_TIMEOUT < started.elapsed() => return Err(unavailable(error)),
                Err(_) => sleep(SAVE_INTERVAL).await,
            }
        }
    }
}

fn unavailable(error: Unavailable) -> RefreshFailure {
    tracing::warn!(%error, "session not refreshed");
    RefreshFailure::Unavailable
}
