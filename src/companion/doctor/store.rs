//! Sessions: the session keys, and the store with what it keeps.

mod redis;

use super::check::{CheckId, Checks};
use crate::clock::now;
use crate::config::SignInSettings;
use crate::document::Report;
use crate::session::{FileProbe, Keys, StoreProbe, StoreSettings};

/// What is known only of a store that can be used.
const NEED_STORE: [CheckId; 2] = [CheckId::StorePersistence, CheckId::StoreEviction];

/// Checks the session keys and the store.
pub(super) async fn check(checks: Checks, sign_in: SignInSettings) {
    keys(&checks, &sign_in);
    let store = &sign_in.session.store;
    if let StoreSettings::Redis(settings) = store
        && !redis::servers(&checks, settings).await
    {
        checks.skipped(&[CheckId::Store], "Redis can't be reached");
        return checks.skipped(&NEED_STORE, "Redis can't be reached");
    }
    match store.probe(sign_in.public_url.as_str()).await {
        Ok(StoreProbe::File(probe)) => file(&checks, &probe),
        Ok(StoreProbe::Redis(probe)) => redis::check(&checks, &probe),
        Err(report) => {
            checks.report(CheckId::Store, &report);
            checks.skipped(&NEED_STORE, "the store can't be used");
        }
    }
}

fn keys(checks: &Checks, sign_in: &SignInSettings) {
    let path = &sign_in.session.keys_file;
    match Keys::load(path) {
        Ok((_, Some(warning))) => {
            let (problem, help) = warning.split_once("; ").unwrap_or((&warning, ""));
            checks.warning(CheckId::SessionKeys, problem, help);
        }
        Ok((keys, None)) => {
            let created = keys.current_created_at(now()).to_rfc3339();
            let detail = format!(
                "{}: the key in use was created at {created}",
                path.display()
            );
            checks.ok(CheckId::SessionKeys, &detail);
        }
        Err(problem) => checks.report(CheckId::SessionKeys, &Report::from(problem)),
    }
}

/// Reports a file that can be used.
fn file(checks: &Checks, probe: &FileProbe) {
    let path = probe.path.display();
    match (&probe.access, probe.exists) {
        (Some(access), _) => {
            let detail = format!("{path}: {access}, who could remove the marks of ended sessions");
            checks.warning(CheckId::Store, &detail, &access.help());
        }
        (None, true) => {
            checks.ok(
                CheckId::Store,
                &format!("{path} can be read, and its folder written"),
            );
        }
        (None, false) => {
            checks.ok(
                CheckId::Store,
                &format!("{path} does not exist yet, and can be created"),
            );
        }
    }
    if probe.is_in_memory {
        let detail =
            format!("{path} is in memory, so it is lost when the machine or the pod restarts");
        let help = "write it to a disk, in Kubernetes to a persistent volume: without it, sessions that were ended \
                    must be refreshed at the provider, or all users sign in again";
        checks.warning(CheckId::StorePersistence, &detail, help);
    } else {
        let detail = format!("{path} is not in memory");
        checks.ok(CheckId::StorePersistence, &detail);
    }
    checks.ok(
        CheckId::StoreEviction,
        "files delete nothing before it expires",
    );
}
