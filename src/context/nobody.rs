//! Names that nobody has, where that is hidden: what stands for their users, and the work that is done as if there were one.

use std::hint::black_box;
use std::sync::LazyLock;

use prost::Message as _;

use super::Cx;
use super::pools::Pool;
use crate::crypto::keys::{keyed_hash, uuid_of};
use crate::domain::ids::Sub;
use crate::store::{Batch, Owner, UserKey, records};

/// About as long as the hash of a password is, with its parameters.
const PASSWORD_HASH_BYTES: usize = 96;

/// What would have been read of somebody like the rest.
struct Somebody {
    name: Vec<u8>,
    user: Vec<u8>,
}

static SOMEBODY: LazyLock<Somebody> = LazyLock::new(|| {
    let sub = Sub(uuid::Uuid::max()).to_string();
    let attributes = [("email", "somebody@example.com"), ("email_verified", "true")];
    let user = records::User {
        sub: sub.clone(),
        pool: "us-east-1_AbCdEf123".to_owned(),
        username: "somebody".to_owned(),
        attributes: attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        status: records::UserStatus::Confirmed.into(),
        enabled: true,
        created_at: i64::MAX,
        modified_at: i64::MAX,
        password_hash: "$".repeat(PASSWORD_HASH_BYTES),
        ..Default::default()
    };
    Somebody { name: records::NameOwner { sub }.encode_to_vec(), user: user.encode_to_vec() }
});

/// Decodes what is decoded of a user who is found by name: microseconds tell, if they are asked for often enough.
pub(super) fn work_as_for_somebody() {
    let name = records::NameOwner::decode(SOMEBODY.name.as_slice());
    black_box(name.is_ok_and(|name| Sub::parse(&name.sub).is_some()));
    let user = records::User::decode(SOMEBODY.user.as_slice());
    black_box(user.is_ok_and(|user| user.attributes.clone().is_empty()));
}

impl Cx<'_> {
    /// Stands for a user whom nobody has: the same for the same name each time, so that what is counted for users (and how
    /// their sessions look) is no different.
    pub fn nobody(&self, pool: &Pool, name: &str) -> Owner {
        Owner { pool: pool.id.clone(), sub: Sub(uuid_of(self.simulated(pool, name))) }
    }

    /// With the batch there is still nobody: what is done for a user expects the user as it was read.
    pub fn expect_nobody(&self, batch: &mut Batch, nobody: &Owner) {
        batch.expect_absent(&UserKey { owner: nobody.clone() });
    }

    /// Stable chance for simulated answers about a name that nobody has.
    pub fn simulated(&self, pool: &Pool, name: &str) -> [u8; 32] {
        let folded = pool.username_rules().fold(name);
        keyed_hash(self.simulation.expose(), &[pool.id.0.as_bytes(), folded.as_bytes()])
    }
}
