//! How far away an IP address is: what a name of the Internet may lead to, and what only this machine's neighbours have.
//!
//! Follows the registries of special-purpose addresses that IANA keeps (RFC 6890). Whatever is in none of its classes below is
//! nowhere: link-local addresses among them, behind one of which clouds keep their machines' credentials.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    ThisMachine,
    /// A network of its owner's: RFC 1918, RFC 6598, RFC 4193.
    Private,
    Public,
    /// Nowhere that anything should be asked.
    Nowhere,
}

/// Where an address is.
pub fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(address) => reach_v4(address),
        IpAddr::V6(address) => reach_v6(address),
    }
}

fn reach_v4(address: Ipv4Addr) -> Reach {
    match address.octets() {
        [127, ..] => Reach::ThisMachine,
        [10, ..] | [192, 168, ..] | [172, 16..=31, ..] | [100, 64..=127, ..] => Reach::Private,
        // This network; link-local; protocol assignments, documentation and 6to4 relays; benchmarks; documentation twice more.
        [0, ..] | [169, 254, ..] | [192, 0, 0 | 2, _] | [192, 88, 99, _] | [198, 18 | 19, ..] | [198, 51, 100, _] => {
            Reach::Nowhere
        }
        [203, 0, 113, _] => Reach::Nowhere,
        // Multicast, and what is reserved.
        [224..=255, ..] => Reach::Nowhere,
        _ => Reach::Public,
    }
}

fn reach_v6(address: Ipv6Addr) -> Reach {
    if address.is_loopback() {
        return Reach::ThisMachine;
    }
    if let Some(mapped) = address.to_ipv4_mapped() {
        return reach_v4(mapped);
    }
    match address.segments() {
        [0xfc00..=0xfdff, ..] => Reach::Private,
        // Through a translator to an address of the Internet (RFC 6052), but to nothing nearer.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let (high, low) = (high.to_be_bytes(), low.to_be_bytes());
            match reach_v4(Ipv4Addr::new(high[0], high[1], low[0], low[1])) {
                Reach::Public => Reach::Public,
                _ => Reach::Nowhere,
            }
        }
        // Tunnels, protocol assignments and documentation.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => Reach::Nowhere,
        // The only block from which addresses of the Internet are given out.
        [0x2000..=0x3fff, ..] => Reach::Public,
        _ => Reach::Nowhere,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_where_its_registry_says() {
        for (expected, addresses) in [
            (Reach::ThisMachine, ["127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1"].as_slice()),
            (
                Reach::Private,
                &[
                    "10.0.0.1",
                    "172.16.0.1",
                    "172.31.255.255",
                    "192.168.1.1",
                    "100.64.0.1",
                    "fd00::1",
                    "::ffff:10.0.0.1",
                ],
            ),
            (
                Reach::Public,
                &["1.1.1.1", "172.15.0.1", "172.32.0.1", "192.0.1.1", "100.63.0.1", "2606:4700::1", "64:ff9b::1.1.1.1"],
            ),
            (
                Reach::Nowhere,
                &[
                    "0.0.0.0",
                    "169.254.169.254",
                    "::ffff:169.254.169.254",
                    "224.0.0.1",
                    "255.255.255.255",
                    "192.0.2.1",
                    "198.19.0.1",
                    "203.0.113.9",
                    "::",
                    "fe80::1",
                    "ff02::1",
                    "2001:db8::1",
                    "2002:7f00:1::",
                    "2001::1",
                    "64:ff9b::10.0.0.1",
                    "64:ff9b::127.0.0.1",
                    "::127.0.0.1",
                    "fec0::1",
                ],
            ),
        ] {
            for address in addresses {
                assert_eq!(reach(address.parse().unwrap()), expected, "{address}");
            }
        }
    }
}
