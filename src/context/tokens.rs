//! Tokens: issued at a sign-in or a refresh, and believed only while everything they rest on stands.

use std::sync::Arc;

use jiff::Timestamp;
use quick_cache::sync::Cache;
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::Cx;
use super::clients::Client;
use super::devices::{Device, NewDevice};
use super::groups::Group;
use super::triggers::pre_token_generation::Occasion;
use super::users::User;
use crate::clock::{after, from_milliseconds};
use crate::crypto::jwt::{self, Refusal};
use crate::crypto::keys::sha256;
use crate::crypto::opaque::{Kind, Note, token_hash};
use crate::crypto::signing::{SigningKeys, Unusable};
use crate::domain::claim_overrides::{ClaimOverrides, TokenOverrides};
use crate::domain::claims::{self, AccessClaims, SignIn, USER_ADMIN_SCOPE};
use crate::domain::groups::GroupClaims;
use crate::domain::ids::{PoolId, Sub};
use crate::domain::sign_in::{Complete, Ending};
use crate::error::Error;
use crate::store::{Batch, FamilyKey, Key as _, Owner, SigningKeysKey, Stored, records};

/// What a sign-in or a refresh gives.
pub struct Issued {
    pub access_token: String,
    pub id_token: String,
    /// At sign-in and where refresh tokens rotate: elsewhere a refresh keeps the token that it used.
    pub refresh_token: Option<String>,
    /// The life of the access token.
    pub expires_in_seconds: i32,
    /// After a sign-in, the device that its user may confirm.
    pub new_device: Option<NewDevice>,
}

/// The user whom an access token speaks for, and through which client.
pub struct Bearer {
    pub client: Client,
    pub user: User,
    /// The sign-in that the token came of.
    pub family_key: FamilyKey,
    pub family: Stored<records::TokenFamily>,
}

/// A sign-in and all tokens that came of it, found by one of its refresh tokens.
pub struct Family {
    pub key: FamilyKey,
    pub record: Stored<records::TokenFamily>,
    /// SHA-256 of the refresh token by which it was found. Whether that one serves still is [`super::rotation`]'s to say.
    pub found_by: Vec<u8>,
}

/// Access tokens whose signatures were found to be right, by their SHA-256. What else a token must be is judged at each use:
/// a signature stays right, a token does not.
pub struct VerifiedTokens(Cache<[u8; 32], Arc<Verified>>);

/// Tokens that are remembered as verified; those that are used least make room for others.
const VERIFIED_TOKENS_MAX: usize = 16 * 1024;

/// Claims as they are signed: straight as they were made, or with what a trigger has changed.
#[derive(Serialize)]
#[serde(untagged)]
enum Written<T> {
    AsMade(T),
    Changed(Map<String, Value>),
}

impl<T: Serialize> Written<T> {
    fn changed(claims: &T, overrides: &TokenOverrides) -> Result<Self, Error> {
        match serde_json::to_value(claims).map_err(Error::internal)? {
            Value::Object(claims) => Ok(Written::Changed(overrides.applied(claims))),
            _ => Err(Error::internal("claims are no object")),
        }
    }
}

/// What an access token claims that a pool has signed.
struct Verified {
    pool: PoolId,
    claims: AccessClaims,
}

impl Default for VerifiedTokens {
    fn default() -> Self {
        VerifiedTokens(Cache::new(VERIFIED_TOKENS_MAX))
    }
}

impl Cx<'_> {
    /// The issuer of a pool's tokens.
    pub fn issuer(&self, pool: &PoolId) -> String {
        format!("{}/{pool}", self.public_url)
    }

    /// Signs in a user who has given every proof that was needed: a new family of tokens, written with the batch. The batch
    /// fails if the user, a group of the user's or the device that was named has changed meanwhile. If a trigger of the pool
    /// lets there be no tokens, there is no family in the batch, and the rest of it may be committed.
    pub async fn sign_in(
        &self,
        batch: &mut Batch,
        client: &Client,
        user: &User,
        right: Complete,
        device: Option<&Device>,
    ) -> Result<Issued, Error> {
        let is_new_device = client.pool.tracks_devices() && device.is_none();
        self.after_sign_in(client, user, is_new_device).await?;
        let occasion = match right.ending() {
            Ending::Proof => Occasion::SignIn,
            Ending::NewPassword => Occasion::NewPassword,
            Ending::Device => Occasion::Device,
        };
        let groups = self.groups_of(user).await?;
        let claims = self.group_claims(client, user, &groups, occasion).await?;
        let (now, validity) = (self.now(), client.token_validity()?);
        let expires_at = after(now, validity.refresh);
        let event = self.rng.uuid();
        let key = FamilyKey { owner: user.owner.clone(), event };
        let refresh_token = self.mint_refresh_token(&key, expires_at);
        let family = records::TokenFamily {
            refresh_token_hash: token_hash(&refresh_token),
            client: client.id.0.clone(),
            authenticated_at: now.as_millisecond(),
            expires_at: expires_at.as_millisecond(),
            generation: user.record.generation,
            origin_jti: client.record.token_revocation.then(|| self.rng.uuid().to_string()),
            revoked: false,
            epoch: self.store.epoch().number,
            serving: Vec::new(),
            device: self.device_of_sign_in(batch, &client.pool, device),
        };
        batch.put(&key, &family);
        groups.iter().for_each(|group| group.expect_unchanged(batch));
        let issued = self.issue(client, user, claims, event, &family, now).await?;
        let new_device = family.device.as_ref().and_then(|device| client.pool.new_device(device));
        Ok(Issued { refresh_token: Some(refresh_token), new_device, ..issued })
    }

    /// A refresh token of a family.
    pub fn mint_refresh_token(&self, family: &FamilyKey, expires_at: Timestamp) -> String {
        let Owner { pool, sub } = family.owner.clone();
        let note = Note { pool, sub, id: family.event, expires_at };
        self.opaque_tokens.mint(Kind::RefreshToken, &note, &self.rng)
    }

    /// Whether a user has signed in. It is remembered for as long as the tokens last, which is longer than any session waits.
    pub async fn has_signed_in(&self, owner: &Owner) -> Result<bool, Error> {
        let sign_ins = self.store.list::<FamilyKey>(&FamilyKey::prefix(owner), None, 1).await?;
        Ok(!sign_ins.is_empty())
    }

    /// New tokens of a family, with the user's attributes and groups as they are now.
    pub async fn refresh(&self, client: &Client, user: &User, family: &Family) -> Result<Issued, Error> {
        let groups = self.groups_of(user).await?;
        let claims = self.group_claims(client, user, &groups, Occasion::Refresh).await?;
        // A trigger may have taken its time, and no batch says that the user has not changed.
        if claims.1.is_some() && !user.is_as_read(self).await? {
            return Err(Error::Conflict);
        }
        self.issue(client, user, claims, family.key.event, &family.record, self.now()).await
    }

    /// Has the pool's trigger answer to what [`Cx::refresh`] will ask.
    pub async fn foresee_refresh(&self, client: &Client, user: &User) -> Result<(), Error> {
        let groups = self.groups_of(user).await?;
        self.group_claims(client, user, &groups, Occasion::Refresh).await.map(drop)
    }

    /// What tokens tell of the user's groups, and what the pool's trigger changes of all that they tell.
    async fn group_claims(
        &self,
        client: &Client,
        user: &User,
        groups: &[Group],
        occasion: Occasion,
    ) -> Result<(GroupClaims, Option<ClaimOverrides>), Error> {
        let claims = GroupClaims::of(groups.iter().map(Group::standing).collect());
        let mut overrides = self.claim_overrides(client, user, &claims, occasion).await?;
        let set = overrides.as_mut().and_then(|overrides| overrides.groups.take());
        Ok((set.unwrap_or(claims), overrides))
    }

    async fn issue(
        &self,
        client: &Client,
        user: &User,
        (groups, overrides): (GroupClaims, Option<ClaimOverrides>),
        event_id: Uuid,
        family: &records::TokenFamily,
        issued_at: Timestamp,
    ) -> Result<Issued, Error> {
        let keys = self.signing_keys(&client.pool.id).await?.ok_or_else(|| Error::internal("a pool without keys"))?;
        let validity = client.token_validity()?;
        let sign_in = SignIn {
            issuer: &self.issuer(&client.pool.id),
            client: &client.id.0,
            sub: &user.record.sub,
            username: &user.record.username,
            event_id,
            origin_jti: family.origin_jti.as_deref(),
            authenticated_at: from_milliseconds(family.authenticated_at),
            issued_at,
            groups: &groups,
            device_key: family.device.as_ref().and_then(|device| device.key(&client.pool)),
        };
        let (attributes, may_read) = (&user.record.attributes, |name: &str| client.may_read(name));
        let access = claims::access(&sign_in, self.rng.uuid(), after(issued_at, validity.access));
        let id = claims::id(&sign_in, self.rng.uuid(), after(issued_at, validity.id), attributes, may_read);
        let (access, id) = match overrides {
            None => (Written::AsMade(access), Written::AsMade(id)),
            Some(overrides) => {
                let scope = overrides.scopes.applied(&access.scope);
                let access = AccessClaims { scope, ..access };
                (Written::changed(&access, &overrides.access)?, Written::changed(&id, &overrides.id)?)
            }
        };
        // Both by one thread: each handing over has its price.
        let sign = move |_: &mut ()| Ok((jwt::sign(&access, &keys.access)?, jwt::sign(&id, &keys.id)?));
        let signed: Result<_, Unusable> = self.signers.run(sign).await?;
        let (access_token, id_token) = signed.map_err(Error::internal)?;
        Ok(Issued {
            access_token,
            id_token,
            refresh_token: None,
            new_device: None,
            expires_in_seconds: i32::try_from(validity.access.as_secs()).unwrap_or(i32::MAX),
        })
    }

    /// Believes an access token, or says why not: its form, its pool's signature, its life, its scope, then the user, and
    /// the sign-in it came from, which may have been revoked or signed out.
    pub async fn bearer(&self, token: &str) -> Result<Bearer, Error> {
        let verified = self.verified(token).await?;
        let claims = &verified.claims;
        if claims.token_use != "access" {
            return Err(Error::InvalidAccessToken);
        }
        if claims.exp <= self.now().as_second() {
            return Err(Error::AccessTokenExpired);
        }
        if !claims.scope.split(' ').any(|scope| scope == USER_ADMIN_SCOPE) {
            return Err(Error::AccessTokenLacksScope);
        }
        self.standing_bearer(verified.pool.clone(), claims).await
    }

    /// The claims of an access token that its pool has signed.
    async fn verified(&self, token: &str) -> Result<Arc<Verified>, Error> {
        let digest = sha256(token.as_bytes());
        if let Some(verified) = self.verified_tokens.0.get(&digest) {
            return Ok(verified);
        }
        let stated: AccessClaims = jwt::unverified(token).ok_or(Error::InvalidAccessToken)?;
        let pool = stated.iss.strip_prefix(&self.public_url).and_then(|rest| rest.strip_prefix('/'));
        let pool = PoolId(pool.ok_or(Error::InvalidAccessToken)?.to_owned());
        let keys = self.signing_keys(&pool).await?.ok_or(Error::InvalidAccessToken)?;
        let claims = jwt::verify(token, &keys.access).map_err(|refusal| match refusal {
            Refusal::Malformed => Error::InvalidAccessToken,
            Refusal::Signature => Error::AccessTokenSignature,
        })?;
        let verified = Arc::new(Verified { pool, claims });
        self.verified_tokens.0.insert(digest, verified.clone());
        Ok(verified)
    }

    /// The bearer of claims that are proved, if what they rest on still stands.
    async fn standing_bearer(&self, pool: PoolId, claims: &AccessClaims) -> Result<Bearer, Error> {
        let client = match self.client_of_pool(&pool, &claims.client_id).await {
            Err(Error::UserPoolClientDoesNotExist(_)) => return Err(Error::InvalidAccessToken),
            other => other?,
        };
        let owner = Owner { pool, sub: Sub::parse(&claims.sub).ok_or(Error::InvalidAccessToken)? };
        let user = self.user(owner.clone()).await?.ok_or(Error::UserDoesNotExist)?;
        if !user.record.enabled {
            return Err(Error::UserIsDisabled);
        }
        let family_key = FamilyKey { owner, event: claims.event_id };
        let family = self.living_family(&family_key).await?;
        let family = family.filter(|family| stands(family, &user) && family.client == client.id.0);
        let family = family.ok_or(Error::AccessTokenRevoked)?;
        Ok(Bearer { client, user, family_key, family })
    }

    /// The family of a refresh token that is not past its life. It may be revoked, or another client's, and the token may
    /// have been used up. Of a family that there is, nobody can have made up a token.
    pub async fn family(&self, refresh_token: &str) -> Result<Option<Family>, Error> {
        let Some(note) = self.opaque_tokens.open(Kind::RefreshToken, refresh_token) else { return Ok(None) };
        if note.expires_at <= self.now() {
            return Err(Error::RefreshTokenExpired);
        }
        let key = FamilyKey { owner: Owner { pool: note.pool, sub: note.sub }, event: note.id };
        let record = self.living_family(&key).await?;
        Ok(record.map(|record| Family { key, record, found_by: token_hash(refresh_token) }))
    }

    /// A family of this life of the store. Whether an older one was revoked after the backup is not known, so it has ended.
    async fn living_family(&self, key: &FamilyKey) -> Result<Option<Stored<records::TokenFamily>>, Error> {
        let family = self.store.read(key).await?;
        Ok(family.filter(|family| family.epoch == self.store.epoch().number))
    }

    /// The keys with which a pool signs, parsed.
    pub async fn signing_keys(&self, pool: &PoolId) -> Result<Option<Arc<SigningKeys>>, Error> {
        let key = SigningKeysKey { pool: pool.clone() };
        let open = |record: Stored<records::SigningKeys>| {
            SigningKeys::open(&self.sealer, &key.encoded(), &record).map_err(Error::internal)
        };
        self.store.read_kept(&key, &self.signing_keys, open).await
    }
}

impl Family {
    pub fn is_of(&self, client: &Client) -> bool {
        self.key.owner.pool == client.pool.id && self.record.client == client.id.0
    }
}

/// Whether neither the family was revoked nor the user signed out everywhere since.
pub fn stands(family: &records::TokenFamily, user: &User) -> bool {
    !family.revoked && family.generation == user.record.generation
}
