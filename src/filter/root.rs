//! The callbacks for each worker: configuration and ticks.

use std::cell::RefCell;
use std::rc::Rc;

use log::Level;
use portcullis_engine::{TICK, configuration};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use crate::host;
use crate::http::Http;
use crate::worker::Worker;

/// The root context of one worker, or of the main thread, where Envoy validates a configuration
/// first.
#[derive(Debug)]
pub(crate) struct Root {
    id: u32,
    worker: Option<Rc<RefCell<Worker>>>,
}

impl Root {
    /// The root context with this id.
    pub(crate) const fn new(id: u32) -> Self {
        Self { id, worker: None }
    }

    fn configure(&mut self, size: usize) -> Result<(), String> {
        let bytes = host::plugin_configuration(size).map_err(|error| error.to_string())?;
        let policy = configuration::policy(&bytes)?;
        let (version, digest) = (env!("CARGO_PKG_VERSION"), policy.digest());
        let mut line = format!("portcullis {version}: the digest of the policy is {digest}");
        if let Some(revision) = policy.revision() {
            line.extend([", its revision ", revision]);
        }
        host::log(Level::Info, &line);
        let worker = Worker::start(policy, self.id);
        host::set_tick_period(TICK).map_err(|error| error.to_string())?;
        self.worker = Some(Rc::new(RefCell::new(worker)));
        Ok(())
    }
}

impl Context for Root {
    fn on_http_call_response(&mut self, token: u32, headers: usize, body: usize, _: usize) {
        if let Some(Ok(mut worker)) = self.worker.as_ref().map(|worker| worker.try_borrow_mut()) {
            worker.handle_response(token, headers, body);
            worker.resume_due();
        }
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        match self.configure(size) {
            Ok(()) => true,
            Err(error) => {
                let line = format!("portcullis: invalid configuration: {error}");
                host::log(Level::Error, &line);
                false
            }
        }
    }

    fn on_tick(&mut self) {
        if let Some(Ok(mut worker)) = self.worker.as_ref().map(|worker| worker.try_borrow_mut()) {
            worker.tick();
            worker.resume_due();
        }
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        let worker = self.worker.as_ref()?;
        Some(Box::new(Http::new(id, Rc::clone(worker))))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}
