//! Who calls, where proxies stand between: the right-most address of the forwarded ones that is no trusted proxy's.
//!
//! What a proxy appends stands at the right end of the header, so reading begins there; what a caller has made up stands to the
//! left of it and is not looked at. One header is read, the one that the proxies are said to write: of the other one nobody
//! knows who wrote it. Where a trusted proxy does not say for whom it asks, or not in the header's grammar, the request is its
//! own, and it is not known who calls.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// The header in which proxies say for whom they ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardedHeader {
    /// Addresses with commas between them.
    XForwardedFor,
    /// RFC 7239.
    Forwarded,
}

impl ForwardedHeader {
    /// Its name, as it is sent.
    pub fn name(self) -> &'static str {
        match self {
            ForwardedHeader::XForwardedFor => "x-forwarded-for",
            ForwardedHeader::Forwarded => "forwarded",
        }
    }
}

/// The proxies that are believed.
#[derive(Clone, Debug)]
pub struct Proxies {
    pub trusted: Vec<IpNet>,
    pub header: ForwardedHeader,
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    pub address: IpAddr,
    /// Whether that is the caller's address, and not that of a proxy which does not say for whom it asks.
    pub is_callers: bool,
}

impl Origin {
    /// The origin of what comes straight from an address. An IPv4 address in IPv6's clothes is that IPv4 address.
    pub fn of(address: IpAddr) -> Self {
        Origin { address: address.to_canonical(), is_callers: true }
    }
}

impl Proxies {
    /// The origin of a request that `peer` sent, with these lines of the header.
    pub fn origin<'a>(&self, peer: IpAddr, lines: impl DoubleEndedIterator<Item = &'a [u8]>) -> Origin {
        let peer = Origin::of(peer);
        if !self.trusts(peer.address) {
            return peer;
        }
        // Of trusted addresses alone, the farthest is the one that asks.
        let mut farthest = peer;
        for line in lines.rev() {
            let Ok(line) = std::str::from_utf8(line) else { return Origin { is_callers: false, ..peer } };
            for element in from_the_right(line, ',') {
                match self.header.address(element) {
                    Some(address) => farthest = Origin::of(address),
                    None => return Origin { is_callers: false, ..peer },
                }
                if !self.trusts(farthest.address) {
                    return farthest;
                }
            }
        }
        farthest
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(&address))
    }
}

impl ForwardedHeader {
    /// The address in one element of the header.
    fn address(self, element: &str) -> Option<IpAddr> {
        match self {
            ForwardedHeader::XForwardedFor => node(element.trim()),
            ForwardedHeader::Forwarded => {
                let pairs = from_the_right(element, ';').filter_map(|pair| pair.trim().split_once('='));
                let mut nodes = pairs.filter(|(name, _)| name.eq_ignore_ascii_case("for")).map(|(_, node)| node);
                let (Some(text), None) = (nodes.next(), nodes.next()) else { return None };
                node(text.strip_prefix('"').map_or(Some(text), |quoted| quoted.strip_suffix('"'))?)
            }
        }
    }
}

/// The parts between separators, the last one first. A separator in quotes is none.
fn from_the_right(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    text.rsplit(move |character| {
        is_quoted ^= character == '"';
        character == separator && !is_quoted
    })
}

/// An address, perhaps with a port. Names that hide one (`unknown`, `_hidden`) are none.
fn node(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let bracketed = bare.and_then(|address| address.parse().ok()).map(IpAddr::V6);
    let plain = || text.parse().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    bracketed.or_else(plain).or_else(with_port)
}

#[cfg(test)]
mod tests {
    use super::ForwardedHeader::{Forwarded, XForwardedFor};
    use super::*;

    const PROXY: &str = "10.0.0.1";

    fn origin(header: ForwardedHeader, peer: &str, lines: &[&str]) -> Origin {
        let trusted = ["10.0.0.0/8", "2001:db8:ffff::/48"].map(|network| network.parse().unwrap()).to_vec();
        Proxies { trusted, header }.origin(peer.parse().unwrap(), lines.iter().map(|line| line.as_bytes()))
    }

    fn callers(address: &str) -> Origin {
        Origin { address: address.parse().unwrap(), is_callers: true }
    }

    fn unknown() -> Origin {
        Origin { is_callers: false, ..callers(PROXY) }
    }

    #[test]
    fn whoever_is_no_proxy_is_not_believed() {
        assert_eq!(origin(XForwardedFor, "192.0.2.1", &["198.51.100.7"]), callers("192.0.2.1"));
        assert_eq!(origin(Forwarded, "2001:db8::1", &["for=198.51.100.7"]), callers("2001:db8::1"));
    }

    #[test]
    fn the_right_most_address_that_is_no_proxys_calls() {
        for (lines, caller) in [
            (&["198.51.100.7"][..], "198.51.100.7"),
            (&["203.0.113.9, 198.51.100.7"], "198.51.100.7"),
            (&["203.0.113.9,198.51.100.7 ,10.2.3.4, 10.0.0.2"], "198.51.100.7"),
            (&["203.0.113.9", "198.51.100.7", "10.2.3.4"], "198.51.100.7"),
            (&["127.0.0.1, 198.51.100.7:4711"], "198.51.100.7"),
            (&["2001:db8::7, 2001:db8:ffff::1"], "2001:db8::7"),
            (&["[2001:db8::7]"], "2001:db8::7"),
            (&["[2001:db8::7]:443"], "2001:db8::7"),
            (&["::ffff:198.51.100.7"], "198.51.100.7"),
            (&["::ffff:198.51.100.7, ::ffff:10.1.1.1"], "198.51.100.7"),
            (&["rubbish, \", 198.51.100.7"], "198.51.100.7"),
            // Nobody but proxies: the farthest.
            (&["10.9.9.9, 10.0.0.2"], "10.9.9.9"),
            (&[], PROXY),
        ] {
            assert_eq!(origin(XForwardedFor, PROXY, lines), callers(caller), "{lines:?}");
            assert_eq!(origin(XForwardedFor, "::ffff:10.0.0.1", lines), callers(caller), "{lines:?}");
        }
    }

    #[test]
    fn the_standard_header_is_read_as_rfc_7239_writes_it() {
        for (lines, caller) in [
            (&["for=198.51.100.7"][..], "198.51.100.7"),
            (&["For=\"198.51.100.7:4711\";proto=https;by=10.0.0.1"], "198.51.100.7"),
            (&["proto=https; for=\"[2001:db8::7]:4711\""], "2001:db8::7"),
            (&["for=203.0.113.9, for=198.51.100.7;host=\"a,b;for=1.1.1.1\", for=10.0.0.2"], "198.51.100.7"),
            (&["for=\"203.0.113.9", "for=198.51.100.7"], "198.51.100.7"),
            (&["for=\"203.0.113.9, for=198.51.100.7"], "198.51.100.7"),
            (&["for=unknown, for=198.51.100.7, for=10.0.0.2"], "198.51.100.7"),
        ] {
            assert_eq!(origin(Forwarded, PROXY, lines), callers(caller), "{lines:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_the_proxys_own() {
        for lines in
            [&[""][..], &["198.51.100.7, "], &["198.51.100.7, ,10.0.0.2"], &["unknown"], &["_hidden"], &["\u{fc}"]]
        {
            assert_eq!(origin(XForwardedFor, PROXY, lines), unknown(), "{lines:?}");
        }
        for text in ["198.51.100.7:", "198.51.100.7:99999", "198.51.100", "[198.51.100.7]", "fe80::1%eth0", "a.example"]
        {
            assert_eq!(origin(XForwardedFor, PROXY, &[text]), unknown(), "{text}");
            assert_eq!(origin(Forwarded, PROXY, &[&format!("for=\"{text}\"")]), unknown(), "{text}");
        }
        for text in [
            "",
            "198.51.100.7",
            "proto=https",
            "for=unknown",
            "for=\"_hidden\"",
            "for=198.51.100.7\"",
            "for=\"198.51.100.7",
            "for=1.1.1.1;for=198.51.100.7",
            "for=198.51.100.7, by=10.0.0.2",
        ] {
            assert_eq!(origin(Forwarded, PROXY, &[text]), unknown(), "{text}");
        }
        let proxies = Proxies { trusted: vec!["10.0.0.0/8".parse().unwrap()], header: XForwardedFor };
        assert_eq!(proxies.origin(PROXY.parse().unwrap(), [b"\xff".as_slice()].into_iter()), unknown());
    }
}
