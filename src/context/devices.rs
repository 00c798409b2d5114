//! Devices: handed out with the tokens of a sign-in, known once their user has confirmed them, named in the sign-ins that follow
//! (reference 3.5, 4.9).
//!
//! A key that was handed out and never confirmed stands nowhere but beside the sign-in that gave it, and goes with it. One that
//! was confirmed has a record of its own. To the sign-in that gave it, and to those that were proved by it, it belongs from then
//! on: their refresh tokens serve together with the device's key alone, and no longer than the device is known.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};

use super::Cx;
use super::pools::Pool;
use super::tokens::Bearer;
use super::users::User;
use crate::crypto::keys::sha256;
use crate::crypto::srp::{Identity, Verifier};
use crate::domain::ids::DeviceId;
use crate::domain::sign_in::RememberedDevice;
use crate::error::Error;
use crate::store::{Batch, DeviceKey, Key as _, Owner, Stored, records};

/// Devices that a user can have. One more takes another's place: nobody's sign-in shall fail for want of room.
pub const DEVICES_PER_USER_MAX: usize = 100;

/// A device that its user has confirmed.
pub struct Device {
    key: DeviceKey,
    pub record: Stored<records::Device>,
}

/// The device that a sign-in names: in the request at hand, or in one before it, which its session remembers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Named<'a> {
    pub key: Option<&'a str>,
    pub before: Option<DeviceId>,
}

/// What a client needs to know of a device that is new.
pub struct NewDevice {
    pub key: String,
    pub group_key: String,
}

impl Cx<'_> {
    /// The user's device of this id, if there is one.
    pub async fn device(&self, owner: &Owner, id: DeviceId) -> Result<Option<Device>, Error> {
        let key = DeviceKey { owner: owner.clone(), device: id };
        let record = self.store.read(&key).await?;
        Ok(record.map(|record| Device { key, record }))
    }

    /// The user's device of this key, in a pool that has devices at all.
    pub async fn device_of_key(&self, pool: &Pool, owner: &Owner, key: &str) -> Result<Device, Error> {
        pool.require_devices()?;
        let id = DeviceId::of_key(&pool.id, key).ok_or(Error::DeviceDoesNotExist)?;
        self.device(owner, id).await?.ok_or(Error::DeviceDoesNotExist)
    }

    /// The user's devices after the one of this id, in the order of their ids, so many at most.
    pub async fn devices(&self, owner: &Owner, after: Option<DeviceId>, limit: usize) -> Result<Vec<Device>, Error> {
        let after = after.map(|device| DeviceKey { owner: owner.clone(), device });
        let listed = self.store.list::<DeviceKey>(&DeviceKey::prefix(owner), after.as_ref(), limit).await?;
        Ok(listed.into_iter().map(|(key, record)| Device { key, record }).collect())
    }

    /// The device that a sign-in of this user names. To be asked only once the user has proved something: the answer tells
    /// which devices there are. Where none are tracked, none is named.
    pub async fn named_device(&self, pool: &Pool, user: &User, named: Named<'_>) -> Result<Option<Device>, Error> {
        if !pool.tracks_devices() {
            return Ok(None);
        }
        let id = match (named.before, named.key) {
            (None, None) => return Ok(None),
            (Some(before), None) => before,
            (before, Some(key)) => {
                let id = DeviceId::of_key(&pool.id, key).ok_or(Error::DeviceDoesNotExist)?;
                match before {
                    Some(before) if before != id => return Err(Error::InvalidSession),
                    _ => id,
                }
            }
        };
        self.device(&user.owner, id).await?.map(Some).ok_or(Error::DeviceDoesNotExist)
    }

    /// What a new sign-in keeps of its device: the one that it has proved, or, where it has named none, one that is new.
    /// `device` is the one that it has named; if it is remembered, it has been proved too. With the batch that device was last
    /// used now and from here.
    pub fn device_of_sign_in(
        &self,
        batch: &mut Batch,
        pool: &Pool,
        device: Option<&Device>,
    ) -> Option<records::FamilyDevice> {
        pool.record.devices.as_ref()?;
        match device {
            Some(device) if device.record.remembered => {
                let used = records::Device {
                    authenticated_at: self.now().as_millisecond(),
                    last_ip: self.address(),
                    ..device.record.record.clone()
                };
                device.replace(batch, &used);
                Some(records::FamilyDevice { id: device.id().0.as_bytes().to_vec(), confirmed: true })
            }
            Some(device) => {
                // Or it was to be proved.
                batch.expect(&device.key, Some(&device.record));
                None
            }
            None => Some(records::FamilyDevice { id: self.rng.uuid().as_bytes().to_vec(), confirmed: false }),
        }
    }

    /// Makes the device known that the bearer's sign-in was given the key of. With the batch the user has it, as long as nothing
    /// of what was read changes. The caller has the user's turn: else two devices could take the last place.
    pub async fn confirm_device(
        &self,
        batch: &mut Batch,
        bearer: &Bearer,
        id: DeviceId,
        verifier: &Verifier,
        name: Option<String>,
    ) -> Result<(), Error> {
        let owner = &bearer.user.owner;
        let key = DeviceKey { owner: owner.clone(), device: id };
        if self.store.read(&key).await?.is_some() {
            return Err(Error::DeviceKeyExists);
        }
        let given = bearer.family.device.as_ref().filter(|device| !device.confirmed && device.is(id));
        let given = given.ok_or_else(|| Error::invalid_parameter("Invalid device key given."))?;
        let (now, remembered) = (self.now().as_millisecond(), !bearer.client.pool.remembers_on_prompt());
        let device = records::Device {
            sealed_verifier: self.sealer.seal(&key.encoded(), verifier.bytes().expose(), &self.rng),
            name,
            remembered,
            created_at: now,
            modified_at: now,
            authenticated_at: now,
            last_ip: self.address(),
        };
        batch.expect_absent(&key);
        batch.put(&key, &device);
        let confirmed = records::FamilyDevice { confirmed: true, ..given.clone() };
        let family = records::TokenFamily { device: Some(confirmed), ..bearer.family.record.clone() };
        batch.expect(&bearer.family_key, Some(&bearer.family));
        batch.put(&bearer.family_key, &family);
        bearer.user.expect_unchanged(batch);
        self.make_room(batch, owner).await
    }

    /// Makes room for one more device: those go first that are not remembered, and that were not used for longest.
    async fn make_room(&self, batch: &mut Batch, owner: &Owner) -> Result<(), Error> {
        let mut devices = self.devices(owner, None, usize::MAX).await?;
        let surplus = (devices.len() + 1).saturating_sub(DEVICES_PER_USER_MAX);
        devices.sort_by_key(|device| (device.record.remembered, device.record.authenticated_at, device.id()));
        devices.iter().take(surplus).for_each(|device| device.delete(batch));
        Ok(())
    }

    /// Refuses a refresh token that a device belongs to, unless the device's key comes with it and the device is known still.
    pub async fn check_device(
        &self,
        pool: &Pool,
        owner: &Owner,
        family: &records::TokenFamily,
        key: Option<&str>,
    ) -> Result<(), Error> {
        let device = family.device.as_ref().filter(|device| device.confirmed && pool.tracks_devices());
        let Some(device) = device else { return Ok(()) };
        let named = key.and_then(|key| DeviceId::of_key(&pool.id, key)).filter(|id| device.is(*id));
        let id = named.ok_or(Error::InvalidRefreshToken)?;
        self.device(owner, id).await?.map(|_| ()).ok_or(Error::RefreshTokenRevoked)
    }

    /// Where the request comes from, as users are told of it.
    fn address(&self) -> Option<String> {
        self.source.address().map(|address| address.to_string())
    }
}

impl Device {
    pub fn id(&self) -> DeviceId {
        self.key.device
    }

    /// What decides about it in a sign-in, if it counts in one.
    pub fn standing(&self, pool: &Pool) -> Option<RememberedDevice> {
        let tracking = pool.record.devices.filter(|_| self.record.remembered)?;
        Some(RememberedDevice { stands_for_second_factor: tracking.stands_for_second_factor })
    }

    /// What proves its secret.
    pub fn verifier(&self, cx: &Cx<'_>) -> Result<Verifier, Error> {
        let opened = cx.sealer.open(&self.key.encoded(), &self.record.sealed_verifier).map_err(Error::internal)?;
        Verifier::read(opened.expose()).ok_or_else(|| Error::internal("what is sealed as a device's verifier is none"))
    }

    /// Writes a changed record in the place of the one that was read.
    fn replace(&self, batch: &mut Batch, changed: &records::Device) {
        batch.expect(&self.key, Some(&self.record));
        batch.put(&self.key, changed);
    }

    /// With the batch, it is remembered or is not.
    pub fn remember(&self, cx: &Cx<'_>, batch: &mut Batch, remembered: bool) {
        let modified_at = cx.now().as_millisecond();
        self.replace(batch, &records::Device { remembered, modified_at, ..self.record.record.clone() });
    }

    /// With the batch, nobody knows it.
    pub fn delete(&self, batch: &mut Batch) {
        batch.expect(&self.key, Some(&self.record));
        batch.delete(&self.key);
    }
}

impl records::FamilyDevice {
    /// Whether it is the device of this id.
    fn is(&self, id: DeviceId) -> bool {
        self.id == id.0.as_bytes()
    }

    /// Its id; nothing of a damaged record.
    fn device(&self) -> Option<DeviceId> {
        uuid::Uuid::from_slice(&self.id).ok().map(DeviceId)
    }

    /// Its key, as tokens tell it.
    pub fn key(&self, pool: &Pool) -> Option<String> {
        self.device().map(|id| id.key(&pool.id))
    }
}

impl Pool {
    /// Refuses what is about devices where none are tracked.
    pub fn require_devices(&self) -> Result<(), Error> {
        if self.tracks_devices() { Ok(()) } else { Err(Error::DevicesNotTracked) }
    }

    /// Whether sign-ins are given keys for the devices that they come from.
    pub fn tracks_devices(&self) -> bool {
        self.record.devices.is_some()
    }

    /// Whether a device is remembered only once its user has said so.
    pub fn remembers_on_prompt(&self) -> bool {
        self.record.devices.is_some_and(|devices| devices.remembered_on_prompt)
    }

    /// What is told of a device that is new, and not confirmed.
    pub fn new_device(&self, device: &records::FamilyDevice) -> Option<NewDevice> {
        let key = device.key(self).filter(|_| !device.confirmed)?;
        Some(NewDevice { key, group_key: self.device_group_key() })
    }

    /// Whose a device's secret is, as it goes into SRP's hashes.
    pub fn device_identity(&self, id: DeviceId) -> Identity {
        Identity { pool_name: self.device_group_key(), username: id.key(&self.id) }
    }

    /// What stands for the pool's name there: always the same, and in Cognito's form.
    fn device_group_key(&self) -> String {
        const BYTES: usize = 6;
        let digest = sha256(format!("device group of {}", self.id).as_bytes());
        format!("-{}", BASE64_URL_SAFE_NO_PAD.encode(&digest[..BYTES]))
    }
}
