//! Which ways of signing in a client's ExplicitAuthFlows open.

/// A way of signing in that this server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// By password, from a back end that has an operator's credential.
    AdminPassword,
    Password,
    RefreshToken,
    UserAuth,
}

/// Whether the list opens the flow. Without a list only refresh is open, of those that this server has; the legacy names
/// always open it.
pub fn opens(explicit: &[String], flow: Flow) -> bool {
    let has = |name: &str| explicit.iter().any(|each| each == name);
    match flow {
        Flow::AdminPassword => has("ALLOW_ADMIN_USER_PASSWORD_AUTH") || has("ADMIN_NO_SRP_AUTH"),
        Flow::Password => has("ALLOW_USER_PASSWORD_AUTH") || has("USER_PASSWORD_AUTH"),
        Flow::RefreshToken => {
            has("ALLOW_REFRESH_TOKEN_AUTH") || explicit.is_empty() || explicit.iter().any(|name| is_legacy(name))
        }
        Flow::UserAuth => has("ALLOW_USER_AUTH"),
    }
}

/// Whether a name is of the older family, which may not be mixed with the newer one.
pub fn is_legacy(name: &str) -> bool {
    !name.starts_with("ALLOW_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_opens_its_flow_and_no_other() {
        let open = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            [Flow::AdminPassword, Flow::Password, Flow::RefreshToken, Flow::UserAuth].map(|flow| opens(&names, flow))
        };
        assert_eq!(open(&[]), [false, false, true, false]);
        assert_eq!(open(&["ALLOW_ADMIN_USER_PASSWORD_AUTH"]), [true, false, false, false]);
        assert_eq!(open(&["ALLOW_USER_PASSWORD_AUTH"]), [false, true, false, false]);
        assert_eq!(open(&["ALLOW_REFRESH_TOKEN_AUTH"]), [false, false, true, false]);
        assert_eq!(open(&["ALLOW_USER_AUTH"]), [false, false, false, true]);
        assert_eq!(open(&["ADMIN_NO_SRP_AUTH"]), [true, false, true, false]);
        assert_eq!(open(&["USER_PASSWORD_AUTH"]), [false, true, true, false]);
    }
}
