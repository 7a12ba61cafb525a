//! People, each with a browser of their own.

use std::time::Duration;

use portcullis_core::decision::Reason;
use portcullis_tests::lab::{Call, Person, wait};

use super::{ALERT, Expected, READ_ALERTS, Request, Row, SEND_ALERT, let_through, refused};
use crate::gate::Gate;
use crate::people::Account;

const GRAPH: Request = Request("GET", "prometheus", "/classic/graph");

const TO_SIGN_IN: Expected = refused(302, Reason::NoCredentials);
const NOT_ALLOWED: Expected = refused(403, Reason::CallerNotAllowed);

/// How long a session that has ended may go on.
const SECONDS: Duration = Duration::from_secs(10);

/// Somebody at a browser.
struct Visitor<'a> {
    gate: &'a Gate,
    account: Account,
    browser: Person,
}

pub(super) async fn run(gate: &Gate) -> Vec<Row> {
    let mut stranger = Visitor::new(gate, Account::Alice);
    let title = "a browser without a session";
    let mut rows = vec![stranger.opens(title, None, GRAPH, TO_SIGN_IN).await];

    // Groups decide who sees what.
    let operators = let_through(Reason::Rule, "operators");
    let engineers = let_through(Reason::Rule, "engineers");
    let mut alice = Visitor::signed_in(gate, Account::Alice).await;
    rows.push(alice.is_answered(GRAPH, operators).await);
    rows.push(alice.is_answered(READ_ALERTS, operators).await);
    let mut carol = Visitor::signed_in(gate, Account::Carol).await;
    rows.push(carol.is_answered(GRAPH, engineers).await);
    rows.push(carol.is_answered(READ_ALERTS, NOT_ALLOWED).await);
    let mut bob = Visitor::signed_in(gate, Account::Bob).await;
    rows.push(bob.is_answered(GRAPH, NOT_ALLOWED).await);

    rows.push(alice.is_used_by_another_page().await);
    let cookie = alice.signs_out().await;
    let title = format!("{}, signed out", Account::Alice.title());
    rows.push(alice.opens(&title, None, READ_ALERTS, TO_SIGN_IN).await);
    rows.push(is_shown_again(gate, &cookie).await);
    rows
}

impl<'a> Visitor<'a> {
    fn new(gate: &'a Gate, account: Account) -> Self {
        Self {
            gate,
            account,
            browser: Person::new(&[gate.authority()]),
        }
    }

    /// Goes to Prometheus, and signs in where that leads to.
    async fn signed_in(gate: &'a Gate, account: Account) -> Self {
        let mut visitor = Self::new(gate, account);
        visitor.browser.visit(&gate.url(GRAPH.1, GRAPH.2)).await;
        visitor.browser.sign_in_as(account.login()).await;
        visitor
    }

    async fn is_answered(&mut self, request: Request, expected: Expected) -> Row {
        let (title, caller) = (self.account.title(), self.account.caller());
        self.opens(&title, Some(&caller), request, expected).await
    }

    /// Opens a page, as far as the first answer.
    async fn opens(
        &mut self,
        title: &str,
        caller: Option<&str>,
        request: Request,
        expected: Expected,
    ) -> Row {
        let before = self.gate.logged();
        let page = self
            .browser
            .step(&self.gate.url(request.1, request.2))
            .await;
        let status = page.reply.status;
        let line = self.gate.line(before, request.1, request.2).await;
        expected.compare(title, caller, request, (status, &line))
    }

    /// A page of Prometheus has the browser send an alert.
    async fn is_used_by_another_page(&mut self) -> Row {
        let (request, caller) = (SEND_ALERT, self.account.caller());
        self.browser.visit(&self.gate.url(GRAPH.1, GRAPH.2)).await;
        let before = self.gate.logged();
        let alert = Call::post("", "").header("content-type", "text/plain");
        let url = self.gate.url(request.1, request.2);
        let reply = self.browser.fetch(&url, alert.body(ALERT)).await;
        let line = self.gate.line(before, request.1, request.2).await;
        let title = format!("{}, used by a page of Prometheus", self.account.title());
        let answer = (reply.status, &line);
        refused(403, Reason::CrossSite).compare(&title, Some(&caller), request, answer)
    }

    /// Signs out, here and at the provider. What comes back is the Cookie header that a thief has
    /// taken before.
    async fn signs_out(&mut self) -> String {
        let shown = self
            .browser
            .trail()
            .last()
            .and_then(|step| step.cookie.clone());
        self.browser.visit(&self.gate.sign_out()).await;
        let mut forms = self.browser.page().forms().into_iter();
        let form = forms.next().expect("a form that leads to the provider");
        self.browser.submit(form).await;
        self.browser.confirm_sign_out().await;
        shown.expect("a session that was shown")
    }
}

/// A thief shows cookies whose session has ended, until the gate knows it.
async fn is_shown_again(gate: &Gate, cookie: &str) -> Row {
    let call = Call::get(&gate.host(READ_ALERTS.1), READ_ALERTS.2).header("cookie", cookie);
    let refusal = wait::within(SECONDS, async || {
        let answer = gate.call(&call).await;
        (answer.0.status != 200).then_some(answer)
    });
    let (reply, line) = match refusal.await {
        Some(refusal) => refusal,
        None => gate.call(&call).await,
    };
    let title = format!("{}, her cookies kept by a thief", Account::Alice.title());
    let answer = (reply.status, &line);
    refused(401, Reason::Revoked).compare(&title, None, READ_ALERTS, answer)
}
