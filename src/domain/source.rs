//! Where requests come from, as far as fairness between callers needs to know.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Who shares what is shared out between callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The process itself, as at its first start.
    Process,
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 network of 64 bits: whoever has one address of it has all of them.
    V6([u16; 4]),
}

impl Source {
    /// The source of what comes from an address. An IPv4 address in IPv6's clothes is that IPv4 address, and this machine is
    /// this machine.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Source::V4(address),
            IpAddr::V6(Ipv6Addr::LOCALHOST) => Source::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Source::V6([a, b, c, d])
            }
        }
    }

    /// The address; of an IPv6 network, its first one.
    pub fn address(self) -> Option<IpAddr> {
        match self {
            Source::Process => None,
            Source::V4(address) => Some(IpAddr::V4(address)),
            Source::V6([a, b, c, d]) => Some(IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))),
        }
    }

    /// Whether it is a program on this machine.
    pub fn is_loopback(self) -> bool {
        matches!(self, Source::V4(address) if address.is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: &str) -> Source {
        Source::of(address.parse().unwrap())
    }

    #[test]
    fn each_ipv4_address_is_a_source_however_it_is_written() {
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }

    #[test]
    fn an_ipv6_network_of_64_bits_is_one_source() {
        assert_eq!(of("2001:db8:0:1::1"), of("2001:db8:0:1:ffff::2"));
        assert_ne!(of("2001:db8:0:1::1"), of("2001:db8:0:2::1"));
    }

    #[test]
    fn this_machine_is_one_source_by_either_protocol() {
        assert_eq!(of("::1"), of("127.0.0.1"));
        assert!(
            ["::1", "127.0.0.1", "127.9.9.9", "::ffff:127.0.0.1"].into_iter().all(|address| of(address).is_loopback())
        );
        assert!(!["::2", "::127.0.0.1", "192.0.2.1"].into_iter().any(|address| of(address).is_loopback()));
    }

    #[test]
    fn the_process_is_no_address() {
        assert_ne!(Source::Process, of("127.0.0.1"));
        assert!(!Source::Process.is_loopback());
        assert_eq!(Source::Process.address(), None);
    }

    #[test]
    fn an_address_is_told_as_it_came_and_of_ipv6_the_network() {
        for (given, told) in [("192.0.2.1", "192.0.2.1"), ("::1", "127.0.0.1"), ("2001:db8:0:1::7", "2001:db8:0:1::")] {
            assert_eq!(of(given).address().unwrap().to_string(), told);
        }
    }
}
