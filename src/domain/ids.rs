//! Ids are types: one cannot be passed for another.

use std::fmt;

use uuid::Uuid;

use crate::rng::Rng;

/// A user pool: `<region>_<nine letters and digits>`. Verifiers insist on that form.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PoolId(pub String);

impl PoolId {
    /// A new pool's id.
    pub fn mint(region: &str, rng: &Rng) -> Self {
        PoolId(format!("{region}_{}", rng.text(9, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")))
    }

    /// The region in it, which the keys of its users' devices begin with.
    fn region(&self) -> &str {
        self.0.split_once('_').map_or("", |(region, _)| region)
    }

    /// The pool's Amazon resource name.
    pub fn arn(&self, region: &str, account: &str) -> String {
        format!("arn:aws:cognito-idp:{region}:{account}:userpool/{self}")
    }
}

/// The id of the pool that an Amazon resource name is of, in whatever region and account.
pub fn pool_of_arn(arn: &str) -> Option<&str> {
    let mut parts = arn.splitn(6, ':');
    let is_cognitos = parts.by_ref().take(3).eq(["arn", "aws", "cognito-idp"]);
    let resource = parts.nth(2).filter(|_| is_cognitos)?;
    resource.strip_prefix("userpool/").filter(|id| !id.is_empty())
}

/// An application of a pool: 26 lower-case letters and digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(pub String);

impl ClientId {
    pub fn mint(rng: &Rng) -> Self {
        ClientId(rng.text(26, LOWER_CASE_AND_DIGITS))
    }
}

/// A user's id within its pool, for life: the `sub` claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sub(pub Uuid);

impl Sub {
    /// The id in its one written form, or nothing.
    pub fn parse(text: &str) -> Option<Self> {
        let uuid = Uuid::try_parse(text).ok()?;
        (uuid.to_string() == text).then_some(Sub(uuid))
    }
}

/// A group for as long as it lasts; its name can be another group's later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId(pub Uuid);

/// A device of a user. Clients know it by its key: the pool's region, `_` and the UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceId(pub Uuid);

impl DeviceId {
    /// The device of this key, in its one written form.
    pub fn of_key(pool: &PoolId, key: &str) -> Option<Self> {
        let uuid = key.strip_prefix(pool.region())?.strip_prefix('_')?;
        let id = DeviceId(Uuid::try_parse(uuid).ok()?);
        (id.0.to_string() == uuid).then_some(id)
    }

    /// The device's key.
    pub fn key(self, pool: &PoolId) -> String {
        format!("{}_{}", pool.region(), self.0)
    }
}

/// A new client's secret: 52 lower-case letters and digits.
pub fn mint_client_secret(rng: &Rng) -> String {
    rng.text(52, LOWER_CASE_AND_DIGITS)
}

const LOWER_CASE_AND_DIGITS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";

impl fmt::Display for PoolId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Display for GroupId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl fmt::Display for Sub {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_read_from_its_key_in_one_form_alone() {
        let pool = PoolId("eu-west-1_AbCdEf123".to_owned());
        let id = DeviceId(Uuid::from_u128(0xA5));
        let key = id.key(&pool);
        assert_eq!(key, "eu-west-1_00000000-0000-0000-0000-0000000000a5");
        assert_eq!(DeviceId::of_key(&pool, &key), Some(id));
        for other in [
            "",
            "eu-west-1_",
            "00000000-0000-0000-0000-0000000000a5",
            "us-east-1_00000000-0000-0000-0000-0000000000a5",
            "eu-west-1_00000000-0000-0000-0000-0000000000A5",
            "eu-west-1_000000000000000000000000000000a5",
            "eu-west-1_00000000-0000-0000-0000-0000000000a5 ",
        ] {
            assert_eq!(DeviceId::of_key(&pool, other), None, "{other}");
        }
    }

    #[test]
    fn a_pool_is_read_from_its_arn() {
        let id = PoolId("us-east-1_AbCdEf123".to_owned());
        assert_eq!(pool_of_arn(&id.arn("us-east-1", "000000000000")), Some(id.0.as_str()));
        for other in [
            "",
            "us-east-1_AbCdEf123",
            "arn:aws:cognito-idp:us-east-1:000000000000",
            "arn:aws:cognito-idp:us-east-1:000000000000:userpool/",
            "arn:aws:cognito-idp:us-east-1:000000000000:identitypool/x",
            "arn:aws:s3:us-east-1:000000000000:userpool/us-east-1_AbCdEf123",
            "x:arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_AbCdEf123",
        ] {
            assert_eq!(pool_of_arn(other), None, "{other}");
        }
    }
}
