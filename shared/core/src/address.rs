//! Which addresses Vigie connects to. A URL comes from the audited app's variables: it must not lead to the instance's
//! metadata or into the local link.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is never connected to: link-local (169.254/16 holds the metadata services of EC2, ECS and EKS),
/// AWS's local services over IPv6 (`fd00:ec2::/32`), unspecified, multicast and broadcast ones; also when the IPv4
/// address is written inside an IPv6 one.
///
/// Sources: EC2 user guide, "Use the Instance Metadata Service"; RFC 3927, 4291, 6052, 3056.
#[must_use]
pub fn refused(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => refused_v4(v4),
        IpAddr::V6(v6) => refused_v6(v6) || embedded(v6).is_some_and(refused_v4),
    }
}

fn refused_v4(ip: Ipv4Addr) -> bool {
    ip.octets()[0] == 0 || ip.is_link_local() || ip.is_multicast() || ip.is_broadcast()
}

fn refused_v6(ip: Ipv6Addr) -> bool {
    let [first, second, ..] = ip.segments();
    ip.is_unspecified() || ip.is_multicast() || ip.is_unicast_link_local() || (first == 0xfd00 && second == 0x0ec2)
}

/// The IPv4 address inside an IPv6 one: mapped, compatible, NAT64 (RFC 6052) or 6to4 (RFC 3056).
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = ip.segments();
    let v4 = |high: u16, low: u16| Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match s {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            v4(high, low)
        }
        // `::1` is loopback, not 0.0.0.1.
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => v4(high, low),
        _ => None,
    }
}

/// Whether traffic to the address stays on the machine or in a private network: loopback, RFC 1918, RFC 6598
/// (100.64/10), unique local IPv6.
#[must_use]
pub fn private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_loopback() || v4.is_private() || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn metadata_and_the_local_link_are_refused_however_written() {
        for text in [
            "169.254.169.254",
            "169.254.170.2",
            "169.254.0.1",
            "0.0.0.0",
            "0.0.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "fe80::1",
            "febf::1",
            "ff02::1",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::169.254.169.254",
            "2002:a9fe:a9fe::1",
            "::ffff:0.0.0.0",
        ] {
            assert!(refused(ip(text)), "{text}");
        }
    }

    #[test]
    fn ordinary_addresses_are_not() {
        for text in [
            "127.0.0.1",
            "::1",
            "10.0.0.5",
            "192.168.1.1",
            "169.253.1.1",
            "8.8.8.8",
            "100.64.0.1",
            "2600:1f18::1",
            "fd12:3456::1",
            "::ffff:10.0.0.5",
            "64:ff9b::8.8.8.8",
        ] {
            assert!(!refused(ip(text)), "{text}");
        }
    }

    #[test]
    fn private_is_where_a_packet_does_not_leave_the_network() {
        for text in
            ["127.0.0.1", "::1", "10.1.2.3", "172.16.0.1", "192.168.0.9", "100.64.0.1", "fd12::1", "::ffff:10.0.0.1"]
        {
            assert!(private(ip(text)), "{text}");
        }
        for text in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2600::1", "::ffff:8.8.8.8"] {
            assert!(!private(ip(text)), "{text}");
        }
    }
}
