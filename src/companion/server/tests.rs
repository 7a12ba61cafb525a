mod fixture;
mod limits;
mod listener;
mod shutdown;
mod timeouts;
