//! One form for both address families in map keys.

use core::net::{IpAddr, Ipv6Addr, SocketAddr};

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// An address of 16 bytes as four 32-bit words in network byte order, which is
/// how every BPF context gives it. IPv4 is `::ffff:a.b.c.d`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Addr16 {
    /// Words 0..4; each holds its four bytes in the order of the wire.
    pub words: [u32; 4],
}

impl Addr16 {
    /// `::ffff:0:0/96`, third word.
    pub const MAPPED: u32 = 0xffff_u32.to_be();

    /// From an IPv4 address as the kernel gives it (network byte order).
    #[inline(always)]
    pub const fn from_v4_word(word: u32) -> Self {
        Self {
            words: [0, 0, Self::MAPPED, word],
        }
    }

    /// Whether this is an IPv4 address in its mapped form.
    #[inline(always)]
    pub const fn is_v4(&self) -> bool {
        self.words[0] == 0 && self.words[1] == 0 && self.words[2] == Self::MAPPED
    }

    /// Whether this is 127.0.0.0/8 or `::1`.
    #[inline(always)]
    pub const fn is_loopback(&self) -> bool {
        if self.is_v4() {
            u32::from_be(self.words[3]) >> 24 == 127
        } else {
            self.words[0] == 0
                && self.words[1] == 0
                && self.words[2] == 0
                && self.words[3] == 1_u32.to_be()
        }
    }

    /// Equality in const code, the most telling word first.
    #[inline(always)]
    pub const fn same(&self, other: &Self) -> bool {
        self.words[3] == other.words[3]
            && self.words[2] == other.words[2]
            && self.words[1] == other.words[1]
            && self.words[0] == other.words[0]
    }

    /// What a connect() to this address reaches: the unspecified address means
    /// this host (Linux takes loopback of the same family).
    #[inline(always)]
    pub const fn as_destination(self) -> Self {
        let [a, b, c, d] = self.words;
        if a != 0 || b != 0 || d != 0 {
            self
        } else if c == Self::MAPPED {
            Self {
                words: [0, 0, c, 0x7f00_0001_u32.to_be()],
            }
        } else if c == 0 {
            Self {
                words: [0, 0, 0, 1_u32.to_be()],
            }
        } else {
            self
        }
    }

    /// From an address of either family.
    pub const fn from_ip(ip: IpAddr) -> Self {
        let octets = match ip {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
            IpAddr::V6(v6) => v6.octets(),
        };
        let mut words = [0; 4];
        let mut at = 0;
        while at < 4 {
            words[at] = u32::from_ne_bytes([
                octets[at * 4],
                octets[at * 4 + 1],
                octets[at * 4 + 2],
                octets[at * 4 + 3],
            ]);
            at += 1;
        }
        Self { words }
    }

    /// Back to an address; mapped IPv4 comes out as IPv4.
    pub fn to_ip(self) -> IpAddr {
        let mut octets = [0; 16];
        for (chunk, word) in octets.chunks_exact_mut(4).zip(self.words) {
            chunk.copy_from_slice(&word.to_ne_bytes());
        }
        Ipv6Addr::from(octets).to_canonical()
    }

    /// With a port in host byte order.
    pub fn to_socket(self, port: u16) -> SocketAddr {
        SocketAddr::new(self.to_ip(), port)
    }
}

#[cfg(test)]
mod tests {
    use core::net::{IpAddr, Ipv4Addr};

    use super::*;

    #[test]
    fn both_families_survive_the_round_trip() {
        for text in [
            "192.0.2.7",
            "127.0.0.1",
            "::1",
            "2001:db8::8",
            "0.0.0.0",
            "::",
        ] {
            let ip: IpAddr = text.parse().expect("written here");
            assert_eq!(Addr16::from_ip(ip).to_ip(), ip, "{text}");
        }
    }

    #[test]
    fn mapped_and_plain_ipv4_are_one_key() {
        let v4 = Ipv4Addr::new(192, 0, 2, 7);
        let mapped = Addr16::from_ip(IpAddr::V6(v4.to_ipv6_mapped()));
        assert_eq!(mapped, Addr16::from_ip(IpAddr::V4(v4)));
        assert_eq!(
            mapped,
            Addr16::from_v4_word(u32::from_ne_bytes(v4.octets()))
        );
        assert!(mapped.is_v4());
    }

    #[test]
    fn connecting_to_the_unspecified_address_means_loopback() {
        let ip = |text: &str| -> IpAddr { text.parse().expect("written here") };
        let to = |text: &str| {
            Addr16::from_ip(text.parse().expect("written here"))
                .as_destination()
                .to_ip()
        };
        assert_eq!(to("0.0.0.0"), ip("127.0.0.1"));
        assert_eq!(to("::"), ip("::1"));
        assert_eq!(to("0.0.0.1"), ip("0.0.0.1"));
        assert_eq!(to("2001:db8::"), ip("2001:db8::"));
    }

    #[test]
    fn loopback_is_seen_in_both_families() {
        let is = |text: &str| Addr16::from_ip(text.parse().expect("written here")).is_loopback();
        assert!(is("127.0.0.1") && is("127.9.9.9") && is("::1"));
        assert!(!is("128.0.0.1") && !is("::2") && !is("::"));
    }
}
