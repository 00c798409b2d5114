//! Passkeys, as pools allow them: for which domain they are, where they may be used from, and for how much one stands.

use uuid::Uuid;

/// The domain that passkeys are for (WebAuthn, "RP ID"): browsers offer a passkey nowhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelyingPartyId(String);

/// How a pool wants its passkeys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasskeyRules {
    pub relying_party: RelyingPartyId,
    /// Whether the device must make sure of who uses it, by a fingerprint or a PIN.
    pub requires_user_verification: bool,
    /// Whether a passkey whose device has made sure of its user stands for a second factor as well.
    pub stands_for_second_factor: bool,
}

/// The passkeys that a user may have (reference 10).
pub const PASSKEYS_PER_USER_MAX: u32 = 20;

/// The longest domain that can be resolved.
const DOMAIN_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;

/// The one name without a dot that browsers let passkeys be made for.
const LOCALHOST: &str = "localhost";

impl RelyingPartyId {
    /// A domain as browsers compare it: in lower case, in its ASCII form, of more than one label. An address of the Internet
    /// Protocol is none, and a single label is only `localhost`.
    pub fn parse(text: &str) -> Option<Self> {
        let is_label = |label: &str| {
            (1..=LABEL_BYTES_MAX).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        };
        let last = text.rsplit('.').next().unwrap_or_default();
        let is_domain = text.len() <= DOMAIN_BYTES_MAX
            && text.contains('.')
            && text.split('.').all(is_label)
            && !last.bytes().all(|byte| byte.is_ascii_digit());
        (is_domain || text == LOCALHOST).then(|| RelyingPartyId(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a page of this origin (RFC 6454, section 6.2) may use the domain's passkeys: it is of the domain or of one below
    /// it, at whatever port, and came by HTTPS. On this machine itself, `localhost`, HTTP will do. A native application's
    /// origin, which is no page's, may not.
    pub fn allows_origin(&self, origin: &str) -> bool {
        let Some((scheme, authority)) = origin.split_once("://") else { return false };
        let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
        let is_port = |port: &str| !port.starts_with('0') && port.parse::<u16>().is_ok() && !port.starts_with('+');
        let is_secure = match scheme {
            "https" => true,
            "http" => self.0 == LOCALHOST,
            _ => false,
        };
        is_secure && port.is_none_or(is_port) && self.has(host)
    }

    /// Whether a host is the domain, or one below it.
    fn has(&self, host: &str) -> bool {
        let below = host.strip_suffix(&self.0).and_then(|rest| rest.strip_suffix('.'));
        host == self.0 || below.is_some_and(|below| RelyingPartyId::parse(&format!("{below}.{}", self.0)).is_some())
    }
}

impl PasskeyRules {
    /// What browsers are told of user verification (WebAuthn, UserVerificationRequirement).
    pub fn user_verification(&self) -> &'static str {
        if self.requires_user_verification { "required" } else { "preferred" }
    }
}

/// How a passkey is called: by its provider, where that is one of the common ones. `aaguid` says of which make an authenticator
/// is; one that keeps that to itself says zeros.
pub fn friendly_name(aaguid: Uuid) -> &'static str {
    let named = PROVIDERS.iter().find(|(id, _)| *id == aaguid.as_u128());
    named.map_or("Passkey", |(_, name)| name)
}

/// The makes that keep most passkeys, as their makers publish them.
const PROVIDERS: [(u128, &str); 14] = [
    (0x08987058_cadc_4b81_b6e1_30de50dcbe96, "Windows Hello"),
    (0x50726f74_6f6e_5061_7373_50726f746f6e, "Proton Pass"),
    (0x531126d6_e717_415c_9320_3d9aa6981239, "Dashlane"),
    (0x53414d53_554e_4700_0000_000000000000, "Samsung Pass"),
    (0x6028b017_b1d4_4c02_b4b3_afcdafc96bb2, "Windows Hello"),
    (0x9ddd1817_af5a_4672_a2b9_3e3dd95000a9, "Windows Hello"),
    (0xadce0002_35bc_c60a_648b_0b25f1f05503, "Chrome on Mac"),
    (0xb84e4048_15dc_4dd0_8640_f4f60813c8af, "NordPass"),
    (0xbada5566_a7aa_401f_bd96_45619a55120d, "1Password"),
    (0xd548826e_79b4_db40_a3d8_11116f7e8349, "Bitwarden"),
    (0xdd4ec289_e01d_41c9_bb89_70fa845d4bf2, "iCloud Keychain"),
    (0xea9b8d66_4d01_1d21_3ce4_b6b48cb575d4, "Google Password Manager"),
    (0xfbfc3007_154e_4ecc_8c0b_6e020557d7bd, "iCloud Keychain"),
    (0xfdb141b2_5d84_443e_8a35_4698c205a502, "KeePassXC"),
];

/// Whether a device's way to its authenticator is one of those that WebAuthn names.
pub fn is_transport(name: &str) -> bool {
    ["ble", "hybrid", "internal", "nfc", "smart-card", "usb"].contains(&name)
}

/// Whether WebAuthn says so how an authenticator is attached.
pub fn is_attachment(name: &str) -> bool {
    ["cross-platform", "platform"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relying_party_is_a_domain_in_lower_case_or_this_machine() {
        let longest = format!("{}.example.com", "r".repeat(63));
        for domain in ["example.com", "auth.example.com", "a-b.example", "xn--bcher-kva.example", "localhost", &longest]
        {
            assert_eq!(RelyingPartyId::parse(domain).unwrap().as_str(), domain);
        }
        let (long_label, long) = (format!("{}.com", "r".repeat(64)), format!("{}com", "r.".repeat(126)));
        for other in [
            "",
            ".",
            "com",
            "Example.com",
            "example.com.",
            ".example.com",
            "example..com",
            "-a.example.com",
            "a-.example.com",
            "b\u{fc}cher.example",
            "exa mple.com",
            "example.com:443",
            "https://example.com",
            "example.com/",
            "127.0.0.1",
            "[::1]",
            "localhost.",
            &long_label,
            &long,
        ] {
            assert_eq!(RelyingPartyId::parse(other), None, "{other:?}");
        }
    }

    #[test]
    fn pages_of_the_domain_and_below_it_may_use_its_passkeys_if_they_came_safely() {
        let party = RelyingPartyId::parse("auth.example.com").unwrap();
        for origin in [
            "https://auth.example.com",
            "https://auth.example.com:8443",
            "https://app.auth.example.com",
            "https://a.b.auth.example.com:1",
        ] {
            assert!(party.allows_origin(origin), "{origin}");
        }
        for origin in [
            "",
            "https://",
            "http://auth.example.com",
            "https://example.com",
            "https://other.example.com",
            "https://notauth.example.com",
            "https://auth.example.com.evil.com",
            "https://evil.com#auth.example.com",
            "https://evil.com/auth.example.com",
            "https://evil.com/.auth.example.com",
            "https://user@auth.example.com",
            "https://evil.com:443@x.auth.example.com",
            "https://auth.example.com:",
            "https://auth.example.com:0443",
            "https://auth.example.com:65536",
            "https://auth.example.com:+443",
            "https://auth.example.com:443:443",
            "https://auth.example.com/",
            "https://auth.example.com ",
            "https://AUTH.example.com",
            "https://.auth.example.com",
            "https://a..auth.example.com",
            "https://auth.example.com.",
            "HTTPS://auth.example.com",
            "wss://auth.example.com",
            "file://auth.example.com",
            "null",
            "auth.example.com",
            "android:apk-key-hash:9ff1",
        ] {
            assert!(!party.allows_origin(origin), "{origin:?}");
        }
    }

    #[test]
    fn on_this_machine_http_will_do() {
        let party = RelyingPartyId::parse("localhost").unwrap();
        for origin in ["http://localhost", "http://localhost:3000", "https://localhost:1", "http://app.localhost:3000"]
        {
            assert!(party.allows_origin(origin), "{origin}");
        }
        for origin in ["http://localhost.evil.com", "http://127.0.0.1:3000", "http://evil.com", "http://mylocalhost"] {
            assert!(!party.allows_origin(origin), "{origin}");
        }
    }

    #[test]
    fn a_passkey_is_called_by_its_provider_if_that_is_known() {
        assert_eq!(friendly_name("ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4".parse().unwrap()), "Google Password Manager");
        assert_eq!(friendly_name(Uuid::nil()), "Passkey");
        assert_eq!(friendly_name(Uuid::max()), "Passkey");
        assert!(PROVIDERS.is_sorted());
    }
}
