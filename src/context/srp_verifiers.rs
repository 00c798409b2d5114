//! SRP verifiers: of which users they are kept, and as whose passwords they count.
//!
//! A pool keeps them while one of its clients signs in by SRP ([`Pool`]'s record says so). They can be made only while
//! a password is at hand, so whoever has set none since has none, until the next sign-in by password brings it.
//!
//! They are made on the hashing threads, under the place that the hash needs anyway: what makes passwords costly to set
//! makes no refresh and no signature wait.

use super::Cx;
use super::pools::Pool;
use super::users::User;
use crate::crypto::places::Place;
use crate::crypto::secret::Secret;
use crate::crypto::srp::{Identity, Salt, Verifier};
use crate::error::Error;
use crate::store::{Batch, Key as _, Owner, SrpVerifierKey, records};

impl Cx<'_> {
    /// The verifier of a new password of the user of this name.
    pub(super) async fn new_srp_verifier(
        &self,
        place: &Place,
        pool: &Pool,
        username: &str,
        password: &Secret<String>,
    ) -> Result<Verifier, Error> {
        let (identity, password, salt) = (pool.srp_identity(username), password.clone(), Salt::new(&self.rng));
        self.passwords.run(place, move || Verifier::of(&identity, &password, salt)).await
    }

    /// With the batch the verifier stands beside the user, as the one of this version of the password; unless the pool
    /// has changed since it was read, and may keep none any more.
    pub(super) fn keep_srp_verifier(
        &self,
        batch: &mut Batch,
        pool: &Pool,
        owner: &Owner,
        password_version: u64,
        verifier: &Verifier,
    ) {
        let key = SrpVerifierKey { owner: owner.clone() };
        let sealed = self.sealer.seal(&key.encoded(), verifier.bytes().expose(), &self.rng);
        batch.expect(&pool.key(), Some(&pool.record));
        batch.put(&key, &records::SrpVerifier { sealed, password_version });
    }

    /// The verifier of the user's present password, if the pool keeps such and there is one.
    pub async fn srp_verifier(&self, pool: &Pool, user: &User) -> Result<Option<Verifier>, Error> {
        if !pool.record.keeps_srp_verifiers {
            return Ok(None);
        }
        let key = SrpVerifierKey { owner: user.owner.clone() };
        let kept = self.store.read(&key).await?;
        let Some(kept) = kept.filter(|kept| kept.password_version == user.record.password_version) else {
            return Ok(None);
        };
        let opened = self.sealer.open(&key.encoded(), &kept.sealed).map_err(Error::internal)?;
        let read = Verifier::read(opened.expose());
        read.map(Some).ok_or_else(|| Error::internal("what is sealed as an SRP verifier is none"))
    }

    /// The verifier by which a name is asked for its proof: the one that is kept, or else one that is always the same for the
    /// name. It is as much work in either case.
    pub fn srp_verifier_or_simulated(
        &self,
        pool: &Pool,
        owner: &Owner,
        username: &str,
        kept: Option<Verifier>,
    ) -> Verifier {
        let simulated = Verifier::simulated(&self.simulated(pool, username));
        kept.unwrap_or_else(|| {
            // A kept one has been opened; sealing is as much work.
            let (key, bytes) = (SrpVerifierKey { owner: owner.clone() }.encoded(), simulated.bytes());
            std::hint::black_box(self.sealer.seal(&key, bytes.expose(), &self.rng));
            simulated
        })
    }

    /// While the right password is at hand: with the batch the user has a verifier, if the pool keeps such and there
    /// was none. The batch must expect the user as it was read.
    pub async fn complete_srp_verifier(
        &self,
        batch: &mut Batch,
        place: &Place,
        pool: &Pool,
        user: &User,
        password: &Secret<String>,
    ) -> Result<(), Error> {
        if pool.record.keeps_srp_verifiers && self.srp_verifier(pool, user).await?.is_none() {
            let verifier = self.new_srp_verifier(place, pool, &user.record.username, password).await?;
            self.keep_srp_verifier(batch, pool, &user.owner, user.record.password_version, &verifier);
        }
        Ok(())
    }
}

impl Pool {
    /// Whom a password is of, as it goes into SRP's hashes. Of names that count as the same one is taken, so that an
    /// answer does not tell in which spelling a name exists.
    pub fn srp_identity(&self, username: &str) -> Identity {
        let pool_name = self.id.0.rsplit('_').next().unwrap_or_default().to_owned();
        Identity { pool_name, username: self.username_rules().fold(username) }
    }
}
