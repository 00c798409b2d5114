mod admin_create_user;
mod admin_delete_user;
mod admin_delete_user_attributes;
mod admin_disable_user;
mod admin_enable_user;
mod admin_get_user;
mod admin_get_user_auth_factors;
mod admin_update_user_attributes;
mod list_users;
mod status_matrix;

use cognate::api::json::FromJson;
use cognate::app::Rpc;
use serde::Serialize;

use crate::support::fixtures::named;
use crate::support::{Refusal, World, refusal};

pub fn unknown_user() -> Refusal {
    refusal("UserNotFoundException", "User does not exist.")
}

/// What every operation on a user says of a user, a pool, or members that are not there.
pub async fn refuses_what_is_unknown<R>(world: &World, request: impl Fn(Option<String>, Option<String>) -> R)
where
    R: Rpc + prost::Message + Default + Serialize,
    R::Response: prost::Message + Default + FromJson + PartialEq + std::fmt::Debug + 'static,
{
    let client = world.app_client().await;
    let other_pool = world.pool(|_| {}).await;
    world.sign_up(&client, "alice").await;
    for (pool, name) in [(&client.pool, "nobody"), (&client.pool, "alice@example.com"), (&other_pool, "alice")] {
        let (pool, name) = named(pool, name);
        assert_eq!(world.call(request(pool, name)).await, Err(unknown_user()));
    }
    let (pool, name) = named("us-east-1_Nowhere12", "alice");
    assert_eq!(
        world.call(request(pool, name)).await,
        Err(refusal("ResourceNotFoundException", "User pool us-east-1_Nowhere12 does not exist."))
    );
    assert_eq!(
        world.call(request(None, None)).await,
        Err(refusal(
            "InvalidParameterException",
            "2 validation errors detected: Value null at 'userPoolId' failed to satisfy constraint: Member must not be \
             null; Value at 'username' failed to satisfy constraint: Member must not be null"
        ))
    );
}
