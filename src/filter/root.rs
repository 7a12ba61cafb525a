//! What Envoy calls once a worker: for the configuration, and as time goes by.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use portcullis_core::policy::Policy;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use crate::configuration;
use crate::host;
use crate::http::Http;
use crate::readers::Readers;
use crate::signatures::Checker;
use crate::worker::{Worker, now};

/// How often a worker looks at the clock and at what other workers have read. A request that waits
/// for keys waits this much longer at most.
const TICK: Duration = Duration::from_millis(100);

/// The root context of one worker, or of the trial run in which Envoy tries a configuration.
#[derive(Debug)]
pub(crate) struct Root {
    id: u32,
    worker: Option<Rc<RefCell<Worker>>>,
    readers: Readers,
}

impl Root {
    /// The root context with this id.
    pub(crate) fn new(id: u32) -> Self {
        Self {
            id,
            worker: None,
            readers: Readers::default(),
        }
    }

    fn configure(&mut self, size: usize) -> Result<(), String> {
        let bytes = host::plugin_configuration(size).map_err(|error| error.to_string())?;
        let text = configuration::read(&bytes).map_err(|error| error.to_string())?;
        let policy = Policy::from_json(&text).map_err(|error| error.to_string())?;
        let checker = Checker::detect();
        if !checker.uses_host() {
            log::warn!(
                "portcullis: this host does not check signatures; they are checked in the filter, \
                 ten times slower, and ES384 not at all"
            );
        }
        let now = now();
        let mut worker = Worker::new(policy, checker, now);
        self.readers = Readers::new(worker.policy(), now);
        self.readers.seed(&mut worker);
        host::set_tick_period(TICK).map_err(|error| error.to_string())?;
        self.worker = Some(Rc::new(RefCell::new(worker)));
        Ok(())
    }

    /// Lets the worker's waiting requests go on, or not, and returns to this context, which is the
    /// one that further calls to issuers belong to.
    fn settle(&self, worker: &mut Worker) {
        worker.settle();
        if let Err(error) = host::set_effective_context(self.id) {
            log::error!("portcullis: the root context is gone: {error}");
        }
    }
}

impl Context for Root {
    fn on_http_call_response(&mut self, token: u32, headers: usize, body: usize, _: usize) {
        let Some(worker) = self.worker.clone() else {
            return;
        };
        if let Ok(mut worker) = worker.try_borrow_mut() {
            if !worker.take_refresh(token, headers) {
                self.readers.receive(&mut worker, token, headers, body);
            }
            self.settle(&mut worker);
        }
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        match self.configure(size) {
            Ok(()) => true,
            Err(error) => {
                log::error!("portcullis: the configuration is refused: {error}");
                false
            }
        }
    }

    fn on_tick(&mut self) {
        let Some(worker) = self.worker.clone() else {
            return;
        };
        if let Ok(mut worker) = worker.try_borrow_mut() {
            self.readers.tick(&mut worker);
            worker.ask_again();
            worker.flush();
            self.settle(&mut worker);
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
