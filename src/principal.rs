//! Who asks. Nothing here says how that was proved.

use std::net::IpAddr;

/// The caller of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Principal {
    /// May do everything.
    pub admin: bool,
    /// The client's address, where there is one.
    pub ip: Option<IpAddr>,
}

impl Principal {
    /// An administrator.
    pub fn admin() -> Self {
        Self { admin: true, ip: None }
    }

    /// The caller who brought no credentials.
    pub fn public() -> Self {
        Self::default()
    }
}
