//! The decision: whether a principal may call an operation, on which pool, under which conditions.
//!
//! It is made from the routed operation and what the request names, before the request is decoded and before anything is
//! looked up, so a denial tells nothing of what exists. One thing may be read: the tags of the pool, and only when a policy
//! of the principal asks for them.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;

use super::Principal;
use super::policy::{self, Context, Decision};
use crate::api::Op;
use crate::context::Services;
use crate::domain::ids::PoolId;
use crate::error::Error;
use crate::store::PoolKey;

/// A principal, and what proved it.
#[derive(Clone, Debug)]
pub struct Authenticated {
    pub principal: Arc<Principal>,
    pub proof: Proof,
}

/// The kinds of credential, each with what names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// An AWS signature by an access key.
    Signature { access_key: String },
    /// An access key itself, in HTTP Basic metadata.
    AccessKey { access_key: String },
    /// A client certificate: which of its subject alternative names, and the certificate's SHA-256.
    Certificate { identity: String, fingerprint: String },
}

/// What is asked for, as far as the guard looks at it.
#[derive(Debug)]
pub struct Asked<'a> {
    pub op: Op,
    /// The pool that the request names.
    pub pool: Option<String>,
    /// The tags that the request would set.
    pub tags: BTreeMap<String, String>,
    /// The keys of the tags that it would take away.
    pub tag_keys: Vec<String>,
    /// The address of who asks, where that is known.
    pub source: Option<IpAddr>,
    pub encrypted: bool,
    pub user_agent: Option<&'a str>,
}

/// That one operation may be called on one pool, with these tags: what [`authorize`] grants a principal.
#[derive(Clone, Debug)]
pub struct Grant {
    op: Op,
    pool: Option<String>,
    tags: BTreeMap<String, String>,
    tag_keys: Vec<String>,
}

impl Grant {
    /// Whether this is what was granted: the guard and the decoder must have read the same.
    pub fn covers(
        &self,
        op: Op,
        pool: Option<&str>,
        tags: Option<&HashMap<String, String>>,
        tag_keys: &[String],
    ) -> bool {
        let (decided, asked) = (self.tags.iter(), tags.into_iter().flatten());
        self.op == op
            && self.pool.as_deref() == pool
            && decided.eq(asked.collect::<BTreeMap<_, _>>())
            && self.tag_keys == tag_keys
    }

    /// For what the process does by itself, when it is set up.
    pub fn of_the_process(op: Op, pool: Option<&str>) -> Self {
        Grant { op, pool: pool.map(str::to_owned), tags: BTreeMap::new(), tag_keys: Vec::new() }
    }
}

/// The most of a resource's name that is compared with patterns and told. No pool's is as long.
const RESOURCE_CHARACTERS_MAX: usize = 256;

/// Decides, or refuses in the words of IAM.
pub async fn authorize(services: &Services, principal: &Principal, asked: Asked<'_>) -> Result<Grant, Error> {
    let pool = asked.pool.clone().map(PoolId);
    let mut resource =
        pool.as_ref().map_or_else(|| "*".to_owned(), |pool| pool.arn(&services.region, &services.account));
    if let Some((end, _)) = resource.char_indices().nth(RESOURCE_CHARACTERS_MAX) {
        resource.truncate(end);
    }
    let action = action(asked.op);
    let mut context = Context::default();
    if principal.policies.iter().any(|(_, policy)| policy.asks_for_context()) {
        context = context_of(principal, services.clock.now(), &services.region);
        describe(&mut context, &asked);
    }
    let without_tags = decide(principal, &action, &resource, &context);
    let decision = match tags_of(services, principal, pool).await? {
        Some(tags) => {
            set_tags(&mut context, "aws:ResourceTag", &tags);
            decide(principal, &action, &resource, &context)
        }
        None => without_tags,
    };
    let Decision::Denied(reason) = decision else {
        return Ok(Grant { op: asked.op, pool: asked.pool, tags: asked.tags, tag_keys: asked.tag_keys });
    };
    let statement = reason.map_or_else(|| "none".to_owned(), |reason| reason.to_string());
    tracing::debug!(principal = principal.arn.as_str(), action, resource, statement, "access denied");
    // The sentence is that of a pool without tags, such as one that does not exist, wherever that one is denied too.
    let told = if let Decision::Denied(reason) = without_tags { reason } else { reason };
    Err(Error::AccessDenied { principal: principal.arn.to_string(), action, resource, explicit: told.is_some() })
}

/// The tags of a pool, if a policy of the principal asks for them and the pool exists.
async fn tags_of(
    services: &Services,
    principal: &Principal,
    pool: Option<PoolId>,
) -> Result<Option<HashMap<String, String>>, Error> {
    let asks_for_tags = principal.policies.iter().any(|(_, policy)| policy.asks_for_resource_tags());
    let Some(pool) = pool.filter(|_| asks_for_tags) else { return Ok(None) };
    Ok(services.store.read(&PoolKey { pool }).await?.map(|record| record.tags.clone()))
}

/// The IAM action of an operation.
pub fn action(op: Op) -> String {
    format!("cognito-idp:{}", op.name())
}

/// What the principal's policies say.
pub fn decide<'a>(principal: &'a Principal, action: &str, resource: &str, context: &Context) -> Decision<'a> {
    let policies = principal.policies.iter().map(|(name, policy)| (name.as_str(), &**policy));
    policy::decide(policies, &policy::Request { action, resource, context })
}

/// The condition keys that hold for whatever a principal asks.
pub fn context_of(principal: &Principal, now: Timestamp, region: &str) -> Context {
    let mut context = Context::default();
    context.set("aws:PrincipalArn", principal.arn.as_str());
    context.set("aws:userid", principal.arn.principal_id());
    if principal.arn.is_user() {
        context.set("aws:username", principal.arn.name());
    }
    set_tags(&mut context, "aws:PrincipalTag", &principal.tags);
    context.set("aws:CurrentTime", now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    context.set("aws:EpochTime", now.as_second().to_string());
    context.set("aws:RequestedRegion", region);
    context
}

/// The condition keys of one request.
fn describe(context: &mut Context, asked: &Asked<'_>) {
    if let Some(source) = asked.source {
        context.set("aws:SourceIp", source.to_canonical().to_string());
    }
    context.set("aws:SecureTransport", asked.encrypted.to_string());
    if let Some(user_agent) = asked.user_agent {
        context.set("aws:UserAgent", user_agent);
    }
    set_tags(context, "aws:RequestTag", &asked.tags);
    let mut keys = asked.tags.keys().chain(&asked.tag_keys).peekable();
    if keys.peek().is_some() {
        context.set_all("aws:TagKeys", keys.cloned());
    }
}

fn set_tags<'a>(context: &mut Context, key: &str, tags: impl IntoIterator<Item = (&'a String, &'a String)>) {
    for (name, text) in tags {
        context.add(&format!("{key}/{name}"), text.as_str());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_for_what_was_decided_on_and_nothing_else() {
        let tags = |text: &str| HashMap::from([("stage".to_owned(), text.to_owned())]);
        let keys = ["team".to_owned()];
        let (op, pool) = (Op::CreateUserPool, Some("us-east-1_A"));
        let grant = Grant {
            op,
            pool: pool.map(str::to_owned),
            tags: tags("test").into_iter().collect(),
            tag_keys: keys.to_vec(),
        };
        assert!(grant.covers(op, pool, Some(&tags("test")), &keys));
        assert!(!grant.covers(Op::DeleteUserPool, pool, Some(&tags("test")), &keys));
        assert!(!grant.covers(op, Some("us-east-1_B"), Some(&tags("test")), &keys));
        assert!(!grant.covers(op, None, Some(&tags("test")), &keys));
        assert!(!grant.covers(op, pool, Some(&tags("live")), &keys));
        assert!(!grant.covers(op, pool, None, &keys));
        assert!(!grant.covers(op, pool, Some(&tags("test")), &[]));
        assert!(!grant.covers(op, pool, Some(&tags("test")), &["stage".to_owned()]));
        let without = Grant::of_the_process(op, pool);
        assert!(without.covers(op, pool, None, &[]) && without.covers(op, pool, Some(&HashMap::new()), &[]));
        assert!(!without.covers(op, pool, Some(&tags("test")), &[]) && !without.covers(op, pool, None, &keys));
    }
}
