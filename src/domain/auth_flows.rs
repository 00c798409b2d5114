//! Which ways of signing in a client's ExplicitAuthFlows open.

/// A way of signing in that this server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// By password, from a back end that has an operator's credential.
    AdminPassword,
    /// By challenges that the pool's triggers make.
    Custom,
    Password,
    RefreshToken,
    /// By proof of the password.
    Srp,
    UserAuth,
}

/// Whether the list opens the flow. Without a list refresh, SRP and custom challenges are open; the legacy names always open
/// these, but for one that says otherwise (reference 7.7).
pub fn opens(explicit: &[String], flow: Flow) -> bool {
    let has = |name: &str| explicit.iter().any(|each| each == name);
    match flow {
        Flow::AdminPassword => has("ALLOW_ADMIN_USER_PASSWORD_AUTH") || has("ADMIN_NO_SRP_AUTH"),
        Flow::Custom => has("ALLOW_CUSTOM_AUTH") || is_open_by_default(explicit),
        Flow::Password => has("ALLOW_USER_PASSWORD_AUTH") || has("USER_PASSWORD_AUTH"),
        Flow::RefreshToken => has("ALLOW_REFRESH_TOKEN_AUTH") || is_open_by_default(explicit),
        Flow::Srp => {
            let has_only_challenges = has("CUSTOM_AUTH_FLOW_ONLY");
            has("ALLOW_USER_SRP_AUTH") || (is_open_by_default(explicit) && !has_only_challenges)
        }
        Flow::UserAuth => has("ALLOW_USER_AUTH"),
    }
}

/// Whether users may prove their password by SRP in any of the flows, so that verifiers must be kept: choosing how to sign in,
/// they may choose that.
pub fn needs_srp_verifiers(explicit: &[String]) -> bool {
    opens(explicit, Flow::Srp) || opens(explicit, Flow::UserAuth)
}

fn is_open_by_default(explicit: &[String]) -> bool {
    explicit.is_empty() || explicit.iter().any(|name| is_legacy(name))
}

/// Whether a name is of the older family, which may not be mixed with the newer one.
pub fn is_legacy(name: &str) -> bool {
    !name.starts_with("ALLOW_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn each_name_opens_its_flow_and_no_other() {
        let open = |names: &[&str]| {
            let flows =
                [Flow::AdminPassword, Flow::Custom, Flow::Password, Flow::RefreshToken, Flow::Srp, Flow::UserAuth];
            flows.map(|flow| opens(&listed(names), flow))
        };
        assert_eq!(open(&[]), [false, true, false, true, true, false]);
        assert_eq!(open(&["ALLOW_ADMIN_USER_PASSWORD_AUTH"]), [true, false, false, false, false, false]);
        assert_eq!(open(&["ALLOW_CUSTOM_AUTH"]), [false, true, false, false, false, false]);
        assert_eq!(open(&["ALLOW_USER_PASSWORD_AUTH"]), [false, false, true, false, false, false]);
        assert_eq!(open(&["ALLOW_REFRESH_TOKEN_AUTH"]), [false, false, false, true, false, false]);
        assert_eq!(open(&["ALLOW_USER_SRP_AUTH"]), [false, false, false, false, true, false]);
        assert_eq!(open(&["ALLOW_USER_AUTH"]), [false, false, false, false, false, true]);
        assert_eq!(open(&["ADMIN_NO_SRP_AUTH"]), [true, true, false, true, true, false]);
        assert_eq!(open(&["USER_PASSWORD_AUTH"]), [false, true, true, true, true, false]);
        assert_eq!(open(&["CUSTOM_AUTH_FLOW_ONLY"]), [false, true, false, true, false, false]);
        assert_eq!(open(&["ADMIN_NO_SRP_AUTH", "CUSTOM_AUTH_FLOW_ONLY"]), [true, true, false, true, false, false]);
    }

    #[test]
    fn verifiers_are_needed_where_a_password_can_be_proved_by_srp_and_nowhere_else() {
        for names in [&[][..], &["ALLOW_USER_SRP_AUTH"], &["ALLOW_USER_AUTH"], &["USER_PASSWORD_AUTH"]] {
            assert!(needs_srp_verifiers(&listed(names)), "{names:?}");
        }
        for names in [
            &["ALLOW_USER_PASSWORD_AUTH", "ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"][..],
            &["CUSTOM_AUTH_FLOW_ONLY"],
        ] {
            assert!(!needs_srp_verifiers(&listed(names)), "{names:?}");
        }
    }
}
