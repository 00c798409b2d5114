//! Devices of users: confirmed after a sign-in, shown, remembered or not, and forgotten.

mod admin_forget_device;
mod admin_get_device;
mod admin_list_devices;
mod admin_update_device_status;
mod confirm_device;
mod forget_device;
mod get_device;
mod list_devices;
mod update_device_status;

use super::{invalid_page_token, page_size, timestamp};
use crate::api::device_remembered_status::Value as Status;
use crate::api::{self, json::Named as _};
use crate::context::Cx;
use crate::context::devices::Device;
use crate::context::pools::Pool;
use crate::context::users::User;
use crate::domain::ids::DeviceId;
use crate::error::Error;
use crate::store::Batch;

/// A device as its user and operators see it.
fn description(cx: &Cx<'_>, pool: &Pool, user: &User, device: &Device) -> api::Device {
    let (record, key) = (&device.record, device.id().key(&pool.id));
    let owner = format!("{}.{}", user.record.username, pool.id);
    let arn = format!("arn:aws:cognito-idp:{}:{}:owner/{owner}/device/{key}", cx.region, cx.account);
    let status = if record.remembered { Status::Remembered } else { Status::NotRemembered };
    let attributes = [
        ("device_status", Some("valid".to_owned())),
        ("device_name", record.name.clone()),
        ("dev:device_arn", Some(arn)),
        ("dev:device_owner", Some(owner)),
        ("last_ip_used", record.last_ip.clone()),
        ("dev:device_remembered_status", Status::name_of(status.into()).map(str::to_owned)),
        ("dev:device_sdk", Some("aws-sdk".to_owned())),
    ];
    let told = attributes.into_iter().filter(|(_, value)| value.is_some());
    api::Device {
        device_key: Some(key),
        device_attributes: told.map(|(name, value)| api::Attribute { name: Some(name.to_owned()), value }).collect(),
        device_create_date: timestamp(record.created_at),
        device_last_modified_date: timestamp(record.modified_at),
        device_last_authenticated_date: timestamp(record.authenticated_at),
    }
}

/// One page of a user's devices, and the token of the next.
struct Page {
    devices: Vec<api::Device>,
    token: Option<String>,
}

impl Page {
    async fn of(cx: &Cx<'_>, pool: &Pool, user: &User, limit: Option<i32>, token: Option<&str>) -> Result<Self, Error> {
        pool.require_devices()?;
        let list = ["ListDevices", &pool.id.0, &user.record.sub];
        let after = |token| {
            let last = cx.opaque_tokens.open_page(&list, token)?;
            DeviceId::of_key(&pool.id, &last)
        };
        let after = token.map(|token| after(token).ok_or_else(invalid_page_token)).transpose()?;
        let limit = page_size(limit);
        let mut devices = cx.devices(&user.owner, after, limit + 1).await?;
        let more = devices.len() > limit;
        devices.truncate(limit);
        let last = devices.last().filter(|_| more).map(|device| device.id().key(&pool.id));
        Ok(Page {
            devices: devices.iter().map(|device| description(cx, pool, user, device)).collect(),
            token: last.map(|last| cx.opaque_tokens.mint_page(&list, &last, &cx.rng)),
        })
    }
}

/// Sets the status of a user's device; none that is given leaves it.
async fn set_status(cx: &Cx<'_>, pool: &Pool, user: &User, key: &str, status: Option<i32>) -> Result<(), Error> {
    let device = cx.device_of_key(pool, &user.owner, key).await?;
    let mut batch = Batch::default();
    match status.and_then(|status| Status::try_from(status).ok()) {
        Some(Status::Remembered) => device.remember(cx, &mut batch, true),
        Some(Status::NotRemembered) => device.remember(cx, &mut batch, false),
        Some(Status::Unspecified) | None => {}
    }
    cx.commit(batch).await
}

/// Forgets a user's device.
async fn forget(cx: &Cx<'_>, pool: &Pool, user: &User, key: &str) -> Result<(), Error> {
    let device = cx.device_of_key(pool, &user.owner, key).await?;
    let mut batch = Batch::default();
    device.delete(&mut batch);
    cx.commit(batch).await
}
