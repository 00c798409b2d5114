//! What a principal may do. For now a policy is all or nothing; what is not allowed is denied.

use serde::{Deserialize, Serialize};

use super::Principal;
use crate::error::Error;

/// A principal's policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    Everything,
    Nothing,
}

/// Refuses what the principal's policy does not allow, in the words of IAM.
pub fn authorize(principal: &Principal, operation: &str, resource: &str) -> Result<(), Error> {
    match principal.policy {
        Policy::Everything => Ok(()),
        Policy::Nothing => Err(Error::AccessDenied {
            principal: principal.arn.clone(),
            action: format!("cognito-idp:{operation}"),
            resource: resource.to_owned(),
        }),
    }
}
