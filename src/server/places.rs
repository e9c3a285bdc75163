//! How many connections may be told changes at a time, of one address and in all.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{SocketOptions, problem::Problem};
use crate::error_code::ErrorCode;

/// The connections that are told changes: sockets, streams and reservations.
#[derive(Debug)]
pub(super) struct Places {
    free: Arc<Semaphore>,
    most: usize,
    per_address: usize,
    addresses: Mutex<HashMap<IpAddr, usize>>,
}

impl Places {
    pub(super) fn new(options: &SocketOptions) -> Self {
        let most = options.connections.min(Semaphore::MAX_PERMITS);
        let free = Arc::new(Semaphore::new(most));
        Self { free, most, per_address: options.per_address, addresses: Mutex::default() }
    }

    /// Waits until all are free.
    pub(super) async fn all_free(&self) {
        // Nobody closes the semaphore.
        let _ = self.free.acquire_many(self.most.try_into().unwrap_or(u32::MAX)).await;
    }

    /// A place, if there is one.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Result<Place, Problem> {
        let permit = self.free.clone().try_acquire_owned().map_err(|_| full())?;
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        let count = addresses.entry(address).or_default();
        if *count >= self.per_address {
            return Err(full());
        }
        *count += 1;
        Ok(Place { places: self.clone(), address, _permit: permit })
    }
}

fn full() -> Problem {
    Problem::new(ErrorCode::Forbidden, "There are as many live connections as the gateway allows.")
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    address: IpAddr,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut addresses = self.places.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = addresses.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                addresses.remove(&self.address);
            }
        }
    }
}
