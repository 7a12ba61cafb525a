//! The allowed hosts of redirect targets.

use crate::document::Report;
use crate::redirect_target::HostRule;

use super::source::Source;

pub(super) fn read(source: &Source) -> Result<Option<Vec<HostRule>>, Report> {
    let Some(list) = source.list("redirect_hosts")? else {
        return Ok(None);
    };
    let hosts = list.into_iter().map(|found| {
        HostRule::parse(&found.value).ok_or_else(|| {
            let help = "write a host, with a port if it is neither 443 nor that of `url`: `app.example.com`, \
                        `app.example.com:8443`, `*.example.com` for one more label, or `.example.com` for \
                        all subdomains";
            found.error("is not a valid host", help)
        })
    });
    hosts.collect::<Result<_, _>>().map(Some)
}
