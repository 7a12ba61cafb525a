//! The verdict on one request, and its reason.

mod audit;

use std::sync::Arc;

pub use crate::reason::{Class, Reason};

use crate::caller::Known;
use crate::policy::{App, Rule};
use crate::request::Ambiguity;

/// The verdict on one request. It carries what it was made from, so that answers, logs and metrics
/// all speak of the same thing.
#[derive(Clone, Debug)]
pub struct Decision<'g> {
    pub(crate) reason: Reason,
    pub(crate) app: Option<&'g App>,
    pub(crate) rule: Option<&'g Rule>,
    pub(crate) known: Option<Arc<Known>>,
    pub(crate) ambiguity: Option<Ambiguity>,
}

impl<'g> Decision<'g> {
    /// A verdict on a request for no app in particular.
    pub(crate) const fn new(reason: Reason) -> Self {
        Self {
            reason,
            app: None,
            rule: None,
            known: None,
            ambiguity: None,
        }
    }

    /// Whether the request goes on.
    pub fn is_allowed(&self) -> bool {
        self.reason.class() == Class::Allowed
    }

    /// Why.
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// The app that was asked for; `None` where the host is nobody's or can't be told.
    pub const fn app(&self) -> Option<&'g App> {
        self.app
    }

    /// The rule that lets the request through.
    pub const fn rule(&self) -> Option<&'g Rule> {
        self.rule
    }

    /// Who calls, where a token was verified for it.
    pub fn known(&self) -> Option<&Known> {
        self.known.as_deref()
    }
}
