//! Users, each with their own browser.

use std::time::Duration;

use crate::lab::{Call, UserAgent, wait};
use portcullis_core::decision::Reason;

use super::{ALERT, Expected, READ_ALERTS, Request, Row, SEND_ALERT, allowed, refused};
use crate::demo::accounts::Account;
use crate::demo::gateway::DemoGateway;

const GRAPH: Request = Request("GET", "prometheus", "/classic/graph");

const REDIRECTED: Expected = refused(302, Reason::NoCredentials);
const NOT_ALLOWED: Expected = refused(403, Reason::CallerNotAllowed);

/// The limit for the filter to receive a revocation.
const PROPAGATION_LIMIT: Duration = Duration::from_secs(10);

/// A user with a browser.
struct User<'a> {
    gateway: &'a DemoGateway,
    account: Account,
    browser: UserAgent,
}

pub(super) async fn run(gateway: &DemoGateway) -> Vec<Row> {
    let mut anonymous = User::new(gateway, Account::Alice);
    let title = "a browser without a session";
    let navigation = ["--header", "sec-fetch-mode: navigate"].map(str::to_owned);
    let redirected = anonymous.request_as(title, None, GRAPH, REDIRECTED).await;
    let mut rows = vec![redirected.explained_as(gateway, GRAPH, &navigation)];

    // Groups decide who has access.
    let operators = allowed(Reason::Rule, "operators");
    let engineers = allowed(Reason::Rule, "engineers");
    let mut alice = User::signed_in(gateway, Account::Alice).await;
    rows.push(alice.request(GRAPH, operators).await);
    rows.push(alice.request(READ_ALERTS, operators).await);
    let mut carol = User::signed_in(gateway, Account::Carol).await;
    rows.push(carol.request(GRAPH, engineers).await);
    rows.push(carol.request(READ_ALERTS, NOT_ALLOWED).await);
    let mut bob = User::signed_in(gateway, Account::Bob).await;
    rows.push(bob.request(GRAPH, NOT_ALLOWED).await);

    rows.push(alice.send_cross_site_alert().await);
    let cookie = alice.sign_out().await;
    let title = format!("{}, signed out", Account::Alice.title());
    let signed_out = alice
        .request_as(&title, None, READ_ALERTS, REDIRECTED)
        .await;
    rows.push(signed_out.explained_as(gateway, READ_ALERTS, &navigation));
    rows.push(replay_stolen_cookies(gateway, &cookie).await);
    rows
}

impl<'a> User<'a> {
    fn new(gateway: &'a DemoGateway, account: Account) -> Self {
        Self {
            gateway,
            account,
            browser: UserAgent::new(&[gateway.authority()]),
        }
    }

    /// Opens Prometheus and signs in.
    async fn signed_in(gateway: &'a DemoGateway, account: Account) -> Self {
        let mut user = Self::new(gateway, account);
        user.browser.visit(&gateway.url(GRAPH.1, GRAPH.2)).await;
        user.browser.sign_in_as(account.login()).await;
        user
    }

    async fn request(&mut self, request: Request, expected: Expected) -> Row {
        let (title, caller) = (self.account.title(), self.account.caller());
        let row = self.request_as(&title, Some(&caller), request, expected);
        let row = row.await;
        if expected.is_refused() {
            row.explained_as(self.gateway, request, &self.account.described())
        } else {
            row
        }
    }

    /// Opens a page, without following redirects.
    async fn request_as(
        &mut self,
        title: &str,
        caller: Option<&str>,
        request: Request,
        expected: Expected,
    ) -> Row {
        let before = self.gateway.logged();
        let page = self
            .browser
            .step(&self.gateway.url(request.1, request.2))
            .await;
        let status = page.response.status;
        let line = self.gateway.line(before, request.1, request.2).await;
        expected.compare(title, caller, request, (status, &line))
    }

    /// A page of Prometheus makes the browser send an alert.
    async fn send_cross_site_alert(&mut self) -> Row {
        let (request, caller) = (SEND_ALERT, self.account.caller());
        self.browser
            .visit(&self.gateway.url(GRAPH.1, GRAPH.2))
            .await;
        let before = self.gateway.logged();
        let alert = Call::post("", "").header("content-type", "text/plain");
        let url = self.gateway.url(request.1, request.2);
        let response = self.browser.fetch(&url, alert.body(ALERT)).await;
        let line = self.gateway.line(before, request.1, request.2).await;
        let title = format!(
            "{}, request from a page of Prometheus",
            self.account.title()
        );
        let actual = (response.status, &line);
        let row = refused(403, Reason::CrossSite).compare(&title, Some(&caller), request, actual);
        let site = ["--header", "sec-fetch-site: same-site"].map(str::to_owned);
        let described = [&self.account.described()[..], &site].concat();
        row.explained_as(self.gateway, request, &described)
    }

    /// Signs out, here and at the provider. Returns the cookies from before, which an attacker has
    /// copied.
    async fn sign_out(&mut self) -> String {
        let sent = self
            .browser
            .history()
            .last()
            .and_then(|step| step.cookie.clone());
        self.browser.visit(&self.gateway.sign_out()).await;
        let mut forms = self.browser.page().forms().into_iter();
        let form = forms.next().expect("a form that continues to the provider");
        self.browser.submit(form).await;
        self.browser.confirm_sign_out().await;
        sent.expect("a request with a session cookie")
    }
}

/// An attacker sends cookies of a revoked session, until the filter has received the revocation.
async fn replay_stolen_cookies(gateway: &DemoGateway, cookie: &str) -> Row {
    let call = Call::get(&gateway.host(READ_ALERTS.1), READ_ALERTS.2).header("cookie", cookie);
    let refusal = wait::within(PROPAGATION_LIMIT, async || {
        let response = gateway.call(&call).await;
        (response.0.status != 200).then_some(response)
    });
    let (response, line) = match refusal.await {
        Some(refusal) => refusal,
        None => gateway.call(&call).await,
    };
    let title = format!("{}, cookies copied before sign-out", Account::Alice.title());
    let actual = (response.status, &line);
    refused(401, Reason::Revoked).compare(&title, None, READ_ALERTS, actual)
}
