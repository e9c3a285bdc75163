//! The addresses from which a policy applies (contract `auth.md` 12).

use core::net::IpAddr;

use ipnet::IpNet;

/// A list of addresses, networks and ranges; an empty one has every address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses(Vec<Span>);

/// Addresses in a row, both ends included.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Span(IpAddr, IpAddr);

/// A text that is neither an address nor a network nor a range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither an address, nor a network such as 10.0.0.0/8, nor a range such as 10.0.0.1-10.0.0.9")]
pub struct NotAnAddress(String);

impl Addresses {
    /// Reads a list.
    ///
    /// # Errors
    /// The first entry that cannot be understood.
    pub fn parse<'t>(entries: impl IntoIterator<Item = &'t str>) -> Result<Self, NotAnAddress> {
        let entries = entries.into_iter().map(str::trim).filter(|entry| !entry.is_empty());
        entries.map(Span::parse).collect::<Result<_, _>>().map(Self)
    }

    /// A list that has no address at all.
    pub fn nowhere() -> Self {
        let (none, all) = (IpAddr::from([0, 0, 0, 0]), IpAddr::from([255, 255, 255, 255]));
        Self(vec![Span(all, none)])
    }

    /// Whether it has an address. Nobody knows whether it has one that is not known.
    pub fn contain(&self, address: Option<IpAddr>) -> bool {
        self.0.is_empty() || address.is_some_and(|address| self.0.iter().any(|span| span.contains(address)))
    }
}

impl Span {
    fn parse(text: &str) -> Result<Self, NotAnAddress> {
        let unclear = || NotAnAddress(text.to_owned());
        if let Some((low, high)) = text.split_once('-') {
            let (low, high) = (address(low).ok_or_else(unclear)?, address(high).ok_or_else(unclear)?);
            let is_range = low.is_ipv4() == high.is_ipv4() && low <= high;
            return is_range.then_some(Self(low, high)).ok_or_else(unclear);
        }
        if let Some(address) = address(text) {
            return Ok(Self(address, address));
        }
        let network: IpNet = text.parse().map_err(|_| unclear())?;
        Ok(Self(network.network(), network.broadcast()))
    }

    fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.0.is_ipv4() && self.0 <= address && address <= self.1
    }
}

fn address(text: &str) -> Option<IpAddr> {
    text.trim().parse().ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contain(entries: &[&str], address: &str) -> bool {
        Addresses::parse(entries.iter().copied()).unwrap().contain(Some(address.parse().unwrap()))
    }

    #[test]
    fn addresses_networks_and_ranges() {
        assert!(contain(&["10.0.0.1"], "10.0.0.1") && !contain(&["10.0.0.1"], "10.0.0.2"));
        assert!(contain(&["10.0.0.0/8"], "10.255.1.2") && !contain(&["10.0.0.0/8"], "11.0.0.0"));
        assert!(contain(&["10.0.0.5-10.0.0.9"], "10.0.0.9") && !contain(&["10.0.0.5-10.0.0.9"], "10.0.0.10"));
        assert!(contain(&["x", "::1"][1..], "::1") && contain(&["2001:db8::/32"], "2001:db8:1::2"));
        assert!(contain(&["10.0.0.0/8"], "::ffff:10.1.2.3"), "an address that is mapped is itself");
        assert!(!contain(&["0.0.0.0/0"], "::1") && !contain(&["::/0"], "10.0.0.1"));
        assert!(contain(&["1.1.1.1", " 2.2.2.2 "], "2.2.2.2"));
    }

    #[test]
    fn without_entries_all_addresses_are_meant_and_without_an_address_none_is() {
        assert!(contain(&[], "10.0.0.1") && contain(&["", " "], "10.0.0.1"));
        assert!(Addresses::default().contain(None));
        assert!(!Addresses::parse(["10.0.0.0/8"]).unwrap().contain(None));
    }

    #[test]
    fn what_is_unclear_is_refused() {
        for entry in ["10.0.*.1", "10.0.0.0/255.0.0.0", "10.0.0.9-10.0.0.1", "10.0.0.1-::1", "localhost", "10.0.0.1/33"]
        {
            assert!(Addresses::parse([entry]).is_err(), "{entry}");
        }
    }
}
