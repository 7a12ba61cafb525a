//! A person who opens pages all the time, and signs in when asked.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use portcullis_tests::lab::user_agent::CookieJar;
use portcullis_tests::lab::{UserAgent, wait};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::stack::HOSTS;

/// A person with a browser. Leaves when dropped.
pub(crate) struct Person {
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

/// What happened so far.
#[derive(Default)]
struct Seen {
    polls: usize,
    failures: Vec<String>,
    jar: CookieJar,
}

impl Person {
    /// A person who signs in once at the provider, and then opens a page of each app in every `pause`.
    pub(crate) async fn start(browser: UserAgent, pause: Duration) -> Self {
        let seen = Arc::<Mutex<Seen>>::default();
        let task = tokio::spawn(open_pages(browser, pause, Arc::clone(&seen)));
        let person = Self { seen, task };
        person.polled(1).await;
        person
    }

    /// Waits until this many more rounds are complete.
    pub(crate) async fn polled(&self, more: usize) {
        let enough = self.polls() + more;
        wait::until_true("the person's pages", wait::LONG, async || {
            assert!(!self.task.is_finished(), "a page did not open");
            self.polls() >= enough
        })
        .await;
    }

    /// The rounds so far.
    pub(crate) fn polls(&self) -> usize {
        self.seen().polls
    }

    /// The pages that did not open.
    pub(crate) fn failures(&self) -> Vec<String> {
        self.seen().failures.clone()
    }

    /// The names of the cookies of the products.
    pub(crate) fn cookies(&self) -> Vec<String> {
        let seen = self.seen();
        let names = seen.jar.iter().map(|cookie| cookie.name.clone());
        let mut names: Vec<String> = names
            .filter(|name| name.starts_with("__Secure-portcullis") || name == "_oauth2_proxy")
            .collect();
        names.sort();
        names
    }

    /// The cookies.
    pub(crate) fn jar(&self) -> CookieJar {
        self.seen().jar.clone()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("no panic while it is held")
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn open_pages(mut browser: UserAgent, pause: Duration, seen: Arc<Mutex<Seen>>) {
    let mut ticks = interval(pause);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        for host in HOSTS {
            let page = browser.visit(&format!("https://{host}/")).await;
            if !page.forms().is_empty() {
                browser.continue_sign_in("alice").await;
            }
            let page = browser.page();
            let is_app = page.url.host_str() == Some(host) && page.response.status == 200;
            let mut seen = seen.lock().expect("no panic while it is held");
            if !is_app {
                let failure = format!("{}: {} {}", page.url, page.response.status, page.text());
                seen.failures.push(failure);
            }
            seen.jar = browser.cookies().clone();
        }
        seen.lock().expect("no panic while it is held").polls += 1;
    }
}
