//! What Envoy does not add to local replies by itself.

use portcullis_core::local_reply::LocalReply;
use portcullis_engine::RefreshResponse;

/// Adds the gRPC status to a local reply. Otherwise Envoy tells a gRPC client that the call succeeded.
pub(crate) fn add_grpc_status(reply: &mut LocalReply) {
    let status = reply.grpc_status.to_string();
    reply.headers.push(("grpc-status", status));
}

/// Changes a local reply as a refreshed session requires.
pub(crate) fn add_cookies(reply: &mut LocalReply, response: &RefreshResponse) {
    let replaced = response.replaced();
    let removed = response.removed();
    reply.headers.retain(|(name, _)| {
        !removed.contains(name) && replaced.iter().all(|(replaced, _)| replaced != name)
    });
    let replaced = replaced.into_iter();
    reply
        .headers
        .extend(replaced.map(|(name, value)| (name, value.to_owned())));
    // The companion's cookies are ASCII.
    let cookies = response.set_cookies().map(str::from_utf8);
    let cookies = cookies.filter_map(|cookie| Some(("set-cookie", cookie.ok()?.to_owned())));
    reply.headers.extend(cookies);
}

/// The reply to a request that can't be handled. Its client is unknown, so it has the gRPC status too.
pub(crate) fn internal() -> LocalReply {
    let mut reply = LocalReply::internal();
    add_grpc_status(&mut reply);
    reply
}
