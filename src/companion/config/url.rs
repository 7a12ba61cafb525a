//! The public URL of the companion.

use crate::document::Report;
use crate::public_url::PublicUrl;

use super::source::Source;

const HELP: &str = "write `url: https://auth.example.com`";

pub(super) fn read(source: &Source) -> Result<PublicUrl, Report> {
    let found = source.required("url", HELP)?;
    PublicUrl::parse(&found.value).ok_or_else(|| {
        let problem = if found.value.starts_with("http://") {
            "is plain HTTP, where browsers reject secure cookies"
        } else if found.value.matches('/').count() > 2 {
            "has a path"
        } else {
            "is not `https://` with a host and an optional port"
        };
        found.error(problem, HELP)
    })
}
