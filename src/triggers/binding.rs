//! Where an ARN leads, as it stands in the settings file.

use std::path::PathBuf;

use http::Uri;
use serde::{Deserialize, Serialize};

use super::target::rule_for;

/// What a trigger's ARN leads to: `url`, or `lambda`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binding {
    /// The endpoint to which events are posted: `https`, or `http` to this machine or, where they are allowed, to a private
    /// address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The file that holds the bearer secret for `url`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<PathBuf>,
    /// The address of an Invoke API, such as `https://lambda.us-east-1.amazonaws.com`, with the function of the ARN itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lambda: Option<String>,
    /// The region of its signatures; by default that of the ARN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The file that holds the access key for `lambda`, in the form of AWS's own tools.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials_file: Option<PathBuf>,
}

impl Binding {
    /// Whether the settings make sense together. If not, names the one that does not.
    pub fn check(&self, arn: &str, allows_private_addresses: bool) -> Result<(), String> {
        let needs = |holds: bool, message: &str| if holds { Ok(()) } else { Err(message.to_owned()) };
        needs(region_of(arn).is_some(), "is no ARN, such as arn:aws:lambda:us-east-1:123456789012:function:name")?;
        let is_reachable = |setting: &str, url: &str| {
            let problem = format!(
                "{setting}: must begin with https://, or with http:// and name this machine, or a private address where \
                 trigger_allow_private_addresses allows those"
            );
            let url: Uri = url.parse().map_err(|_| problem.clone())?;
            rule_for(&url, allows_private_addresses).map(drop).ok_or(problem)
        };
        match (&self.url, &self.lambda) {
            (Some(_), Some(_)) => Err("url: there is lambda already; say one of them".to_owned()),
            (None, None) => Err("needs url or lambda".to_owned()),
            (Some(url), None) => {
                needs(self.credentials_file.is_none(), "credentials_file: needs lambda")?;
                needs(self.region.is_none(), "region: needs lambda")?;
                is_reachable("url", url)
            }
            (None, Some(api)) => {
                needs(self.secret_file.is_none(), "secret_file: needs url")?;
                needs(self.credentials_file.is_some(), "lambda: needs credentials_file")?;
                needs(self.region_for(arn).is_some(), "region: is needed, as the ARN names none")?;
                let path = api.parse::<Uri>().ok().and_then(|api| api.path_and_query().cloned());
                let is_bare = path.is_none_or(|path| path.as_str() == "/");
                needs(is_bare, "lambda: must be the address of the API alone, without a path")?;
                is_reachable("lambda", api)
            }
        }
    }

    /// The region for which requests to the Invoke API are signed.
    pub fn region_for(&self, arn: &str) -> Option<String> {
        let region = self.region.as_deref().or(region_of(arn));
        region.filter(|region| !region.is_empty()).map(str::to_owned)
    }
}

/// The region that an ARN names, perhaps none; nothing, if it is no ARN.
fn region_of(arn: &str) -> Option<&str> {
    let parts: Vec<&str> = arn.split(':').collect();
    (parts.len() >= 6 && parts[0] == "arn").then(|| parts[3])
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:lambda:eu-central-1:123456789012:function:sign-up";

    fn url(url: &str) -> Binding {
        Binding { url: Some(url.to_owned()), ..Binding::default() }
    }

    fn lambda() -> Binding {
        let api = "https://lambda.eu-central-1.amazonaws.com".to_owned();
        Binding { lambda: Some(api), credentials_file: Some("c".into()), ..Binding::default() }
    }

    #[test]
    fn an_arn_leads_to_one_place_that_can_be_asked() {
        for (binding, allows_private) in [
            (url("https://hooks.example.com/sign-up"), false),
            (url("http://localhost:8080/"), false),
            (url("http://127.0.0.1:8080/"), false),
            (url("http://10.0.0.1/"), true),
            (url("https://10.0.0.1/"), true),
            (url("http://hooks.internal/"), true),
            (lambda(), false),
            (Binding { region: Some("eu-west-1".into()), ..lambda() }, false),
        ] {
            assert_eq!(binding.check(ARN, allows_private), Ok(()), "{binding:?}");
        }
        assert_eq!(lambda().region_for(ARN).as_deref(), Some("eu-central-1"));
    }

    #[test]
    fn what_makes_no_sense_names_its_setting() {
        for (binding, begins) in [
            (Binding::default(), "needs url or lambda"),
            (Binding { url: url("https://a").url, ..lambda() }, "url: there is lambda"),
            (Binding { region: Some("x".into()), ..url("https://a/") }, "region: needs lambda"),
            (Binding { credentials_file: Some("c".into()), ..url("https://a/") }, "credentials_file: needs lambda"),
            (Binding { secret_file: Some("s".into()), ..lambda() }, "secret_file: needs url"),
            (Binding { credentials_file: None, ..lambda() }, "lambda: needs credentials_file"),
            (Binding { lambda: Some("https://a/b".into()), ..lambda() }, "lambda: must be the address"),
            (url("http://hooks.example.com/"), "url: must begin with https://"),
            (url("http://10.0.0.1/"), "url: must begin with https://"),
            (url("https://10.0.0.1/"), "url: must begin with https://"),
            (url("https://169.254.169.254/"), "url: must begin with https://"),
            (url("hooks"), "url: must begin with https://"),
            (url(""), "url: must begin with https://"),
        ] {
            let problem = binding.check(ARN, false).unwrap_err();
            assert!(problem.starts_with(begins), "{binding:?}: {problem}");
        }
        for leaves in ["http://1.1.1.1/", "https://169.254.169.254/", "http://[fe80::1]/"] {
            assert!(url(leaves).check(ARN, true).is_err(), "{leaves}");
        }
        for arn in ["", "sign-up", "arn:aws:lambda"] {
            assert!(url("https://a/").check(arn, false).is_err(), "{arn}");
        }
    }
}
